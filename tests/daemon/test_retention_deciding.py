"""What goes by age, count and size, as properties of the decision alone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.config import Config
from stoker_daemon.projection.keeping import Ended
from stoker_daemon.projection.selection import microseconds
from stoker_daemon.retention import deciding
from stoker_daemon.retention.deciding import KEPT_ANYWAY, Limits, Part
from stoker_shared.model import Keep
from tests.strategies import T0

DAY = 86_400_000_000


def config(**settings: int) -> Config:
    return Config(data=Path("data"), socket=Path("socket"), **settings)  # type: ignore[arg-type]


def ended(number: int, days_ago: float, *, has_output: bool = True, size: int = 0) -> Ended:
    return Ended(number, microseconds(T0) - round(days_ago * DAY), has_output, size, number, 1)


ages = st.lists(st.integers(0, 40), max_size=40)
groups = st.builds(
    lambda ages, outputs: [
        ended(number, age, has_output=outputs >> number & 1 == 1)
        for number, age in enumerate(sorted(ages, reverse=True), 1)
    ],
    ages,
    st.integers(0, 2**41),
)
limits = st.builds(Limits, st.integers(0, 40), st.integers(0, 40), st.integers(0, KEPT_ANYWAY))


@given(groups, limits)
def test_a_run_goes_if_it_is_too_old_or_one_too_many_unless_it_is_among_the_last(
    group: list[Ended], kept: Limits
):
    went = deciding.leaving(group, len(group), kept, T0)

    def is_old(run: Ended) -> bool:
        return kept.days > 0 and run.ended < microseconds(T0) - kept.days * DAY

    for rank, run in enumerate(reversed(group), 1):
        due = is_old(run) or 0 < kept.runs < rank
        assert (run in went.removed) is (due and rank > kept.anyway)
        assert (run in went.cleared) is (due and rank <= kept.anyway and run.has_output)


@given(groups, limits, st.integers(1, 7))
def test_it_does_not_matter_in_which_pages_a_group_is_looked_at(group: list[Ended], kept: Limits, size: int):
    whole = deciding.leaving(group, len(group), kept, T0)
    removed, cleared = [], []

    for start in range(0, len(group) + 1, size):
        part = deciding.leaving(group[start : start + size], len(group) - start, kept, T0)
        removed += part.removed
        cleared += part.cleared
        if part.is_all:
            break

    assert (removed, cleared) == (whole.removed, whole.cleared)


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 1000))
def test_no_more_output_goes_than_is_needed_to_keep_the_limit(sizes: list[int], limit: int):
    runs = [ended(number, 1, size=size) for number, size in enumerate(sizes, 1)]

    went = list(deciding.overflowing(sum(sizes), limit, runs))

    freed = sum(run.size for run in went)
    assert went == runs[: len(went)]
    assert sum(sizes) - freed <= limit
    assert not went or sum(sizes) - freed + went[-1].size > limit


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100)), max_size=20))
def test_segments_go_as_long_as_at_most_half_of_them_must_be_written_again(sizes: list[tuple[int, int]]):
    parts = [Part(place, place + 1, size, weight) for place, (size, weight) in enumerate(sizes)]

    def worth(count: int) -> bool:
        return 2 * sum(part.weight for part in parts[:count]) <= sum(part.size for part in parts[:count])

    count = deciding.dispensable(parts)

    assert worth(count)
    assert not any(worth(more) for more in range(count + 1, len(parts) + 1))


class TestLimits:
    def test_are_those_of_the_daemon_where_the_workflow_says_nothing(self):
        assert deciding.limits(config(), Keep(), failed=False) == Limits(90, 0, 10)
        assert deciding.limits(config(), Keep(), failed=True) == Limits(180, 0, 10)

    def test_are_those_of_the_workflow_where_it_says_some(self):
        keep = Keep(days=0, failed_days=7, runs=3)

        assert deciding.limits(config(keep_runs=50), keep, failed=False) == Limits(0, 3, 3)
        assert deciding.limits(config(keep_runs=50), keep, failed=True) == Limits(7, 3, 3)
        assert deciding.limits(config(keep_runs=50), Keep(runs=0), failed=True).runs == 0

    def test_leave_nothing_in_any_case_of_a_workflow_that_was_deleted(self):
        assert deciding.limits(config(), None, failed=False) == Limits(90, 0, 0)


def test_of_output_that_succeeded_goes_before_what_failed_as_age_would_let_it_go():
    succeeded = [ended(1, 100), ended(2, 20)]
    failed = [ended(3, 120), ended(4, 115), ended(5, 30)]

    order = deciding.by_due(config(keep_days=90, keep_failed_days=180), succeeded, failed)

    assert [run.run for run in order] == [1, 3, 4, 2, 5]
