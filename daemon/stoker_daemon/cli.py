"""The command `stokerd`."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import click
import msgspec

from stoker_daemon import app, check, journal
from stoker_daemon.config import SETTINGS as CONFIG_SETTINGS
from stoker_daemon.config import ConfigError, Configured, as_toml, read_config
from stoker_daemon.reloading import Settings
from stoker_daemon.runlog.segments import LogError
from stoker_daemon.secrets import SecretsError
from stoker_daemon.server import AlreadyRunning, NoSuchGroup
from stoker_daemon.service.manager import Manager, WrongSocket
from stoker_daemon.volumes import NetworkFileSystem
from stoker_shared.commandline import SETTINGS, USAGE, Program
from stoker_shared.paths import SocketPathTooLong, other_socket

if TYPE_CHECKING:
    from stoker_daemon.service.installing import Place

UNREACHABLE, REFUSED = 3, 4


class Given(NamedTuple):
    """What the command line says of the configuration."""

    file: Path | None
    flags: dict[str, str]

    def read(self) -> Configured:
        """Give the configuration. Raises `ConfigError`."""
        return read_config(self.file, os.environ, self.flags)


def _with_flags(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for each setting."""
    for setting in reversed(CONFIG_SETTINGS):
        explained = f"{setting.description} [{setting.variable}]"
        function = click.option(setting.flag, setting.name, metavar="VALUE", help=explained)(function)
    return function


@click.group("stokerd", cls=Program, invoke_without_command=True, context_settings=SETTINGS)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file. [STOKER_CONFIG]")
@_with_flags
@click.option("--take-over", is_flag=True, help="Make another machine's data directory this one's.")
@click.pass_context
def main(context: click.Context, config: Path | None, take_over: bool, **flags: str | None) -> None:
    """Run the Stoker daemon in the foreground.

    It owns definitions, execution and the run log, and serves HTTP on a Unix socket. Stop it with SIGTERM or
    Ctrl-C: running jobs go on, and the next start picks them up. SIGHUP has it read its configuration anew.

    \b
    Examples:
      stokerd check
      stokerd 2>> stokerd.log &
      stokerd --data /srv/stoker --stop-grace 30

    `stokerd config` prints all settings. A relative path in the configuration file is relative to the file,
    any other to the working directory.

    \b
    Exit status: 0 done; 1 a directory or the run log can't be used; 2 usage or configuration;
    4 refused: another daemon, a damaged run log or file of secrets, a finding of `check`.
    """
    context.obj = given = Given(config, {name: value for name, value in flags.items() if value})
    if context.invoked_subcommand is None:
        _run(given, take_over=take_over)


@main.command("check")
@click.option("--verify-log", is_flag=True, help="Read the whole run log and check every line.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def check_command(given: Given, verify_log: bool, as_json: bool) -> None:
    """Tell what the daemon would find, and what to do about it.

    Configuration, data directory, socket, Spark, Java, Python, run log, history, secrets, mail and webhook,
    a line each.
    Changes nothing. Exit status 4 if something is bad.

    \b
    Examples:
      stokerd check
      stokerd --config /etc/stoker/stokerd.toml check --verify-log
      stokerd check --json | jq -r 'select(.ok | not).found'

    See also: stokerd config, stoker status.
    """
    well = True
    for ok, name, found in check.findings(given.read, verify_log=verify_log):
        well = well and ok
        if as_json:
            click.echo(msgspec.json.encode({"ok": ok, "name": name, "found": found}))
        else:
            click.echo(f"{'ok ' if ok else 'BAD'} {name:8} {found}")
    sys.exit(0 if well else REFUSED)


@main.command("config")
@click.pass_obj
def config_command(given: Given) -> None:
    """Print every setting, with its value and where that comes from.

    It is a configuration file: defaults are comments. (A file that is to be replaced by it must be given as
    STOKER_CONFIG or --config under another name, since a shell empties what it writes to.)

    \b
    Examples:
      stokerd config
      stokerd config > stokerd.toml

    See also: stokerd check.
    """
    click.echo(as_toml(_configured(given.read)), nl=False)


@main.command("install")
@click.option("--user", "kind", flag_value="user", help="For you alone [default, unless you are root].")
@click.option("--system", "kind", flag_value="system", help="For the host [default of root].")
@click.option("--run-as", metavar="USER", help="Whom a host's daemon and its jobs run as [default: stoker].")
@click.option("--start", is_flag=True, help="Start it now.")
@click.option("--force", is_flag=True, help="Replace units that say something else.")
@click.pass_obj
def install_command(given: Given, kind: str | None, run_as: str | None, start: bool, force: bool) -> None:
    """Make the daemon a service of systemd: a unit for it and one for its socket.

    systemd starts it with the host (for you alone: with your login) or with the first request, again when it
    fails, and when it hangs. While it restarts, requests wait. Jobs outlive all of that.

    For you alone it has the configuration and flags that are given here. For the host it is that in
    /etc/stoker/stokerd.toml, which is written if it is not there; data in /var/lib/stoker, socket in
    /run/stoker, unless something else is said.

    \b
    Examples:
      stokerd install --user --start
      sudo stokerd install --system --start
      sudo stokerd --data /srv/stoker install --run-as etl --start

    \b
    Exit status: 0 done; 2 usage or configuration; 4 refused, with nothing changed.

    See also: stokerd uninstall, stokerd drain.
    """
    from stoker_daemon.service import installing, units  # noqa: PLC0415 - the daemon needs neither

    place = _place(kind)
    if run_as and not place.system:
        _give_up("--run-as is of a host's daemon: one for you alone runs as you", USAGE)
    user = run_as or installing.SYSTEM_USER
    try:
        for line in installing.install(_for(given, place), place, user, start=start, force=force):
            click.echo(line)
    except (installing.CannotInstall, units.WrongValue) as error:
        _give_up(str(error), REFUSED)


@main.command("uninstall")
@click.option("--user", "kind", flag_value="user", help="Yours [default, unless you are root].")
@click.option("--system", "kind", flag_value="system", help="The host's [default of root].")
@click.pass_obj
def uninstall_command(given: Given, kind: str | None) -> None:
    """Stop the daemon that is a service, and remove its units.

    The data stay, and jobs that run go on: the next daemon on these data finds them.

    \b
    Examples:
      stokerd uninstall --user
      sudo stokerd uninstall --system

    \b
    Exit status: 0 done; 2 configuration; 4 refused.

    See also: stokerd install.
    """
    from stoker_daemon.service import installing  # noqa: PLC0415 - the daemon does not need it

    place = _place(kind)
    try:
        for line in installing.uninstall(_for(given, place), place):
            click.echo(line)
    except installing.CannotInstall as error:
        _give_up(str(error), REFUSED)


def _place(kind: str | None) -> Place:
    from stoker_daemon.service.installing import Place  # noqa: PLC0415 - the daemon does not need it

    return Place(system=kind == "system" if kind else os.geteuid() == 0)


def _for(given: Given, place: Place) -> Configured:
    """Give the configuration of a service there."""
    from stoker_daemon.service.installing import host_configuration  # noqa: PLC0415 - see above

    host = partial(host_configuration, given.file, os.environ, given.flags)
    return _configured(host if place.system else given.read)


@main.command("drain")
@click.option("--no-wait", is_flag=True, help="Do not wait until nothing runs.")
@click.option("--undo", is_flag=True, help="Start nodes again.")
@click.pass_obj
def drain_command(given: Given, no_wait: bool, undo: bool) -> None:
    """Have the daemon start no node any more, and wait until none runs.

    What runs goes on. Ticks that come and runs that are asked for are accepted, and wait; `stoker show` says
    so of their nodes. It stays so over restarts, until --undo. Ctrl-C ends only the waiting.

    A daemon that is stopped or restarted need not be drained first: jobs go on without it. Drain it before
    the host itself goes down.

    \b
    Examples:
      stokerd drain
      stokerd drain --no-wait
      stokerd drain --undo

    \b
    Exit status: 0 done; 3 no daemon; 4 refused.

    See also: stoker status, stoker runs --status running.
    """
    # Not loaded with the daemon: it takes a tenth of a second.
    from stoker_daemon import drain  # noqa: PLC0415

    socket = _configured(given.read).config.socket
    try:
        for line in [drain.undo(socket)] if undo else drain.drain(socket, wait=not no_wait):
            click.echo(line)
    except drain.Unreachable as error:
        other = other_socket(socket)
        hint = f"; this host's daemon is at {other}: give it as --socket, or STOKER_SOCKET" if other else ""
        _give_up(f"no daemon answers at {socket} ({error}){hint}", UNREACHABLE)
    except drain.NotDone as error:
        _give_up(str(error), REFUSED)


def _configured(read: Callable[[], Configured]) -> Configured:
    try:
        return read()
    except ConfigError as error:
        _give_up(str(error), USAGE)


def _run(given: Given, *, take_over: bool) -> None:
    config = _configured(given.read).config
    journal.set_up()
    faulthandler.enable()  # a watchdog's SIGABRT leaves word where every thread was
    try:
        manager = Manager.of(os.environ, os.getpid())
        asyncio.run(app.run(Settings(config, given.read), manager, take_over=take_over))
    except (
        AlreadyRunning,
        LogError,
        NetworkFileSystem,
        NoSuchGroup,
        SecretsError,
        SocketPathTooLong,
        WrongSocket,
    ) as error:
        _give_up(str(error), REFUSED)
    except OSError as error:
        _give_up(str(error), 1)


def _give_up(why: str, status: int) -> NoReturn:
    click.echo(f"{journal.priority(logging.ERROR)}stokerd: {why}", err=True)
    sys.exit(status)
