"""Who is asking."""

from __future__ import annotations

from starlette.requests import Request


def user(request: Request) -> str:
    """Give the user at the other end of the socket, as the kernel told the server."""
    return request.client.host if request.client else "unknown"
