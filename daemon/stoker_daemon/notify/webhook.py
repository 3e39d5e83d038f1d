"""The webhook: a POST of what happened, as JSON, signed with a shared secret.

``Stoker-Signature: t=SECONDS,v1=HEX`` has the HMAC-SHA256 of ``SECONDS.BODY``: who checks it refuses what is
old. ``Idempotency-Key`` is the same whenever the same thing is posted again.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import msgspec

from stoker_daemon.config import Config
from stoker_daemon.notify.carrying import NotCarried, read_secret
from stoker_daemon.notify.letters import Letter
from stoker_daemon.notify.wording import in_words
from stoker_shared import __version__
from stoker_shared.events import Lateness, Reason, Trigger
from stoker_shared.model import NodeState
from stoker_shared.state import Notice
from stoker_shared.text import clean_line, fit

STEP_SECONDS = 10.0
WHOLE_SECONDS = 30.0

_MOST_READ = 1000
"""Bytes of an answer that are looked at."""

_OF_THIS_ONE = frozenset({400, 409, 410, 413, 415, 422})
"""Refusals of what was posted; any other is the receiver's trouble, and passes."""


class Post(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is posted: the facts of a notice. ``id`` names it, ``text`` says it in a line; ``name`` is the
    workflow's, ``workflow`` its id."""

    id: str
    type: str
    at: datetime
    host: str
    text: str
    workspace: str = ""
    workflow: int = 0
    name: str = ""
    run: int = 0
    version: int = 0
    trigger: Trigger | None = None
    by: str = ""
    cycle: datetime | None = None
    time_zone: str = ""
    node: str = ""
    state: NodeState | None = None
    reason: Reason | None = None
    late: Lateness | None = None
    due: datetime | None = None
    after: int = 0
    backfill: int = 0
    counts: tuple[int, int, int] | None = None
    detail: str = ""


_FACTS = (set(Post.__struct_fields__) & set(Notice.__struct_fields__)) - {"id"}


class Webhook:
    """The receiver that the configuration names. ``log`` is the run log's id, ``host`` this host's name."""

    def __init__(self, config: Config, log: str, host: str, now: Callable[[], datetime]) -> None:
        self._url = config.webhook_url
        self._secret_file = config.webhook_secret_file
        self._log = log
        self._host = host
        self._now = now
        self._http = httpx.AsyncClient(
            timeout=STEP_SECONDS,
            follow_redirects=False,
            headers={"User-Agent": f"stoker/{__version__}", "Content-Type": "application/json"},
        )

    async def close(self) -> None:
        """Leave no connection open."""
        await self._http.aclose()

    async def carry(self, letter: Letter) -> str:
        """Post what a letter tells, and give the answer; raises `NotCarried`."""
        (notice,) = letter.notices
        facts = {name: getattr(notice, name) for name in _FACTS}
        number, text = f"{self._log}-{notice.id}", in_words(notice)
        return await self._send(Post(number, notice.about.value, host=self._host, text=text, **facts))

    async def try_out(self, by: str) -> str:
        """Post a test, and give the answer; raises `NotCarried`."""
        now = self._now()
        return await self._send(Post(f"test-{now:%FT%T.%f}", "test", now, self._host, f"a test, by {by}"))

    async def _send(self, what: Post) -> str:
        body = msgspec.json.encode(what)
        headers = {"Idempotency-Key": what.id}
        if self._secret_file:
            secret = await asyncio.to_thread(read_secret, self._secret_file)
            headers["Stoker-Signature"] = signature(secret, body, int(self._now().timestamp()))
        try:
            async with (
                asyncio.timeout(WHOLE_SECONDS),
                self._http.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                said = "" if answer.is_success else await _beginning(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            why = _shown(str(error) or type(error).__name__)
            raise NotCarried(f"{self.place} can't be reached: {why}", everything=True) from error
        shown = _shown(f"{answer.status_code} {answer.reason_phrase} {said}")
        if answer.is_success:
            return shown
        if answer.is_redirect:
            why = f"{self.place} sends elsewhere, which is not followed: {answer.status_code}"
            raise NotCarried(why, everything=True)
        permanent = answer.status_code in _OF_THIS_ONE
        raise NotCarried(f"{self.place} answered {shown}", permanent=permanent, everything=not permanent)

    @property
    def place(self) -> str:
        """Where that is, without what of the URL may be a secret."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def signature(secret: str, body: bytes, seconds: int) -> str:
    """Give the signature of a body at a moment."""
    digest = hmac.digest(secret.encode(), b"%d.%b" % (seconds, body), "sha256")
    return f"t={seconds},v1={digest.hex()}"


async def _beginning(answer: httpx.Response) -> str:
    read = b""
    async for chunk in answer.aiter_bytes():
        read += chunk
        if len(read) >= _MOST_READ:
            break
    return read[:_MOST_READ].decode(errors="replace")


def _shown(text: str) -> str:
    return fit(clean_line(text).strip(), 300)
