"""An attempt's files, as they are sampled and read."""

from __future__ import annotations

import os
from pathlib import Path

from stoker_daemon.attempts.directory import OUTPUT
from stoker_daemon.output.cuts import Pair
from stoker_daemon.output.turns import Turns

_MARKS = "marks"

_WHOLE_LINE = 4096
"""Bytes looked back for the end of a line, so that turns end between lines."""


def sizes(directory: Path) -> Pair:
    """Give the sizes of both streams; 0 for one that is not there."""
    first, second = (_size(f"{directory}/{name}") for name in OUTPUT)
    return first, second


def read_at(path: Path, offset: int, most: int) -> bytes:
    """Read a part of a file; nothing where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    try:
        return os.pread(descriptor, most, offset)
    finally:
        os.close(descriptor)


def line_end(path: Path, shown: int, size: int) -> int:
    """Give where the last line ends in what a stream has more than is shown; ``shown`` where none does.

    Where a line is longer than is looked back it is the stream's end. Progress bars end lines by CR.
    """
    start = max(shown, size - _WHOLE_LINE)
    tail = read_at(path, start, size - start)
    found = max(tail.rfind(b"\n"), tail.rfind(b"\r"))
    if found >= 0:
        return start + found + 1
    return shown if start == shown else size


def append_marks(directory: Path, marks: bytes) -> None:
    """Write down marks. Raises OSError, and then none was written."""
    descriptor = os.open(directory / _MARKS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, marks) != len(marks):
            os.ftruncate(descriptor, before)
            raise OSError(f"{directory / _MARKS} could not be written whole")
    finally:
        os.close(descriptor)


def read_marks(directory: Path, turns: Turns) -> None:
    """Take in the marks that were written since the last time."""
    while marks := read_at(directory / _MARKS, turns.read, 1024 * 1024):
        before = turns.read
        turns.add(marks)
        if turns.read == before:
            break


def _size(path: str) -> int:
    try:
        # Not by way of Path: this is on the way of every node.
        return os.stat(path).st_size  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return 0
