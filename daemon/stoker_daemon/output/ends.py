"""How an attempt's output begins and ends, however large it is."""

from __future__ import annotations

from pathlib import Path

from stoker_daemon.output.view import View
from stoker_shared.api import Stream, cut_mark

HEAD, TAIL = 64 * 1024, 256 * 1024
"""Bytes that are read at the beginning and at the end."""


def ends(directory: Path, stream: Stream) -> bytes:
    """Give the first and the last bytes of a stream, a line break between them where that is not all."""
    view = View(directory, stream)
    view.look(None)
    if view.size <= HEAD + TAIL:
        return _read(view, 0, view.size)
    return _read(view, 0, HEAD) + b"\n" + _read(view, view.size - TAIL, view.size)


def _read(view: View, start: int, end: int) -> bytes:
    data = b""
    while read := view.read(start, end):
        data += cut_mark(read) if isinstance(read, int) else read
        start += read if isinstance(read, int) else len(read)
    return data
