"""The filter language of lists: ``status:failed tag:team=sales late``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from stoker_shared.text import nearest, quoted

_R = TypeVar("_R")

Fields = Mapping[str, Callable[[_R], Iterable[str]]]
"""What can be asked of a row: by a field's name, what gives the values that a row has of it."""

_TERM = re.compile(r'(?:([A-Za-z_]+):)?(?:"([^"]*)"?|([^\s"]*))')


class Term(NamedTuple):
    """One thing asked of a row: that a value of ``field``, or without one any value, contains a text."""

    field: str
    text: str

    def holds(self, row: _R, fields: Fields[_R]) -> bool:
        """Tell whether it is so of a row, whatever the case."""
        asked = fields.values() if not self.field else [fields[self.field]] if self.field in fields else []
        return any(self.text in value.casefold() for values in asked for value in values(row))


class Filter(NamedTuple):
    """What is asked of the rows of a list: all of its terms hold."""

    terms: tuple[Term, ...] = ()

    def holds(self, row: _R, fields: Fields[_R]) -> bool:
        """Tell whether a row is meant."""
        return all(term.holds(row, fields) for term in self.terms)

    def narrows(self, before: Filter) -> bool:
        """Tell whether it lets through only what ``before`` does: its last term goes on where that was."""
        if not before.terms or self.terms[: len(before.terms) - 1] != before.terms[:-1]:
            return False
        last = self.terms[len(before.terms) - 1 : len(before.terms)]
        return (
            bool(last) and last[0].field == before.terms[-1].field and before.terms[-1].text in last[0].text
        )

    def problem(self, fields: Iterable[str]) -> str:
        """Say what is wrong where a field is asked for that rows don't have; else nothing."""
        known = list(fields)
        for term in self.terms:
            if term.field and term.field not in known:
                guess = nearest(term.field, known)
                hint = f"did you mean {guess}?" if guess else f"there are {', '.join(known)}"
                return f"no field {quoted(term.field, 30)}; {hint}"
        return ""


def parse(text: str) -> Filter:
    """Read a filter as it is typed: words, and ``field:text``; text with spaces in double quotes."""
    found = (
        Term((field or "").lower(), (quote or word).casefold()) for field, quote, word in _TERM.findall(text)
    )
    return Filter(tuple(term for term in found if term.text))
