"""`stokerd install` and `stokerd uninstall`: the units put where systemd finds them, and taken away again."""

from __future__ import annotations

import contextlib
import difflib
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import platformdirs

from stoker_daemon.access.peers import group_id
from stoker_daemon.config import SETTINGS, Configured, as_toml, read_config
from stoker_daemon.server import answers
from stoker_daemon.service.units import SERVICE, SOCKET, Service
from stoker_shared import paths

SYSTEM_DATA = Path("/var/lib/stoker")
SYSTEM_USER = "stoker"

_STATE = Path("/var/lib")
_BOOTED = Path("/run/systemd/system")
"""Is there where systemd runs the host (sd_booted(3))."""


class CannotInstall(Exception):
    """It can't be done; the message says why, and what to do. Nothing was changed."""


class Place:
    """Where units lie and who is told of them: the host's systemd, or a user's."""

    def __init__(self, *, system: bool) -> None:
        self.system = system
        self.units = Path("/etc/systemd/system") if system else _user_units()
        self._systemctl = ["systemctl", *([] if system else ["--user"])]

    def systemctl(self, *arguments: str) -> str:
        """Have systemd do something, and give what it says. Raises `CannotInstall`."""
        command = [*self._systemctl, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotInstall(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def command(self, *arguments: str) -> str:
        """Give a command line for people."""
        return " ".join([*self._systemctl, *arguments])

    def version(self) -> int:
        """Give systemd's version. Raises `CannotInstall` where it does not answer."""
        if not _BOOTED.is_dir():
            raise CannotInstall(
                "systemd does not run this host; have what does run `stokerd` in the foreground, stop it by "
                "TERM, and end nothing but its own process"
            )
        if self.system and os.geteuid() != 0:
            raise CannotInstall("only root may install a unit of the host: use sudo, or --user")
        try:
            said = self.systemctl("show", "--property=Version", "--value")
        except CannotInstall as error:
            hint = "" if self.system else _NO_USER_MANAGER
            raise CannotInstall(f"{error}{hint}") from error
        found = re.search(r"\d+", said)
        return int(found.group()) if found else 0


_NO_USER_MANAGER = (
    "\nA user's systemd runs from login on; after `su` or `sudo` it is not found: log in as that user over "
    "SSH, or, with lingering on, set XDG_RUNTIME_DIR=/run/user/$(id -u)"
)


def install(configured: Configured, place: Place, user: str, *, start: bool, force: bool) -> Iterator[str]:
    """Write and enable the units, giving what is to be told. A system's run as ``user``.

    Raises:
        CannotInstall: it can't be done, or other units are there and nobody said ``force``.
        WrongValue: a path can't stand in a unit.
    """
    version = place.version()
    service = service_of(configured, version, user if place.system else "")
    if place.system:
        _check_user(user)
        _check_can_run(user, _program())
    if (group := configured.config.socket_group) and group_id(group) is None:
        raise CannotInstall(f"there is no group {group}: make it (groupadd), or set socket_group to another")
    texts = service.units()
    changed = _changes(place, texts)
    if changed and not force:
        raise CannotInstall(f"it is installed already, and otherwise; --force replaces it:\n{changed}")
    if start:
        _check_free(configured.config.socket, place)
    if place.system and not configured.found:
        _write_config(configured, user)
        yield f"wrote {configured.file}"
    place.units.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (place.units / name).write_text(text)
        yield f"wrote {place.units / name}"
    place.systemctl("daemon-reload")
    place.systemctl("enable", *texts)
    yield f"enabled {SERVICE}, which starts with {'the host' if place.system else 'your login'}"
    yield f"variables for jobs, one NAME=VALUE a line (JAVA_HOME, SPARK_HOME, ...): {service.environment}"
    if not place.system:
        yield from _lingering()
    if start:
        place.systemctl("start", SOCKET, SERVICE)
        yield f"started: `{place.command('status', SERVICE)}` shows how it stands"
        if changed:
            yield f"one that ran already goes by what was changed after `{place.command('restart', SERVICE)}`"
    else:
        yield f"start it: {place.command('start', SOCKET, SERVICE)}"
    if configured.config.socket != paths.socket_path(os.environ):
        everybody = " (for everybody: in /etc/profile.d)" if place.system else ""
        yield f"clients find it by STOKER_SOCKET={configured.config.socket}{everybody}"


def uninstall(configured: Configured, place: Place) -> Iterator[str]:
    """Stop the daemon and take the units away, giving what is to be told. Jobs go on; the data stay.

    Raises:
        CannotInstall: it can't be done.
    """
    place.version()
    there = [name for name in (SOCKET, SERVICE) if (place.units / name).exists()]
    if not there:
        raise CannotInstall(f"there is no {SERVICE} in {place.units}")
    place.systemctl("disable", "--now", *there)
    with contextlib.suppress(CannotInstall):  # what has not failed is not known any more
        place.systemctl("reset-failed", *there)
    for name in there:
        (place.units / name).unlink()
        yield f"removed {place.units / name}"
    place.systemctl("daemon-reload")
    if place.system and configured.found and configured.file.read_text("utf-8") == _own(configured):
        configured.file.unlink()
        yield f"removed {configured.file}"
    for directory in (configured.config.socket.parent, configured.file.parent):
        with contextlib.suppress(OSError):  # of others there is something in it
            directory.rmdir()
    for left in sorted(place.units.glob("stokerd.*.d")):
        yield f"left, since it is yours: {left}"
    yield f"the data stay in {configured.config.data}; jobs that run go on, and nobody watches them"


def service_of(configured: Configured, version: int, user: str) -> Service:
    """Give what the units of a daemon with that configuration depend on; without ``user`` a user's own.

    What does not come from the file is told by flags: a service has not this environment.

    Raises:
        CannotInstall: what may be a secret would be seen by everybody on its command line.
    """
    config, data = configured.config, configured.config.data
    is_written = bool(user) and not configured.found
    by_hand = [
        f"{setting.flag}={getattr(config, setting.name)}"
        for setting in SETTINGS
        if not is_written
        and configured.origins.get(setting.name, str(configured.file)) != str(configured.file)
    ]
    if any(flag.startswith("--webhook-url=") for flag in by_hand):
        raise CannotInstall(
            "webhook_url would be a flag of the service, which everybody on this host can see, and it may "
            f"be a secret: write it into {configured.file} instead"
        )
    file = [f"--config={configured.file}"] if configured.found or is_written else []
    return Service(
        command=(*_program(), *file, *by_hand),
        socket=config.socket,
        environment=configured.file.with_name("environment"),
        version=version,
        user=user,
        group=config.socket_group or "",
        state=str(data.relative_to(_STATE)) if user and data.is_relative_to(_STATE) else "",
    )


def host_configuration(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]
) -> Configured:
    """Give the configuration of a host's daemon: what nobody gave is where a host keeps such things.

    Raises:
        ConfigError: as `read_config`.
    """
    configured = read_config(file, environment, flags, usual=paths.HOST_CONFIG)
    usual = {"data": SYSTEM_DATA, "socket": paths.HOST_SOCKET}
    missing = {name: path for name, path in usual.items() if name not in configured.origins}
    return configured._replace(
        config=msgspec.structs.replace(configured.config, **missing),
        origins=configured.origins | dict.fromkeys(missing, _BY),
    )


_BY = "`stokerd install`"


def _own(configured: Configured) -> str:
    """Give the configuration as `install` writes it."""
    return as_toml(configured._replace(origins=dict.fromkeys(configured.origins, _BY)))


def _write_config(configured: Configured, user: str) -> None:
    """Write the configuration, for root to change and the daemon's user to read."""
    configured.file.parent.mkdir(parents=True, exist_ok=True)
    configured.file.write_text(_own(configured), "utf-8")
    configured.file.chmod(0o640)
    os.chown(configured.file, 0, pwd.getpwnam(user).pw_gid)


def _program() -> tuple[str, ...]:
    script = Path(sys.executable).with_name("stokerd")
    return (str(script),) if script.exists() else (sys.executable, "-m", "stoker_daemon")


def _user_units() -> Path:
    return platformdirs.user_config_path("systemd") / "user"


def _check_user(user: str) -> None:
    try:
        pwd.getpwnam(user)
    except KeyError:
        raise CannotInstall(
            f"there is no user {user} for the daemon to run as. Make one, with\n"
            f"  useradd --system --user-group --home-dir {SYSTEM_DATA} --shell /usr/sbin/nologin {user}\n"
            "or name another with --run-as"
        ) from None


def _check_can_run(user: str, program: tuple[str, ...]) -> None:
    """Refuse a user who can't run the program: it may lie in the home of whoever installs it."""
    account = pwd.getpwnam(user)
    if account.pw_uid == os.geteuid():
        return
    try:
        subprocess.run(
            [*program, "--version"],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=os.getgrouplist(user, account.pw_gid),
            cwd="/",
            env={"PATH": os.defpath},
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise CannotInstall(
            f"user {user} can't run {program[0]} ({error.strerror}): install Stoker where everybody may read "
            "it, such as in\n  python3 -m venv /opt/stoker\nor name another user with --run-as"
        ) from error


def _changes(place: Place, texts: Mapping[str, str]) -> str:
    """Say in which lines the units that are there are otherwise."""
    lines: list[str] = []
    for name, text in texts.items():
        path = place.units / name
        there = path.read_text("utf-8") if path.exists() else text
        lines += difflib.unified_diff(
            there.splitlines(), text.splitlines(), str(path), "what would be written", lineterm="", n=1
        )
    return "\n".join(lines)


def _check_free(socket: Path, place: Place) -> None:
    """Refuse to start beside a daemon that somebody started by hand."""
    if not answers(socket):
        return
    try:
        place.systemctl("is-active", SOCKET)
    except CannotInstall:
        raise CannotInstall(f"a daemon that is no service listens on {socket}: stop it first") from None


def _lingering() -> Iterator[str]:
    """Say what becomes of a user's daemon when the user logs out."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    asked = ["loginctl", "show-user", user, "--property=Linger", "--value"]
    # It fails of a user who neither lingers nor is logged in.
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if said == "yes":
        yield f"lingering is on for {user}: the daemon starts with the host, and stays when you log out"
    else:
        yield (
            f"lingering is off for {user}: when you log out systemd ends the daemon, and every job with it. "
            f"`loginctl enable-linger {user}` keeps both, and starts the daemon with the host"
        )
