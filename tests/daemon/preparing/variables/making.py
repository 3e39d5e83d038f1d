"""Texts, names and scopes that the tests of variables are about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from stoker_daemon.preparing.variables import Facts, Scope, VariableError
from stoker_shared.variables import variable_name_problem

BERLIN = ZoneInfo("Europe/Berlin")
CYCLE = datetime(2026, 11, 21, 1, 2, 3, tzinfo=BERLIN)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: variable_name_problem(name) is None
)

SCOPES = ("workspace", "workflow", "node", "run")
NAMES = ("a", "b", "c", "d", "e")


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, dict[str, list[str]]]:
    """Variables in every scope; each value is a list of plain texts and of references.

    A value refers only to names that come after its own, so that there is no circle.
    """
    texts = st.text(alphabet="x $}é", max_size=3).map(lambda text: text.rstrip("$"))
    defined = {scope: draw(st.sets(st.sampled_from(NAMES))) for scope in SCOPES}
    known = {name for names in defined.values() for name in names}
    return {
        scope: {
            name: draw(st.lists(st.one_of(texts, _later(name, known)), max_size=4)) for name in sorted(names)
        }
        for scope, names in defined.items()
    }


def _later(name: str, defined: Iterable[str]) -> st.SearchStrategy[str]:
    later = sorted(other for other in defined if other > name)
    return st.sampled_from(later).map(lambda other: f"${{{other}}}") if later else st.just("")


def escaped(text: str) -> str:
    """How a person writes a text that has ``${`` in it."""
    return text.replace("${", "$${")


def scope(cycle: datetime = CYCLE, **custom: dict[str, str]) -> Scope:
    due = datetime(2026, 11, 22, 1, 2, 3, tzinfo=BERLIN)
    return Scope(Facts(cycle, "daily sales", "transform", 1234, 2, due), custom)


def replaced(text: str, cycle: datetime = CYCLE, **custom: dict[str, str]) -> str:
    return scope(cycle, **custom).replace(text, "etl/transform.sql")


def failure(text: str, source: str = "etl/transform.sql", **custom: dict[str, str]) -> VariableError:
    with pytest.raises(VariableError) as caught:
        scope(CYCLE, **custom).replace(text, source)
    return caught.value


hostile = st.text(alphabet="${}+-19dMyTs:.x_\n\0\x1b\ud800\udc80\u202e", max_size=40)
