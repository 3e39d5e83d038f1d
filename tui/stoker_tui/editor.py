"""Text in the person's own editor: a file of theirs alone, that is gone afterwards."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from stoker_tui.documents import BadText, Document, Wrong, again, is_empty, read_text, written_text

_S = TypeVar("_S", bound=msgspec.Struct)

Run = Callable[[str], str]
"""Has a text edited, and gives what it is then; raises `NoEditor`."""


class NoEditor(Exception):
    """The editor did not do what it was to; nothing is changed."""


class Edited(NamedTuple):
    """What came of editing: a definition, or else why there is none, and the text that is to be mended."""

    value: msgspec.Struct | None = None
    told: str = ""
    text: str = ""


def editor(environment: Mapping[str, str]) -> list[str]:
    """Give the person's editor: $VISUAL, else $EDITOR, else vi; its arguments quoted as for a shell."""
    for name in ("VISUAL", "EDITOR"):
        if words := environment.get(name, "").strip():
            try:
                return shlex.split(words)
            except ValueError as error:
                raise NoEditor(f"${name} is {words!r}: {str(error).lower()}") from error
    return ["vi"]


def run_editor(text: str) -> str:
    """Have a text edited, and give what it is then.

    Raises:
        NoEditor: it can't be started, or ended with another status than 0.
    """
    command = editor(os.environ)
    # The file has mode 0600.
    descriptor, name = tempfile.mkstemp(prefix="stoker-", suffix=".yaml")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        try:
            status = subprocess.run([*command, name], check=False).returncode
        except OSError as error:
            raise NoEditor(f"{command[0]} can't be started ({error.strerror}); set $EDITOR") from error
        if status:
            raise NoEditor(f"{command[0]} ended with status {status}: nothing is changed")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NoEditor(f"{name}: {error.strerror}; nothing is changed") from error
    except UnicodeDecodeError as error:
        raise NoEditor("what was written is not UTF-8: nothing is changed") from error
    finally:
        path.unlink(missing_ok=True)


def edit(document: Document[_S], value: _S, kept: str, run: Run) -> Edited:
    """Have a definition edited as text until it is one, or is left as it is.

    ``kept`` is a text that was left to be mended, which is gone on with. Raises `NoEditor`.
    """
    text = kept or written_text(document, value)
    wrong: list[Wrong] = []
    while True:
        written = run(text)
        if is_empty(written) or (written == text and not wrong and not kept):
            return Edited(told="nothing is changed")
        if written == text and wrong:
            told = wrong[0].told if wrong[0].line is None else text.partition("#   ")[2].partition("\n")[0]
            return Edited(told=f"not taken over: {told}", text=written)
        try:
            return Edited(read_text(document, written))
        except BadText as error:
            wrong = error.wrong
            text = again(document, written, wrong)
