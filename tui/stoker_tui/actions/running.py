"""What can be done to nodes, runs and backfills, and to make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stoker_shared import api
from stoker_shared.actions import NodeAction, RunAction, why_not_node, why_not_run
from stoker_shared.api.backfills import BackfillView
from stoker_shared.model import BackfillState
from stoker_shared.roles import Role
from stoker_tui.actions.action import Action, Kind
from stoker_tui.actions.things import NodeOf, names_of
from stoker_tui.theme import marked


def _run(action: RunAction) -> Callable[[api.RunRow], str]:
    return lambda row: why_not_run(action, row.state)


def _node(action: NodeAction) -> Callable[[NodeOf], str]:
    def why_not(of: NodeOf) -> str:
        stopping = of.node.stopping is not None
        return why_not_node(
            action, of.node.state, stopping=stopping, run_stopping=of.run.stopping is not None
        )

    return why_not


def _stop_run(rows: Sequence[api.RunRow]) -> str:
    states = ", ".join(dict.fromkeys(marked(row.state) for row in rows))
    return f"Stop {names_of(rows)} ({states})? Every process of it is ended."


def run_to_show(row: api.WorkflowRow) -> int:
    """Give the run to look at: the oldest active one, since others wait for it, or the last; 0 for none."""
    return row.active_runs[0] if row.active_runs else row.last_run


def _why_not_opened(row: api.WorkflowRow) -> str:
    return "" if run_to_show(row) else "it has never run"


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


def _backfill(word: str, *states: BackfillState) -> Callable[[BackfillView], str]:
    return lambda view: "" if view.state in states else f"it is {view.state.value}, and can't be {word}"


def _why_no_retry(view: BackfillView) -> str:
    if view.state is BackfillState.CANCELLED:
        return "it is cancelled"
    return "" if view.failed else "none of its runs failed"


_ACTIVE = (BackfillState.RUNNING, BackfillState.PAUSED)


RUNNING = (
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
        "workflow.last", ("l",), "last", "Open its active run, else its last one.", Kind.WORKFLOW,
        _why_not_opened, footer=True, sentence="open the last run of {}",
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
)  # fmt: skip
