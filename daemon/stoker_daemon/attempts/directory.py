"""The directory of one attempt: what is in it, and what it tells after a restart.

``stdout`` and ``stderr`` are the job's; ``keeper`` tells in lines who claimed it (the first that is not empty
counts) and, in the end, its exit status; ``work`` is the job's working directory; beside them lie the files
it was given. ``marks`` and ``cuts`` tell of the streams in which order both are shown, and what was cut out
(see `output`).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

import msgspec

from stoker_daemon.volumes import is_no_room

_NEW = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC

OUTPUT = ("stdout", "stderr")
"""The streams that a job writes."""


class AttemptKey(msgspec.Struct, frozen=True):
    """Which attempt: run, the node's number and name, the attempt's number."""

    run: int
    number: int
    node: str
    attempt: int

    def __str__(self) -> str:
        return f"#{self.run}/{self.node} attempt {self.attempt}"


_GIVEN_UP = "given up"
_LINE = re.compile(rf"[0-9]{{1,9}}|exit [0-9]{{1,3}}|{_GIVEN_UP}")


class AttemptDirectory:
    """One attempt's directory, ``logs/RUN/NODE-NUMBER/ATTEMPT`` in the data directory."""

    def __init__(self, logs: Path, key: AttemptKey) -> None:
        self.path = logs / f"{key.run}/{key.number}/{key.attempt}"

    def make(self) -> None:
        """Make the directory, the job's working directory in it, and the files that are written to."""
        # Not by way of Path: this is on the way of every node, and a Path costs as much again.
        path = str(self.path)
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)  # noqa: PTH103, PTH120
        for directory in (path, f"{path}/work"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory, 0o700)  # noqa: PTH102
        for name in OUTPUT:
            os.close(os.open(f"{path}/{name}", _NEW, 0o600))
        self._lay_out_keeper(f"{path}/keeper")

    def stream(self, name: str) -> Path:
        """Give the file of one of `OUTPUT`."""
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
        try:
            os.link(target, place)
        except FileExistsError:
            # Of an attempt that was made ready and never came to be, whose number was given again.
            place.unlink()
            self.link(name, target)
        except OSError:
            shutil.copy2(target, place)

    def is_claimed(self) -> bool:
        """Tell whether anybody ever claimed it."""
        return bool(self._kept())

    def exit_status(self) -> int | None:
        """Give how it ended; None where that is not written."""
        # Nobody ends what nobody claimed.
        ends = [line for line in self._kept()[1:] if line.startswith("exit ")]
        return int(ends[0].removeprefix("exit ")) if ends else None

    def keeper(self) -> int | None:
        """Give the pid of the keeper that has the attempt; None where none has, or the daemon gave it up."""
        claim = next(iter(self._kept()), _GIVEN_UP)
        return int(claim) if claim.isdigit() else None

    def keeper_or_none_ever(self) -> int | None:
        """Give the pid of the keeper that has the attempt; where none has, see to it that none ever will."""
        try:
            self.make()
        except OSError as error:
            if is_no_room(error):
                return None  # What lacks room to be laid out never was, so that no keeper is late.
            raise
        if not self._kept():
            with self._keeper.open("a") as file:
                file.write(f"{_GIVEN_UP}\n")
        return self.keeper()

    @staticmethod
    def _lay_out_keeper(path: str) -> None:
        """Make the keeper's file with an empty line in it.

        So it has its block, and the few bytes of a claim and an exit status find room on a full disk too.
        """
        descriptor = os.open(path, _NEW | os.O_APPEND, 0o600)
        try:
            if not os.fstat(descriptor).st_size:
                os.write(descriptor, b"\n")
        finally:
            os.close(descriptor)

    @property
    def _keeper(self) -> Path:
        return self.path / "keeper"

    def _kept(self) -> list[str]:
        """Give the whole lines of the keeper's file; anything else a crash may have left, or the job."""
        try:
            lines = self._keeper.read_text("ascii", errors="replace").split("\n")[:-1]
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return []
        return [line for line in lines if _LINE.fullmatch(line)]
