"""Processes as the kernel knows them: who they are, which belong to an attempt, and how to end them.

Linux only: /proc and pidfds. A pid alone names nobody, since it is given again; a pid with its start time and
boot id does.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

TAG = "STOKER_ATTEMPT_TAG"
"""The environment variable that carries an attempt's tag into all its processes."""


class Identity(msgspec.Struct, frozen=True):
    """One process for ever: pid, start time in clock ticks since boot, boot id."""

    pid: int
    start_time: int
    boot_id: str


def boot_id() -> str:
    """Give the id of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def identify(pid: int, boot: str) -> Identity | None:
    """Give who a pid is now; None where there is no such process."""
    stat = _stat(pid)
    return Identity(pid, int(stat[19]), boot) if stat else None


def find(pid: int, tag: str, boot: str) -> Identity | None:
    """Give who a pid is now, if it lives and carries the tag, which no other process can."""
    return identify(pid, boot) if _belongs(pid, None, _mark(tag)) else None


def open_pidfd(process: Identity) -> int | None:
    """Give a pidfd of a process, which is readable once it has ended; None where it is gone already."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    # Who has the pid is asked with the descriptor in hand: from here on it can't be another process.
    if identify(process.pid, process.boot_id) == process:
        return descriptor
    os.close(descriptor)
    return None


def members(leader: Identity | None, tag: str) -> list[int]:
    """Give the live processes of a leader's session and all that carry the tag in their environment.

    Both are looked at: what calls setsid leaves the session, and what clears its environment drops the tag.
    """
    session = _session_of(leader)
    mark = _mark(tag)
    found: list[int] = []
    seen: set[int] = set()
    # What is listed and has ended when its turn comes may have left a child that is not listed.
    while new := [pid for pid in _pids() if pid not in seen]:
        seen.update(new)
        found += [pid for pid in new if _belongs(pid, session, mark)]
    return found


def send(
    pid: int,
    number: signal.Signals,
    leader: Identity | None,
    tag: str,
    others: Callable[[], list[int]] = list,
) -> None:
    """Send a signal to a member, or one of the ``others``, and to nobody who got its pid since."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(pid)
        try:
            if _belongs(pid, _session_of(leader), _mark(tag)) or pid in others():
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def _session_of(leader: Identity | None) -> int | None:
    """Give the leader's session; None where its pid, and so the session's id, is somebody else's by now."""
    if leader is None or leader.boot_id != boot_id():
        return None
    stat = _stat(leader.pid)
    return leader.pid if stat is None or int(stat[19]) == leader.start_time else None


def _belongs(pid: int, session: int | None, mark: bytes) -> bool:
    stat = _stat(pid)
    if stat is None or stat[0] in "ZX":
        return False
    return (session is not None and int(stat[3]) == session) or mark in _environment(pid)


def _mark(tag: str) -> bytes:
    return f"{TAG}={tag}".encode()


def _pids() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _stat(pid: int) -> list[str] | None:
    """Give the fields of /proc/PID/stat from the third on: state, ppid, pgrp, session, ... (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(b")") + 2 :].decode("ascii").split()


def _environment(pid: int) -> list[bytes]:
    """Give the variables a process began with; none where they are another user's."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
