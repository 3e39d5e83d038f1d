"""Parts of the daemon that belong together, as those get them who need several."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from stoker_daemon.attempts.cards import Cards
from stoker_daemon.notify.office import Office
from stoker_daemon.objects import Objects
from stoker_daemon.output.watcher import Watcher
from stoker_daemon.preparing.preparer import Preparer
from stoker_daemon.projection import Projection
from stoker_daemon.retention import Retention
from stoker_daemon.scheduling.scheduler import Scheduler
from stoker_daemon.secrets import Secrets
from stoker_daemon.space import SpaceWatch


class Stores(NamedTuple):
    """What is kept beside the run log."""

    objects: Objects
    secrets: Secrets
    projection: Projection


class Attempts(NamedTuple):
    """What attempts are made of, what they write in ``logs``, and what is told of those that failed."""

    logs: Path
    preparer: Preparer
    watcher: Watcher
    cards: Cards


class Workers(NamedTuple):
    """What works beside the engine from its start to its end."""

    scheduler: Scheduler
    office: Office
    retention: Retention
    space: SpaceWatch


class Home(NamedTuple):
    """Where the daemon lives, in which time zone, and since when."""

    data: Path
    zone: ZoneInfo
    started_at: datetime
