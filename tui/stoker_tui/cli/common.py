"""What the commands share: their options, the way to the daemon, exit statuses, and how errors are told."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click
import msgspec

from stoker_shared.api import DEFAULT_WORKSPACE, Fault
from stoker_shared.commandline import USAGE
from stoker_shared.paths import SocketPathTooLong, socket_path
from stoker_shared.text import clean
from stoker_tui.cli.tables import Column, print_json, print_table
from stoker_tui.client import Client, NotStoker, Refused, Unreachable

DID_NOT_SUCCEED, UNREACHABLE, REFUSED = 1, 3, 4

_T = TypeVar("_T", bound=msgspec.Struct)
_BACKFILL = re.compile(r"[Bb]?(\d{1,15})")
_TARGET = re.compile(r"#?(\d{1,15})(?:/(.+))?", re.DOTALL)


class Context:
    """What a command runs with."""

    def __init__(self, workspace: str, as_json: bool) -> None:
        self.workspace = workspace
        self.as_json = as_json
        self.client = Client(socket_path(os.environ), workspace)

    def tell(self, thing: msgspec.Struct, words: str) -> None:
        """Print what was done: the thing itself as JSON, or words."""
        print_json([thing]) if self.as_json else click.echo(words)

    def tell_all(
        self, things: Iterable[_T], columns: Sequence[Column], cells: Callable[[_T], Sequence[str]]
    ) -> None:
        """Print things: as JSON, or as a table with a row for each."""
        print_json(things) if self.as_json else print_table(columns, [cells(thing) for thing in things])


def command(group: click.Group, name: str, *, json: bool = True) -> Callable[[Callable[..., None]], Any]:
    """Make a function a command over the daemon. It gets a `Context` first, then its own parameters."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @wraps(function)
        def run(workspace: str, as_json: bool = False, **parameters: Any) -> None:
            with telling_errors():
                function(Context(workspace, as_json), **parameters)

        run = click.option(
            "-w", "--workspace", default=DEFAULT_WORKSPACE, show_default=True, help="Where the names are."
        )(run)
        if json:
            run = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(run)
        return group.command(name)(run)

    return decorate


@contextmanager
def telling_errors() -> Iterator[None]:
    """Turn what a person can cause into a line on stderr and an exit status."""
    try:
        yield
    except (Unreachable, NotStoker) as error:
        give_up(str(error), UNREACHABLE)
    except Refused as error:
        give_up(with_faults(error.problem.detail, error.problem.errors), REFUSED)
    except SocketPathTooLong as error:
        give_up(str(error), USAGE)


def give_up(why: str, status: int) -> NoReturn:
    """Say why on stderr, and exit."""
    click.echo(f"stoker: {why}", err=True)
    sys.exit(status)


def run_and_node(text: str) -> tuple[int, str | None]:
    """Give the number of a run and the name of a node, if one is named, from what is written as 12/ingest."""
    match = _TARGET.fullmatch(text)
    if match is None:
        give_up(f"{text!r} is not a run; write 12, or 12/ingest for a node of it", USAGE)
    return int(match[1]), match[2]


def backfill_number(text: str) -> int:
    """Give the number of a backfill from what is written as B12, or as 12."""
    match = _BACKFILL.fullmatch(text)
    if match is None:
        give_up(f"{text!r} is not a backfill; write B12", USAGE)
    return int(match[1])


def pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    """Give what an option was given several times, each as NAME=VALUE."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            give_up(f"{option} {text}: write it as NAME=VALUE", USAGE)
        found[name] = value
    return found


def with_faults(what: str, errors: Iterable[Fault]) -> str:
    """Give what is wrong, and below it each fault that is not told by it."""
    lines = [clean(what)]
    lines += [
        f"  {clean(fault.pointer)}: {clean(fault.detail)}" for fault in errors if fault.detail not in what
    ]
    return "\n".join(lines)
