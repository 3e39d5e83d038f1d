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
from stoker_tui.cli.files import AttachedSource, BadFile, Document, JobFile, faulty, read_documents
from stoker_tui.cli.jobs import again
from stoker_tui.cli.tables import moment, print_json
from stoker_tui.cli.workflows import publish
from stoker_tui.cli.yaml_text import yaml_text
from stoker_tui.client import Client, Refused


class _Job(NamedTuple):
    """A job of a file, with what the file's sources hold, beside the job there is, if there is one."""

    document: Document
    definition: JobFile
    digests: dict[str, str]
    current: api.JobView | None

    @property
    def digest(self) -> str:
        """What its own source holds."""
        return self.digests[self.definition.source]

    @property
    def attachments(self) -> tuple[api.AttachedFile, ...]:
        """Its attached files."""
        return tuple(
            api.AttachedFile(kind=each.kind, name=each.shown_name, digest=self.digests[each.source])
            for each in self.definition.attachments
        )

    def differs_from(self, other: api.JobDraftView | api.JobVersionView | None) -> bool:
        """Tell whether the job is not what the file says."""
        return other is None or (other.digest, other.config, again(other.attachments)) != (
            self.digest,
            self.definition.config,
            self.attachments,
        )


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

    A job's file says `job: etl/ingest.py`, `source: ingest.py` (seen from the file), and optionally
    `config`, `remarks` and `attachments` (each with `kind` and `source`). Jobs come before workflows.

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
        _show(context, jobs, workflows, publishing)
    if not force:
        _check_not_edited(jobs, workflows)
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
@click.option(
    "--with-jobs",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="New directory to write the workflow and its jobs into.",
)
def export_workflow(context: Context, name: str, version: int | None, directory: Path | None) -> None:
    """Print a workflow as a file (YAML) that apply reads.

    It is read back to the very same definition.

    \b
    Examples:
      stoker export sales > sales.yaml
      stoker export sales --version 2
      stoker export sales --with-jobs backup/sales

    See also: stoker apply, stoker workflow show.
    """
    spec = context.client.workflow(name, version).spec
    if directory is None:
        click.echo(yaml_text(spec), nl=False)
        return
    if directory.exists() and any(directory.iterdir()):
        give_up(f"{directory} is not empty; name a new directory", REFUSED)
    for path in dict.fromkeys(node.job for node in spec.nodes):
        click.echo(_export_job(context.client, path, directory / "jobs" / path))
    click.echo(_write(directory / f"{spec.workflow}.yaml", spec))


def _export_job(client: Client, path: str, source: Path) -> Path:
    """Write a job's latest version, or else its draft, beside the file that defines it."""
    view = client.job(path)
    job = view.latest or view.draft
    source.parent.mkdir(parents=True, exist_ok=True)
    client.fetch(job.digest, source)
    beside = source.with_name(f"{source.name}.attached")
    attachments: list[AttachedSource] = []
    for each in job.attachments:
        beside.mkdir(exist_ok=True)
        file = beside / each.name
        client.fetch(each.digest, file)
        kind = api.AttachmentKind(each.kind)
        attachments.append(AttachedSource(kind=kind, source=f"{beside.name}/{each.name}", name=each.name))
    definition = JobFile(
        job=path,
        source=source.name,
        attachments=tuple(attachments),
        config=job.config,
        remarks=view.latest.remarks if view.latest else "",
    )
    return _write(source.with_name(f"{source.name}.yaml"), definition)


def _write(file: Path, definition: JobFile | WorkflowSpec) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml_text(definition), encoding="utf-8")
    return file


def _jobs(client: Client, documents: list[Document]) -> list[_Job]:
    wanted = [(each, each.definition) for each in documents if isinstance(each.definition, JobFile)]
    current = {job.path: job for job in client.jobs()} if wanted else {}
    return [_Job(each, job, _digests(each, job), current.get(job.job)) for each, job in wanted]


def _digests(document: Document, job: JobFile) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in (job.source, *(each.source for each in job.attachments)):
        with document.beside(source).open("rb") as content:
            found[source] = file_digest(content, "sha256").hexdigest()
    return found


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
    known = {job.path for job in client.jobs() if job.latest} | {job.definition.job for job in jobs}
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


def _check_not_edited(jobs: list[_Job], workflows: list[_Workflow]) -> None:
    """Give up where a draft was changed by hand, saying who changed it, when, and what would be replaced."""
    told = [line for job in jobs for line in _edited_job(job)]
    told += [line for each in workflows for line in _edited(each)]
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


def _edited_job(job: _Job) -> Iterator[str]:
    if job.current is None or not job.current.has_changes:
        return
    draft = job.current.draft
    if not draft.applied and job.differs_from(draft):
        yield (
            f"{job.document.place}: draft {draft.revision} of {job.current.path!r} was changed by "
            f"{clean(draft.by)} at {moment(draft.saved_at)}; see `stoker job diff {job.current.path}`"
        )


def _show(context: Context, jobs: list[_Job], workflows: list[_Workflow], publishing: bool) -> None:
    if context.as_json:
        print_json(_DryRun("job", job.definition.job, _is_new(job, publishing)) for job in jobs)
        print_json(
            _DryRun("workflow", each.definition.workflow, bool(each.difference.changes), each.difference)
            for each in workflows
        )
        return
    for job in jobs:
        what = "version" if publishing else "draft"
        click.echo(f"{job.definition.job} {_would_be(job, publishing, what)}")
    for each in workflows:
        name, found = each.definition.workflow, each.difference
        if each.current is None:
            click.echo(f"{name} would be created")
        elif found.changes:
            click.echo(f"{name}: draft {each.current.row.revision} -> {each.document.place}")
            print_changes(found)
        else:
            click.echo(f"{name} draft {each.current.row.revision} (unchanged)")


def _is_new(job: _Job, publishing: bool) -> bool:
    """Tell whether applying a job's file changes the job."""
    if job.current is None:
        return True
    return job.differs_from(job.current.latest if publishing else job.current.draft)


def _would_be(job: _Job, publishing: bool, what: str) -> str:
    number = 0
    if job.current:
        number = job.current.version if publishing else job.current.draft.revision
    return f"would be {what} {number + 1}" if _is_new(job, publishing) else f"{what} {number} (unchanged)"


def _apply_job(context: Context, job: _Job, publishing: bool, remarks: str) -> None:
    path, note = job.definition.job, "" if _is_new(job, publishing) else " (unchanged)"
    if not note:
        for source in job.digests:
            context.client.send(job.document.beside(source))
        if publishing:
            _publish_job(context.client, job, remarks)
        else:
            _save_job(context.client, job)
    view = context.client.job(path)
    state = f"version {view.version}" if publishing else f"draft {view.draft.revision}"
    context.tell(view, f"{path} {state}{note}")


def _publish_job(client: Client, job: _Job, remarks: str) -> None:
    request = api.PublishJob(
        digest=job.digest,
        config=job.definition.config,
        attachments=job.attachments,
        remarks=job.definition.remarks or remarks,
    )
    client.publish_job(job.definition.job, request)


def _save_job(client: Client, job: _Job) -> None:
    request = api.SaveJob(digest=job.digest, config=job.definition.config, attachments=job.attachments)
    revision = job.current.draft.revision if job.current else None
    client.save_job(job.definition.job, request, revision, applied=True)


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
