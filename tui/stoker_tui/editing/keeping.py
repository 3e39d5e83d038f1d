"""Unsaved work kept on this machine, so that neither a closed terminal nor a crash loses what was edited.

Each draft and each form has a file of its own, and a lock that is held while it is open: what nobody holds
is what somebody was torn away from. The one part of `editing` that does input and output.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import uuid4

import msgspec
import platformdirs

from stoker_shared.model import WorkflowSpec
from stoker_tui.forms.typed import Typed

FormName = Literal["node", "settings", "schedule"]


class OpenForm(msgspec.Struct, frozen=True):
    """The form that is open over a draft, with what is typed in it and not in the draft: it is not valid."""

    name: FormName
    typed: Typed
    node: str = ""


class KeptDraft(msgspec.Struct, frozen=True):
    """A draft that was edited and not saved. ``workflow`` is its id, 0 of a new one."""

    log: str
    workspace: str
    workflow: int
    spec: WorkflowSpec
    at: datetime
    saved: WorkflowSpec | None = None
    revision: int | None = None
    form: OpenForm | None = None

    @property
    def name(self) -> str:
        """What it is of, in words."""
        return self.spec.workflow


class KeptForm(msgspec.Struct, frozen=True):
    """What was typed in a form and not saved; ``where`` it was opened, a ``new`` thing or one that is there.

    ``given`` is the definition that it was given since it was opened, as by an editor, in JSON.
    """

    log: str
    workspace: str
    where: tuple[str, ...]
    new: bool
    at: datetime
    typed: Typed
    given: str | None = None

    @property
    def name(self) -> str:
        """What it is of, in words."""
        return " ▸ ".join(self.where)


class KeptText(msgspec.Struct, frozen=True):
    """A text that was left in the editor to be mended, of ``name``."""

    log: str
    workspace: str
    name: str
    text: str
    at: datetime


Kept = KeptDraft | KeptForm | KeptText
"""What is kept; ``log`` is that of the daemon, ``workspace`` empty where it is not of a workspace."""


class Left(NamedTuple):
    """What was left unsaved, and what it is called in the drawer."""

    file: str
    kept: Kept


class Keeper:
    """The file of a draft or a form while it is open, there as long as something of it is not saved."""

    def __init__(self, directory: Path, name: str, lock: int | None = None) -> None:
        self._directory = directory
        self._name = name
        self._lock = lock

    def keep(self, kept: Kept) -> None:
        """Put it on disk, whole or not at all. Raises `OSError`."""
        if self._lock is None:
            self._lock = _locked(_lock(self._directory, self._name), os.O_CREAT)
        path = _file(self._directory, self._name)
        part = _part(self._directory, self._name)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def drop(self) -> None:
        """Keep nothing: all is saved, or given up."""
        _file(self._directory, self._name).unlink(missing_ok=True)
        # It is there after a kill, or a full disk.
        _part(self._directory, self._name).unlink(missing_ok=True)
        if self._lock is not None:
            _lock(self._directory, self._name).unlink(missing_ok=True)
            self.let_go()

    def let_go(self) -> None:
        """Leave what is kept to whoever goes on with it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Drawer:
    """Where unsaved work is kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> Keeper:
        """Give the file for what is about to be edited. Raises `OSError`."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Keeper(self._directory, uuid4().hex)

    def left(self, log: str, workspace: str) -> list[Left]:
        """Give what was left unsaved of a daemon, in one workspace or in none, the newest first.

        What is open elsewhere, and what can't be read, is not among it.
        """
        found = []
        for path in self._directory.glob("*.json"):
            with suppress(OSError, UnicodeDecodeError, msgspec.MsgspecError):
                os.close(_locked(_lock(self._directory, path.stem)))
                kept = _decoded(path.read_bytes())
                if kept.log == log and kept.workspace in (workspace, ""):
                    found.append(Left(path.stem, kept))
        by_name = sorted(found, key=lambda left: left.kept.name)
        return sorted(by_name, key=lambda left: left.kept.at, reverse=True)

    def take(self, name: str) -> Keeper | None:
        """Give the file of what was left, to go on with it; None where somebody else does, or has."""
        try:
            return Keeper(self._directory, name, _locked(_lock(self._directory, name)))
        except OSError:
            return None


def unsaved_directory() -> Path:
    """Give where unsaved work is kept: in the user's state directory."""
    return platformdirs.user_state_path("stoker") / "unsaved"


def _decoded(content: bytes) -> Kept:
    """Give what was kept; its kind is the one that has these fields."""
    for kind in (KeptForm, KeptText):
        with suppress(msgspec.ValidationError):
            return msgspec.json.decode(content, type=kind)
    return msgspec.json.decode(content, type=KeptDraft)


def _locked(path: Path, flags: int = 0) -> int:
    """Lock a file that nobody else has locked; the kernel lets go of it whatever ends the process."""
    descriptor = os.open(path, flags | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _file(directory: Path, name: str) -> Path:
    return directory / f"{name}.json"


def _part(directory: Path, name: str) -> Path:
    return directory / f"{name}.part"


def _lock(directory: Path, name: str) -> Path:
    return directory / f"{name}.lock"
