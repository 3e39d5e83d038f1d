"""The commands that bring definitions in from files, and out into them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from stoker_shared import api
from stoker_shared.difference import Difference, difference
from stoker_shared.model import WorkflowSpec
from stoker_shared.text import clean, nearest
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import REFUSED, Context, command, give_up
from stoker_tui.cli.differences import change_lines, print_changes
from stoker_tui.cli.files import BadFile, Document, JobFile, faulty, read_documents
from stoker_tui.cli.tables import moment, print_json
from stoker_tui.cli.workflows import publish
from stoker_tui.cli.yaml_text import yaml_text
from stoker_tui.client import Client, Refused


class _Job(NamedTuple):
    """A job of a file, beside its latest version, if it has one."""

    document: Document
    definition: JobFile
    latest: api.JobVersionView | None

    @property
    def source(self) -> Path:
        """Where its content is."""
        return self.document.beside(self.definition.source)

    @property
    def is_new(self) -> bool:
        """Whether publishing it would make another version."""
        if self.latest is None or self.latest.config != self.definition.config:
            return True
        with self.source.open("rb") as content:
            return file_digest(content, "sha256").hexdigest() != self.latest.digest


class _Workflow(NamedTuple):
    """A workflow of a file, beside its draft, if it has one."""

    document: Document
    definition: WorkflowSpec
    current: api.WorkflowView | None

    @property
    def difference(self) -> Difference:
        """What applying the file would change of the draft."""
        return difference(self.current.spec if self.current else None, self.definition)


class _DryRun(msgspec.Struct, omit_defaults=True):
    """What applying a document would come to, as JSON; ``difference`` is of a workflow's draft."""

    kind: str
    name: str
    changes: bool
    difference: Difference | None = None


@command(main, "apply")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--publish", "publishing", is_flag=True, help="Publish each as well.")
@click.option("-m", "--remarks", default="", help="What is new.")
@click.option("--dry-run", is_flag=True, help="Show what it would change, and change nothing.")
@click.option("--force", is_flag=True, help="Replace drafts that were changed elsewhere, too.")
def apply_files(
    context: Context, paths: tuple[Path, ...], publishing: bool, remarks: str, dry_run: bool, force: bool
) -> None:
    """Save files of workflows and jobs (YAML) as drafts, or publish them.

    A directory stands for the .yaml files below it. All are read and checked before the first is saved, so
    that a mistake in one changes nothing. What is as the file says already is left as it is. A draft that was
    changed elsewhere since it was last published or applied is not replaced without --force.

    A job's file says `job: etl/ingest.py`, `source: ingest.py` (seen from the file), and optionally `config`
    and `remarks`; jobs are published, with --publish, before the workflows.

    \b
    Examples:
      stoker apply sales.yaml
      stoker apply workflows/ --dry-run
      stoker apply --publish workflows/ -m 'retries for all'

    See also: stoker export, stoker workflow diff, stoker job publish.
    """
    try:
        documents = read_documents(paths)
        jobs, workflows = _jobs(context.client, documents), _workflows(context.client, documents)
        if publishing:
            _check_jobs(context.client, jobs, workflows)
    except BadFile as error:
        give_up(str(error), REFUSED)
    if dry_run:
        _show(context, jobs, workflows)
    if not force:
        _check_not_edited(workflows)
    if dry_run:
        return
    for job in jobs:
        _apply_job(context, job, publishing, remarks)
    saved = [_save(context, each, quiet=publishing) for each in workflows]
    for view in saved if publishing else []:
        _publish(context, view, remarks)


@command(main, "export", json=False)
@click.argument("name", shell_complete=completing.workflows)
@click.option("--version", type=int, help="A published version [default: the draft].")
def export_workflow(context: Context, name: str, version: int | None) -> None:
    """Print a workflow as the file that `stoker apply` reads back to the very same definition.

    \b
    Examples:
      stoker export sales > sales.yaml
      stoker export sales --version 2

    See also: stoker apply, stoker workflow show.
    """
    click.echo(yaml_text(context.client.workflow(name, version).spec), nl=False)


def _jobs(client: Client, documents: list[Document]) -> list[_Job]:
    wanted = [(each, each.definition) for each in documents if isinstance(each.definition, JobFile)]
    if not wanted:
        return []
    latest = {job.path: job for job in client.jobs()}
    return [_Job(document, job, latest.get(job.job)) for document, job in wanted]


def _workflows(client: Client, documents: list[Document]) -> list[_Workflow]:
    return [
        _Workflow(each, each.definition, _current(client, each.definition.workflow))
        for each in documents
        if isinstance(each.definition, WorkflowSpec)
    ]


def _current(client: Client, name: str) -> api.WorkflowView | None:
    try:
        return client.workflow(name)
    except Refused as refused:
        if refused.problem.type != "not-found":
            raise
        return None


def _check_jobs(client: Client, jobs: list[_Job], workflows: list[_Workflow]) -> None:
    """Raise `BadFile` where a node's job is neither published nor about to be."""
    known = {job.path for job in client.jobs()} | {job.definition.job for job in jobs}
    for each in workflows:
        found = [
            api.Fault(f"/nodes/{index}/job", _no_such_job(node.job, known))
            for index, node in enumerate(each.definition.nodes)
            if node.job not in known
        ]
        if found:
            raise faulty(each.document.place, found)


def _no_such_job(path: str, known: set[str]) -> str:
    guess = nearest(path, known)
    return f"job {path!r} is not published" + (f"; did you mean {guess!r}?" if guess else "")


def _check_not_edited(workflows: list[_Workflow]) -> None:
    """Give up where a draft was changed by hand, saying who changed it, when, and what would be replaced."""
    told = [line for each in workflows for line in _edited(each)]
    if told:
        told.append("Nothing was changed. Bring the changes into the file, or replace them with --force.")
        give_up("\n".join(told), REFUSED)


def _edited(each: _Workflow) -> Iterator[str]:
    if each.current is None or not each.current.row.edited or not each.difference.changes:
        return
    row = each.current.row
    yield (
        f"{each.document.place}: draft {row.revision} of {row.name!r} was changed by {clean(row.saved_by)} "
        f"at {moment(row.saved_at)}. The file would replace in it:"
    )
    yield from change_lines(each.difference)


def _show(context: Context, jobs: list[_Job], workflows: list[_Workflow]) -> None:
    if context.as_json:
        print_json(_DryRun("job", job.definition.job, job.is_new) for job in jobs)
        print_json(
            _DryRun("workflow", each.definition.workflow, bool(each.difference.changes), each.difference)
            for each in workflows
        )
        return
    for job in jobs:
        version = job.latest.version if job.latest else 0
        what = f"would be version {version + 1}" if job.is_new else f"version {version} (unchanged)"
        click.echo(f"{job.definition.job} {what}")
    for each in workflows:
        name, found = each.definition.workflow, each.difference
        if each.current is None:
            click.echo(f"{name} would be created")
        elif found.changes:
            click.echo(f"{name}: draft {each.current.row.revision} -> {each.document.place}")
            print_changes(found)
        else:
            click.echo(f"{name} draft {each.current.row.revision} (unchanged)")


def _apply_job(context: Context, job: _Job, publishing: bool, remarks: str) -> None:
    path = job.definition.job
    if not publishing:
        click.echo(f"stoker: job {path} is left as it is; --publish makes it a version", err=True)
        return
    if job.latest and not job.is_new:
        published, note = job.latest, " (unchanged)"
    else:
        request = api.PublishJob(
            digest=context.client.send(job.source),
            config=job.definition.config,
            remarks=job.definition.remarks or remarks,
        )
        published, note = context.client.publish_job(path, request), ""
    if context.as_json:
        print_json([published])
    else:
        click.echo(f"{path} version {published.version}{note}")


def _save(context: Context, each: _Workflow, *, quiet: bool) -> api.WorkflowView:
    saved, note = each.current, " (unchanged)"
    if saved is None or each.difference.changes:
        saved, note = save(context.client, each.definition, saved and saved.row.revision), ""
    if not context.as_json:
        click.echo(f"{saved.row.name} draft {saved.row.revision}{note}")
    elif not quiet:
        print_json([saved])
    return saved


def save(client: Client, spec: WorkflowSpec, revision: int | None) -> api.WorkflowView:
    """Save a draft made on a revision. One that was saved meanwhile is not replaced, but compared with."""
    try:
        return client.save_workflow(spec, revision, applied=True)
    except Refused as refused:
        if refused.problem.type != "stale" or refused.problem.current is None:
            raise
        lines = change_lines(difference(refused.problem.current.spec, spec))
        told = [f"{clean(refused.problem.detail)}. The file differs from it:", *lines]
        give_up("\n".join(told), REFUSED)


def _publish(context: Context, view: api.WorkflowView, remarks: str) -> None:
    if view.row.has_changes:
        publish(context, view.row.name, remarks)
    elif context.as_json:
        print_json([view])
    else:
        click.echo(f"{view.row.name} version {view.row.version} (unchanged)")
