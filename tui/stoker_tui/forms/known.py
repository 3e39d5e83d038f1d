"""What the daemon knows that forms suggest, and warn of what is not in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from stoker_shared.api import JobView
from stoker_shared.model import JobConfig
from stoker_shared.text import nearest, quoted

Taken = Callable[[], Collection[str]]
"""Gives the names that are taken by now."""


class Known(NamedTuple):
    """Callables that give what is known by now; ``zone`` is the daemon's time zone."""

    jobs: Callable[[], Mapping[str, JobView]]
    queues: Callable[[], Iterable[str]]
    zone: str = "UTC"

    def published(self) -> list[str]:
        """Give the paths of published jobs."""
        return [path for path, job in self.jobs().items() if job.latest]

    def job_config(self, path: str | None) -> JobConfig:
        """Give what a job is run with by default."""
        job = self.jobs().get(path or "")
        return job.latest.config if job and job.latest else JobConfig()

    def why_no_job(self, path: str) -> str:
        """Say that a job is not published; nothing where it is, or where no job is known."""
        published = self.published()
        return (
            f"job {quoted(path)} is not published{_guess(path, published)}" if _lacks(published, path) else ""
        )

    def why_no_queue(self, name: str) -> str:
        """Say that there is no such queue; nothing where there is one, or where none is known."""
        queues = list(self.queues())
        return f"there is no queue {quoted(name)}{_guess(name, queues)}" if _lacks(queues, name) else ""


def _lacks(known: list[str], name: str) -> bool:
    return bool(known) and name not in known


def _guess(name: str, known: Iterable[str]) -> str:
    guess = nearest(name, known)
    return f"; did you mean {guess!r}?" if guess else ""
