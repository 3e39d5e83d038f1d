"""A real mail server and a real HTTP server for tests, which fail when they are told to."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from aiosmtpd.smtp import LoginPassword as Login

AUTHORITY = trustme.CA()
"""Signs the servers' certificate; nobody trusts it who is not told to."""


def server_tls() -> ssl.SSLContext:
    """What a server shows for itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    """What a client needs to believe it."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


class MailBox:
    """What a mail server does with what comes, and what it has taken.

    ``recipient`` gives the answer to an address, ``data`` that to a mail; ``login`` is the one it asks for.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []
        self.recipient: Callable[[str], str] = lambda _: "250 OK"
        self.data = "250 kept as 4711"
        self.login: tuple[str, str] | None = None
        self.logins: list[tuple[str, str]] = []
        self.drops = False
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def handle_RCPT(self, *arguments: Any) -> str:
        _, _, envelope, address, _ = arguments
        answer = self.recipient(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        await self.hangs.wait()
        if self.drops:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "421 never seen"
        if self.data.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            read = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(read, EmailMessage)
            self.taken += [(to, read) for to in envelope.rcpt_tos]
        return self.data

    def authenticate(self, *arguments: Any) -> AuthResult:
        given = arguments[-1]
        assert isinstance(given, Login)
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=self.logins[-1] == self.login, handled=False)


@asynccontextmanager
async def mail_server(
    box: MailBox, *, tls: str = "plain", sock: socket.socket | None = None, **options: Any
) -> AsyncIterator[int]:
    """A mail server in this loop, at a port that it gives, or on a socket that is bound."""
    context = server_tls() if tls != "plain" else None
    if box.login:
        options |= {"authenticator": box.authenticate, "auth_required": True, "auth_require_tls": False}
    if tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}

    def session() -> SMTP:
        return SMTP(box, hostname="localhost", enable_SMTPUTF8=True, **options)

    loop = asyncio.get_running_loop()
    inside = context if tls == "tls" else None
    place: dict[str, Any] = {"sock": sock} if sock else {"host": "localhost", "port": 0}
    async with await loop.create_server(session, ssl=inside, **place) as server:
        yield server.sockets[0].getsockname()[1]


class Receiver:
    """An HTTP server that answers every request alike, and keeps what came."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.hangs = asyncio.Event()
        self.hangs.set()

    def answers(self, status: str, *headers: str, body: bytes = b"") -> None:
        head = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body)}", *headers, "", ""]
        self.answer = "\r\n".join(head).encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        body = await reader.readexactly(int(headers["content-length"]))
        self.came.append(({"": head[0], **headers}, body))
        await self.hangs.wait()
        writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def http_server(receiver: Receiver) -> AsyncIterator[str]:
    """An HTTP server in this loop, at a URL that it gives."""
    async with await asyncio.start_server(receiver.serve, "localhost", 0) as server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}/hook/s3cret-path"
