"""The command `stokerd`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from stoker_daemon import app, check, journal
from stoker_daemon.config import Config, ConfigError, read_config
from stoker_daemon.runlog.segments import LogError
from stoker_daemon.server import AlreadyRunning
from stoker_daemon.volumes import NetworkFileSystem
from stoker_shared import __version__
from stoker_shared.paths import SocketPathTooLong

USAGE, REFUSED = 2, 4


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file [STOKER_CONFIG].")
@click.option("--data", type=click.Path(), help="Data directory [STOKER_DATA].")
@click.option("--socket", type=click.Path(), help="Unix socket to listen on [STOKER_SOCKET].")
@click.option("--take-over", is_flag=True, help="Make another machine's data directory this one's.")
@click.version_option(__version__, prog_name="stokerd")
@click.pass_context
def main(
    context: click.Context, config: Path | None, data: str | None, socket: str | None, take_over: bool
) -> None:
    """Run the Stoker daemon in the foreground.

    It owns definitions, execution and the run log, and serves HTTP on a Unix socket. Stop it with SIGTERM or
    Ctrl-C: running jobs go on, and the next start picks them up. `stokerd check` tells what it would find.
    """
    flags = {name: value for name, value in {"data": data, "socket": socket}.items() if value}
    try:
        settings = read_config(config, os.environ, flags)
    except ConfigError as error:
        _give_up(str(error), USAGE)
    context.obj = settings
    if context.invoked_subcommand is None:
        _run(settings, take_over=take_over)


@main.command("check")
@click.option("--verify-log", is_flag=True, help="Read the whole run log and check every line.")
@click.pass_obj
def check_command(config: Config, verify_log: bool) -> None:
    """Tell what the daemon would find: directories, Spark, Java, the run log. Changes nothing."""
    well = True
    for good, name, found in check.findings(config, verify_log=verify_log):
        click.echo(f"{'ok ' if good else 'BAD'} {name:8} {found}")
        well = well and good
    sys.exit(0 if well else REFUSED)


def _run(config: Config, *, take_over: bool) -> None:
    journal.set_up()
    try:
        asyncio.run(app.run(config, take_over=take_over))
    except (AlreadyRunning, LogError, NetworkFileSystem, SocketPathTooLong) as error:
        _give_up(str(error), REFUSED)
    except OSError as error:
        _give_up(str(error), 1)


def _give_up(why: str, status: int) -> NoReturn:
    click.echo(f"stokerd: {why}", err=True)
    sys.exit(status)
