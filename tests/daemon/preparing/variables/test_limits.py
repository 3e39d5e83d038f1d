"""However long texts, names and values are, little memory and time is taken."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from stoker_daemon.preparing.variables import LONGEST_VALUE, MOST_GROWTH, VariableError
from tests.daemon.preparing.variables.making import failure, replaced, scope


def test_a_long_value_used_often_is_refused_before_it_fills_the_memory() -> None:
    times = MOST_GROWTH // LONGEST_VALUE + 1
    long = {"v": "x" * LONGEST_VALUE}
    assert "put in more than 10,000,000 characters" in str(failure("${v}" * times * 1000, node=long))
    variables = scope(node=long)
    assert len(variables.replace("${v}" * (times - 1), "x")) == LONGEST_VALUE * (times - 1)
    with pytest.raises(VariableError, match="of one attempt"):
        variables.replace("${v}" * (times - 1), "another text of the same attempt")
    with pytest.raises(VariableError, match="of one attempt"):
        scope(node=long | {f"v{n}": "${v}" for n in range(100_000)})


def test_text_that_does_not_grow_may_be_of_any_length() -> None:
    long = "${spark." + "x" * 1000 + "} "
    text = long * (MOST_GROWTH // 1000) + "${ds}"
    assert replaced(text) == text.removesuffix("${ds}") + "2026-11-21"


def test_values_cannot_grow_without_end() -> None:
    doubling = {f"v{n}": f"${{v{n + 1}}}${{v{n + 1}}}" for n in range(60)} | {"v60": "x" * 10}
    with pytest.raises(VariableError, match=f"longer than {LONGEST_VALUE:,}"):
        scope(node=doubling)


@pytest.mark.parametrize(
    "piece",
    [
        "${",
        "$",
        "$${",
        "$$${",
        "${x",
        "select 1 from plain text;\n",
        "${ds} ${yyyyMMdd-7d}\n",
        "${spark.x} ",
        "${yyyy-MM-",
    ],
)
def test_the_work_grows_as_the_text_does(piece: str) -> None:
    short = piece * (50_000 // len(piece))
    assert growth(lambda text: scope().replace(text, "x"), short, short * 8) < 24


@pytest.mark.parametrize(
    "piece", ["x", "yyyy", "yyyy--", "--", "+1", "+123456789", "ds-1d", "mm" * 7 + "M", "."]
)
def test_the_work_grows_as_a_name_does(piece: str) -> None:
    def read(name: str) -> None:
        with contextlib.suppress(VariableError):
            scope().replace(f"${{{name}!}}", "x")

    short = piece * (50_000 // len(piece))
    assert growth(read, short, short * 8) < 24


def growth(work: Callable[[str], object], small: str, large: str) -> float:
    """How many times as much processor time the large text takes; the least of some tries has no disturbance.

    Of a text 8 times as long, linear work takes 8 times as much and quadratic work 64 times.
    """

    def least(text: str) -> float:
        times = []
        for _ in range(3):
            started = time.process_time_ns()
            work(text)
            times.append(time.process_time_ns() - started)
        # Less than this is below what the clock and the making of a scope disturb.
        return max(min(times), 500_000)

    return least(large) / least(small)
