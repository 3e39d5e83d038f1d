"""What there is to know of a draft and of a node of it while they are edited, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from stoker_shared import api
from stoker_shared.dag import downstream_of
from stoker_shared.difference import difference
from stoker_shared.model import JobConfig, QueueSpec, WorkflowSpec
from stoker_shared.schedules import in_words
from stoker_shared.text import clean_line
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import node_named, upstream_of
from stoker_tui.editing.inheriting import Field, Source, node_fields
from stoker_tui.editing.merging import value_words
from stoker_tui.screens.diff import LOOKS
from stoker_tui.widgets.pieces import Piece, Pieces

_ALWAYS = ("retries", "timeout", "queue", "args")
"""Fields that are shown also where nobody says anything."""


def marks_since_save(document: Document) -> dict[str, str]:
    """Give which nodes are new or changed since the draft was saved; nothing where none is, or all are."""
    if document.saved is None:
        return {}
    nodes = [node for node in difference(document.saved, document.spec).nodes if node.mark != "-"]
    return {node.name: LOOKS[node.mark] for node in nodes} if any(node.mark for node in nodes) else {}


def draft_title(document: Document, row: api.WorkflowRow | None) -> Pieces:
    """Give a draft in a line: of what it is, whether it is saved, its schedule and queue."""
    spec = document.spec
    pieces: list[Piece] = [(f" draft {document.revision}" if document.revision else " new", "strong")]
    if document.is_unsaved:
        pieces.append((" not saved", "warning"))
    if row and document.revision and row.revision > document.revision:
        pieces.append((f"  {row.saved_by} saved draft {row.revision} meanwhile", "warning"))
    pieces.append((f"  {in_words(spec.schedule)}", ""))
    pieces.append((f"  queue {spec.queue}", "dim"))
    if spec.retries:
        pieces.append((f"  retries {spec.retries}", "dim"))
    pieces += [(f"  {key}={value}", "dim") for key, value in spec.tags.items()]
    # A draft is edited as it is, and so was not cleaned.
    return [(clean_line(text), look) for text, look in pieces]


def node_facts(
    spec: WorkflowSpec, name: str, job: api.JobView | None, queue: QueueSpec | None
) -> Iterator[Pieces]:
    """Give a node's fields: its own plainly, the inherited ones greyed, with where they come from."""
    node = node_named(spec, name)
    yield [(name, "strong"), ("" if node.enabled else "  – disabled", "skipped")]
    missing = "" if job and job.version else "  not published" if job else "  there is no such job"
    yield [("job ", "dim"), (value_words(node.job), ""), (missing, "warning")]
    if node.upstream:
        yield [("upstream ", "dim"), (", ".join(node.upstream), "")]
    if below := downstream_of(upstream_of(spec))[name]:
        yield [("downstream ", "dim"), (", ".join(below), "")]
    yield []
    config = job.latest.config if job and job.latest else JobConfig()
    for field_name, field in node_fields(node, spec, config, queue).items():
        if field.value is not None or field_name in _ALWAYS:
            yield _field(field_name.removeprefix("config."), field)
    if node.subscription:
        states = ", ".join(state.value for state in node.subscription.states)
        yield [("subscription ", "dim"), (f"{', '.join(node.subscription.addresses)}: {states}", "")]
    yield from ([("tag ", "dim"), (f"{key}={value}", "")] for key, value in node.tags.items())
    if node.priority:
        yield [("priority ", "dim"), (str(node.priority), "")]


def _field(name: str, field: Field) -> Pieces:
    if field.is_own:
        return [(f"{name} ", "dim"), (value_words(field.own), "")]
    source = "" if field.source is Source.DEFAULT else f"  from the {field.source.value}"
    return [(f"{name} {value_words(field.inherited)}{source}", "dim")]
