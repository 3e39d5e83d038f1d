"""What reaches no process. It is refused by name beforehand: the launch itself would not say which it was."""

from __future__ import annotations

from collections.abc import Iterator

from stoker_daemon.launchers.task import CannotLaunch, Task
from stoker_shared.text import quoted
from stoker_shared.variables import IDENTIFIER

_LONGEST_STRING = 128 * 1024 - 1
"""Bytes that Linux takes in one argument, or in an environment variable with its name (execve(2))."""


def check(task: Task) -> None:
    """Raise CannotLaunch for an argument or an environment variable that can't be one."""
    for what, argument in _arguments(task):
        if "\0" in argument:
            raise CannotLaunch(f"{what} has a NUL character, which no argument can hold; take it out.")
    for name, value in task.environment.items():
        if problem := _problem(name, value):
            raise CannotLaunch(f"The environment variable {quoted(name, 60)} {problem}.")


def _arguments(task: Task) -> Iterator[tuple[str, str]]:
    yield from ((f"args[{i}]", argument) for i, argument in enumerate(task.args))
    yield "main_class", task.config.main_class or ""
    yield f"the first line of {task.source.name}", " ".join(task.interpreter)


def _problem(name: str, value: str) -> str | None:
    if not IDENTIFIER.fullmatch(name):
        return "can't have that name: letters, digits and _, no digit first"
    if "\0" in value:
        return "has a NUL character, which no value can hold; take it out"
    size = len(f"{name}={value}".encode(errors="surrogatepass"))
    if size > _LONGEST_STRING:
        return f"has {size:,} bytes with its name, and one has at most {_LONGEST_STRING:,}; use a file"
    return None
