"""The directory of one attempt: what is in it, and what it tells after a restart.

``stdout`` and ``stderr`` are the job's; ``launch`` says what was launched; ``claim`` says who keeps it;
``exit`` says how it ended; ``work`` is the job's working directory; beside them lie the files it was given.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from stoker_daemon.processes import Identity

_NEW = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC

STREAMS = ("stdout", "stderr", "launch")
"""The streams of an attempt that people read."""


class AttemptKey(msgspec.Struct, frozen=True):
    """Which attempt: run, the node's number and name, the attempt's number."""

    run: int
    number: int
    node: str
    attempt: int

    def __str__(self) -> str:
        return f"#{self.run}/{self.node} attempt {self.attempt}"


class Claim(msgspec.Struct, frozen=True):
    """Who claimed an attempt: its keeper, or a restarted daemon that gave it up. Neither: not yet written."""

    keeper: Identity | None = None
    given_up: bool = False

    @property
    def is_being_written(self) -> bool:
        """Whether its file is there and its text is not."""
        return self.keeper is None and not self.given_up


_GIVEN_UP = "given up\n"


class AttemptDirectory:
    """One attempt's directory, ``logs/RUN/NODE-NUMBER/ATTEMPT`` in the data directory."""

    def __init__(self, logs: Path, key: AttemptKey) -> None:
        self.path = logs / str(key.run) / str(key.number) / str(key.attempt)

    def make(self) -> None:
        """Make the directory and the job's working directory in it."""
        (self.path / "work").mkdir(mode=0o700, parents=True, exist_ok=True)

    def stream(self, name: str) -> Path:
        """Give the file of one of `STREAMS`."""
        return self.path / name

    def write(self, files: dict[str, bytes]) -> None:
        """Write the job's files, readable for nobody else. They may be there from a launch that failed."""
        for name, content in files.items():
            descriptor = os.open(self.path / name, _NEW | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)

    def link(self, name: str, target: Path) -> None:
        """Give the job a file that is stored elsewhere: by a hard link, or a copy on another file system."""
        place = self.path / name
        place.unlink(missing_ok=True)
        try:
            place.hardlink_to(target)
        except OSError:
            shutil.copy2(target, place)

    def exit_status(self) -> int | None:
        """Give how it ended; None where that is not written whole."""
        try:
            text = (self.path / "exit").read_text("ascii")
        except FileNotFoundError:
            return None
        return int(text) if text.endswith("\n") else None

    def claim(self) -> Claim | None:
        """Give the claim; None where nobody has made one."""
        try:
            text = (self.path / "claim").read_text("ascii")
        except FileNotFoundError:
            return None
        if text == _GIVEN_UP:
            return Claim(given_up=True)
        if not text.endswith("\n"):
            return Claim()
        pid, start_time, boot = text.split()
        return Claim(Identity(int(pid), int(start_time), boot))

    def give_up(self) -> bool:
        """Make the claim before a late keeper can, which then exits. False where there is a claim already."""
        self.make()
        try:
            descriptor = os.open(self.path / "claim", _NEW | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_GIVEN_UP)
        return True
