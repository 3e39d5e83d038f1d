"""Unsaved work kept on this machine, so that neither a closed terminal nor a crash loses what was edited.

Each document that is edited has a file of its own, and a lock that is held while it is open: what nobody
holds is what somebody was torn away from. The one part of `editing` that does input and output.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import msgspec
import platformdirs

from stoker_shared.model import WorkflowSpec


class Kept(msgspec.Struct, frozen=True):
    """What was edited and not saved. ``log`` is that of the daemon, ``workflow`` the id, 0 of a new one."""

    log: str
    workspace: str
    workflow: int
    spec: WorkflowSpec
    at: datetime
    saved: WorkflowSpec | None = None
    revision: int | None = None


class Keeper:
    """The file of one document while it is open."""

    def __init__(self, directory: Path, name: str, lock: int) -> None:
        self._path = _file(directory, name)
        self._lock_path = _lock(directory, name)
        self._held = lock

    def keep(self, kept: Kept) -> None:
        """Put it on disk, whole or not at all. Raises `OSError`."""
        part = self._path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)

    def drop(self) -> None:
        """Keep nothing: all is saved, or given up."""
        self._path.unlink(missing_ok=True)

    def close(self, *, keeping: bool = False) -> None:
        """Let go of the document; without ``keeping`` nothing is left of it."""
        if not keeping:
            self.drop()
            self._lock_path.unlink(missing_ok=True)
        os.close(self._held)


class Drawer:
    """Where unsaved work is kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> Keeper:
        """Give the file for a document that is about to be edited. Raises `OSError`."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = uuid4().hex
        lock = self._locked(name)
        if lock is None:
            raise BlockingIOError(f"{_lock(self._directory, name)} is held by somebody else")
        return Keeper(self._directory, name, lock)

    def left(self, log: str, workspace: str) -> list[tuple[str, Kept]]:
        """Give what was left unsaved of one daemon's workspace, the newest first, each with its name here.

        What is open elsewhere, and what can't be read, is not among it.
        """
        found = []
        for path in self._directory.glob("*.json"):
            lock = self._locked(path.stem)
            if lock is None:
                continue
            os.close(lock)
            with suppress(OSError, msgspec.MsgspecError):
                kept = msgspec.json.decode(path.read_bytes(), type=Kept)
                if (kept.log, kept.workspace) == (log, workspace):
                    found.append((path.stem, kept))
        return sorted(found, key=lambda one: one[1].at, reverse=True)

    def take(self, name: str) -> Keeper | None:
        """Give the file of what was left, to go on with it; None where somebody else does."""
        lock = self._locked(name)
        return None if lock is None else Keeper(self._directory, name, lock)

    def _locked(self, name: str) -> int | None:
        descriptor = os.open(
            _lock(self._directory, name), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


def unsaved_directory() -> Path:
    """Give where unsaved work is kept: in the user's state directory."""
    return platformdirs.user_state_path("stoker") / "unsaved"


def _file(directory: Path, name: str) -> Path:
    return directory / f"{name}.json"


def _lock(directory: Path, name: str) -> Path:
    return directory / f"{name}.lock"
