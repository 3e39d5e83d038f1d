"""What can be done to definitions: workflows, jobs, queues, variables, workspaces, drafts."""

from __future__ import annotations

from stoker_shared import api
from stoker_shared.dag import downstream_of
from stoker_shared.roles import Role
from stoker_tui.actions.action import Action, Kind
from stoker_tui.actions.things import EditedNode, JobState, VersionOf, names_of
from stoker_tui.editing.document import Document as Draft
from stoker_tui.editing.edits import node_named, upstream_of


def _why_latest(of: VersionOf) -> str:
    return "" if of.version.version != of.row.version else "it is the latest version"


def _why_no_draft(job: api.JobView) -> str:
    return "" if job.has_changes or not job.version else "its draft says what is published"


def _why_no_rollback(state: JobState) -> str:
    if not state.number:
        return "it is the draft"
    return "it is the latest version" if state.number == state.job.version else ""


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


DEFINING = (
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
        "workflow.rename", ("N",), "rename", "Give the workflow another name; its history stays.",
        Kind.WORKFLOW, online=True, needs=Role.EDITOR,
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
    Action("draft.rename", ("N",), "rename", "Give the workflow another name.", Kind.GRAPH_EDITED),
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
)  # fmt: skip
