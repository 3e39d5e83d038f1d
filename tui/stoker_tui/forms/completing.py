"""What may be meant by what is typed: known words that it is part of. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stoker_tui.forms.kinds import Kind, Words, word

MOST = 5
"""Words that are offered at once."""


class Completion(NamedTuple):
    """Words that may be meant, by what would be typed for each; ``start`` is where the one typed begins."""

    start: int = 0
    words: tuple[str, ...] = ()


def completion(kind: Kind, before: str, known: Iterable[str]) -> Completion:
    """Give what may be meant by the last word before the cursor; nothing where it is a known one.

    What begins with it comes before what only has it somewhere. A list's words that are there already are
    not meant again.
    """
    start = before.rfind(" ") + 1 if isinstance(kind, Words) else 0
    typed = before[start:].strip()
    there = set(before[:start].split())
    known = [each for each in dict.fromkeys(known) if each not in there]
    if typed in known:
        return Completion()
    wanted = typed.casefold()
    begin = [each for each in known if each.casefold().startswith(wanted)]
    have = [each for each in known if wanted in each.casefold() and each not in begin]
    written = word if isinstance(kind, Words) else str
    return Completion(start, tuple(written(each) for each in (begin + have)[:MOST]))
