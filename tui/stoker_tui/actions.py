"""What a person can do in the terminal UI: one table, for keys, footer, help and palette alike. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from stoker_shared import api
from stoker_shared.actions import NodeAction, RunAction, why_not_node, why_not_run
from stoker_shared.api.backfills import BackfillView
from stoker_shared.dag import downstream_of
from stoker_shared.model import BackfillState
from stoker_shared.roles import Role
from stoker_shared.state import WorkflowVersion
from stoker_shared.text import nearest, quoted
from stoker_tui.documents import Document
from stoker_tui.editing.document import Document as Draft
from stoker_tui.editing.edits import node_named, upstream_of
from stoker_tui.theme import marked

MOST_NAMED = 4
"""How many things a question names one by one."""


class NodeOf(NamedTuple):
    """A node, with the run that it is of, and where it failed why."""

    run: api.RunView
    node: api.NodeView
    card: api.FailureView | None = None


class EditedNode(NamedTuple):
    """A node of a draft that is edited."""

    document: Draft
    name: str


class VersionOf(NamedTuple):
    """A published version, with the workflow that it is of."""

    row: api.WorkflowRow
    version: WorkflowVersion


class JobState(NamedTuple):
    """A version of a job, or its draft, whose ``number`` is 0."""

    job: api.JobView
    number: int
    at: datetime
    by: str
    digest: str
    remarks: str

    @property
    def words(self) -> str:
        """What it is called."""
        return f"v{self.number}" if self.number else "draft"


class Filled(NamedTuple):
    """A form that is filled in, and what saves it."""

    save: Callable[[], None]
    is_changed: bool


class AsText(NamedTuple):
    """A definition that can be edited as text: what it is now, and what takes it when it is edited.

    It has no ``value`` while something is wrong with it.
    """

    document: Document[Any]
    value: msgspec.Struct | None
    take: Callable[[Any], None]


class Kind(Enum):
    """What an action is about. Each screen offers things of some kinds."""

    NODE = "the node"
    RUN = "the run"
    WORKFLOW = "the workflow"
    WORKFLOWS = "the workflows"
    VERSION = "the workflow's version"
    VERSIONS = "the workflow's versions"
    GRAPH_EDITED = "the graph being edited"
    DRAFT = "the draft"
    EDITED = "the node being edited"
    JOBS = "the jobs"
    JOB = "the job"
    JOB_STATE = "the version"
    QUEUES = "the queues"
    QUEUE = "the queue"
    VARIABLES = "the variables"
    VARIABLE = "the variable"
    WORKSPACES = "the workspaces"
    WORKSPACE = "the workspace"
    FILLED = "what is filled in"
    TEXT = "the definition"
    BACKFILL = "the backfill"
    PREVIEW = "the backfill to be made"
    FACTS = "what is known of it"
    GRAPH = "the graph"
    OUTPUT = "the output"
    FORM = "the form"
    TABS = "the page"
    RUN_TABS = "the run's page"
    LIST = "the list"
    DAEMON = "the daemon"
    APP = "everywhere"


FOCUSED = (Kind.GRAPH, Kind.OUTPUT, Kind.PREVIEW, Kind.FORM)
"""Kinds of what has the focus: a key that is for it there is for nothing else."""


def _always(_: Any) -> str:
    return ""


class Action(NamedTuple):
    """One thing to do. ``id`` is what the user's configuration names, ``keys`` what it is done by.

    ``why_not`` says why it can't be done to something now, as "it ...", and nothing where it can. What is
    destructive has a ``question``, given what it would hit.
    """

    id: str
    keys: tuple[str, ...]
    word: str
    help: str
    kind: Kind
    why_not: Callable[[Any], str] = _always
    question: Callable[[Sequence[Any]], str] | None = None
    footer: bool = False
    online: bool = False
    """It needs the daemon."""
    needs: Role | None = None
    """The role that it takes in the workspace."""
    sentence: str = ""
    """How doing it to something is said, with ``{}`` for its name; unset: its word, and the name."""

    def said(self, name: str) -> str:
        """Say that it is done to something."""
        return (self.sentence or f"{self.word} {{}}").format(name)


def name_of(thing: object) -> str:
    """Name what an action hits."""
    match thing:
        case api.RunRow():
            named = f"run #{thing.id} {thing.name}"
        case NodeOf():
            named = f"{thing.node.name} of run #{thing.run.row.id} {thing.run.row.name}"
        case api.WorkflowRow() | EditedNode() | Draft():
            named = thing.name
        case VersionOf():
            named = f"version {thing.version.version} of {thing.row.name}"
        case api.JobView():
            named = thing.path
        case JobState():
            named = f"{thing.words} of {thing.job.path}"
        case api.QueueView():
            named = f"queue {thing.name}"
        case api.VariableView():
            named = f"variable {thing.name}"
        case api.WorkspaceView():
            named = f"workspace {thing.name}"
        case BackfillView():
            named = f"backfill B{thing.id} of {thing.workflow}"
        case _:
            named = "it"
    return named


def names_of(things: Sequence[object]) -> str:
    """Name several things, the first ones by their names."""
    if len(things) == 1:
        return name_of(things[0])
    named = ", ".join(name_of(thing) for thing in things[:MOST_NAMED])
    return f"{len(things)}: {named}" + (", ..." if len(things) > MOST_NAMED else "")


def _run(action: RunAction) -> Callable[[api.RunRow], str]:
    return lambda row: why_not_run(action, row.state)


def _node(action: NodeAction) -> Callable[[NodeOf], str]:
    def why_not(of: NodeOf) -> str:
        stopping = of.node.stopping is not None
        return why_not_node(
            action, of.node.state, stopping=stopping, run_stopping=of.run.stopping is not None
        )

    return why_not


def _why_no_run(row: api.WorkflowRow) -> str:
    return "" if row.version else "it has no published version; its draft can be debugged"


def _why_no_backfill(row: api.WorkflowRow) -> str:
    return "" if row.version else "it has no published version"


def _why_not_on(row: api.WorkflowRow) -> str:
    if row.scheduling:
        return "it is switched on already"
    if not row.version:
        return "it has no published version"
    return "" if row.schedule else "it has no schedule; its runs are started by hand"


def _why_not_off(row: api.WorkflowRow) -> str:
    return "" if row.scheduling else "it is switched off already"


def _why_no_undo(document: Draft) -> str:
    return "" if document.undoable else "there is nothing to undo"


def _why_no_redo(document: Draft) -> str:
    return "" if document.redoable else "nothing was undone"


def _why_no_save(document: Draft) -> str:
    return "" if document.is_unsaved else "nothing is changed; all is saved"


def _why_not_below(edited: EditedNode) -> str:
    below = downstream_of(upstream_of(edited.document.spec))[edited.name]
    return "" if below else "nothing is downstream of it; a adds a node there"


def _why_no_edge(edited: EditedNode) -> str:
    if node_named(edited.document.spec, edited.name).upstream:
        return ""
    return "" if not _why_not_below(edited) else "it is not connected to anything"


def _why_alone(edited: EditedNode) -> str:
    return "" if len(edited.document.spec.nodes) > 1 else "it is the only node"


def _why_latest(of: VersionOf) -> str:
    return "" if of.version.version != of.row.version else "it is the latest version"


def _backfill(word: str, *states: BackfillState) -> Callable[[BackfillView], str]:
    return lambda view: "" if view.state in states else f"it is {view.state.value}, and can't be {word}"


def _why_no_retry(view: BackfillView) -> str:
    if view.state is BackfillState.CANCELLED:
        return "it is cancelled"
    return "" if view.failed else "none of its runs failed"


def _stop_run(rows: Sequence[api.RunRow]) -> str:
    states = ", ".join(dict.fromkeys(marked(row.state) for row in rows))
    return f"Stop {names_of(rows)} ({states})? Every process of it is ended."


def _why_no_draft(job: api.JobView) -> str:
    return "" if job.has_changes or not job.version else "its draft says what is published"


def _why_no_rollback(state: JobState) -> str:
    if not state.number:
        return "it is the draft"
    return "it is the latest version" if state.number == state.job.version else ""


_ACTIVE = (BackfillState.RUNNING, BackfillState.PAUSED)

TABLE: tuple[Action, ...] = (
    Action("output.follow", ("f",), "follow", "Follow what is written, or stay.", Kind.OUTPUT, footer=True),
    Action("output.search", ("/",), "search", "Look for something.", Kind.OUTPUT, footer=True),
    Action("output.next", ("n",), "next", "Go to the next place of what is looked for.", Kind.OUTPUT),
    Action("output.previous", ("N",), "previous", "Go to the place before.", Kind.OUTPUT),
    Action(
        "output.error", ("e",), "error", "Go to the next error, or to the last.", Kind.OUTPUT, footer=True,
    ),
    Action("output.error_before", ("E",), "error before", "Go to the error before.", Kind.OUTPUT),
    Action(
        "output.stream", ("t",), "stream", "Show both streams, stdout, stderr, the launch.", Kind.OUTPUT,
        footer=True,
    ),
    Action("output.attempt_before", ("[",), "attempt before", "Show the attempt before.", Kind.OUTPUT),
    Action("output.attempt_after", ("]",), "attempt after", "Show the attempt after.", Kind.OUTPUT),
    Action("output.wrap", ("w",), "wrap", "Fold long lines, or not.", Kind.OUTPUT, footer=True),
    Action("output.pager", ("o",), "pager", "Read it in $PAGER.", Kind.OUTPUT, online=True),
    Action("output.save", ("s",), "save", "Save it in a file.", Kind.OUTPUT, online=True),
    Action("output.down", ("down", "j", "enter"), "down", "Go down.", Kind.OUTPUT),
    Action("output.up", ("up", "k"), "up", "Go up.", Kind.OUTPUT),
    Action("output.page_down", ("pagedown", "ctrl+d", "space"), "page down", "Go down a page.", Kind.OUTPUT),
    Action("output.page_up", ("pageup", "ctrl+u"), "page up", "Go up a page.", Kind.OUTPUT),
    Action("output.top", ("g", "home"), "top", "Go to the beginning.", Kind.OUTPUT),
    Action("output.bottom", ("G", "end"), "bottom", "Go to the end, and follow.", Kind.OUTPUT),
    Action("output.left", ("left",), "left", "Look further left.", Kind.OUTPUT),
    Action("output.right", ("right",), "right", "Look further right.", Kind.OUTPUT),
    Action(
        "node.log", ("l",), "log", "Read what the node wrote.", Kind.NODE,
        lambda of: "" if of.node.attempts else "it has not begun", footer=True, online=True,
        sentence="read the log of {}",
    ),
    Action(
        "node.rerun", ("R",), "rerun", "Run the node again.", Kind.NODE,
        _node(NodeAction.RERUN), footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "node.rerun_downstream", ("R",), "rerun", "Run the node and all that is downstream of it again.",
        Kind.NODE, _node(NodeAction.RERUN), online=True, needs=Role.OPERATOR,
    ),
    Action(
        "node.stop", ("x",), "stop", "Stop the node.", Kind.NODE, _node(NodeAction.STOP),
        lambda nodes: f"Stop {names_of(nodes)}? Every process of it is ended.", footer=True, online=True,
        needs=Role.OPERATOR,
    ),
    Action(
        "node.succeed", ("S",), "succeed", "Set the node successful; what was skipped stays so.",
        Kind.NODE, _node(NodeAction.SUCCEED),
        lambda nodes: f"Set {names_of(nodes)} successful? It is taken as done without having run.",
        footer=True, online=True, needs=Role.OPERATOR, sentence="set {} successful",
    ),
    Action(
        "node.succeed_downstream", ("S",), "succeed",
        "Set the node successful, and run what waited on it.", Kind.NODE, _node(NodeAction.SUCCEED),
        lambda nodes: f"Set {names_of(nodes)} successful, and run what waited on it?", online=True,
        needs=Role.OPERATOR,
        sentence="set {} successful",
    ),
    Action(
        "node.why", ("w",), "why", "Say why the node waits, or failed, or was skipped.", Kind.NODE,
        footer=True, sentence="say why of {}",
    ),
    Action(
        "node.command", ("c",), "command", "Show the exact command, and where each value comes from.",
        Kind.NODE, lambda of: "" if of.node.attempts else "it has not begun; a plan of its workflow has it",
        footer=True, online=True, sentence="show the command of {}",
    ),
    Action(
        "run.rerun_failed", ("R",), "rerun", "Run again what did not succeed of the run.", Kind.RUN,
        _run(RunAction.RERUN_FAILED), footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "run.rerun_all", ("R",), "rerun", "Run all nodes of the run again.", Kind.RUN,
        _run(RunAction.RERUN_ALL),
        lambda rows: f"Run all of {names_of(rows)} again, also what has succeeded?",
        footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "run.rerun_with", ("R",), "rerun", "Run it again with other settings, for this run only.", Kind.RUN,
        _run(RunAction.RERUN_ALL), online=True, needs=Role.OPERATOR,
    ),
    Action(
        "run.stop", ("x",), "stop", "Stop the whole run.", Kind.RUN, _run(RunAction.STOP), _stop_run,
        footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "run.pause", ("P",), "pause", "Pause the run: what runs goes on, nothing new starts.", Kind.RUN,
        _run(RunAction.PAUSE), footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "run.resume", ("P",), "resume", "Let the paused run go on.", Kind.RUN, _run(RunAction.RESUME),
        footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "workflow.run", ("r",), "run", "Start a run of the latest version, or of another.", Kind.WORKFLOW,
        _why_no_run, footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "workflow.debug", ("d",), "debug", "Run the draft on a development queue.", Kind.WORKFLOW,
        footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "workflow.backfill", ("b",), "backfill", "Make runs for the intervals of a range; a preview first.",
        Kind.WORKFLOW, _why_no_backfill, footer=True, online=True,
        needs=Role.OPERATOR, sentence="backfill {}",
    ),
    Action(
        "workflow.plan", ("i",), "plan", "Inspect what a run would launch; nothing is started.",
        Kind.WORKFLOW, footer=True, online=True, sentence="plan {}",
    ),
    Action(
        "preview.start", ("enter",), "make it", "Make the backfill as it is previewed.", Kind.PREVIEW,
        footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "workflow.on", ("o",), "on", "Switch scheduling on, from this moment.", Kind.WORKFLOW, _why_not_on,
        footer=True, online=True, needs=Role.OPERATOR, sentence="switch {} on",
    ),
    Action(
        "workflow.off", ("o",), "off", "Switch scheduling off; runs that were made go on.", Kind.WORKFLOW,
        _why_not_off, footer=True, online=True, needs=Role.OPERATOR, sentence="switch {} off",
    ),
    Action(
        "version.diff", ("c",), "compare", "Compare two marked versions, or one with another or the draft.",
        Kind.VERSION, footer=True, online=True,
    ),
    Action(
        "versions.show", ("v",), "version", "Choose the version, or the draft, that graph and nodes show.",
        Kind.VERSIONS, footer=True, online=True,
    ),
    Action(
        "job.new", ("n",), "new", "Publish a file as a job.", Kind.JOBS, footer=True, online=True,
        needs=Role.EDITOR,
    ),
    Action(
        "job.publish", ("p",), "publish", "Publish a file as the job's next version.", Kind.JOB, footer=True,
        online=True, sentence="publish a file as {}", needs=Role.EDITOR,
    ),
    Action(
        "job.publish_draft", ("p",), "publish", "Publish the job's draft as its next version.", Kind.JOB,
        _why_no_draft, footer=True, online=True, sentence="publish the draft of {}", needs=Role.EDITOR,
    ),
    Action(
        "job.configure", ("e",), "configure", "Edit the default configuration in the job's draft.", Kind.JOB,
        footer=True, online=True, needs=Role.EDITOR,
    ),
    Action(
        "job.delete", ("x",), "delete", "Delete the job, if no workflow uses it.", Kind.JOB,
        question=lambda jobs: f"Delete {names_of(jobs)}? Runs that were made of it keep what they use.",
        online=True, needs=Role.EDITOR,
    ),
    Action(
        "job_state.changes", ("v",), "changes", "Show what is new in the version.", Kind.JOB_STATE,
        footer=True, online=True, sentence="show what is new in {}",
    ),
    Action(
        "job_state.compare", ("V",), "compare", "Show how the version differs from the draft.",
        Kind.JOB_STATE, lambda state: "" if state.number else "it is the draft", online=True,
    ),
    Action(
        "job_state.roll_back", ("R",), "roll back", "Publish what this version was as the next version.",
        Kind.JOB_STATE, _why_no_rollback,
        lambda states: f"Publish {names_of(states)} again, as the next version?",
        footer=True, online=True, sentence="roll back to {}", needs=Role.EDITOR,
    ),
    Action(
        "queue.new", ("n",), "new", "Make a queue.", Kind.QUEUES, footer=True, online=True,
        needs=Role.ADMIN,
    ),
    Action(
        "queue.edit", ("e",), "edit", "Change what the queue allows; what is active in it goes on.",
        Kind.QUEUE, footer=True, online=True, needs=Role.ADMIN,
    ),
    Action(
        "queue.delete", ("x",), "delete", "Delete the queue, if nothing uses it.", Kind.QUEUE,
        question=lambda queues: f"Delete {names_of(queues)}?", online=True, needs=Role.ADMIN,
    ),
    Action(
        "variable.new", ("n",), "new", "Make a variable.", Kind.VARIABLES, footer=True, online=True,
        needs=Role.EDITOR,
    ),
    Action(
        "variable.edit", ("e",), "edit", "Give the variable another value.", Kind.VARIABLE, footer=True,
        online=True, needs=Role.EDITOR,
    ),
    Action(
        "variable.unset", ("x",), "unset", "Remove the variable.", Kind.VARIABLE,
        question=lambda variables: f"Unset {names_of(variables)}? What refers to it fails.",
        footer=True, online=True, needs=Role.EDITOR,
    ),
    Action(
        "workspace.new", ("n",), "new", "Make a workspace.", Kind.WORKSPACES, footer=True, online=True,
        needs=Role.ADMIN,
    ),
    Action(
        "workspace.edit", ("e",), "edit", "Describe the workspace otherwise.", Kind.WORKSPACE, footer=True,
        online=True, needs=Role.ADMIN,
    ),
    Action(
        "workspace.delete", ("x",), "delete", "Delete the workspace, if nothing is in it.", Kind.WORKSPACE,
        question=lambda workspaces: f"Delete {names_of(workspaces)}?", footer=True, online=True,
        needs=Role.ADMIN,
    ),
    Action(
        "filled.save", ("s", "ctrl+s"), "save", "Save what is filled in.", Kind.FILLED,
        lambda filled: "" if filled.is_changed else "nothing is changed", footer=True, online=True,
    ),
    Action(
        "workflow.edit", ("e",), "edit", "Edit the draft: its graph, its nodes, its settings.", Kind.WORKFLOW,
        footer=True, online=True, needs=Role.EDITOR,
    ),
    Action(
        "workflow.publish", ("p",), "publish", "Publish the draft as the next version.", Kind.WORKFLOW,
        footer=True, online=True, needs=Role.EDITOR,
    ),
    Action(
        "workflow.new", ("n",), "new", "Make a workflow.", Kind.WORKFLOWS, footer=True, online=True,
        needs=Role.EDITOR,
    ),
    Action(
        "version.rollback", ("R",), "roll back", "Make what this version was the next version.",
        Kind.VERSION, _why_latest, footer=True, online=True, needs=Role.EDITOR, sentence="roll back to {}",
    ),
    Action(
        "draft.add", ("a",), "add", "Add a node downstream of the selected one.", Kind.GRAPH_EDITED,
        footer=True,
    ),
    Action(
        "edited.connect", ("c",), "connect", "Let another node wait for this one.", Kind.EDITED, _why_alone,
        footer=True,
    ),
    Action(
        "draft.schedule", ("t",), "schedule", "Say when its runs are due.", Kind.GRAPH_EDITED, footer=True,
    ),
    Action(
        "draft.save", ("s", "ctrl+s"), "save", "Save the draft; what is scheduled stays as it is.",
        Kind.DRAFT, _why_no_save, needs=Role.EDITOR, footer=True, sentence="save {}",
    ),
    Action(
        "draft.debug", ("d",), "debug", "Save, and run the draft on a development queue.", Kind.DRAFT,
        footer=True, online=True, needs=Role.EDITOR,
    ),
    Action(
        "draft.publish", ("p",), "publish", "Save, and publish it as the next version.", Kind.DRAFT,
        footer=True, online=True, needs=Role.EDITOR,
    ),
    Action(
        "draft.undo", ("u",), "undo", "Undo what was done last.", Kind.GRAPH_EDITED, _why_no_undo,
        footer=True, sentence="undo",
    ),
    Action("edited.delete", ("x", "delete"), "delete", "Delete the node.", Kind.EDITED, footer=True),
    Action(
        "draft.settings", ("w",), "settings", "Fill in the workflow's settings.", Kind.GRAPH_EDITED,
        footer=True,
    ),
    Action(
        "draft.redo", ("U", "ctrl+r"), "redo", "Do again what was undone.", Kind.GRAPH_EDITED, _why_no_redo,
        sentence="redo",
    ),
    Action(
        "draft.changes", ("v",), "changes", "Show what is changed since the last save.", Kind.GRAPH_EDITED,
        _why_no_save, sentence="show changes",
    ),
    Action(
        "text.edit", ("ctrl+e",), "$EDITOR", "Edit it as text (YAML) in $EDITOR.", Kind.TEXT,
        lambda text: "" if text.value else "first put right what is marked \N{HEAVY BALLOT X}", footer=True,
    ),
    Action("edited.beside", ("A",), "add beside", "Add a node that waits for the same ones.", Kind.EDITED),
    Action(
        "edited.insert", ("i",), "insert", "Insert a node between this one and those downstream of it.",
        Kind.EDITED, _why_not_below, sentence="insert a node behind {}",
    ),
    Action(
        "edited.connect_up", ("C",), "connect up", "Let this node wait for another one.", Kind.EDITED,
        _why_alone, sentence="connect {}",
    ),
    Action(
        "edited.disconnect", ("X",), "disconnect", "Cut an edge to or from the node.", Kind.EDITED,
        _why_no_edge,
    ),
    Action("edited.duplicate", ("D",), "duplicate", "Add a node like this one.", Kind.EDITED),
    Action("edited.rename", ("r",), "rename", "Give the node another name.", Kind.EDITED),
    Action(
        "backfill.pause", ("P",), "pause", "Make no more runs of the backfill for now.", Kind.BACKFILL,
        _backfill("paused", BackfillState.RUNNING), footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "backfill.resume", ("P",), "resume", "Let the paused backfill go on.", Kind.BACKFILL,
        _backfill("resumed", BackfillState.PAUSED), footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "backfill.cancel", ("x",), "cancel", "Make no more runs; those that run go on.", Kind.BACKFILL,
        _backfill("cancelled", *_ACTIVE),
        lambda views: f"Cancel {names_of(views)}? Runs of it that wait are stopped, those that run go on.",
        footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action(
        "backfill.cancel_running", ("x",), "cancel", "Make no more runs, and stop those that run.",
        Kind.BACKFILL, _backfill("cancelled", *_ACTIVE),
        lambda views: f"Cancel {names_of(views)}, and stop all its runs?", online=True, needs=Role.OPERATOR,
    ),
    Action(
        "backfill.retry", ("R",), "retry", "Make runs again for the intervals whose runs failed.",
        Kind.BACKFILL, _why_no_retry, footer=True, online=True, needs=Role.OPERATOR,
    ),
    Action("graph.open", ("enter",), "open", "Open the node.", Kind.GRAPH),
    Action("graph.up", ("up", "k"), "up", "Go to a node upstream.", Kind.GRAPH),
    Action("graph.down", ("down", "j"), "down", "Go to a node downstream.", Kind.GRAPH),
    Action("graph.left", ("left",), "left", "Go to the node beside it.", Kind.GRAPH),
    Action("graph.right", ("right",), "right", "Go to the node beside it.", Kind.GRAPH),
    Action("graph.jump", ("/",), "jump", "Go to the node whose name is typed.", Kind.GRAPH, footer=True),
    Action(
        "graph.zoom", ("z",), "zoom", "Draw it smaller: rows, dots, a list; then large again.", Kind.GRAPH,
        footer=True,
    ),
    Action("graph.zoom_in", ("+", "="), "larger", "Draw it larger.", Kind.GRAPH),
    Action("graph.zoom_out", ("-",), "smaller", "Draw it smaller.", Kind.GRAPH),
    Action("graph.pan_up", ("K", "shift+up"), "look up", "Look further up.", Kind.GRAPH),
    Action("graph.pan_down", ("J", "shift+down"), "look down", "Look further down.", Kind.GRAPH),
    Action("graph.pan_left", ("H", "shift+left"), "look left", "Look further left.", Kind.GRAPH),
    Action("graph.pan_right", ("L", "shift+right"), "look right", "Look further right.", Kind.GRAPH),
    Action("facts.down", ("}",), "further down", "Read on in what is known of it.", Kind.FACTS),
    Action("facts.up", ("{",), "further up", "Read back in what is known of it.", Kind.FACTS),
    Action(
        "form.edit", ("enter", "i"), "fill in", "Fill in the field; tab and enter go on, esc ends.",
        Kind.FORM, footer=True,
    ),
    Action(
        "form.turn", ("space", "right"), "choose", "Choose the next word; open or close a section.",
        Kind.FORM, footer=True,
    ),
    Action("form.turn_back", ("left",), "choose back", "Choose the word before.", Kind.FORM),
    Action(
        "form.inherit", ("backspace", "delete"), "inherit", "Empty the field: it inherits what is grey.",
        Kind.FORM, footer=True,
    ),
    Action("form.down", ("down", "j", "tab"), "down", "Go to the next field.", Kind.FORM),
    Action("form.up", ("up", "k", "shift+tab"), "up", "Go to the field before.", Kind.FORM),
    Action("form.page_down", ("pagedown",), "page down", "Go down a page.", Kind.FORM),
    Action("form.page_up", ("pageup",), "page up", "Go up a page.", Kind.FORM),
    Action("form.first", ("g", "home"), "first", "Go to the first field.", Kind.FORM),
    Action("form.last", ("G", "end"), "last", "Go to the last field.", Kind.FORM),
    Action("tabs.next", ("tab", "right"), "tabs", "Go to the next tab.", Kind.TABS, footer=True),
    Action("tabs.previous", ("shift+tab", "left"), "previous tab", "Go to the tab before.", Kind.TABS),
    Action("run_tabs.gantt", ("G",), "gantt", "Show when each node ran, or the graph again.", Kind.RUN_TABS),
    Action(
        "run_tabs.events", ("E",), "events", "Show what happened in the run, or the graph again.",
        Kind.RUN_TABS,
    ),
    Action("list.open", ("enter",), "open", "Open what is under the cursor.", Kind.LIST, footer=True),
    Action(
        "list.filter", ("/",), "filter",
        "Show only some: words, status:failed, tag:team=sales, \"two words\".", Kind.LIST, footer=True,
    ),
    Action("list.sort", ("s",), "sort", "Choose the column to sort by; again, the other way.", Kind.LIST),
    Action("list.mark", ("space",), "mark", "Mark the row; actions apply to what is marked.", Kind.LIST),
    Action("list.mark_all", ("*",), "mark all", "Mark all rows shown, or none.", Kind.LIST),
    Action("list.down", ("j", "down"), "down", "Go down.", Kind.LIST),
    Action("list.up", ("k", "up"), "up", "Go up.", Kind.LIST),
    Action("list.page_down", ("pagedown", "ctrl+d"), "page down", "Go down a page.", Kind.LIST),
    Action("list.page_up", ("pageup", "ctrl+u"), "page up", "Go up a page.", Kind.LIST),
    Action("list.top", ("g", "home"), "top", "Go to the first row.", Kind.LIST),
    Action("list.bottom", ("G", "end"), "bottom", "Go to the last row.", Kind.LIST),
    Action(
        "daemon.start", ("S",), "start a daemon", "Start a stokerd for this user.", Kind.DAEMON,
        lambda connected: "there is a daemon already" if connected else "", footer=True,
    ),
    Action("app.workflows", ("1",), "workflows", "Show the workflows.", Kind.APP),
    Action("app.runs", ("2",), "runs", "Show the runs.", Kind.APP),
    Action("app.backfills", ("3",), "backfills", "Show the backfills.", Kind.APP),
    Action("app.jobs", ("4",), "jobs", "Show the jobs.", Kind.APP),
    Action("app.queues", ("5",), "queues", "Show the queues.", Kind.APP),
    Action("app.variables", ("6",), "variables", "Show the workspace's variables.", Kind.APP),
    Action("app.workspaces", ("7",), "workspaces", "Show the workspaces.", Kind.APP),
    Action("app.back", ("escape",), "back", "Drop marks, then the filter, then go back.", Kind.APP),
    Action("app.workspace", ("W",), "workspace", "Go to another workspace.", Kind.APP, online=True),
    Action("app.help", ("?",), "help", "Show the keys of this screen.", Kind.APP, footer=True),
    Action("app.palette", (":", "ctrl+p"), "actions", "Find an action by its words.", Kind.APP),
    Action("app.theme", (), "theme", "Choose the colours.", Kind.APP),
    Action("app.quit", ("q", "ctrl+c"), "quit", "Leave; what runs goes on.", Kind.APP, footer=True),
)  # fmt: skip
"""All actions. Of several under one key the one that is possible now is done; of more it is asked which."""

KEY_NAMES = {
    "backspace": "BS",
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "shift+tab": "S-tab",
    "shift+up": "S-up",
    "shift+down": "S-down",
    "shift+left": "S-left",
    "shift+right": "S-right",
}


class Actions:
    """The table with the keys that the user has them under."""

    def __init__(self, keys: Mapping[str, Sequence[str]] | None = None) -> None:
        keys = keys or {}
        self._all = {
            action.id: action._replace(keys=tuple(keys[action.id])) if action.id in keys else action
            for action in TABLE
        }

    def __getitem__(self, id: str) -> Action:
        return self._all[id]

    def __iter__(self) -> Iterator[Action]:
        return iter(self._all.values())

    def under(self, key: str, kinds: Collection[Kind]) -> list[Action]:
        """Give the actions that a key is for, where things of those kinds are offered."""
        found = [action for action in self if key in action.keys and action.kind in kinds]
        if any(action.kind is Kind.LIST for action in found):
            found = [action for action in found if action.kind is not Kind.RUN_TABS]
        return [action for action in found if action.kind in FOCUSED] or found

    def offered(self, kinds: Collection[Kind]) -> list[Action]:
        """Give the actions on things of those kinds."""
        return [action for action in self if action.kind in kinds]


def key_faults(keys: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give what is wrong with the keys of a user's configuration."""
    known = [action.id for action in TABLE]
    for id in keys:
        if id not in known:
            guess = nearest(id, known)
            hint = f"did you mean {guess}?" if guess else f"there are {', '.join(known)}"
            yield f"there is no action {quoted(id, 60)}; {hint}"


def key_name(action: Action) -> str:
    """Give the key of an action as it stands in the footer; nothing where it has none."""
    if not action.keys:
        return ""
    key = action.keys[0]
    return KEY_NAMES.get(key, key.replace("ctrl+", "^"))


def key_while_typing(action: Action) -> str:
    """Give the key of an action that is no character, and so is no text; nothing where it has none."""
    return next(
        (key_name(action._replace(keys=(key,))) for key in action.keys if key.startswith("ctrl+")), ""
    )


def key_names(action: Action) -> str:
    """Give all keys of an action."""
    return " ".join(key_name(action._replace(keys=(key,))) for key in action.keys)


def possible(
    action: Action, things: Sequence[Any], *, live: bool, role: Role | None = Role.ADMIN
) -> tuple[list[Any], str]:
    """Give those of the things that an action can be done to now, and why it can't to another.

    ``role`` is that of who acts, in the workspace that is shown.
    """
    if action.online and not live:
        return [], "there is no daemon; it goes on when one is back"
    if action.needs and not (role and role.covers(action.needs)):
        yours = f"you are {role.value}" if role else "you have none"
        return [], f"to {action.word} needs the role {action.needs.value} here; {yours}"
    if not things:
        return [], f"there is nothing here to {action.word}"
    reasons = [(thing, action.why_not(thing)) for thing in things]
    able = [thing for thing, why in reasons if not why]
    refused = next(((thing, why) for thing, why in reasons if why), None)
    if refused is None:
        return able, ""
    thing, why = refused
    subject = name_of(thing)
    return able, why if subject == "it" else f"can't {action.said(subject)}: {why}"
