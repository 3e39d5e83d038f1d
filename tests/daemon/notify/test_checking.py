from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stoker_daemon.config import Config, Security
from stoker_daemon.notify.checking import mail_found, webhook_found

NOWHERE = Path("/none")


def config(**fields: Any) -> Config:
    return Config(data=NOWHERE, socket=NOWHERE, **fields)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_text("s3cret\n")
    return path


def test_that_none_is_set_is_well_and_said():
    assert mail_found(config())[0]
    assert "nobody is told by mail" in mail_found(config())[1]
    assert webhook_found(config()) == (True, "none is set (webhook_url)")


def test_what_is_set_is_said_with_how_to_try_it(secret: Path):
    named = config(smtp_host="mail", smtp_user="stoker", smtp_password_file=secret)
    hook = config(webhook_url="https://hooks.example.com/s3cret", webhook_secret_file=secret)

    assert mail_found(named) == (True, "mail, starttls, as stoker (`stoker notify test ADDRESS` tries it)")
    assert webhook_found(hook) == (True, "hooks.example.com, signed (`stoker notify test` tries it)")


def test_a_login_needs_a_password_in_a_file_that_others_can_t_read(secret: Path):
    user = {"smtp_host": "mail", "smtp_user": "stoker"}
    secret.chmod(0o644)

    without, found = mail_found(config(**user)), mail_found(config(**user, smtp_password_file=secret))

    assert without == (False, "smtp_user is stoker, and smtp_password_file is not set")
    assert (found[0], "open to others" in found[1]) == (False, True)
    assert webhook_found(config(webhook_url="https://x", webhook_secret_file=NOWHERE))[0] is False


def test_a_password_that_others_on_the_way_can_read_is_warned_of(secret: Path):
    plain = {"smtp_user": "stoker", "smtp_password_file": secret, "smtp_security": Security.PLAIN}

    assert "goes over the network as it is" in mail_found(config(smtp_host="mail", **plain))[1]
    assert "as it is" not in mail_found(config(smtp_host="localhost", **plain))[1]
