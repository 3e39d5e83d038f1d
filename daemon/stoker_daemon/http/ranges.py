"""Byte ranges as RFC 9110 has them, of output that may lack its middle.

A range is answered with a part of it (as 15.3.7 allows): up to where something is gone, or from there on.
"""

from __future__ import annotations

import re

import msgspec

from stoker_daemon.output.view import Stretch, View
from stoker_daemon.problems import Refused
from stoker_shared.api import Problem

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Part(msgspec.Struct, frozen=True):
    """What a range is answered with: from ``start`` to before ``end``. ``cut``: what of the range is gone."""

    start: int
    end: int
    size: int
    cut: Stretch | None

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers; positions in them include the last, as is usual there."""
        length = {"Content-Length": str(self.end - self.start)}
        place = {"Content-Range": f"bytes {self.start}-{self.end - 1}/{self.size}"}
        cut = {"Stoker-Cut": f"{self.cut.start}-{self.cut.end - 1}"} if self.cut else {}
        return length | place | cut


def choose(header: str, view: View, most: int) -> Part:
    """Give the part that answers a single range, at most ``most`` bytes. Raises `Refused`: none is there."""
    start, end, from_end = asked(header, view.size)
    stretches = list(view.stretches(start, end))
    kept = [index for index, stretch in enumerate(stretches) if not stretch.gone]
    if not kept:
        detail = f"{header[:60]!r} is not a range of these {view.size} bytes"
        if stretches:
            detail = f"all of {header[:60]!r} was cut out"
        raise unsatisfiable(detail, view.size)
    chosen = kept[-1 if from_end else 0]
    start, end = stretches[chosen].start, stretches[chosen].end
    before, after = stretches[:chosen], stretches[chosen + 1 :]
    if from_end:
        start, before = (start, before) if end - start <= most else (end - most, [])
    else:
        end, after = (end, after) if end - start <= most else (start + most, [])
    return Part(start, end, view.size, next(iter([*before[-1:], *after[:1]]), None))


def unsatisfiable(detail: str, size: int) -> Refused:
    """Nothing of a range is there, of ``size`` bytes."""
    return Refused(Problem("range", "Not in range", 416, detail), {"Content-Range": f"bytes */{size}"})


def asked(header: str, size: int) -> tuple[int, int, bool]:
    """Give start and end (not included) of a range (RFC 9110, 14.1.2), and whether it counts from the end."""
    match = _RANGE.fullmatch(header.strip())
    if match and match[1]:
        return int(match[1]), min(int(match[2]) + 1, size) if match[2] else size, False
    if match and match[2]:
        return max(size - int(match[2]), 0), size, True
    return 0, 0, False
