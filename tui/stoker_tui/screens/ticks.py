"""The next ticks of a schedule, as lines; and those of one that is being edited, asked of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from stoker_shared import routes
from stoker_shared.api.scheduling import PreviewTicks, TickView
from stoker_shared.model import Schedule
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.link import Link
from stoker_tui.times import ahead, local
from stoker_tui.widgets.pieces import Pieces

PAUSE_SECONDS = 0.25
"""How long nothing is changed in a schedule before its ticks are asked for."""


def tick_lines(ticks: Iterable[TickView], now: datetime) -> Iterator[Pieces]:
    """Give ticks in local time, UTC and cycle time."""
    yield [(f"{'DUE':<24}{'UTC':<18}CYCLE TIME", "head")]
    for tick in ticks:
        utc = local(tick.utc, "UTC")
        yield [
            (f"{_minute(tick.local):<24}", ""),
            (f"{utc:<18}", "dim"),
            (f"{_minute(tick.cycle_local):<24}", ""),
            (f"{ahead(tick.utc, now)}", "dim"),
            (f"  {tick.note}" if tick.note else "", "warning"),
        ]


class TickPreview:
    """The ticks of the schedule that was asked for last, once nothing is changed in it for a moment."""

    def __init__(
        self, link: Link, now: Callable[[], datetime], show: Callable[[list[Pieces]], None], most: int
    ) -> None:
        self._link = link
        self._now = now
        self._show = show
        self._most = most
        self._schedule: Schedule | None = None
        self._asking: asyncio.Task[None] | None = None

    def ask(self, schedule: Schedule | None) -> None:
        """Have the ticks of a schedule shown, soon; without one, nothing."""
        if schedule == self._schedule:
            return
        self._schedule = schedule
        self.close()
        if schedule is None:
            self._show([])
        else:
            self._asking = asyncio.create_task(self._asked(schedule))

    def close(self) -> None:
        """Ask no more."""
        if self._asking:
            self._asking.cancel()

    async def _asked(self, schedule: Schedule) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        request = PreviewTicks(schedule=schedule, limit=self._most)
        try:
            ticks = await self._link.post(routes.TICKS_PREVIEW, request, list[TickView])
        except Refused as error:
            self._show([[(f"   {error.problem.detail}", "warning")]])
        except (Unreachable, NotStoker) as error:
            self._show([[(f"   the next ticks are not known: {error}", "dim")]])
        else:
            lines = list(tick_lines(ticks, self._now())) if ticks else [[("no tick is to come", "warning")]]
            self._show([[("   ", ""), *line] for line in lines])


def _minute(text: str) -> str:
    """Give a time with its offset (ISO 8601) to the minute: ``2026-11-23 01:00+01:00``."""
    return text[:16].replace("T", " ") + text[19:25]
