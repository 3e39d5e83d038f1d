"""The command that imports the definitions of other schedulers."""

from __future__ import annotations

import tempfile
from hashlib import sha256
from pathlib import Path

import click
import msgspec
import yaml

from stoker_shared import api
from stoker_shared.model import WorkflowSpec
from stoker_shared.text import clean_line
from stoker_tui.cli import main
from stoker_tui.cli.common import REFUSED, Context, command, give_up
from stoker_tui.cli.tables import print_json
from stoker_tui.client import Client, Refused
from stoker_tui.importing.read import MAX_FILE, read
from stoker_tui.importing.result import BadImport, Finding, Imported, Source


class Done(msgspec.Struct, omit_defaults=True):
    """What became of one thing: ``kind`` is job, workflow, file or missing."""

    kind: str
    name: str
    done: str


@command(main, "import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prefix", default="", metavar="DIR", help="Folder of all jobs' paths.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write YAML and sources there instead; needs no daemon.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option("--force", is_flag=True, help="Replace drafts, jobs and files that are there and differ.")
def import_file(
    context: Context, file: Path, prefix: str, output: Path | None, dry_run: bool, force: bool
) -> None:
    """Import workflows of other schedulers.

    FILE is JSON: an export of Apache DolphinScheduler 2 or 3, or a managed service's request that creates a
    process definition. Its scripts and SQL are published as jobs, its workflows saved as drafts. What has no
    equal here is listed. Nothing that is there and differs is replaced without --force.

    \b
    Examples:
      stoker import workflow_1699.json --dry-run
      stoker import workflow_1699.json --prefix dolphin
      stoker import workflow_1699.json --output imported/

    See also: stoker apply, stoker workflow publish.
    """
    try:
        if file.stat().st_size > MAX_FILE:
            give_up(f"{file}: an import has at most {MAX_FILE:,} bytes", REFUSED)
        imported = read(file.read_bytes(), prefix.strip("/"))
    except BadImport as error:
        give_up(f"{file}: {error}", REFUSED)
    done = (
        _write(imported, output, dry_run, force)
        if output
        else _save(context.client, imported, dry_run, force)
    )
    done += [Done("missing", path, "not in the file; publish it") for path in imported.missing]
    if context.as_json:
        print_json([*done, *imported.findings])
        return
    for one in done:
        click.echo(f"{one.kind} {clean_line(one.name)}: {one.done}")
    _print_findings(imported.findings)


def _print_findings(findings: list[Finding]) -> None:
    count = {0: "no differences", 1: "1 difference:"}.get(len(findings), f"{len(findings)} differences:")
    click.echo(f"\n{count}")
    for finding in findings:
        click.echo(f"  {clean_line(finding.place) or '/'}: {clean_line(finding.what)}")
        click.echo(f"      {clean_line(finding.instead)}")


def _save(client: Client, imported: Imported, dry_run: bool, force: bool) -> list[Done]:
    """Publish the jobs and save the drafts, all of which is looked at before the first is changed."""
    digests = {job.path: job.latest.digest if job.latest else None for job in client.jobs()}
    drafts = {spec.workflow: _draft(client, spec.workflow) for spec in imported.workflows}
    jobs = {source.path for source in imported.sources if digests.get(source.path) != _digest(source)}
    workflows = {
        spec.workflow
        for spec in imported.workflows
        if not (draft := drafts[spec.workflow]) or draft.spec != spec
    }
    there = [f"job {path}" for path in sorted(jobs & set(digests))]
    there += [f"workflow {name}" for name in sorted(workflows) if drafts[name]]
    _check_replaced(there, force)
    done = [
        Done("job", source.path, _publish(client, source, dry_run) if source.path in jobs else "unchanged")
        for source in imported.sources
    ]
    for spec in imported.workflows:
        is_new = spec.workflow in workflows
        said = _save_draft(client, spec, drafts[spec.workflow], dry_run) if is_new else "unchanged"
        done.append(Done("workflow", spec.workflow, said))
    return done


def _save_draft(client: Client, spec: WorkflowSpec, draft: api.WorkflowView | None, dry_run: bool) -> str:
    if dry_run:
        return "would be saved"
    saved = client.save_workflow(spec, draft and draft.row.revision)
    return f"draft {saved.row.revision}"


def _publish(client: Client, source: Source, dry_run: bool) -> str:
    if dry_run:
        return "would be published"
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "source"
        file.write_bytes(source.text.encode())
        digest = client.send(file)
    published = client.publish_job(source.path, api.PublishJob(digest=digest, remarks="imported"))
    return f"version {published.version}"


def _draft(client: Client, name: str) -> api.WorkflowView | None:
    try:
        return client.workflow(name)
    except Refused as refused:
        if refused.problem.type != "not-found":
            raise
        return None


def _digest(source: Source) -> str:
    return sha256(source.text.encode()).hexdigest()


def _write(imported: Imported, output: Path, dry_run: bool, force: bool) -> list[Done]:
    """Write the sources, each at its job's path, and a YAML file for each workflow."""
    files = {output / source.path: source.text.encode() for source in imported.sources}
    files |= {output / f"{spec.workflow}.yaml": _yaml(spec) for spec in imported.workflows}
    try:
        changed = [path for path, text in files.items() if not path.exists() or path.read_bytes() != text]
        _check_replaced([str(path) for path in changed if path.exists()], force)
        for path in changed if not dry_run else []:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[path])
    except OSError as error:
        give_up(f"{error.filename}: {error.strerror}", REFUSED)
    said = "would be written" if dry_run else "written"
    return [Done("file", str(path), said if path in changed else "unchanged") for path in files]


def _check_replaced(there: list[str], force: bool) -> None:
    if there and not force:
        shown = "\n".join(f"  {clean_line(one)}" for one in there)
        give_up(
            f"already there, and different:\n{shown}\nNothing was changed; --force replaces them.", REFUSED
        )


def _yaml(spec: WorkflowSpec) -> bytes:
    content = msgspec.to_builtins(spec)
    content["nodes"] = [
        {key: value for key, value in node.items() if value != {}} for node in content["nodes"]
    ]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100).encode()
