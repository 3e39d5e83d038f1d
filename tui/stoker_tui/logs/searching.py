"""Finding text in a stream, a part of it at a time."""

from __future__ import annotations

import re
from typing import NamedTuple

PART = 1024 * 1024
"""Bytes that are looked through at once."""

LONGEST_FOUND = 1024
"""Bytes that parts overlap by: nothing longer is looked for."""

ERRORS = re.compile(rb"[EFCTe](?:RROR|ATAL|RITICAL|raceback|xception\b|rror:(?<!\werror:))")
"""What tells of an error in a log. That all begin with one of few letters makes it four times as fast."""


class Found(NamedTuple):
    """Where something is that was looked for."""

    start: int
    end: int

    def after(self, position: int) -> Found:
        """Give the same place counted from where a position was the first."""
        return Found(position + self.start, position + self.end)


class Pattern:
    """What is looked for: words, as they are or, without capitals, in any case; or a regular expression."""

    def __init__(self, sought: str | re.Pattern[bytes]) -> None:
        self._any_case = isinstance(sought, str) and sought == sought.lower()
        if isinstance(sought, str):
            words = sought[: LONGEST_FOUND // 4]
            spelt = _in_any_case(words) if self._any_case else re.escape(words.encode(errors="replace"))
            self._pattern = re.compile(spelt)
        else:
            self._pattern = sought

    def spans(self, data: bytes) -> list[Found]:
        """Give all places in some bytes."""
        # In lower case and without a flag: by far the faster. What is not ASCII stays as it is: see below.
        found = self._pattern.finditer(data.lower() if self._any_case else data)
        return [Found(*match.span()) for match in found if match.end() > match.start()]

    def first(self, data: bytes) -> Found | None:
        """Give the first place in some bytes."""
        match = self._pattern.search(data.lower() if self._any_case else data)
        return Found(*match.span()) if match else None

    def last(self, data: bytes) -> Found | None:
        """Give the last place in some bytes."""
        return next(reversed(self.spans(data)), None)


def _in_any_case(words: str) -> bytes:
    """Give a pattern for words in lower case, in text whose ASCII is in lower case already."""
    return b"".join(map(_spellings, words))


def _spellings(character: str) -> bytes:
    if character.isascii():
        return re.escape(character.encode())
    spelt = dict.fromkeys([character, character.upper(), character.title()])
    # One whose capital is several characters, as ß, has these in lower case where they are ASCII.
    return b"(?:%b)" % b"|".join(re.escape(_lowered(one)) for one in spelt)


def _lowered(text: str) -> bytes:
    return text.encode(errors="replace").lower()
