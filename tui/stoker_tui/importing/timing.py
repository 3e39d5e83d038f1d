"""The schedule of elsewhere: a Quartz expression between two times, in a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from stoker_shared.model import Schedule
from stoker_shared.text import quoted
from stoker_tui.importing import quartz
from stoker_tui.importing.quartz import DAY, Step
from stoker_tui.importing.reading import Entry
from stoker_tui.importing.result import BadImport
from stoker_tui.importing.task import Batch


def schedule_of(entry: Entry | None, batch: Batch) -> tuple[Schedule | None, Step]:
    """Give the schedule, None where there is none that is the same, and the step between its ticks."""
    if entry is None or not entry.text("crontab").strip():
        return None, DAY
    expression, zone = entry.text("crontab"), _zone(entry, batch)
    start, end = (_local(entry, key, zone) for key in ("startTime", "endTime"))
    place = entry.at("crontab")
    try:
        found = quartz.translate(expression, zone.key if zone else None, start, end)
    except ValueError as error:
        batch.find(place, f"the schedule {quoted(expression, 60)}: {error}", "no schedule; write one by hand")
        return None, DAY
    if found.note:
        batch.find(place, f"the schedule {quoted(expression, 60)}: {found.note}", "the same minutes")
    if found.step is None:
        batch.find(
            place,
            "dates are counted from when a run is due there, and here from its cycle time, the tick before; "
            "these are not always as far apart",
            "references to dates are right where the ticks are a day apart; look at the others",
        )
    return found.schedule, found.step or DAY


def _zone(entry: Entry, batch: Batch) -> ZoneInfo | None:
    key = entry.text("timezoneId").strip()
    if not key:
        return None
    try:
        return ZoneInfo(key)
    except (ValueError, OSError, LookupError):
        batch.find(
            entry.at("timezoneId"), f"the time zone {quoted(key, 60)} is not IANA's", "the host's zone"
        )
        return None


def _local(entry: Entry, key: str, zone: ZoneInfo | None) -> str | None:
    """Give a time as the local time of the zone; a number is milliseconds since 1970."""
    text = entry.text(key).strip()
    if not text:
        return None
    try:
        if text.isdecimal():
            moment = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(zone or UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError) as error:
        raise BadImport(entry.at(key), f"{quoted(text, 60)} is not a time") from error
    return moment.isoformat(timespec="seconds")
