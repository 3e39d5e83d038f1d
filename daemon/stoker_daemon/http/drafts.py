"""Revisions of drafts as HTTP has them: an ETag in the answer, a precondition on a write."""

from __future__ import annotations

import re

from starlette.requests import Request

from stoker_daemon.commands.common import NEW
from stoker_daemon.problems import malformed
from stoker_shared.text import clean

PRECONDITIONS = ("If-Match", "If-None-Match")

_ETAG = re.compile(r'"(\d{1,15})"')


def etag(revision: int) -> dict[str, str]:
    """Give the header that says which revision an answer shows."""
    return {"ETag": f'"{revision}"'}


def revision_of(request: Request) -> int | None:
    """Give the revision that a write is made on, from its preconditions (RFC 9110, 13.1)."""
    if request.headers.get("if-none-match") == "*":
        return NEW
    tag = request.headers.get("if-match")
    if tag is None:
        return None
    if match := _ETAG.fullmatch(tag.strip()):
        return int(match[1])
    raise malformed(f"If-Match must be the ETag of a draft, not {clean(tag[:40])!r}")
