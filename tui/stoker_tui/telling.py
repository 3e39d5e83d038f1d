"""What happened in a run, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stoker_shared import events as ev
from stoker_shared.model import NodeState, RunState
from stoker_tui.times import local

Told = tuple[str, str]
"""Words, and what they look like."""

_DONE = {
    NodeState.SUCCEEDED: "succeeded",
    NodeState.FAILED: "failed",
    NodeState.STOPPED: "was stopped",
    NodeState.SKIPPED: "was skipped",
}
_ENDED = {RunState.SUCCEEDED: "has succeeded", RunState.FAILED: "has failed", RunState.STOPPED: "was stopped"}


def told(event: object, zone: str) -> Told:
    """Say what an event of a run is, times in a zone; of an event that is not known its type."""
    if isinstance(event, ev.AttemptRetryAt):
        return f"is tried again at {local(event.due, zone, seconds=True)}", "retrying"
    if isinstance(event, ev.Unknown):
        return event.type, "dim"
    return _WORDS.get(type(event), _unknown)(event)


def _created(event: ev.RunCreated) -> Told:
    queue = f", in {event.queue}" if event.queue else ""
    return f"the run was made by {event.trigger.value}, of {len(event.nodes)} nodes{queue}", "strong"


def _rerun(event: ev.RunRerunRequested) -> Told:
    settings = ", ".join(f"{name}: {value}" for name, value in event.settings.items())
    return f"to be run again: {', '.join(event.nodes)}{f' (with {settings})' if settings else ''}", "strong"


def _run_finished(event: ev.RunFinished) -> Told:
    return f"the run {_ENDED[event.state]}{_because(event.reason)}", event.state.value


def _set_successful(event: ev.NodeSetSuccessful) -> Told:
    resumed = f", and waiting again: {', '.join(event.resumed)}" if event.resumed else ""
    return f"was set successful{resumed}", "succeeded"


def _node_finished(event: ev.NodeFinished) -> Told:
    why = f": {event.detail}" if event.detail else _because(event.reason)
    look = "disabled" if event.reason is ev.Reason.DISABLED else event.state.value
    return f"{_DONE.get(event.state, event.state.value)}{why}", look


def _attempt_finished(event: ev.AttemptFinished) -> Told:
    status = "" if event.exit_status is None else f", exit status {event.exit_status}"
    why = f": {event.detail}" if event.detail else _because(event.reason)
    return f"attempt {event.attempt} ended{status}{why}", "failed" if event.exit_status else ""


def _unknown(event: object) -> Told:
    return type(event).__name__, "dim"


def _because(reason: ev.Reason | None) -> str:
    return "" if reason in (None, ev.Reason.EXIT) else f": {_said(reason)}"


def _said(reason: ev.Reason) -> str:
    return reason.value.replace("_", " ")


_WORDS: dict[type, Callable[[Any], Told]] = {
    ev.RunCreated: _created,
    ev.RunStarted: lambda _: ("the run started", ""),
    ev.RunPaused: lambda _: ("the run was paused", "paused"),
    ev.RunResumed: lambda _: ("the run was resumed", ""),
    ev.RunRerunRequested: _rerun,
    ev.RunStopRequested: lambda event: (f"the run is to end: {_said(event.reason)}", "stopped"),
    ev.RunLate: lambda event: (f"the run is late to {event.what.value}", "warning"),
    ev.RunFinished: _run_finished,
    ev.RunRestored: lambda _: ("the run was read back", "dim"),
    ev.NodeSkipped: lambda event: (f"was skipped{_because(event.reason)}", "skipped"),
    ev.NodeStopRequested: lambda event: (f"is to end: {_said(event.reason)}", "stopped"),
    ev.NodeSetSuccessful: _set_successful,
    ev.NodeFinished: _node_finished,
    ev.AttemptStarting: lambda event: (f"attempt {event.attempt} is launched", ""),
    ev.AttemptStarted: lambda event: (f"attempt {event.attempt} runs as process {event.pid}", "running"),
    ev.AttemptAdopted: lambda event: (f"attempt {event.attempt} was found alive", "running"),
    ev.AttemptFinished: _attempt_finished,
}
