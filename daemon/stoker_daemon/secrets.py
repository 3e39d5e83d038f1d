"""The values of secret variables, in a file of their own that only its owner may read.

The run log says that a variable is secret and under which id its value is kept here, never the value. A value
is on disk before its event is, under an id of its own. So, whenever the daemon is killed, a value without
event is one that nobody knows of (the next start drops it), and the value it was to replace is still there.
A variable whose value is missing, for the file was lost, says so wherever it is used.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Collection
from pathlib import Path
from threading import Lock
from uuid import uuid4

import msgspec

from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.problems import Refused, disk_refusals
from stoker_daemon.runlog.segments import sync_directory
from stoker_shared.state import State

FORMAT = 1
"""Version of the file's format. A file of a newer one is refused."""

logger = logging.getLogger(__name__)


class SecretsError(Exception):
    """The file can't be used as it is; the message says what to do. Nothing was changed."""


class _Content(msgspec.Struct):
    format: int = FORMAT
    values: dict[str, str] = {}


class Secrets:
    """The values by id. What `put` has returned from is on disk; it may be called from any thread.

    Raises:
        SecretsError: the file is damaged, open to others, or of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = _read(path)
        self._writing = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def of(self, state: State, workspace: str) -> dict[str, str]:
        """Give the secrets of a workspace, by name. Raises CannotLaunch where a value is missing."""
        variables = [one for one in state.variables.values() if one.secret and one.workspace == workspace]
        missing = [one.name for one in variables if one.kept not in self._values]
        if missing:
            raise CannotLaunch(
                f"the value of the secret {missing[0]!r} of workspace {workspace!r} is missing from "
                f"{self._path}; set it again: `stoker variable set {missing[0]} --secret`"
            )
        return {one.name: self._values[one.kept] for one in variables}

    def put(self, value: str) -> str:
        """Keep a value, and give its id. Raises `Refused` where there is no room, or the disk fails."""
        kept = uuid4().hex
        with self._writing:
            self._write(self._values | {kept: value})
        return kept

    def drop(self, kept: str) -> None:
        """Forget the value of an id that no variable has any more."""
        with self._writing:
            self._keep(self._values.keys() - {kept})

    def keep_only(self, kept: Collection[str]) -> None:
        """Forget what has no event: what a daemon that was killed had written ahead, or not yet dropped."""
        self._aside.unlink(missing_ok=True)
        self._keep(kept)

    def _keep(self, kept: Collection[str]) -> None:
        left = {id: value for id, value in self._values.items() if id in kept}
        if left == self._values:
            return
        try:
            self._write(left)
        except Refused as refusal:
            logger.warning("a value that is no longer used stays in %s for now: %s", self._path, refusal)

    @property
    def _aside(self) -> Path:
        return self._path.with_name(f".{self._path.name}.new")

    def _write(self, values: dict[str, str]) -> None:
        content = msgspec.json.encode(_Content(values=values))
        with disk_refusals(self._path.parent):
            descriptor = os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._aside.rename(self._path)
            sync_directory(self._path.parent)
        self._values = values


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read()
    except FileNotFoundError:
        return {}
    if mode & 0o077:
        raise SecretsError(
            f"{path} is open to others (mode {mode:04o}): what is in it may be known. `chmod 600 {path}`, "
            "and think of setting the secrets anew"
        )
    try:
        content = msgspec.json.decode(data, type=_Content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SecretsError(
            f"{path} is damaged: {error}. Put back a copy of it, or move it away and set each secret again"
        ) from error
    if content.format > FORMAT:
        raise SecretsError(f"{path} was written by a newer Stoker (format {content.format}); use that")
    return content.values
