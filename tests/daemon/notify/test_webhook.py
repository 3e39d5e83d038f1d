"""Posts to a real HTTP server, which fails in every way."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from stoker_daemon import journal
from stoker_daemon.config import Config
from stoker_daemon.notify import webhook as webhook_module
from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.letters import Letter
from stoker_daemon.notify.webhook import Webhook
from stoker_shared.apply.notifying import WEBHOOK
from tests.daemon.notify.servers import Receiver, http_server
from tests.daemon.notify.test_letters import notice
from tests.daemon.notify.test_message import FACTS
from tests.strategies import T0

LETTER = Letter(WEBHOOK, (notice(7, WEBHOOK, **FACTS),))


class Line:
    """A receiver and who posts to it."""

    def __init__(self, receiver: Receiver, webhook: Webhook) -> None:
        self.receiver = receiver
        self.webhook = webhook

    async def failure(self) -> NotCarried:
        with pytest.raises(NotCarried) as caught:
            await self.webhook.carry(LETTER)
        return caught.value


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("s3cret\n")
    receiver = Receiver()
    async with http_server(receiver) as url:
        config = Config(data=tmp_path, socket=tmp_path, webhook_url=url, webhook_secret_file=secret)
        webhook = Webhook(config, "a" * 32, "edge1", lambda: T0)
        yield Line(receiver, webhook)
        await webhook.close()


async def test_what_happened_is_posted_with_its_facts_and_who_is_told_is_not(line: Line):
    assert await line.webhook.carry(LETTER) == "204 No Content"

    ((headers, body),) = line.receiver.came
    posted = msgspec.json.decode(body)
    assert headers[""] == "POST /hook/s3cret-path HTTP/1.1"
    assert headers["idempotency-key"] == posted["id"] == f"{'a' * 32}-7"
    assert (posted["type"], posted["text"], posted["host"]) == (
        "run.failed",
        "daily: run #7 failed",
        "edge1",
    )
    assert (posted["name"], posted["run"], posted["version"], posted["trigger"]) == (
        "daily",
        7,
        3,
        "schedule",
    )
    assert "untold" not in posted


async def test_a_post_is_signed_with_its_moment(line: Line):
    await line.webhook.carry(LETTER)

    ((headers, body),) = line.receiver.came
    seconds = int(T0.timestamp())
    signed = hmac.new(b"s3cret", f"{seconds}.".encode() + body, sha256).hexdigest()
    assert headers["stoker-signature"] == f"t={seconds},v1={signed}"


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        ("500 Oops", False),
        ("404 Not Found", False),
        ("429 Slowly", False),
        ("410 Gone", True),
        ("422 What?", True),
    ],
)
async def test_a_refusal_is_for_good_only_where_it_is_of_what_was_posted(
    line: Line, status: str, permanent: bool
):
    line.receiver.answers(status, body=b"because \x1b[31m" + b"x" * 100_000)

    failed = await line.failure()

    assert (failed.permanent, failed.everything) == (permanent, not permanent)
    assert f"answered {status} because ␛[31mxx" in str(failed)
    assert len(str(failed)) < 400


async def test_nobody_is_sent_elsewhere(line: Line):
    line.receiver.answers("302 Found", "Location: http://169.254.169.254/")

    failed = await line.failure()

    assert (failed.everything, len(line.receiver.came)) == (True, 1)
    assert "sends elsewhere, which is not followed: 302" in str(failed)


async def test_a_receiver_that_hangs_is_left_after_a_while(line: Line, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhook_module, "WHOLE_SECONDS", 0.2)
    line.receiver.hangs.clear()

    failed = await line.failure()
    line.receiver.hangs.set()

    assert failed.everything
    assert "TimeoutError" in str(failed)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 20", b"nonsense\r\n\r\n"])
async def test_a_receiver_that_speaks_nonsense_or_hangs_up_takes_nothing(line: Line, answer: bytes):
    line.receiver.answer = answer

    assert (await line.failure()).everything


async def test_a_failure_does_not_tell_the_rest_of_the_address_which_may_be_a_secret(line: Line):
    line.receiver.answers("500 Oops")
    told = str(await line.failure())

    assert "http://localhost:" in told
    assert "s3cret" not in told


async def test_nor_does_the_log_of_a_post_that_arrived(line: Line, capfd: pytest.CaptureFixture[str]):
    journal.set_up()
    try:
        await line.webhook.carry(LETTER)
    finally:
        logging.basicConfig(level=logging.WARNING, handlers=[], force=True)

    assert "s3cret" not in capfd.readouterr().err


async def test_an_answer_that_ends_amid_its_body_has_taken_the_post(line: Line):
    line.receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly so much"

    assert await line.webhook.carry(LETTER) == "200 OK"
