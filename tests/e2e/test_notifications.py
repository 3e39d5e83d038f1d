"""A real daemon tells people by real mail and HTTP: whatever is down or killed, each is told of each once."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clock import beginning_at
from tests.daemon.notify.servers import AUTHORITY, MailBox, Receiver, http_server, mail_server
from tests.harness import PATIENCE, StokerDaemon, wait_for

ONCALL, LEAD = "oncall@example.com", "lead@example.com"
FAILS = """\
echo reading
echo "the key is $STOKER_LAKE_KEY" >&2
test -e "$1" && exit 0
cat >&2 <<END
Traceback (most recent call last):
  File "report.py", line 12, in <module>
ValueError: no rows for 2026-11-21
END
exit 3
"""
A_MINUTE_A_SECOND = 60

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class Outside:
    """A mail server and a receiver of posts, in a loop of their own beside the test."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.box, self.receiver = self.do(self._made())
        self.stack = AsyncExitStack()
        self.url = self.do(self.stack.enter_async_context(http_server(self.receiver)))
        self.mails = AsyncExitStack()
        # Nobody else can have its port, and until somebody listens it refuses whoever comes.
        self.mail_socket = socket.socket()
        self.mail_socket.bind(("127.0.0.1", 0))
        self.port = self.mail_socket.getsockname()[1]

    async def _made(self) -> tuple[MailBox, Receiver]:
        return MailBox(), Receiver()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def open_mail(self) -> None:
        self.do(self.mails.enter_async_context(mail_server(self.box, tls="starttls", sock=self.mail_socket)))

    def close(self) -> None:
        self.do(self.mails.aclose())
        self.mail_socket.close()
        self.do(self.stack.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def posted(self, kind: str) -> list[dict[str, Any]]:
        """What was posted and taken of that kind."""
        return [post for _, body in self.receiver.came if (post := json.loads(body))["type"] == kind]


@pytest.fixture
def outside() -> Iterator[Outside]:
    outside = Outside()
    yield outside
    outside.close()


@pytest.fixture
def told(tmp_path: Path, outside: Outside) -> Iterator[StokerDaemon]:
    """A daemon whose configuration names both, and whose clock goes fast."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, secret in (("password", "m4il"), ("signing", "sign")):
        path = tmp_path / name
        path.touch(0o600)
        path.write_text(secret)
    outside.box.login = ("stoker", "m4il")
    environment = {
        "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        "STOKER_SMTP_HOST": "localhost",
        "STOKER_SMTP_PORT": str(outside.port),
        "STOKER_SMTP_USER": "stoker",
        "STOKER_SMTP_PASSWORD_FILE": str(tmp_path / "password"),
        "STOKER_MAIL_FROM": "stoker@example.com",
        "STOKER_WEBHOOK_URL": outside.url,
        "STOKER_WEBHOOK_SECRET_FILE": str(tmp_path / "signing"),
    }
    daemon = StokerDaemon(tmp_path, environment)
    daemon.inside = beginning_at(datetime.now(UTC), A_MINUTE_A_SECOND)
    with daemon:
        yield daemon


def publish(daemon: StokerDaemon) -> Path:
    """Publish a workflow that fails until there is a file, which is given."""
    mended = daemon.home / "mended"
    stored = daemon.http.put(
        "/v1/workspaces/default/variables/lake_key", json={"value": "k3y-of-the-lake", "secret": True}
    )
    assert stored.is_success, stored.text
    daemon.publish_job("report.sh", FAILS)
    told = {"addresses": [LEAD], "states": ["failed"]}
    node = {"name": "report", "job": "report.sh", "args": [str(mended)], "subscription": told}
    daemon.publish_workflow("sales", [node], notify=[ONCALL])
    return mended


def read(outside: Outside, to: str) -> list[str]:
    """The subjects of the mails that somebody got, in their order."""
    return [mail["Subject"].strip() for whom, mail in list(outside.box.taken) if whom == to]


def test_everybody_is_told_once_though_servers_were_down_and_the_daemon_killed(
    told: StokerDaemon, outside: Outside
):
    outside.receiver.answers("503 Later")
    mended = publish(told)
    run = told.start_run("sales")
    told.finished(run)
    wait_for(lambda: told.http.get("/v1/status").json().get("notify_trouble", "").count(";"), "both are down")
    waiting = told.run_stoker("notify", "list").stdout
    status = told.run_stoker("status").stdout

    told.kill()
    outside.open_mail()
    outside.receiver.came.clear()
    outside.receiver.answers("204 No Content")
    told.start()
    none_left = lambda: "pending_notifications" not in told.http.get("/v1/status").json()  # noqa: E731
    wait_for(none_left, "all are told")
    mended.touch()
    assert told.run_stoker("rerun", str(run), "--failed").returncode == 0
    wait_for(lambda: len(outside.box.taken) == 3 and none_left(), "it is told that it succeeds again")

    assert f"localhost:{outside.port} can't be reached" in waiting
    assert "4 to be sent:" in waiting
    assert "4 to be sent (stoker notify list); localhost" in status
    assert read(outside, LEAD) == ["[stoker] sales: node report of run #1 failed"]
    assert read(outside, ONCALL) == [
        "[stoker] sales: run #1 failed",
        "[stoker] sales: succeeds again, run #1 after it had failed",
    ]
    body = outside.box.taken[0][1].get_body(("plain",))
    assert body
    text = body.get_content()
    assert "ValueError: no rows for 2026-11-21" in text
    assert "stoker logs 1 report --stream stderr --attempt 1" in text
    everything = "".join(mail.as_string() for _, mail in outside.box.taken) + str(outside.receiver.came)
    assert "k3y-of-the-lake" not in everything + told.journal.read_text()
    assert "m4il" not in told.journal.read_text()
    for kind in ("node", "run.failed", "run.recovered"):
        assert len(outside.posted(kind)) == 1
    assert "k3y" not in "".join(path.read_text() for path in (told.data / "runlog").glob("*.jsonl"))


def test_a_test_says_what_the_server_answered(told: StokerDaemon, outside: Outside):
    down = told.run_stoker("notify", "test", ONCALL)
    outside.open_mail()
    up, posted = told.run_stoker("notify", "test", ONCALL), told.run_stoker("notify", "test")
    wrong = told.run_stoker("notify", "test", "nobody")

    assert (down.returncode, up.returncode, posted.returncode, wrong.returncode) == (4, 0, 0, 4)
    assert "can't be reached" in down.stderr
    assert up.stdout == "sent; the server answered: kept as 4711\n"
    assert posted.stdout == "sent; the server answered: 204 No Content\n"
    assert "'nobody' is not an e-mail address" in wrong.stderr
    assert read(outside, ONCALL) == ["[stoker] a test"]
    assert len(outside.posted("test")) == 1


def test_without_a_mail_server_it_is_said_that_nobody_was_told(daemon: StokerDaemon):
    publish(daemon)
    daemon.finished(daemon.start_run("sales"))

    assert "2 were not sent, since no mail server is set (smtp_host)" in daemon.run_stoker("status").stdout
    listed = daemon.run_stoker("notify", "list")
    assert listed.stdout.splitlines()[:2] == ["mail     none is set", "webhook  none is set"]
    warning = (
        f"no mail is sent to {ONCALL}, {LEAD}: the daemon has no mail server (smtp_host in its configuration)"
    )
    for option in ("--dry-run", "--remarks=again"):
        assert daemon.run_stoker("workflow", "publish", "sales", option).stderr == (
            f"stoker: warning: sales: {warning}\n"
        )
    again = daemon.http.post("/v1/workspaces/default/workflows/sales/rollback", json={"version": 1})
    assert again.json()["warnings"] == [warning]
    refused = daemon.run_stoker("notify", "test", ONCALL)
    assert (refused.returncode, "set smtp_host" in refused.stderr) == (4, True)
