"""What install and uninstall write, tell and refuse; systemd only writes down what it is asked."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stoker_daemon.config import Config, Configured
from stoker_daemon.service import installing
from stoker_daemon.service.installing import CannotInstall, Place, install, service_of, uninstall

ME = getpass.getuser()


class FakePlace(Place):
    def __init__(self, units: Path, *, system: bool = False) -> None:
        super().__init__(system=system)
        self.units = units
        self.asked: list[tuple[str, ...]] = []
        self.refuses: tuple[str, ...] = ("reset-failed", "is-active")

    def systemctl(self, *arguments: str) -> str:
        self.asked.append(arguments)
        if arguments[0] in self.refuses:
            raise CannotInstall(f"`systemctl {arguments[0]}` failed")
        return ""

    def version(self) -> int:
        return 252


@pytest.fixture
def place(tmp_path: Path) -> FakePlace:
    return FakePlace(tmp_path / "units")


@pytest.fixture
def lingers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def say(word: str) -> None:
        done = subprocess.CompletedProcess([], 0, f"{word}\n", "")
        monkeypatch.setattr(installing.subprocess, "run", lambda *_, **__: done)

    say("yes")
    return say


def configured(home: Path, origins: dict[str, str] | None = None, *, found: bool = False) -> Configured:
    config = Config(data=home / "data", socket=home / "run/s", stop_grace=3)
    return Configured(config, home / "etc/stokerd.toml", found, origins or {})


def installed(home: Path, place: Place, *, start: bool = False, force: bool = False) -> str:
    return "\n".join(install(configured(home), place, ME, start=start, force=force))


def test_units_are_written_enabled_and_started(tmp_path: Path, place: FakePlace, lingers: object):
    said = installed(tmp_path, place, start=True)

    assert {path.name for path in place.units.iterdir()} == {"stokerd.service", "stokerd.socket"}
    assert place.asked == [
        ("daemon-reload",),
        ("enable", "stokerd.service", "stokerd.socket"),
        ("start", "stokerd.socket", "stokerd.service"),
    ]
    assert "started: `systemctl --user status stokerd.service` shows how it stands" in said
    assert f"clients find it by STOKER_SOCKET={tmp_path}/run/s" in said


def test_without_start_it_is_said_how(tmp_path: Path, place: FakePlace, lingers: object):
    assert "start it: systemctl --user start stokerd.socket stokerd.service" in installed(tmp_path, place)


def test_what_lingering_is_and_whether_it_is_on_is_said(
    tmp_path: Path, place: FakePlace, lingers: Callable[[str], None]
):
    assert f"lingering is on for {ME}: the daemon starts with the host" in installed(tmp_path, place)
    lingers("no")
    said = installed(tmp_path, place)
    assert f"lingering is off for {ME}: when you log out systemd ends the daemon, and every job" in said
    assert f"`loginctl enable-linger {ME}`" in said


def test_what_is_installed_otherwise_is_shown_and_replaced_by_force_only(
    tmp_path: Path, place: FakePlace, lingers: object
):
    installed(tmp_path, place)
    installed(tmp_path, place)
    unit = place.units / "stokerd.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=60", "WatchdogSec=9"))

    with pytest.raises(CannotInstall, match="--force replaces it") as refused:
        installed(tmp_path, place)
    assert "-WatchdogSec=9\n+WatchdogSec=60" in str(refused.value)
    installed(tmp_path, place, force=True)
    assert "WatchdogSec=60" in unit.read_text()


def test_a_daemon_that_was_started_by_hand_is_not_pushed_aside(tmp_path: Path, place: FakePlace):
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "run/s"))
        other.listen()
        with pytest.raises(CannotInstall, match=r"a daemon that is no service listens on .*: stop it first"):
            installed(tmp_path, place, start=True)

    assert not place.units.exists()


def test_a_hosts_daemon_needs_its_user(tmp_path: Path):
    place = FakePlace(tmp_path / "units", system=True)
    with pytest.raises(CannotInstall, match=r"there is no user nobody-of-that-name .* Make one, with"):
        list(install(configured(tmp_path), place, "nobody-of-that-name", start=False, force=False))

    assert not place.units.exists()


def test_a_hosts_daemon_is_not_installed_from_where_its_user_cannot_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tmp_path.chmod(0o700)
    program = tmp_path / "stokerd"
    program.touch(0o755)
    monkeypatch.setattr(installing, "_program", lambda: (str(program),))
    place = FakePlace(tmp_path / "units", system=True)

    with pytest.raises(CannotInstall, match=r"user nobody can't run .*stokerd \(.*\): install Stoker where"):
        list(install(configured(tmp_path), place, "nobody", start=False, force=False))

    assert not place.units.exists()


def test_what_was_given_by_hand_is_given_to_the_service_by_flags(tmp_path: Path):
    file = str(tmp_path / "etc/stokerd.toml")
    origins = {"stop_grace": "--stop-grace", "data": "STOKER_DATA", "socket": file}
    service = service_of(configured(tmp_path, origins, found=True), 252, "")

    assert service.command[1:] == (f"--config={file}", f"--data={tmp_path}/data", "--stop-grace=3")
    assert service_of(configured(tmp_path), 252, "").command[1:] == ()


def test_a_webhooks_address_which_may_be_a_secret_is_not_given_by_a_flag(tmp_path: Path):
    given = configured(tmp_path, {"webhook_url": "STOKER_WEBHOOK_URL"})

    with pytest.raises(CannotInstall, match=r"may be a secret: write it into .*stokerd.toml instead"):
        service_of(given, 252, "")


def test_uninstall_leaves_the_data_and_what_is_not_its_own(tmp_path: Path, place: FakePlace, lingers: object):
    installed(tmp_path, place)
    (tmp_path / "run").mkdir()
    (place.units / "stokerd.service.d").mkdir()

    said = "\n".join(uninstall(configured(tmp_path), place))

    assert [path.name for path in place.units.iterdir()] == ["stokerd.service.d"]
    assert ("disable", "--now", "stokerd.socket", "stokerd.service") in place.asked
    assert not (tmp_path / "run").exists()
    assert f"left, since it is yours: {place.units}/stokerd.service.d" in said
    assert f"the data stay in {tmp_path}/data" in said
    with pytest.raises(CannotInstall, match=r"there is no stokerd\.service in"):
        list(uninstall(configured(tmp_path), place))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_the_hosts_configuration_is_written_and_taken_away_unless_somebody_changed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(installing.paths, "HOST_CONFIG", tmp_path / "etc/stokerd.toml")
    place = FakePlace(tmp_path / "units", system=True)

    def read() -> Configured:
        return installing.host_configuration(None, {}, {})

    for changed in (False, True):
        list(install(read(), place, ME, start=False, force=False))
        file = tmp_path / "etc/stokerd.toml"
        assert 'data = "/var/lib/stoker"' in file.read_text()
        assert f"--config={file}" in (place.units / "stokerd.service").read_text()
        file.write_text(file.read_text() + "# mine\n" * changed)
        list(uninstall(read(), place))
        assert file.exists() == changed


def test_without_systemd_it_is_said_what_to_do_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(installing, "_BOOTED", tmp_path / "none")
    with pytest.raises(CannotInstall, match="systemd does not run this host; have what does run `stokerd`"):
        Place(system=False).version()


def test_only_root_installs_for_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(installing, "_BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotInstall, match="only root may install a unit of the host: use sudo, or --user"):
        Place(system=True).version()
