"""What goes to whom now, in how many letters, and when it is tried again. Pure.

Nobody is flooded: what waits for somebody goes as one letter for each run or backfill while these are few,
and all together as a digest where they are not. What can't be carried comes again later each time, for days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from stoker_shared.apply.notifying import WEBHOOK
from stoker_shared.state import Notice

FEW, WINDOW = 3, timedelta(minutes=10)
"""So many letters an address gets in such a time; what comes besides waits, and then goes as one."""

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds before the second try; twice as long each time, up to the longest."""

GIVE_UP_AFTER = timedelta(days=3)
"""How long it is tried to tell somebody."""

_JITTER = 0.2
"""By which part a pause is longer or shorter, so that not all come at once."""


class Letter(msgspec.Struct, frozen=True):
    """What somebody is told at once. ``tries`` were made of it, or of part of it, before."""

    to: str
    notices: tuple[Notice, ...]
    tries: int = 0

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of what it tells."""
        return tuple(notice.id for notice in self.notices)


def ready(
    notices: Iterable[Notice], now: datetime, recent: Mapping[str, Sequence[datetime]], *, webhook: bool
) -> tuple[list[Letter], datetime | None]:
    """Give the letters that go now by mail, or by the webhook, and when to look again where some wait.

    ``recent`` is when each address was written to last, several times.
    """
    waiting: dict[str, list[Notice]] = {}
    moments: list[datetime] = []
    for notice in notices:
        for to, delivery in notice.untold.items():
            if (to == WEBHOOK) is not webhook:
                continue
            if delivery.next_at and waits(delivery.next_at, now):
                moments.append(delivery.next_at)
            else:
                waiting.setdefault(to, []).append(notice)
    letters: list[Letter] = []
    for to, some in waiting.items():
        if webhook:
            letters += [_letter(to, [notice]) for notice in some]
            continue
        written = [at for at in recent.get(to, ()) if at > now - WINDOW]
        if len(written) >= FEW:
            moments.append(min(written) + WINDOW)
        else:
            letters += _letters(to, some, FEW - len(written))
    return letters, min(moments, default=None)


def waits(moment: datetime, now: datetime) -> bool:
    """Tell whether a pause is not over; one that ends later than any can was made by another clock."""
    return now < moment <= now + timedelta(seconds=LONGEST_PAUSE * (1 + _JITTER))


def pause(tries: int, chance: float) -> timedelta:
    """Give how long to wait after so many tries; ``chance`` is from 0 to 1."""
    seconds = min(FIRST_PAUSE * 2 ** min(tries - 1, 10), LONGEST_PAUSE)
    return timedelta(seconds=seconds * (1 - _JITTER + 2 * _JITTER * chance))


def expired(notices: Iterable[Notice], now: datetime, *, webhook: bool) -> dict[str, tuple[int, ...]]:
    """Give what was tried long enough, by whom it was for."""
    found: dict[str, list[int]] = {}
    for notice in notices:
        if notice.at <= now - GIVE_UP_AFTER:
            for to in notice.untold:
                if (to == WEBHOOK) is webhook:
                    found.setdefault(to, []).append(notice.id)
    return {to: tuple(numbers) for to, numbers in found.items()}


def threads(notices: Iterable[Notice]) -> list[list[Notice]]:
    """Give them by what they are about: a run, or a backfill."""
    about: dict[tuple[int, int], list[Notice]] = {}
    for notice in notices:
        about.setdefault((notice.run, notice.backfill), []).append(notice)
    return list(about.values())


def _letters(to: str, notices: list[Notice], most: int) -> list[Letter]:
    several = threads(notices)
    return [_letter(to, some) for some in several] if len(several) <= most else [_letter(to, notices)]


def _letter(to: str, notices: list[Notice]) -> Letter:
    return Letter(to, tuple(notices), max(notice.untold[to].tries for notice in notices))
