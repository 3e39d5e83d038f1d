"""What output is read from."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Piece(NamedTuple):
    """What is at a position: bytes from there on, or how far from there on all is gone."""

    start: int
    end: int
    data: bytes | None


class Source(Protocol):
    """A stream of bytes that may grow, and may lack parts of its middle. Positions stay true."""

    async def size(self) -> int:
        """Give where it ends now."""
        ...

    async def read(self, start: int, end: int) -> Piece:
        """Give what is at ``start``, which is before ``end`` and the stream's own end.

        Of bytes those before ``end`` at most; what is gone may go on beyond it.
        """
        ...

    async def gone_since(self, position: int) -> int:
        """Give where the part begins that is gone, and in which the position is."""
        ...

    async def grown(self, size: int) -> bool:
        """Wait until it is longer than that, or longer it will not be: then it is False."""
        ...
