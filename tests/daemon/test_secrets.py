from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.problems import Refused
from stoker_daemon.secrets import Secrets, SecretsError
from stoker_shared import events as ev
from tests.strategies import Story


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


def set_to(kept: str, workspace: str = "default", name: str = "token") -> ev.VariableSet:
    return ev.VariableSet(workspace, name, secret=True, kept=kept)


def test_a_value_outlives_the_daemon_and_is_for_the_owner_alone(path: Path):
    kept = Secrets(path).put("hunter2")

    assert Secrets(path).of(Story(set_to(kept)).state, "default") == {"token": "hunter2"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_the_secrets_of_the_workspace_are_given(path: Path):
    secrets = Secrets(path)
    story = Story(
        set_to(secrets.put("mine")),
        set_to(secrets.put("theirs"), workspace="other"),
        ev.VariableSet("default", "region", "eu"),
    )

    assert secrets.of(story.state, "default") == {"token": "mine"}


def test_a_value_whose_event_never_came_is_dropped_and_the_one_before_still_there(path: Path):
    secrets = Secrets(path)
    story = Story(set_to(secrets.put("before")))
    secrets.put("written ahead")

    again = Secrets(path)
    again.keep_only({variable.kept for variable in story.state.variables.values()})

    assert again.of(story.state, "default") == {"token": "before"}
    assert b"written ahead" not in path.read_bytes()


def test_an_event_without_a_value_is_told_with_what_to_do(path: Path):
    with pytest.raises(CannotLaunch) as caught:
        Secrets(path).of(Story(set_to("lost")).state, "default")

    assert str(caught.value) == (
        f"the value of the secret 'token' of workspace 'default' is missing from {path}; "
        "set it again: `stoker variable set token --secret`"
    )


def test_a_value_that_is_dropped_is_no_more_on_disk(path: Path):
    secrets = Secrets(path)
    kept = secrets.put("hunter2")
    secrets.put("other")

    secrets.drop(kept)

    assert b"hunter2" not in path.read_bytes()
    assert len(Secrets(path)) == 1


def test_a_file_half_written_when_the_daemon_was_killed_changes_nothing(path: Path):
    kept = Secrets(path).put("hunter2")
    aside = path.with_name(".secrets.new")
    aside.write_bytes(b'{"format":1,"values":{"')

    again = Secrets(path)
    again.keep_only({kept})

    assert len(again) == 1
    assert not aside.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_what_can_not_be_written_is_refused_and_what_is_kept_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
):
    secrets = Secrets(path)
    kept = secrets.put("hunter2")

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", fail)
        with pytest.raises(Refused):
            secrets.put("other")
        secrets.drop(kept)

    assert len(secrets) == len(Secrets(path)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"values":[]}', b"\xff"])
def test_a_damaged_file_is_refused_with_its_name_and_left_as_it_is(path: Path, content: bytes):
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(SecretsError, match=f"{path} is damaged"):
        Secrets(path)
    assert path.read_bytes() == content


def test_a_file_that_others_can_read_is_refused(path: Path):
    Secrets(path).put("hunter2")
    path.chmod(0o640)

    with pytest.raises(SecretsError, match=f"mode 0640.*chmod 600 {path}"):
        Secrets(path)


def test_a_file_of_a_newer_format_is_refused(path: Path):
    path.write_text('{"format":2,"values":{},"more":1}')
    path.chmod(0o600)

    with pytest.raises(SecretsError, match="newer Stoker"):
        Secrets(path)
