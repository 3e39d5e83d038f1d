"""The command `stoker demo`."""

from __future__ import annotations

import sys

import click

from stoker_shared import api
from stoker_shared.interruption import interruptible
from stoker_shared.model import NodeState, RunState
from stoker_shared.text import clean_block
from stoker_tui import demo
from stoker_tui.cli import main
from stoker_tui.cli.common import DID_NOT_SUCCEED, REFUSED, give_up, telling_errors
from stoker_tui.cli.files import read_workflow
from stoker_tui.cli.follow import follow_run
from stoker_tui.cli.runs import print_run
from stoker_tui.cli.workflows import drawn


@main.command("demo")
@click.option("--keep", is_flag=True, help="Leave the daemon up and its directory there.")
def run_demo(keep: bool) -> None:
    """Run three real Spark jobs, in a throw-away directory.

    PySpark reads the flights of one day of 2013 into Parquet, SQL sums up their delays, PySpark reports.
    Needs Java 17 or newer, and about a minute.

    \b
    Examples:
      stoker demo
      stoker demo --keep
    """
    with telling_errors():
        try:
            with interruptible(), demo.home(keep=keep) as home:
                _demonstrate(home, keep)
        except demo.CannotDemonstrate as error:
            give_up(str(error), REFUSED)


def _demonstrate(home: demo.Home, keep: bool) -> None:
    source = demo.flights()
    home.check()
    home.start()
    client = home.client
    click.echo(f"stokerd is up, in {home.directory}\n")
    for job in demo.publish_jobs(client):
        click.echo(f"published {job.path} version {job.version} ({job.type.value})")
    spec = demo.with_places(read_workflow(demo.PIPELINE / "flights.yaml"), source, home.lake)
    client.save_workflow(spec, None)
    version = client.publish_workflow(spec.workflow, "demonstration").version
    click.echo(f"published {spec.workflow} version {version}\n\n{drawn(spec)}\n")

    started = client.start_run(api.StartRun(workflow=spec.workflow, cycle=demo.CYCLE))
    click.echo(f"run #{started.row.id}, cycle {demo.DAY}:")
    ended = follow_run(client, started)
    if ended.row.state is not RunState.SUCCEEDED:
        _show_failure(home, ended)
        sys.exit(DID_NOT_SUCCEED)
    report = b"".join(client.read_log(ended.row.id, "report", 1, "stdout")).decode(errors="replace")
    click.echo(f"\n{clean_block(report)}")
    click.echo(_next_steps(home) if keep else _NEXT)


def _show_failure(home: demo.Home, run: api.RunView) -> None:
    print_run(run)
    for node in run.nodes:
        if node.state is NodeState.FAILED and node.attempts:
            errors = home.client.log(run.row.id, node.name, len(node.attempts), "stderr", 4000)
            click.echo(clean_block(errors.data.decode(errors="replace")), err=True)


_NEXT = """\
Everything of it is removed again. Next:
  stoker demo --keep    leaves the daemon up, for you to look around in
  stokerd &             starts your own; the README's tour goes on from there"""


def _next_steps(home: demo.Home) -> str:
    exports = "\n".join(f"  export {name}={value}" for name, value in home.environment.items())
    return f"""\
It is left up. In this shell:
{exports}
  stoker show 1
  stoker logs 1 transform --stream stderr
  stoker run daily_flights --cycle 2013-02-08 --follow
  stoker logs 2 report --stream stdout
  stoker backfill create daily_flights --from 2013-01-14 --to 2013-01-17 --only missing --follow
and at last:
  kill {home.pid}; tail --pid={home.pid} -f /dev/null; rm -r {home.directory}"""
