"""Requests in, answers out: decoding, encoding, problems, and the headers that every answer has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from stoker_daemon.problems import Refused, invalid, malformed
from stoker_shared.api import API_VERSION, Page, PageQuery, Problem
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


def parameters(values: Mapping[str, str], kind: type[_T]) -> _T:
    """Give the decoded parameters of a path or query; raises `Refused`."""
    try:
        return msgspec.convert(dict(values), kind, strict=False)
    except msgspec.ValidationError as error:
        fault = fault_of(error, kind)
        raise malformed(f"{fault.pointer.removeprefix('/')}: {fault.detail}", [fault]) from error


async def body(request: Request, kind: type[_T]) -> tuple[_T, bytes]:
    """Give the body, decoded and as it came; raises `Refused` where it is too large or not of that type."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise Refused(Problem("too-large", "Too large", 413, f"a body has at most {MAX_BODY} bytes"))
    try:
        return msgspec.json.decode(data, type=kind), bytes(data)
    except msgspec.ValidationError as error:
        fault = fault_of(error, kind)
        raise invalid(f"{fault.pointer or 'the body'}: {fault.detail}", [fault]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(f"the body is not JSON: {error}") from error


def page(query: PageQuery, keys: Iterable[str], show: Callable[[str], _T]) -> Page[_T]:
    """Give the part of a list that a query asks for, in the order of the keys."""
    rest = sorted(key for key in keys if key > query.cursor)
    more = len(rest) > query.limit
    return Page([show(key) for key in rest[: query.limit]], rest[query.limit - 1] if more else None)


async def on_refused(_: Request, error: Exception) -> Response:
    """Answer a refusal with its problem."""
    assert isinstance(error, Refused)  # noqa: S101 - Starlette maps handlers by type
    return problem(error.problem, error.headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown route or method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    what = f"{request.method} {request.url.path[:200]!r}: {error.detail}"
    headers = dict(error.headers or {})
    return problem(Problem("http", str(error.detail), error.status_code, what), headers)


async def on_disconnect(_: Request, error: Exception) -> Response:
    """Answer, for nobody to read, who has gone or lost the thread before the body was whole."""
    return problem(malformed("the request ended before its body did").problem)


async def on_error(request: Request, error: Exception) -> Response:
    """Answer what should not have happened; the log has the rest."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "the daemon met an error of its own; its log says more"
    return problem(Problem("internal", "Internal error", 500, detail))


def handlers() -> dict[Any, Any]:
    """Give the exception handlers of the application."""
    return {
        Refused: on_refused,
        HTTPException: on_http_error,
        ClientDisconnect: on_disconnect,
        Exception: on_error,
    }
