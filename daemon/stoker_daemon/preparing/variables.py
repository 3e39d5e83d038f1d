"""What ``${name}`` stands for in SQL text, arguments, properties, environment values and tags.

Pure: the facts of an attempt and the custom variables go in, text comes out.

- ``${ds}``, ``${ts_nodash}`` ... come from the cycle time; ``${ds-1d}`` shifts them, ``${ds+1d-1M}`` one
  shift after the other, ``${yyyy/MM/dd}`` spells them freely. Shifts are on local wall time: they know
  nothing of clock changes.
- ``$${`` is a literal ``${``; so ``$$${`` is a literal ``$${``. A ``$`` right before a reference can't be
  written as such: it takes a variable whose value is ``$``.
- A name with a dot or a colon (``${spark.x}``, ``${env:HOME}``) is Spark's own and left alone, unless it is a
  date pattern (``${HH:mm}``).
- A ``${`` with no ``}`` before the next brace or the end of its line is no reference and left alone.
- Any other name, the empty one too, is an error.
- What was put in is not looked at again.
- A secret's value is taken as it is. What refers to a secret is secret too.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import msgspec

from stoker_shared.api import MAX_VALUE
from stoker_shared.secrecy import MASK
from stoker_shared.text import MAX_PATH, fit, nearest, quoted
from stoker_shared.variables import (
    DATES,
    FACTS,
    IDENTIFIER,
    LETTER,
    LETTERS,
    PATTERN,
    is_builtin,
    shown,
    variable_name_problem,
)

WORKSPACE = "workspace"
"""The widest scope of custom variables, and the only one that has secrets."""

LONGEST_VALUE = MAX_VALUE
"""Characters in a resolved custom value: any text this long fits in one environment variable (128 KiB)."""

MOST_GROWTH = 10_000_000
"""Characters by which variables may lengthen the texts of one attempt, its custom values included."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[^{}\n]*)\}")
_SHIFT = re.compile(r"([+-][0-9]{1,9})([yMwdhm])")
# As few as anybody needs: without an end to them, a long reference would be searched in quadratic time.
_OFFSET = re.compile(rf"(?:{_SHIFT.pattern}){{1,4}}\Z")


class Facts(msgspec.Struct, frozen=True):
    """What the built-in variables of one attempt are made from.

    ``cycle`` is aware and in the workflow's zone. ``scheduled_at`` is when the run was due, the end of its
    interval. A run that a person started was never due, whatever its cycle time: it has none, and the
    variable is empty. A run as a whole has no node and is attempt 0.
    """

    cycle: datetime
    workflow_name: str
    node_name: str
    run_id: int
    attempt: int
    scheduled_at: datetime | None = None


class VariableError(Exception):
    """A reference or a custom variable that means nothing; safe to print.

    ``source`` is the label of the text; ``line`` and ``column`` (from 1, in characters; only a line feed
    ends a line) point at the ``$``; ``name`` is what stood between the braces, or the custom variable's.
    """

    def __init__(self, problem: str, name: str, source: str, text: str = "", position: int = 0) -> None:
        self.name = name
        self.source = source
        self.line = text.count("\n", 0, position) + 1
        self.column = position - text.rfind("\n", 0, position)
        label = source if source.isprintable() and len(source) <= MAX_PATH else quoted(source)
        super().__init__(f"{label}:{self.line}:{self.column}: {problem}")


class _Definition(NamedTuple):
    origin: str
    value: str
    secret: bool = False

    def needs(self) -> list[str]:
        """Give what its value refers to."""
        found = () if self.secret else _REFERENCE.finditer(self.value)
        return [reference["name"] for reference in found if reference["name"]]


class Scope:
    """Every variable one attempt sees, each with its final value; it replaces that attempt's texts only."""

    values: dict[str, str]
    """The value of each named variable: the built-in ones, then the custom ones."""

    secret: set[str]
    """The names of those whose value is a secret, or holds one."""
    faults: list[VariableError] | None = None
    """Where references that mean nothing are put, and left as they are, instead of being raised."""

    def __init__(
        self, facts: Facts, custom: Mapping[str, Mapping[str, str]], secrets: Mapping[str, str] | None = None
    ) -> None:
        """Resolve ``custom``: scope name to variables, a later scope winning over an earlier one.

        ``secrets`` are the workspace's: each wins over a plain variable of the workspace alone.

        A custom value may refer to built-in variables and to other custom ones, wherever they are defined. It
        gets their winning value, so that a variable given to a run reaches the paths built from it.

        Raises:
            VariableError: a name cannot be used, a value refers to what is unknown or, over any number of
                steps, to itself, holds a NUL, or grows longer than ``LONGEST_VALUE``.
        """
        self._room = MOST_GROWTH
        self._cycle = facts.cycle.replace(tzinfo=None)
        self._custom = _winning(custom, secrets or {})
        self.values = _built_in(facts)
        self.secret = set()
        for name in _by_need(self._custom):
            self.values[name] = self._resolved(name)
            if self._custom[name].secret or not self.secret.isdisjoint(self._custom[name].needs()):
                self.secret.add(name)

    def replace(self, text: str, source: str) -> str:
        """Return ``text`` with its references replaced; ``source`` names the text in errors.

        Raises:
            VariableError: the first reference that means nothing, or with which the texts given so far have
                grown by more than ``MOST_GROWTH``.
        """

        return self._replaced(text, source, self._value)

    def replace_in_sight(self, text: str, source: str, seen: str) -> str:
        """Return ``text`` as `replace` does, where others will see it: ``seen`` says in words how.

        Raises:
            VariableError: as `replace`, and a reference to what holds a secret.
        """

        def value(name: str) -> str:
            if name in self.secret:
                raise ValueError(
                    f"{shown(name)} is secret, and {seen}; the job can read it from its environment, "
                    f"as STOKER_{name.upper()}"
                )
            return self._value(name)

        return self._replaced(text, source, value)

    def tags(self, written: Mapping[str, str]) -> dict[str, str]:
        """Return tags with their references replaced; raises as `replace_in_sight` does."""
        return {
            name: self.replace_in_sight(value, f"tags.{name}", "tags are shown to everybody")
            for name, value in written.items()
        }

    def shown(self, name: str) -> str:
        """Return the value of ``name`` in quotes and with its origin, as people may see it."""
        if name in self.secret:
            return f"{MASK}   ({self.origin(name)}, secret)"
        return f"{self.values[name]!r}   ({self.origin(name)})"

    def origin(self, name: str) -> str:
        """Return where the value of ``name`` comes from: ``built in``, or the custom scope that won.

        Raises:
            KeyError: there is no such variable.
        """
        return "built in" if is_builtin(name) else self._custom[name].origin

    def environment(self) -> dict[str, str]:
        """Return the variables as a job sees them in its environment: ``STOKER_DS``, ``STOKER_REGION`` ..."""
        return {exported: self.values[name] for exported, name in self.exported().items()}

    def exported(self) -> dict[str, str]:
        """Return which variable each name in a job's environment stands for: ``STOKER_DS`` for ``ds`` ...

        Of two custom names that differ only in case, the one defined later wins.
        """
        return {f"STOKER_{name.upper()}": name for name in [*DATES, *FACTS, *self._custom]}

    def _replaced(self, text: str, source: str, value_of: Callable[[str], str]) -> str:
        def replacement(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            try:
                return self._fitting(match, value_of(match["name"]))
            except ValueError as error:
                fault = VariableError(str(error), match["name"], source, text, match.start())
                return self._unresolved(match, fault)

        return _REFERENCE.sub(replacement, text)

    def _unresolved(self, match: re.Match[str], error: VariableError) -> str:
        if self.faults is None:
            raise error from None
        self.faults.append(error)
        return match[0]

    def _fitting(self, match: re.Match[str], value: str) -> str:
        """Give back what a reference becomes; many of them to a long value would fill the memory."""
        self._room -= len(value) - len(match[0])
        if self._room < 0:
            raise ValueError(f"the variables of one attempt put in more than {MOST_GROWTH:,} characters")
        return value

    def _value(self, name: str) -> str:
        """Return what ``${name}`` becomes, or raise a ValueError that says why it means nothing."""
        if name in self.values:
            return self.values[name]
        if (date := self._date(name)) is not None:
            return date
        if "." in name or ":" in name:
            return f"${{{name}}}"
        raise ValueError(_why_unknown(name, {**self.values, **self._custom}))

    def _date(self, name: str) -> str | None:
        """Spell the cycle time as ``name`` asks, or return None where that is no date."""
        offset = _OFFSET.search(name)
        base = name[: offset.start()] if offset else name
        pattern = DATES.get(base, base)
        if not PATTERN.fullmatch(pattern):
            return None
        when = self._cycle
        try:
            for count, unit in _SHIFT.findall(offset[0] if offset else ""):
                when = _shift(when, int(count), unit)
            return _spelled(when, pattern)
        except (ValueError, OverflowError):
            raise ValueError(f"{shown(name)} lies outside the years 1 to 9999") from None

    def _resolved(self, name: str) -> str:
        written = self._custom[name]
        source = _label(name, written.origin)
        if "\0" in written.value:
            problem = "a value can't have a NUL character, which no environment variable can hold"
            raise VariableError(problem, name, source, written.value, written.value.index("\0"))
        value = written.value if written.secret else self.replace(written.value, source)
        if len(value) > LONGEST_VALUE:
            raise VariableError(f"the value is longer than {LONGEST_VALUE:,} characters", name, source)
        return value


def _built_in(facts: Facts) -> dict[str, str]:
    dates = {name: _spelled(facts.cycle, pattern) for name, pattern in DATES.items()}
    return dates | {
        "workflow_name": facts.workflow_name,
        "node_name": facts.node_name,
        "run_id": str(facts.run_id),
        "attempt": str(facts.attempt),
        "scheduled_at": facts.scheduled_at.isoformat(timespec="seconds") if facts.scheduled_at else "",
    }


def _winning(custom: Mapping[str, Mapping[str, str]], secrets: Mapping[str, str]) -> dict[str, _Definition]:
    """Keep each name's last definition, in the order in which those stand."""
    winning = {name: _Definition(WORKSPACE, value, secret=True) for name, value in secrets.items()}
    for origin, variables in custom.items():
        for name, value in variables.items():
            if problem := variable_name_problem(name):
                raise VariableError(problem, name, f"{origin} variables")
            if origin == WORKSPACE and name in secrets:
                continue
            winning.pop(name, None)
            winning[name] = _Definition(origin, value)
    return winning


def _by_need(custom: Mapping[str, _Definition]) -> list[str]:
    """Order the names so that each stands after those its value refers to."""
    needs = {name: [need for need in written.needs() if need in custom] for name, written in custom.items()}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise _circular(error.args[1][::-1], custom) from None


def _circular(circle: list[str], custom: Mapping[str, _Definition]) -> VariableError:
    """Describe a circle of names, each referring to the next, at its first reference."""
    first, second = circle[:2]
    origin, text, _ = custom[first]
    position = next(found.start() for found in _REFERENCE.finditer(text) if found["name"] == second)
    problem = f"{shown(first)} refers to itself: {fit(' -> '.join(circle), MAX_PATH)}"
    return VariableError(problem, second, _label(first, origin), text, position)


def _label(name: str, origin: str) -> str:
    return f"{origin} variable {name}"


def _shift(when: datetime, count: int, unit: str) -> datetime:
    """Move ``when`` by ``count`` units; months and years end on the month's last day where it is shorter."""
    if unit in _UNITS:
        return when + timedelta(**{_UNITS[unit]: count})
    months = when.year * 12 + when.month - 1 + count * (12 if unit == "y" else 1)
    year, month = months // 12, months % 12 + 1
    return when.replace(year=year, month=month, day=min(when.day, monthrange(year, month)[1]))


def _spelled(when: datetime, pattern: str) -> str:
    return LETTER.sub(lambda letters: LETTERS[letters[0]].format(when), pattern)


def _why_unknown(name: str, known: Collection[str]) -> str:
    """Say what is wrong with a reference that has no value."""
    plain = IDENTIFIER.match(name)
    head = plain[0] if plain else ""
    if head in DATES:
        return f"{shown(name)}: an offset is a sign, a number and one of y M w d h m, as in {head}-1d"
    if head in known:
        return f"{shown(name)}: only dates take an offset, and {shown(head)} is none"
    near = nearest(_OFFSET.sub("", name), [*known, *DATES.values()]) if len(name) <= 100 else None
    hint = f"; did you mean {shown(near)}?" if near else " (a literal ${ is written $${)"
    return f"unknown variable {shown(name)}{hint}"
