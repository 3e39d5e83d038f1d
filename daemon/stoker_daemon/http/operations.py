"""Operations: what the interface can do, each a handler whose signature says what it takes and gives.

A handler's parameters are the path's by name, ``query`` and ``body`` by their types, the `Caller`, and where
it needs more of it the `Request`; it gives an `Answer` of a type. From this one description come the decoding
of requests, the encoding of answers, and the OpenAPI document, so that they can't disagree.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from time import monotonic
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from stoker_daemon.access.rules import Rights
from stoker_daemon.figures import SHORT, Histogram
from stoker_daemon.http.answers import answer, body, parameters
from stoker_daemon.http.callers import Caller, caller_of
from stoker_daemon.http.guard import Guard
from stoker_daemon.http.needs import NEEDS
from stoker_daemon.problems import Refused
from stoker_shared.api import API_VERSION, Problem
from stoker_shared.skew import what_to_do
from stoker_shared.text import clean

_T = TypeVar("_T")

Handler = Callable[..., Awaitable[Any]]


class Answer(msgspec.Struct, Generic[_T]):
    """What a handler answers with, as JSON; ``seq`` is where it is true at, unless it is true now."""

    content: _T
    headers: dict[str, str] = {}
    seq: int | None = None


class Outcome(Enum):
    """What came of a request: an answer, a refusal (or who asked was gone), or a failure of the daemon's."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"


class Operation:
    """One method on one path.

    ``status`` is that of success; ``headers`` names the request's headers that it heeds; ``takes`` and
    ``gives`` are the media types of bodies that are not JSON. The role that it ``needs`` is the table's.
    """

    def __init__(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        status: int = 200,
        headers: Iterable[str] = (),
        takes: str = "",
        gives: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.template = path.replace(":path}", "}")
        self.needs = NEEDS[method, path]
        self.status = status
        self.headers = tuple(headers)
        self.takes = takes
        self.gives = gives
        self.handler = handler
        self.name = handler.__name__
        self.summary = inspect.getdoc(handler) or ""
        hints = get_type_hints(handler, include_extras=True)
        given = hints.pop("return", NoneType)
        self.answer = get_args(given)[0] if get_origin(given) is Answer else None
        self.body = hints.pop("body", None)
        self.query = hints.pop("query", None)
        self.path_parameters = {name: hints[name] for name in re.findall(r"\{(\w+)(?::path)?\}", path)}
        self.wants_request = Request in hints.values()
        self.wants_caller = Caller in hints.values()
        self.took = {outcome: Histogram(SHORT) for outcome in Outcome}
        """How long requests took, by what came of them."""
        self._path_type = msgspec.defstruct("Path", list(self.path_parameters.items()))

    def place(self, request: Request) -> dict[str, Any]:
        """Give the path's parameters, decoded; raises `Refused`."""
        values = parameters(request.path_params, self._path_type)
        return {name: getattr(values, name) for name in self.path_parameters}

    async def arguments(
        self, request: Request, place: dict[str, Any], user: str, rights: Rights
    ) -> dict[str, Any]:
        """Give the handler's arguments, decoded; raises `Refused`."""
        arguments = dict(place)
        if self.query:
            arguments["query"] = parameters(request.query_params, self.query)
        if self.wants_request:
            arguments["request"] = request
        content = b""
        if self.body:
            arguments["body"], content = await body(request, self.body)
        if self.wants_caller:
            arguments["caller"] = caller_of(request, content, user, rights)
        return arguments


def routes(
    operations: Iterable[Operation], guard: Guard, durable: Callable[[], Awaitable[int]]
) -> list[Route]:
    """Give a route for each path. What an answer shows is on disk before it is given: ``durable`` waits."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [Route(path, _Endpoint(by_method, guard, durable)) for path, by_method in by_path.items()]


class _Endpoint:
    """One path as an ASGI application."""

    def __init__(
        self, by_method: dict[str, Operation], guard: Guard, durable: Callable[[], Awaitable[int]]
    ) -> None:
        self._by_method = by_method
        self._guard = guard
        self._durable = durable

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        operation = self._by_method.get(request.method)
        if operation is None:
            allowed = ", ".join(self._by_method)
            raise HTTPException(405, headers={"Allow": allowed})
        began, outcome = monotonic(), Outcome.FAILED
        try:
            response = await self._carry_out(operation, request)
            outcome = Outcome.ANSWERED
        except (Refused, HTTPException, ClientDisconnect):
            outcome = Outcome.REFUSED
            raise
        finally:
            operation.took[outcome].observe(monotonic() - began)
        return response

    async def _carry_out(self, operation: Operation, request: Request) -> Response:
        _check_version(request)
        place = operation.place(request)
        user, rights = await self._guard.admit(request, place, operation.needs)
        given = await operation.handler(**await operation.arguments(request, place, user, rights))
        if isinstance(given, Response):
            return given
        seq = await self._durable() if given.seq is None else given.seq
        return answer(given.content, seq, operation.status, given.headers)


def _check_version(request: Request) -> None:
    spoken = request.headers.get("stoker-api", API_VERSION)
    if spoken != API_VERSION:
        detail = (
            f"this stokerd speaks version {API_VERSION} of its interface, the client {clean(spoken[:20])!r}; "
            + what_to_do(API_VERSION, spoken[:20])
        )
        raise Refused(Problem("api-version", "Other version", 400, detail))
