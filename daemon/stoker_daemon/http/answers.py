"""Requests in, answers out: decoding, encoding, problems, and the headers that every answer has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from stoker_daemon.problems import Refused, invalid, malformed
from stoker_shared.api import API_VERSION, MAX_PAGE, Page, Problem
from stoker_shared.decoding import fault_of

MAX_BODY = 16 * 1024 * 1024
"""Bytes a JSON body may have."""

_T = TypeVar("_T")
_encoder = msgspec.json.Encoder()
logger = logging.getLogger(__name__)


def answer(content: object, seq: int, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Give a JSON answer that is true at ``seq``."""
    common = {"Stoker-Seq": str(seq), "Stoker-API": API_VERSION}
    return Response(_encoder.encode(content), status, common | (headers or {}), media_type="application/json")


def problem(what: Problem, headers: dict[str, str] | None = None) -> Response:
    """Give a problem as RFC 9457 has it."""
    common = {"Stoker-API": API_VERSION}
    return Response(_encoder.encode(what), what.status, common | (headers or {}), "application/problem+json")


async def body(request: Request, kind: type[_T]) -> _T:
    """Give the decoded body; raises `Refused` where it is too large or not of that type."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise Refused(Problem("too-large", "Too large", 413, f"a body has at most {MAX_BODY} bytes"))
    try:
        return msgspec.json.decode(bytes(data), type=kind)
    except msgspec.ValidationError as error:
        fault = fault_of(error, kind)
        raise invalid(f"{fault.pointer or 'the body'}: {fault.detail}", [fault]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(f"the body is not JSON: {error}") from error


def number(text: str, name: str) -> int:
    """Give a whole number from a path or query; raises `Refused`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise malformed(f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)


def limit(request: Request) -> int:
    """Give how many entries a page shall have."""
    asked = number(request.query_params.get("limit", "100"), "limit")
    if not 1 <= asked <= MAX_PAGE:
        raise malformed(f"limit must be from 1 to {MAX_PAGE}")
    return asked


def page(request: Request, keys: Iterable[str], show: Callable[[str], _T]) -> Page[_T]:
    """Give the part of a list that the request's cursor asks for, in the order of the keys."""
    cursor, most = request.query_params.get("cursor", ""), limit(request)
    rest = sorted(key for key in keys if key > cursor)
    return Page([show(key) for key in rest[:most]], rest[most - 1] if len(rest) > most else None)


async def on_refused(_: Request, error: Exception) -> Response:
    """Answer a refusal with its problem."""
    assert isinstance(error, Refused)  # noqa: S101 - Starlette maps handlers by type
    return problem(error.problem, error.headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown route or method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    what = f"{request.method} {request.url.path[:200]!r}: {error.detail}"
    return problem(Problem("http", str(error.detail), error.status_code, what))


async def on_error(request: Request, error: Exception) -> Response:
    """Answer what should not have happened; the log has the rest."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "the daemon met an error of its own; its log says more"
    return problem(Problem("internal", "Internal error", 500, detail))


def handlers() -> dict[Any, Any]:
    """Give the exception handlers of the application."""
    return {Refused: on_refused, HTTPException: on_http_error, Exception: on_error}
