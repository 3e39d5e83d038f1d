"""The command `stoker`: a script's tool over the daemon's HTTP interface."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

import click

from stoker_shared.api import DEFAULT_WORKSPACE
from stoker_shared.commandline import SETTINGS, Entry, Program
from stoker_shared.loading import loading
from stoker_shared.paths import SocketPathTooLong

_APPLYING, _JOBS, _QUEUES, _RUNS, _STATUS, _WORKSPACES = (
    f"stoker_tui.cli.{module}" for module in ("applying", "jobs", "queues", "runs", "status", "workspaces")
)
_ACTIONS, _HISTORY = "stoker_tui.cli.actions", "stoker_tui.cli.history"
_SCHEDULING = "stoker_tui.cli.scheduling"
"""Adds its commands to those of the workflows, which it stands on."""

CONTENTS = {
    "See it work": {
        "demo": Entry("stoker_tui.cli.demo", "Run three real Spark jobs, in a throw-away directory."),
    },
    "Define": {
        "job": Entry(_JOBS, "Source files: publish, list, show, compare, configure."),
        "workflow": Entry(_SCHEDULING, "Workflows: list, show, compare, publish, switch on, rename."),
        "apply": Entry(_APPLYING, "Save files of workflows and jobs (YAML) as drafts, or publish them."),
        "export": Entry(_APPLYING, "Print a workflow as a file (YAML) that apply reads."),
        "import": Entry("stoker_tui.cli.importing", "Import workflows of other schedulers."),
        "queue": Entry(_QUEUES, "Queues that nodes wait in: list, show, set, delete."),
        "variable": Entry(_WORKSPACES, "Variables of a workspace, secrets among them: list, set, unset."),
        "workspace": Entry(_WORKSPACES, "Namespaces of jobs and workflows: list, create, delete."),
    },
    "Run": {
        "run": Entry(_RUNS, "Start a run of a workflow, and wait for it or follow it."),
        "stop": Entry(_ACTIONS, "Stop a run, or one node of it."),
        "pause": Entry(_ACTIONS, "Pause a run: what runs of it goes on, nothing new is started."),
        "resume": Entry(_ACTIONS, "Let a paused run go on."),
        "rerun": Entry(_ACTIONS, "Run a run again, only what did not succeed of it, or one node."),
        "backfill": Entry(
            "stoker_tui.cli.backfills",
            "Runs for the intervals of a range: create, list, show, pause, cancel.",
        ),
        "succeed": Entry(_ACTIONS, "Set a node that did not succeed successful."),
    },
    "Look": {
        "status": Entry(_STATUS, "Show the daemon at a glance."),
        "whoami": Entry(_STATUS, "Show who you are to the daemon, your roles, and their groups."),
        "runs": Entry(_HISTORY, "List runs, newest first."),
        "show": Entry(_RUNS, "Show a run: its nodes, and why what failed did."),
        "logs": Entry(_RUNS, "Print what a node wrote."),
        "notify": Entry("stoker_tui.cli.notifying", "Notifications: what waits, what was given up, a test."),
        "events": Entry(_STATUS, "Print the run log's events as JSON lines."),
    },
    "Look after": {
        "prune": Entry(
            "stoker_tui.cli.retention",
            "Let go of what is kept no longer, or tell what would go: finished runs, output, log.",
        ),
    },
}
"""The map of the commands. What is not in it is not found: a module is loaded when its command is needed."""


def _daemon() -> Iterator[str]:
    """Give the version of the daemon, if one answers."""
    # Loading it takes a moment, which no other command is to wait for.
    from stoker_tui.cli.versions import daemon_version  # noqa: PLC0415

    yield daemon_version()


@click.group(
    "stoker",
    cls=Program,
    contents=CONTENTS,
    others=_daemon,
    context_settings=SETTINGS,
    invoke_without_command=True,
    no_args_is_help=False,
)
@click.option("-w", "--workspace", metavar="NAME", help="What the terminal UI shows [default: default].")
@click.pass_context
def main(context: click.Context, workspace: str | None) -> None:
    """Run and watch workflows of Spark jobs, through the daemon `stokerd`.

    Without a command, on a terminal, it opens the terminal UI.

    \b
    Examples:
      stoker
      stoker demo
      stoker job publish etl/ingest.py
      stoker apply --publish sales.yaml
      stoker run sales --cycle 2026-11-21 --follow
      stoker logs 12 ingest -f

    RUN is a run's number, as 12 or '#12'; RUN/NODE is a node of it, as 12/ingest.
    `stoker COMMAND --help` shows examples of each. The daemon is found at STOKER_SOCKET, else where
    `stokerd` listens by default; `stokerd check` tells what keeps it from working.

    \b
    Exit status: 0 done; 1 the run waited for did not succeed; 2 usage; 3 no daemon;
    4 refused, with nothing changed; 74 the output can't be written.
    """
    if context.invoked_subcommand is None:
        _open_ui(context, workspace or DEFAULT_WORKSPACE)
    elif workspace is not None:
        raise click.UsageError(f"write it after the command: {context.invoked_subcommand} -w {workspace}")


def _open_ui(context: click.Context, workspace: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise click.exceptions.NoArgsIsHelpError(context)
    if find_spec("textual") is None:
        raise click.UsageError(
            "the terminal UI is not installed here: pip install 'stoker[tui]'; all else works without it"
        )
    # Textual takes a third of a second to load, which no other command is to wait for.
    with loading():
        from stoker_tui.opening import open_ui  # noqa: PLC0415
        from stoker_tui.settings import WrongSettings  # noqa: PLC0415

    try:
        open_ui(workspace)
    except (SocketPathTooLong, WrongSettings) as error:
        raise click.UsageError(str(error)) from error
