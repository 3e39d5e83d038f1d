"""The directories of runs: measured, put aside at once, and removed in peace."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

ASIDE = ".removed"
"""Where what is to be removed lies: from the moment it is there no run has it any more."""


def measured(logs: Path, run: int) -> int:
    """Give the bytes that the output of a run takes on disk, as far as that can be seen."""
    try:
        return sum(_walk(logs / str(run), remove=False))
    except (OSError, RecursionError):
        return 0


def put_aside(logs: Path, runs: Iterable[int]) -> None:
    """Take the directories of runs out of the way, where there are any."""
    aside = logs / ASIDE
    aside.mkdir(mode=0o700, exist_ok=True)
    for run in runs:
        place = next(path for n in range(1_000_000) if not (path := aside / f"{run}.{n}").exists())
        try:
            (logs / str(run)).rename(place)
        except FileNotFoundError:
            continue


def set_aside(logs: Path) -> list[Path]:
    """Give what was put aside and is still to be removed."""
    try:
        return sorted((logs / ASIDE).iterdir())
    except FileNotFoundError:
        return []


def remove(path: Path) -> int:
    """Remove a directory with all that is in it, and give the bytes that it took. Follows no link."""
    try:
        freed = sum(_walk(path, remove=True))
    except PermissionError:
        _open_up(path)
        freed = sum(_walk(path, remove=True))
    path.rmdir()
    return freed


def directories(logs: Path) -> list[int]:
    """Give the numbers of the runs that have a directory."""
    return sorted(int(name) for name in os.listdir(logs) if name.isascii() and name.isdigit())  # noqa: PTH208


def _walk(top: Path, *, remove: bool) -> Iterator[int]:
    """Give the bytes of what is in a directory, and of itself; a file that has another name takes none."""
    for _, below, files, descriptor in os.fwalk(top, topdown=False, onerror=_raise):
        for name in files:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            yield found.st_blocks * 512 if found.st_nlink == 1 else 0
            if remove:
                os.unlink(name, dir_fd=descriptor)
        yield os.fstat(descriptor).st_blocks * 512
        for name in below if remove else ():
            try:
                os.rmdir(name, dir_fd=descriptor)
            except NotADirectoryError:
                os.unlink(name, dir_fd=descriptor)  # a link to one


def _open_up(top: Path) -> None:
    """Let the owner into every directory: a job may have shut some."""
    for _, below, _, descriptor in os.fwalk(top):
        os.fchmod(descriptor, 0o700)
        for name in below:
            if not stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                os.chmod(name, 0o700, dir_fd=descriptor)


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
