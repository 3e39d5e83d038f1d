"""An attempt's output as the daemon gives it: byte ranges, and a stream that tells when there is more."""

from __future__ import annotations

import re

import httpx
import msgspec

from stoker_shared import api, routes
from stoker_tui.logs.source import Piece

_PLACE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")
_CUT = re.compile(r"(\d+)-(\d+)")

_MOST_GAPS = 64
"""Parts that are gone, before a position, that are looked through for where the nearest begins."""


class Unreadable(Exception):
    """The daemon is not there, or doesn't give the output."""


class AttemptSource:
    """One stream of an attempt. Every method raises `Unreadable` with the reason."""

    def __init__(
        self, http: httpx.AsyncClient, run: int, node: str, attempt: int, stream: api.Stream
    ) -> None:
        self._http = http
        self._path = routes.fill(routes.LOG, run=run, node=node, attempt=attempt, stream=stream.value)
        self._grows = stream is not api.Stream.LAUNCH
        self._whole: bytes | None = None
        """All of a stream that is made when it is asked for, and has no ranges."""

    async def size(self) -> int:
        """Give where it ends now."""
        if not self._grows:
            self._whole = (await self._get("")).content
            return len(self._whole)
        return _size(await self._get("bytes=-1"))

    async def read(self, start: int, end: int) -> Piece:
        """Give what is at a position."""
        if self._whole is not None:
            return Piece(start, min(end, len(self._whole)), self._whole[start:end])
        answer = await self._get(f"bytes={start}-{end - 1}")
        first, last = _place(answer)
        if first == start:
            return Piece(start, last, answer.content)
        if first > start:
            return Piece(start, first, None)
        size = _size(answer)
        if start >= size:
            return Piece(start, start, b"")
        # All that was asked for is gone; what comes next tells how far.
        first, _ = await self._head(f"bytes={start}-")
        return Piece(start, first if first > start else size, None)

    async def gone_since(self, position: int) -> int:
        """Give where the part begins that is gone, and in which the position is."""
        at = 0
        for _ in range(_MOST_GAPS):
            first, cut = await self._head(f"bytes={at}-{position}")
            if first > at:
                return at
            if cut is None or cut[1] > position:
                return cut[0] if cut else position
            at = cut[1]
        return at

    async def grown(self, size: int) -> bool:
        """Wait until it is longer than that, or longer it will not be."""
        if not self._grows:
            return False
        query = {"follow": "true", "offset": str(size)}
        try:
            timeout = httpx.Timeout(10, read=None)
            async with self._http.stream("GET", self._path, params=query, timeout=timeout) as answer:
                if answer.is_error:
                    raise Unreadable(_reason(await answer.aread()))
                # What it gives has marks in it where something is gone: positions are asked for.
                async for chunk in answer.aiter_raw():
                    if chunk:
                        return True
        except httpx.TransportError as error:
            raise _lost(error) from error
        return False

    async def _get(self, part: str) -> httpx.Response:
        try:
            answer = await self._http.get(self._path, headers={"Range": part} if part else {})
        except httpx.TransportError as error:
            raise _lost(error) from error
        if answer.is_error and answer.status_code != httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise Unreadable(_reason(answer.content))
        return answer

    async def _head(self, part: str) -> tuple[int, tuple[int, int] | None]:
        """Give where the first bytes of a range are, and the first part of it that is gone; no bytes."""
        try:
            async with self._http.stream("GET", self._path, headers={"Range": part}) as answer:
                cut = _CUT.fullmatch(answer.headers.get("Stoker-Cut", ""))
                return _place(answer)[0], (int(cut[1]), int(cut[2]) + 1) if cut else None
        except httpx.TransportError as error:
            raise _lost(error) from error


def _lost(error: httpx.TransportError) -> Unreadable:
    if isinstance(error, httpx.ConnectError):
        return Unreadable("no daemon answers; it goes on when one is back")
    return Unreadable(str(error) or type(error).__name__)


def _size(answer: httpx.Response) -> int:
    place = _PLACE.fullmatch(answer.headers.get("Content-Range", ""))
    return int(place[3]) if place else 0


def _place(answer: httpx.Response) -> tuple[int, int]:
    """Give from where to before where the bytes of an answer are; -1 where it has none."""
    place = _PLACE.fullmatch(answer.headers.get("Content-Range", ""))
    return (int(place[1]), int(place[2]) + 1) if place and place[1] else (-1, -1)


def _reason(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=api.Problem).detail
    except msgspec.MsgspecError:
        return "its answer makes no sense"
