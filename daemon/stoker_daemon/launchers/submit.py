"""Jobs that are raw arguments of spark-submit: words as a shell reads them, over any number of lines.

A line that begins with ``#`` is a comment; a backslash at a line's end may stand there and means nothing.
Variables are replaced in the words, so that a value is never read as more than one.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from stoker_daemon.launchers.task import CannotLaunch

MAX_SUBMIT = 128 * 1024
"""Bytes such a job may have."""

_OURS = "--properties-file"


def words(content: bytes, path: str, replaced: Callable[[str, str], str]) -> tuple[str, ...]:
    """Give the arguments that the job published at ``path`` consists of.

    ``replaced`` gives text, named by its second argument, with its variables replaced.

    Raises:
        CannotLaunch: it can't be read, or says nothing; the line is named.
    """
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise CannotLaunch(f"{path} is not text in UTF-8") from error
    found = [word for number, line in enumerate(lines, 1) for word in _words(line, number, path, replaced)]
    if not found:
        raise CannotLaunch(f"{path} says nothing; write the arguments of spark-submit into it")
    return tuple(found)


def _words(line: str, number: int, path: str, replaced: Callable[[str, str], str]) -> Iterator[str]:
    line = line.rstrip()
    if line.lstrip().startswith("#"):
        return
    if (len(line) - len(line.rstrip("\\"))) % 2:
        line = line[:-1]
    try:
        plain = shlex.split(line)
    except ValueError as error:
        raise CannotLaunch(f"{path}:{number}: {str(error).lower()}") from error
    for word in plain:
        if word == _OURS or word.startswith(f"{_OURS}="):
            raise CannotLaunch(
                f"{path}:{number}: Stoker gives {_OURS} itself; set properties in the job's configuration, "
                "or here by --conf"
            )
        # So that an error names the place in the file.
        before = "\n" * (number - 1) + " " * max(line.find(word), 0)
        yield replaced(before + word, path).removeprefix(before)
