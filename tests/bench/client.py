"""A client that costs little beside what it asks: HTTP/1.1 on a Unix socket, one request after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


class Client:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> bytes:
        """Give the body of the answer, which must be a success of known length."""
        lines = [f"{method} {path} HTTP/1.1", "host: x", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, _, after = head.partition(b"content-length: ")
        content = await self._reader.readexactly(int(after.split(b"\r\n")[0]))
        assert head.startswith(b"http/1.1 2"), head + content
        return content

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def together(
    socket: Path, clients: int, items: Iterable[_T], work: Callable[[Client, _T], Awaitable[object]]
) -> None:
    """Do the work for each item, with that many clients at once, each on a connection of its own."""
    rest = iter(items)
    await asyncio.gather(*(_one_of_them(socket, rest, work) for _ in range(clients)))


async def _one_of_them(
    socket: Path, rest: Iterator[_T], work: Callable[[Client, _T], Awaitable[object]]
) -> None:
    client = Client(*await asyncio.open_unix_connection(str(socket)))
    for item in rest:
        await work(client, item)
    client.close()
