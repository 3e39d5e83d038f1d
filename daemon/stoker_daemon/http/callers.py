"""Who is asking, and under which key."""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec
from starlette.requests import Request

from stoker_daemon.access.rules import Rights
from stoker_daemon.problems import malformed
from stoker_shared.events import KeyUse

_KEY = re.compile(r"[!-~]{1,255}")


class Caller(msgspec.Struct, frozen=True):
    """The user at the other end of the socket, what they may do, and the request's key.

    ``key`` is None where the request has none: it is then carried out as often as it comes.
    """

    user: str
    rights: Rights
    key: KeyUse | None = None


def caller_of(request: Request, body: bytes, user: str, rights: Rights) -> Caller:
    """Give who is asking; ``body`` is the request's. Raises `Refused` for a key that can't be one."""
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return Caller(user, rights)
    if not _KEY.fullmatch(key):
        raise malformed("Idempotency-Key must be 1 to 255 printable ASCII characters without a space")
    used = KeyUse(key, f"{request.method} {request.url.path}", sha256(body).hexdigest())
    return Caller(user, rights, used)
