"""Holes in files: a part is given back to the file system, and all offsets stay what they are."""

from __future__ import annotations

import ctypes
import os
import tempfile
from pathlib import Path

BLOCK = 64 * 1024
"""What begins and ends at multiples of this is given back whole: no usual file system has larger blocks."""

CANNOT_CUT = "the file system can't free a part of a file (punch a hole), so output_limit has no effect"

_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02  # linux/falloc.h

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def punch(path: Path, start: int, end: int) -> None:
    """Give back a part of a file, which reads as NULs from then on; who writes to it notices nothing.

    Raises OSError, EOPNOTSUPP among others where the file system can't do it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if _fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, start, end - start) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def can_punch(directory: Path) -> bool:
    """Try it on a file without a name in a directory. Raises OSError where none can be written."""
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".holes-") as file:
        file.write(bytes(BLOCK))
        file.flush()
        try:
            punch(Path(file.name), 0, BLOCK)
        except OSError:
            return False
    return True
