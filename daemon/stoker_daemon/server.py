"""The socket and the server on it: who may connect, which the kernel tells, and how often."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
import time
from asyncio.trsock import TransportSocket
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from stoker_daemon import descriptors
from stoker_daemon.access.peers import group_id, peer_of
from stoker_daemon.access.rules import Peer, Rules
from stoker_shared.paths import check_socket_path

TOLD_AGAIN_SECONDS = 3600
"""How long a user who was turned away, and is turned away again, is not logged once more."""

logger = logging.getLogger(__name__)


FIRST_REQUEST_SECONDS = 1.0
"""How long a client that has only just connected has for its request when the server stops."""

TURNS_TO_BE_KNOWN = 4
"""Turns of the event loop that are more than it takes from accepting a connection to its protocol."""


class AlreadyRunning(Exception):
    """Another daemon has this data directory or socket."""


def lock_data(data: Path) -> IO[str]:
    """Take the data directory for this process, for as long as the file given is open.

    Raises:
        AlreadyRunning: another daemon has it; says which.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    file = os.fdopen(descriptor, "r+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise AlreadyRunning(f"another stokerd (pid {owner}) has the data directory {data}") from None
    # In place, and cut only then: on a full disk there is no other block to be had.
    file.write(f"{os.getpid()}\n")
    file.truncate()
    file.flush()
    return file


class NoSuchGroup(Exception):
    """The group that the socket is to be for can't have it; the message says why."""


def bind(path: Path, group: str | None = None) -> socket.socket:
    """Give a listening socket at ``path``, which only this user, and a ``group`` if named, may connect to.

    It is made under another name and renamed into place, so that nobody meets it with a wider mode, and what
    an earlier daemon left is replaced.

    Raises:
        SocketPathTooLong: the kernel would not take the path.
        AlreadyRunning: somebody answers there.
        FileExistsError: something else is there, which is not ours to replace.
        NoSuchGroup: there is no such group, or it is not ours to give something to.
    """
    check_socket_path(path)
    gid = None if group is None else _gid(group)
    if path.exists() and not path.is_socket():
        raise FileExistsError(f"{path} is there and is not a socket; move it away, or set socket to another")
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True)
        _give(path.parent, gid, 0o710)
    if answers(path):
        raise AlreadyRunning(f"another stokerd listens on {path}")
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    _bind_however_long(listening, aside)
    aside.chmod(0o600)
    _give(aside, gid, 0o660)
    listening.listen(128)
    aside.rename(path)
    return listening


def _gid(group: str) -> int:
    if (gid := group_id(group)) is None:
        raise NoSuchGroup(f"there is no group {group!r}; set socket_group to one that there is")
    return gid


def _give(path: Path, gid: int | None, mode: int) -> None:
    """Give a group, where one is named, its rights to something."""
    if gid is None:
        return
    try:
        os.chown(path, -1, gid)
    except PermissionError:
        user = f"the user that stokerd runs as (uid {os.geteuid()})"
        raise NoSuchGroup(
            f"{user} is not in socket_group (gid {gid}), and can't give it the socket"
        ) from None
    path.chmod(mode)


def _bind_however_long(listening: socket.socket, path: Path) -> None:
    """Bind by way of the directory's descriptor: the other name is longer, and the kernel may not take it."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        listening.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)


def answers(path: Path) -> bool:
    """Tell whether somebody listens at a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


class Door:
    """Who is let in, over all connections: whoever has a role, as long as others find room too."""

    def __init__(self, rules: Rules, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._monotonic = monotonic
        self._inside: Counter[int] = Counter()
        self._told: dict[int, float] = {}

    def lets_in(self, peer: Peer) -> bool:
        """Tell whether somebody is let in, who then is inside until they have `left`.

        Nobody but the daemon's own user may take more than what is left then for everybody else.
        """
        if not self._rules.rights_of(peer).any:
            self._tell(peer.uid, "has no role here")
            return False
        free = descriptors.CLIENTS - self._inside.total() - 1
        if free < 0 or (self._inside[peer.uid] + 1 > free and not self._rules.is_own(peer)):
            self._tell(peer.uid, f"has {self._inside[peer.uid]} connections, and no more are to be had")
            return False
        self._inside[peer.uid] += 1
        return True

    def left(self, peer: Peer) -> None:
        """Note that a connection has ended."""
        self._inside[peer.uid] -= 1
        self._inside += Counter()  # drops those who have none

    def _tell(self, uid: int, why: str) -> None:
        now = self._monotonic()
        self._told = {known: at for known, at in self._told.items() if now - at < TOLD_AGAIN_SECONDS}
        if uid not in self._told:
            self._told[uid] = now
            logger.warning("a connection of uid %d was closed unread: it %s", uid, why)


class PeerProtocol(H11Protocol):
    """HTTP over a Unix socket, with the `Peer` in each request's state.

    Whoever is not let in is not read from and hears nothing. When the server stops, whoever was connected
    before that is still answered.
    """

    _ending = False

    def __init__(self, door: Door, **settings: Any) -> None:
        super().__init__(**settings)
        self._door = door
        self._peer: Peer | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask the kernel who is there."""
        super().connection_made(transport)
        try:
            peer = peer_of(cast("socket.socket", transport.get_extra_info("socket")))
        except OSError as error:
            logger.warning("a connection was closed unread: who it is of can't be told: %s", error)
            transport.abort()
            return
        if not self._door.lets_in(peer):
            transport.abort()
            return
        self._peer = peer
        self.app_state = {**self.app_state, "peer": peer}

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        super().connection_lost(exc)
        if self._peer:
            self._door.left(self._peer)

    def data_received(self, data: bytes) -> None:
        """Take a request; while the server stops it is the connection's last."""
        super().data_received(data)
        if self._ending and self.cycle:
            self.cycle.keep_alive = False

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Close, unless it was us who ended the hearing, and an answer is still to be given."""
        return (self._ending and not self._is_idle()) or None

    def shutdown(self) -> None:
        """End with the answer under way; without one hear what was sent already, and answer that.

        Who was answered before can send nothing from now on, and so loses nothing; who has only just
        connected has a moment for its request.
        """
        self._ending = True
        if not self._is_idle():
            super().shutdown()
        elif self.cycle is None:
            self.loop.call_later(FIRST_REQUEST_SECONDS, self._close_if_idle)
        elif not _is_left(self.transport):
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()


def _is_left(transport: asyncio.Transport) -> bool:
    """End the hearing on a connection, and tell whether anything that was sent has not been read.

    Where nothing was, the client sees that at once, and sends its next request elsewhere.
    """
    peer = cast("TransportSocket", transport.get_extra_info("socket"))
    peer.shutdown(socket.SHUT_RD)
    with peer.dup() as copy:
        left = bool(copy.recv(1, socket.MSG_PEEK))
    if not (left or transport.get_write_buffer_size()):
        peer.shutdown(socket.SHUT_WR)
    return left


class Server(uvicorn.Server):
    """uvicorn as a part of the daemon: it leaves signals to the daemon, and stops when told to."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=cast("type[asyncio.Protocol]", partial(PeerProtocol, Door(rules))),
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                backlog=descriptors.CLIENTS,  # so many may be taken before the first is looked at
                timeout_keep_alive=75,
                timeout_graceful_shutdown=5,
            )
        )
        self._told = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals alone: the daemon handles them."""
        yield

    async def main_loop(self) -> None:
        """Wait to be told to stop. uvicorn's own looks ten times a second, which an idle daemon would pay."""
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nobody more, let those who were taken be known, and then end as uvicorn does."""
        loop = asyncio.get_running_loop()
        for listening in [each for server in self.servers for each in server.sockets]:
            loop.remove_reader(listening.fileno())
        for _ in range(TURNS_TO_BE_KNOWN):
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Take no more requests, finish those under way, and return from `serve`."""
        self.should_exit = True
        self._told.set()
