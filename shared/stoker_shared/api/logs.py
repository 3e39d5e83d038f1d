"""What attempts write."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from stoker_shared.api.base import Position, Query

MAX_LIVE_RANGE = 16 * 1024 * 1024
"""Bytes of an active attempt's output that one range is answered with at most."""


class Stream(StrEnum):
    """What there is to read of an attempt: what it wrote, and ``launch``, what was launched and how.

    The order in which the two streams come in ``both`` is approximate.
    """

    BOTH = "both"
    STDOUT = "stdout"
    STDERR = "stderr"
    LAUNCH = "launch"


class LogQuery(Query, frozen=True):
    """How to give an attempt's output."""

    follow: Annotated[bool, Meta(description="go on while it grows, until the attempt ends")] = False
    offset: Annotated[Position, Meta(description="where to begin to follow, in bytes")] = 0


def cut_mark(count: int) -> bytes:
    """Give what stands in an attempt's output where bytes were cut out: a line of its own."""
    return f"\n[stoker: {count:,} bytes were cut out here]\n".encode()
