"""The fields of a workflow that say when its runs are due. Pure."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import available_timezones

from stoker_shared.model import GapPolicy, RepeatPolicy
from stoker_tui.forms.form import Field, Inherited, Values, default
from stoker_tui.forms.kinds import Choice, Number, Text

TYPE = "schedule/type"
TYPES = ("none", "days", "hours", "minutes", "cron")
"""What a schedule may be; ``none``: runs are started by hand."""


def schedule_fields(zone: str) -> list[Field]:
    """Give the fields of a schedule; ``zone`` is the daemon's. Each type has only those that are its own."""
    return [
        Field(
            TYPE, "scheduling type", Choice(TYPES), "when runs are due",
            inherited=default("none"),
        ),
        Field(
            "schedule/at", "scheduling time", Text(), "the time of day (HH:MM)", "01:00", shown=_of("days"),
        ),
        Field(
            "schedule/every", "every", Number(), "how many hours, or minutes, from one to the next", "1",
            shown=_of("hours", "minutes"),
        ),
        Field(
            "schedule/from", "from", Text(), "where the daily window begins, from which they count (HH:MM)",
            inherited=default("00:00"), shown=_of("hours", "minutes"),
        ),
        Field(
            "schedule/to", "to", Text(), "where the daily window ends; a tick may be on it (HH:MM)",
            inherited=default("23:59"), shown=_of("hours", "minutes"),
        ),
        Field(
            "schedule/expression", "cron expression", Text(),
            "minute, hour, day of the month, month, day of the week", "0 6 * * 1-5", shown=_of("cron"),
        ),
        Field(
            "schedule/time_zone", "time zone", Text(), "in which these times are (IANA)",
            inherited=lambda _: Inherited(zone, "from the host"), known=_zones, shown=is_scheduled,
        ),
        Field(
            "schedule/start", "scheduling started at", Text(), "no run before: 2026-11-21, 2026-11-21T01:00",
            inherited=lambda _: Inherited("when it is published", ""), shown=is_scheduled,
        ),
        Field(
            "schedule/end", "scheduling ends at", Text(), "no run after: 2026-11-21, 2026-11-21T01:00",
            inherited=lambda _: Inherited("never", ""), shown=is_scheduled,
        ),
        Field(
            "schedule/gap", "clock goes forward", Choice(tuple(GapPolicy)),
            "where the clock jumps over a tick's time: shift it behind the gap, or skip it",
            inherited=default(GapPolicy.SHIFT.value), shown=is_scheduled,
        ),
        Field(
            "schedule/overlap", "clock goes back", Choice(tuple(RepeatPolicy)),
            "where the clock is set back: run at the first of two equal times, or at both",
            inherited=_usual_overlap, shown=is_scheduled,
        ),
    ]  # fmt: skip


def _of(*types: str) -> Callable[[Values], bool]:
    return lambda values: values.get(TYPE) in types


def is_scheduled(values: Values) -> bool:
    """Tell whether runs are due by a schedule."""
    return values.get(TYPE, "none") != "none"


def _usual_overlap(values: Values) -> Inherited:
    daily = values.get(TYPE) in ("days", "cron")
    return Inherited("first" if daily else "both", f"default for {values.get(TYPE)}")


def _zones() -> list[str]:
    return sorted(available_timezones())
