"""What `stoker run --plan` shows: what a run would launch, and what is missing."""

from __future__ import annotations

import sys
from shlex import quote

import click

from stoker_shared import api
from stoker_shared.text import clean_line
from stoker_tui.cli.common import DID_NOT_SUCCEED, Context
from stoker_tui.cli.tables import coloured, moment, print_json


def show_plan(context: Context, request: api.StartRun) -> None:
    """Print what a run would be; exit status 1 where something is missing for it."""
    asked = {name: getattr(request, name) for name in api.PlanRun.__struct_fields__}
    plan = context.client.plan_run(request.workflow, api.PlanRun(**asked))
    if context.as_json:
        print_json([plan])
    else:
        print_plan(plan)
    if any(node.missing for node in plan.nodes):
        sys.exit(DID_NOT_SUCCEED)


def print_plan(plan: api.RunPlan) -> None:
    """Print a plan for people: a command can be copied into a shell."""
    version = f"v{plan.version}" if plan.version else "draft"
    cycle = f"cycle {moment(plan.cycle, plan.time_zone)} {plan.time_zone}"
    click.echo(f"{clean_line(plan.workflow)} {version}, {cycle}; nothing is started")
    for node in plan.nodes:
        after = f", after {', '.join(node.upstream)}" if node.upstream else ""
        where = f"queue {node.queue}, {node.cu} CU"
        click.echo("")
        click.echo(clean_line(f"{node.name}: {node.job} version {node.version or '-'}, {where}{after}"))
        for name, value in node.environment.items():
            click.echo(f"  {clean_line(name)}={clean_line(quote(value))}")
        if node.command:
            click.echo(f"  {clean_line(' '.join(map(quote, node.command)))}")
        for missing in node.missing:
            click.echo(f"  {coloured('✖', 'failed')} {clean_line(missing)}")
