"""The filter language of lists: ``status:failed tag:team=sales late``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stoker_shared.text import nearest, quoted

Facts = Mapping[str, Sequence[str]]
"""What can be asked of a row: fields, and the values that it has of each."""

_TERM = re.compile(r'(?:([A-Za-z_]+):)?(?:"([^"]*)"?|([^\s"]*))')


class Term(NamedTuple):
    """One thing asked of a row: that a value of ``field``, or without one any value, contains a text."""

    field: str
    text: str

    def holds(self, facts: Facts) -> bool:
        """Tell whether it is so, whatever the case."""
        values = (facts.get(self.field, ()),) if self.field else facts.values()
        return any(self.text in value.casefold() for group in values for value in group)


class Filter(NamedTuple):
    """What is asked of the rows of a list: all of its terms hold."""

    terms: tuple[Term, ...] = ()

    def holds(self, facts: Facts) -> bool:
        """Tell whether a row is meant."""
        return all(term.holds(facts) for term in self.terms)

    def problem(self, fields: Sequence[str]) -> str:
        """Say what is wrong where a field is asked for that rows don't have; else nothing."""
        for term in self.terms:
            if term.field and term.field not in fields:
                guess = nearest(term.field, fields)
                hint = f"did you mean {guess}?" if guess else f"there are {', '.join(fields)}"
                return f"no field {quoted(term.field, 30)}; {hint}"
        return ""


def parse(text: str) -> Filter:
    """Read a filter as it is typed: words, and ``field:text``; text with spaces in double quotes."""
    found = (
        Term((field or "").lower(), (quote or word).casefold()) for field, quote, word in _TERM.findall(text)
    )
    return Filter(tuple(term for term in found if term.text))
