"""A control group for each attempt, where the service manager has delegated some (cgroups(7)).

A group holds the job with all that descends from it, whatever that does to its session and environment. So it
can be ended at one blow, and what it took be told. Where nothing is delegated there are no groups, and an
attempt is known by its session and its tag alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Container
from pathlib import Path

import msgspec

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.journal import about
from stoker_daemon.service.units import LEAF, SERVICE

_PREFIX = "attempt-"

_DELEGATED = ("user.delegate", "trusted.delegate")
"""Attributes by which systemd marks a group that it leaves to others."""

logger = logging.getLogger(__name__)


class Used(msgspec.Struct, frozen=True):
    """What an attempt took: seconds of CPU, and the most bytes of memory at once; None: not known."""

    cpu_seconds: float | None = None
    memory_peak: int | None = None


UNKNOWN = Used()


class Groups:
    """The groups of attempts, by tag, below the group ``top``; without one there are none."""

    def __init__(self, top: Path | None = None) -> None:
        self._top = top
        self._left: set[str] = set()

    def make(self, tag: str, key: AttemptKey) -> None:
        """Make an attempt's group. Without it the attempt runs as where there are none."""
        if self._top is None:
            return
        try:
            self._path(tag).mkdir(exist_ok=True)
        except OSError as error:
            logger.warning("it runs without a control group of its own: %s", error, extra=about(key))

    def of(self, tag: str) -> Path | None:
        """Give an attempt's group, if it has one."""
        return self._path(tag) if self._top and self._path(tag).is_dir() else None

    def members(self, tag: str) -> list[int]:
        """Give the live processes in an attempt's group, and in groups that these made below it."""
        if (top := self.of(tag)) is None:
            return []
        found = (_read(Path(path) / "cgroup.procs") for path, _, _ in os.walk(top))
        return [int(pid) for text in found for pid in text.split()]

    def kill(self, tag: str) -> None:
        """Kill all that is in an attempt's group at once."""
        if top := self.of(tag):
            with contextlib.suppress(OSError):  # it is gone; or a kernel before 5.14, and each is killed
                (top / "cgroup.kill").write_text("1")

    def used(self, tag: str) -> Used:
        """Tell what an attempt took."""
        if (top := self.of(tag)) is None:
            return UNKNOWN
        times = dict(line.split() for line in _read(top / "cpu.stat").splitlines())
        peak = _read(top / "memory.peak").strip()
        return Used(
            int(times["usage_usec"]) / 1_000_000 if "usage_usec" in times else None,
            int(peak) if peak else None,
        )

    def remove(self, tag: str) -> None:
        """Remove an attempt's group, and those of earlier ones; where something lives it stays for now."""
        if self._top:
            self._left = {each for each in {*self._left, tag} if not _removed(self._path(each))}

    def sweep(self, known: Container[str]) -> None:
        """Remove the groups of attempts that are not ``known`` to be active."""
        for path in self._top.glob(f"{_PREFIX}*") if self._top else ():
            if (tag := path.name.removeprefix(_PREFIX)) not in known:
                self.remove(tag)

    def _path(self, tag: str) -> Path:
        assert self._top  # noqa: S101
        return self._top / f"{_PREFIX}{tag}"


def delegated() -> Path | None:
    """Give the control group that is delegated to this daemon, if one is; its memory is accounted for."""
    own = _own()
    top = own.parent if own and own.name == LEAF else own
    if top is None or not (_is_delegated(top) and os.access(top, os.W_OK)):
        return None
    if top != own and "memory" in _read(top / "cgroup.controllers").split():
        # Only where the daemon itself lives below it: a group that has processes hands no controller on.
        try:
            (top / "cgroup.subtree_control").write_text("+memory")
        except OSError as error:
            logger.warning("the memory of attempts is not accounted for: %s", error)
    return top


def _own() -> Path | None:
    """Give the control group of this process, where the unified hierarchy is mounted."""
    paths = [line[3:] for line in _read(Path("/proc/self/cgroup")).splitlines() if line.startswith("0::")]
    for line in _read(Path("/proc/self/mountinfo")).splitlines():
        before, _, after = line.partition(" - ")
        if paths and after.startswith("cgroup2 "):
            root, mounted = before.split()[3:5]
            with contextlib.suppress(ValueError):  # of a part of the hierarchy that we are not in
                return Path(mounted) / Path(paths[0]).relative_to(root)
    return None


def _is_delegated(path: Path) -> bool:
    if path.name == SERVICE:
        return True  # A user's systemd does not mark what it delegates; our own unit asks for it.
    for name in _DELEGATED:
        with contextlib.suppress(OSError):
            if os.getxattr(path, name) == b"1":
                return True
    return False


def _removed(top: Path) -> bool:
    """Remove a group and those below it; tell whether it is gone."""
    try:
        for path, _, _ in os.walk(top, topdown=False):
            os.rmdir(path)  # noqa: PTH106
    except OSError:
        return not top.exists()
    return True


def _read(path: Path) -> str:
    """Give what the kernel tells there; nothing where it does not know such a thing, or no more."""
    try:
        return path.read_text("ascii")
    except OSError:
        return ""
