"""A line that is being typed: its text, and where in it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class TypedLine(NamedTuple):
    """A line of text, and the cursor before the character of that number."""

    text: str = ""
    cursor: int = 0

    @classmethod
    def at_end(cls, text: str) -> TypedLine:
        """Give a line with the cursor behind it."""
        return cls(text, len(text))

    @property
    def before(self) -> str:
        """What is before the cursor."""
        return self.text[: self.cursor]

    @property
    def after(self) -> str:
        """What is behind it."""
        return self.text[self.cursor :]

    def inserted(self, text: str) -> TypedLine:
        """Give it with more text at the cursor."""
        return TypedLine(self.before + text + self.after, self.cursor + len(text))

    def pressed(self, key: str) -> TypedLine | None:
        """Give what a key makes of it; None where the key is for something else."""
        act = _KEYS.get(key)
        return act(self) if act else None


def _to(cursor: Callable[[TypedLine], int]) -> Callable[[TypedLine], TypedLine]:
    """Give what goes to another place in the line."""
    return lambda line: TypedLine(line.text, min(max(cursor(line), 0), len(line.text)))


def _cut_from(start: Callable[[TypedLine], int]) -> Callable[[TypedLine], TypedLine]:
    """Give what takes out all from another place to the cursor."""

    def cut(line: TypedLine) -> TypedLine:
        at = max(start(line), 0)
        return TypedLine(line.text[:at] + line.after, at)

    return cut


def _word_before(line: TypedLine) -> int:
    return _word_start(line.before)


def _word_after(line: TypedLine) -> int:
    return len(line.text) - _word_start(line.after[::-1])


def _word_start(text: str) -> int:
    """Give where the last word of a text begins, whose spaces behind it are part of it."""
    return text.rstrip().rfind(" ") + 1


_KEYS: dict[str, Callable[[TypedLine], TypedLine]] = {
    "left": _to(lambda line: line.cursor - 1),
    "right": _to(lambda line: line.cursor + 1),
    "ctrl+left": _to(_word_before),
    "alt+left": _to(_word_before),
    "ctrl+right": _to(_word_after),
    "alt+right": _to(_word_after),
    "home": _to(lambda _: 0),
    "ctrl+a": _to(lambda _: 0),
    "end": _to(lambda line: len(line.text)),
    "backspace": _cut_from(lambda line: line.cursor - 1),
    "ctrl+h": _cut_from(lambda line: line.cursor - 1),
    "ctrl+w": _cut_from(_word_before),
    "alt+backspace": _cut_from(_word_before),
    "ctrl+u": _cut_from(lambda _: 0),
    "delete": lambda line: TypedLine(line.before + line.after[1:], line.cursor),
    "ctrl+d": lambda line: TypedLine(line.before + line.after[1:], line.cursor),
    "ctrl+k": lambda line: TypedLine.at_end(line.before),
}
