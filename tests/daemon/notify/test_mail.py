"""Mail to a real SMTP server, which fails in every way."""

from __future__ import annotations

import socket
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from stoker_daemon.config import Config, Security
from stoker_daemon.notify import mail as mail_module
from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.mail import MailServer
from stoker_daemon.notify.message import trial
from tests.daemon.notify.servers import MailBox, mail_server, trusting
from tests.strategies import T0

TO = "oncall@example.com"


def server_at(
    port: int, tls: str = "plain", trusted: ssl.SSLContext | None = None, **fields: Any
) -> MailServer:
    config = Config(
        data=Path("/none"),
        socket=Path("/none"),
        smtp_host="localhost",
        smtp_port=port,
        smtp_security=Security(tls),
        **fields,
    )
    server = MailServer(config)
    if tls != "plain":
        server.tls = trusted or trusting()
    return server


def a_mail(to: str = TO) -> EmailMessage:
    return trial(to, sender="stoker@example.com", host="edge1", by="alice", now=T0)


async def failure(server: MailServer, to: str = TO) -> NotCarried:
    with pytest.raises(NotCarried) as caught:
        await server.send(a_mail(to), to)
    return caught.value


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text("s3cret\n")
    return path


@pytest.mark.parametrize("tls", ["plain", "starttls", "tls"])
async def test_a_mail_arrives_however_the_connection_is_secured(tls: str):
    box = MailBox()

    async with mail_server(box, tls=tls) as port:
        answer = await server_at(port, tls).send(a_mail(), TO)

    ((to, read),) = box.taken
    assert (to, read["Subject"], answer) == (TO, "[stoker] a test", "kept as 4711")


async def test_a_mail_arrives_at_an_address_in_other_than_ascii():
    box = MailBox()

    async with mail_server(box) as port:
        await server_at(port).send(a_mail("jürgen@exämple.com"), "jürgen@exämple.com")

    assert [to for to, _ in box.taken] == ["jürgen@exämple.com"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
class TestALogin:
    async def test_is_made_with_the_password_in_its_file(self, password: Path):
        box = MailBox()
        box.login = ("stoker", "s3cret")

        async with mail_server(box, tls="starttls") as port:
            server = server_at(port, "starttls", smtp_user="stoker", smtp_password_file=password)
            await server.send(a_mail(), TO)

        assert len(box.taken) == 1
        assert box.logins == [("stoker", "s3cret")]

    async def test_that_is_refused_concerns_everything_and_tells_no_password(self, password: Path):
        box = MailBox()
        box.login = ("stoker", "another")

        async with mail_server(box) as port:
            server = server_at(port, smtp_user="stoker", smtp_password_file=password)
            failed = await failure(server)

        assert (failed.everything, failed.permanent) == (True, False)
        assert "refuses the login: 535" in str(failed)
        assert "s3cret" not in str(failed)

    @pytest.mark.parametrize(
        ("mode", "content", "why"),
        [
            (0o640, b"s3cret", "is open to others; `chmod 600"),
            (0o600, b"", "must have 1 to 4,096 bytes"),
            (0o600, b"\xff", "is not text"),
            (0o600, None, "can't be read: No such file"),
        ],
    )
    async def test_is_not_tried_with_a_file_that_is_not_as_it_must_be(
        self, password: Path, mode: int, content: bytes | None, why: str
    ):
        password.chmod(mode)
        password.write_bytes(content) if content is not None else password.unlink()

        failed = await failure(server_at(1, smtp_user="stoker", smtp_password_file=password))

        assert why in str(failed)
        assert failed.everything


class TestARefusal:
    @pytest.mark.parametrize(("code", "permanent"), [("550 no such user", True), ("450 greylisted", False)])
    async def test_of_an_address_concerns_that_address(self, code: str, permanent: bool):
        box = MailBox()
        box.recipient = lambda to: code if to == TO else "250 OK"

        async with mail_server(box) as port:
            failed = await failure(server_at(port))
            await server_at(port).send(a_mail("lead@example.com"), "lead@example.com")

        assert (str(failed), failed.permanent, failed.everything) == (code, permanent, False)
        assert [to for to, _ in box.taken] == ["lead@example.com"]

    @pytest.mark.parametrize(("code", "permanent"), [("554 looks like spam", True), ("452 later", False)])
    async def test_of_a_mail_concerns_that_mail(self, code: str, permanent: bool):
        box = MailBox()
        box.data = code

        async with mail_server(box) as port:
            failed = await failure(server_at(port))

        assert (str(failed), failed.permanent, failed.everything) == (code, permanent, False)

    async def test_to_speak_other_than_in_ascii_concerns_the_address(self):
        async with mail_server(MailBox()) as port:
            server = server_at(port)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(mail_module.aiosmtplib.SMTP, "supports_extension", lambda *_: False)
                failed = await failure(server, "jürgen@example.com")

        assert failed.permanent
        assert "takes no addresses in other than ASCII" in str(failed)


class TestAServer:
    async def test_that_is_not_there_takes_nothing_now(self):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            port = deaf.getsockname()[1]
            failed = await failure(server_at(port))

        assert (failed.everything, failed.permanent) == (True, False)
        assert str(failed) == f"localhost:{port} can't be reached: connection refused"

    async def test_whose_name_nobody_knows_takes_nothing_now(self):
        server = MailServer(Config(data=Path("/none"), socket=Path("/none"), smtp_host="nowhere.invalid"))

        failed = await failure(server)

        assert failed.everything
        assert "nowhere.invalid can't be reached: " in str(failed)

    @pytest.mark.parametrize("tls", ["starttls", "tls"])
    async def test_with_a_certificate_that_nobody_vouches_for_gets_nothing(self, tls: str):
        box = MailBox()

        async with mail_server(box, tls=tls) as port:
            failed = await failure(server_at(port, tls, ssl.create_default_context()))

        assert failed.everything
        assert "certificate verify failed" in str(failed)
        assert box.taken == []

    async def test_without_starttls_gets_nothing_where_that_is_asked_for(self):
        box = MailBox()

        async with mail_server(box) as port:
            failed = await failure(server_at(port, "starttls"))

        assert failed.everything
        assert box.taken == []

    async def test_that_hangs_is_left_after_a_while(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(mail_module, "STEP_SECONDS", 0.2)
        box = MailBox()
        box.hangs.clear()

        async with mail_server(box) as port:
            failed = await failure(server_at(port))
            box.hangs.set()

        assert failed.everything
        assert "does not answer" in str(failed)

    async def test_that_drops_the_line_amid_a_mail_takes_nothing_now(self):
        box = MailBox()
        box.drops = True

        async with mail_server(box) as port:
            failed = await failure(server_at(port))

        assert (failed.everything, failed.permanent, box.taken) == (True, False, [])

    async def test_that_takes_a_mail_and_no_leave_has_taken_it(self, monkeypatch: pytest.MonkeyPatch):
        async def never(_: object) -> None:
            raise TimeoutError

        monkeypatch.setattr(mail_module.aiosmtplib.SMTP, "quit", never)
        box = MailBox()

        async with mail_server(box) as port:
            assert await server_at(port).send(a_mail(), TO) == "kept as 4711"
