"""What requests and answers of all kinds are made of: numbers, moments, pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

API_VERSION = "1"

MAX_PAGE = 1000
"""Entries a page may have."""

MAX_DESCRIPTION = 10_000
"""Characters that a workspace or a workflow may be described with."""

MAX_VALUE = 30_000
"""Characters that the value of a workspace's variable may have."""

MAX_NUMBER = 10**15 - 1
"""The largest number that a request may name; far beyond any that is given out."""

Number = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
"""Of a run, version or attempt."""

Position = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
"""In the run log, or in a file."""

Digest = Annotated[
    str,
    # Python's $ is also before a newline at the end, hence the length.
    Meta(pattern="^[0-9a-f]{64}$", max_length=64, description="SHA-256 in lower-case hexadecimal digits"),
]

Place = Annotated[str, Meta(pattern=r"^(-?[0-9]{1,18}\.)?[0-9]{1,15}$", max_length=35)]
"""In a list of runs: what it is sorted by, unless that is the number, and the run's number."""

Moment = Annotated[datetime, Meta(tz=True)]
"""An instant, in UTC."""

_T = TypeVar("_T")


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what may stand behind the question mark.

    What may be absent is unset, not None: a query has no null, and msgspec would read the word as one.
    """


class PageQuery(Query, frozen=True):
    """Which part of a list."""

    cursor: Annotated[str, Meta(description="`next` of the page before; absent: from the beginning")] = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="entries at the most")] = 100


class SaveQuery(Query, frozen=True):
    """How a draft is saved."""

    applied: Annotated[bool, Meta(description="it comes from a file, which is where it is edited")] = False


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of bodies that clients send."""


class Empty(Request, frozen=True):
    """The body of a request whose path says all."""


class NewName(Request, frozen=True):
    """The name that a workflow, or a copy of it, is to have."""

    name: str


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a body; ``pointer`` is where, as a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


class Page(msgspec.Struct, Generic[_T], omit_defaults=True):
    """Part of a list; ``next`` is the cursor of the part that follows, absent at the end."""

    items: list[_T]
    next: str | None = None
