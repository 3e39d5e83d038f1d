"""Content: sent before what names it, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stoker_daemon.engine import Engine
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.http.ranges import asked, unsatisfiable
from stoker_daemon.objects import Objects, WrongDigest
from stoker_daemon.problems import invalid, not_found
from stoker_shared import routes
from stoker_shared.api import API_VERSION, Digest, StoredObject

_OCTETS = "application/octet-stream"
_HEADERS = {"Stoker-API": API_VERSION, "Content-Type": _OCTETS, "Accept-Ranges": "bytes"}
_BLOCK = 256 * 1024


class Content:
    """Handlers over the object store."""

    def __init__(self, engine: Engine, objects: Objects) -> None:
        self._engine = engine
        self._objects = objects

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("PUT", routes.OBJECT, self.put_object, status=201, takes=_OCTETS),
            Operation("GET", routes.OBJECT, self.read_object, headers=("Range",), gives=_OCTETS),
            Operation("HEAD", routes.OBJECT, self.find_object, gives=_OCTETS),
        ]

    async def put_object(self, request: Request, digest: Digest) -> Answer[StoredObject]:
        """Store content under its SHA-256."""
        self._engine.admit()
        try:
            size = await self._objects.receive(digest, request.stream(), _announced_size(request))
        except WrongDigest as error:
            raise invalid(str(error)) from error
        return Answer(StoredObject(digest, size))

    async def read_object(self, request: Request, digest: Digest) -> Response:
        """Give stored content, or a byte range of it."""
        size = self._size(digest)
        path = self._objects.path(digest)
        header = request.headers.get("range", "")
        if not header.startswith("bytes="):
            return StreamingResponse(_read(path, 0, size), 200, _HEADERS | {"Content-Length": str(size)})
        start, end, _ = asked(header, size)
        if start >= end:
            raise unsatisfiable(f"{header[:60]!r} is not a range of these {size} bytes", size)
        place = {"Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{size}"}
        return StreamingResponse(_read(path, start, end), 206, _HEADERS | place)

    async def find_object(self, digest: Digest) -> Response:
        """Tell whether content is stored, and its size. It stays then until it is named, for a while."""
        if not self._engine.held():
            self._objects.claim(digest)
        return Response(headers=_HEADERS | {"Content-Length": str(self._size(digest))})

    def _size(self, digest: str) -> int:
        if digest not in self._objects:
            raise not_found(f"there is no object {digest}")
        return self._objects.size(digest)


def _read(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (block := file.read(min(_BLOCK, end - start))):
            start += len(block)
            yield block


def _announced_size(request: Request) -> int:
    """Give how many bytes the body will have, 0 where that is not known beforehand."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0
