"""What can be done to a run and its nodes, and when: every cell of the table, on real jobs.

Jobs are told what to do by variables of the run: hold until the test's gate is open, fail unless it is, fail
the first attempt and hold the second, or stay until the end of the test. With the gate open all succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness import StokerDaemon, wait_for
from tests.shared.test_actions import NODE_TABLE, RUN_TABLE, cells

SCRIPT = """
hold() { while [ ! -e "$STOKER_GATE" ]; do sleep 0.02; done; }
echo "attempt $STOKER_ATTEMPT: $1"
case "$1" in
    hold) hold ;;
    stay) while [ ! -e "$STOKER_GATE.apart" ]; do sleep 0.02; done ;;
    fail) [ -e "$STOKER_GATE" ] || exit 1 ;;
    retry) [ -e "$STOKER_GATE" ] || [ "$STOKER_ATTEMPT" -gt 1 ] || exit 1; hold ;;
esac
"""
NODES = [
    {"name": "apart", "args": ["${apart}"]},
    {"name": "above", "args": ["${above}"]},
    {"name": "node", "args": ["${node}"], "upstream": ["above"], "retries": 0},
    {"name": "below", "args": ["ok"], "upstream": ["node"]},
]
DEFAULTS = {"apart": "ok", "above": "ok", "node": "ok"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """One daemon with two workflows: `cells`, whose runs go on side by side, and `line`, where they wait."""
    with StokerDaemon(tmp_path_factory.mktemp("actions"), {"STOKER_STOP_GRACE": "0.5"}) as running:
        running.publish_job("act.sh", SCRIPT)
        for name, retries, overlap in (
            ("cells", 0, "parallel"),
            ("flaky", 1, "parallel"),
            ("line", 0, "wait"),
        ):
            nodes = [{**node, "job": "act.sh"} for node in NODES]
            nodes[2]["retries"] = retries
            running.publish_workflow(name, nodes, overlap=overlap, variables=DEFAULTS, parallelism=8)
        yield running


class Case:
    """One run of a test, and the gate of its jobs."""

    def __init__(self, daemon: StokerDaemon, gate: Path) -> None:
        self.daemon = daemon
        self.gate = gate
        self.number = 0

    def start(self, workflow: str = "cells", **does: str) -> None:
        self.number = self.daemon.start_run(workflow, variables={"gate": str(self.gate), **does})

    def open_gate(self) -> None:
        self.gate.touch()

    @property
    def view(self) -> dict[str, Any]:
        return self.daemon.run(self.number)

    @property
    def state(self) -> str:
        return self.view["row"]["state"]

    def node(self, name: str = "node") -> dict[str, Any]:
        return self.daemon.node(self.number, name)

    def finish(self) -> dict[str, Any]:
        """Let what stays go, and wait for the end."""
        self.let_go()
        return self.daemon.finished(self.number)

    def let_go(self) -> None:
        """Let what stays go."""
        self.gate.with_name(f"{self.gate.name}.apart").touch()

    def wait(self, name: str, state: str) -> None:
        """Wait until a node is in that state; where that has a process, until it is known."""

        def is_there() -> bool:
            node = self.node(name)
            has_process = state in ("running", "retrying")
            return node["state"] == state and (not has_process or "pid" in node["attempts"][-1])

        wait_for(is_there, f"{name} is {state}")

    def act(self, action: str, **body: Any) -> httpx.Response:
        return self.daemon.http.post(f"/v1/runs/{self.number}/{action}", json=body)

    def states(self) -> list[str]:
        return [node["state"] for node in self.view["nodes"]]

    def attempts(self) -> list[int]:
        return [len(node.get("attempts", [])) for node in self.view["nodes"]]


@pytest.fixture
def case(daemon: StokerDaemon, tmp_path: Path) -> Iterator[Case]:
    case = Case(daemon, tmp_path / "gate")
    yield case
    case.open_gate()
    case.let_go()


# Runs.


def run_pending(case: Case) -> None:
    case.start("line", apart="hold")
    case.start("line")
    assert case.state == "pending"


def run_running(case: Case) -> None:
    case.start(above="hold")
    case.wait("above", "running")
    case.wait("apart", "succeeded")


def run_paused(case: Case) -> None:
    run_running(case)
    assert case.act("pause").json()["row"]["state"] == "paused"


def run_succeeded(case: Case) -> None:
    case.start()
    case.finish()


def run_failed(case: Case) -> None:
    case.start(node="fail")
    case.finish()


def run_stopped(case: Case) -> None:
    run_running(case)
    case.act("stop")
    case.finish()


RUNS = {
    "pending": run_pending,
    "running": run_running,
    "paused": run_paused,
    "succeeded": run_succeeded,
    "failed": run_failed,
    "stopped": run_stopped,
}


def expect_run_stopped(case: Case, before: list[int]) -> None:
    ended = case.finish()
    assert (ended["row"]["state"], ended["row"]["reason"]) == ("stopped", "stop")
    assert case.attempts() == before
    assert case.states()[1:] == ["stopped"] * 3


def expect_run_paused(case: Case, before: list[int]) -> None:
    assert case.state == "paused"
    case.open_gate()
    if before[1]:
        case.wait("above", "succeeded")
    assert case.state == "paused"
    assert case.attempts() == before
    case.act("resume").raise_for_status()
    assert case.finish()["row"]["state"] == "succeeded"


def expect_run_resumed(case: Case, before: list[int]) -> None:
    assert case.state == "running"
    case.open_gate()
    assert case.finish()["row"]["state"] == "succeeded"
    assert case.attempts() == [1, 1, 1, 1]


def expect_failed_rerun(case: Case, before: list[int]) -> None:
    assert case.finish()["row"]["state"] == "succeeded"
    above = 1 if before[2] else 2  # in the failed run it succeeded, in the stopped one it was stopped
    assert case.attempts() == [1, above, before[2] + 1, 1]


def expect_all_rerun(case: Case, before: list[int]) -> None:
    assert case.finish()["row"]["state"] == "succeeded"
    assert case.attempts() == [count + 1 for count in before]


ON_RUNS: dict[str, tuple[str, dict[str, Any], Callable[[Case, list[int]], None]]] = {
    "stopped": ("stop", {}, expect_run_stopped),
    "paused": ("pause", {}, expect_run_paused),
    "resumed": ("resume", {}, expect_run_resumed),
    "rerun from failed": ("rerun", {"failed": True}, expect_failed_rerun),
    "rerun": ("rerun", {}, expect_all_rerun),
}


@pytest.mark.parametrize(("action", "state", "allowed"), cells(RUN_TABLE))
def test_a_run_can_be(case: Case, action: str, state: str, allowed: bool):
    path, body, expect = ON_RUNS[action]
    RUNS[state](case)
    assert case.state == state
    check(case, path, body, allowed, expect)


# Nodes, in runs that go on and, of those that have ended, in runs that have too.


def node_pending(case: Case, apart: str) -> None:
    case.start(above="hold", apart=apart)
    case.wait("above", "running")


def node_running(case: Case, apart: str) -> None:
    case.start(node="hold", apart=apart)


def node_retrying(case: Case, apart: str) -> None:
    case.start("flaky", node="retry", apart=apart)


def node_succeeded(case: Case, apart: str) -> None:
    case.start(apart=apart)
    case.wait("below", "succeeded")


def node_failed(case: Case, apart: str) -> None:
    case.start(node="fail", apart=apart)


def node_stopped(case: Case, apart: str) -> None:
    case.start(node="hold", apart=apart)
    case.wait("node", "running")
    case.act("nodes/node/stop").raise_for_status()


def node_skipped(case: Case, apart: str) -> None:
    case.start(above="fail", apart=apart)


NODE_STATES = {
    "pending": node_pending,
    "running": node_running,
    "retrying": node_retrying,
    "succeeded": node_succeeded,
    "failed": node_failed,
    "stopped": node_stopped,
    "skipped": node_skipped,
}
ENDED = ("succeeded", "failed", "stopped", "skipped")


def expect_node_stopped(case: Case, before: list[int]) -> None:
    case.wait("node", "stopped")
    case.open_gate()
    ended = case.finish()
    assert (ended["row"]["state"], case.node()["reason"]) == ("stopped", "stop")
    assert case.states() == ["succeeded", "succeeded", "stopped", "skipped"]
    assert case.attempts() == [1, 1, before[2], 0]


def expect_node_rerun(case: Case, before: list[int]) -> None:
    case.finish()
    assert case.node()["state"] == "succeeded"
    assert case.attempts() == [before[0], before[1], before[2] + 1, before[3]]


def expect_node_and_downstream_rerun(case: Case, before: list[int]) -> None:
    case.finish()
    assert case.states()[2:] == ["succeeded", "succeeded"]
    assert case.attempts() == [before[0], before[1], before[2] + 1, before[3] + 1]


def expect_node_set(case: Case, before: list[int]) -> None:
    case.finish()
    assert (case.node()["state"], case.node()["reason"]) == ("succeeded", "set")
    assert case.states()[3] == "skipped"
    assert (case.state, case.attempts()) == ("failed", before)


def expect_node_set_and_downstream_run(case: Case, before: list[int]) -> None:
    case.finish()
    assert case.states()[2:] == ["succeeded", "succeeded"]
    assert case.attempts() == [*before[:3], before[3] + 1]


ON_NODES: dict[str, list[tuple[str, dict[str, Any], Callable[[Case, list[int]], None]]]] = {
    "stopped": [("stop", {}, expect_node_stopped)],
    "rerun": [
        ("rerun", {}, expect_node_rerun),
        ("rerun", {"downstream": True}, expect_node_and_downstream_rerun),
    ],
    "set successful": [
        ("succeed", {}, expect_node_set),
        ("succeed", {"downstream": True}, expect_node_set_and_downstream_run),
    ],
}


@pytest.mark.parametrize("goes_on", [True, False], ids=["while its run goes on", "when its run has ended"])
@pytest.mark.parametrize(("action", "state", "allowed"), cells(NODE_TABLE))
def test_a_node_can_be(
    daemon: StokerDaemon, tmp_path: Path, action: str, state: str, allowed: bool, goes_on: bool
):
    if not goes_on and state not in ENDED:
        return
    for variant, (path, body, expect) in enumerate(ON_NODES[action]):
        case = Case(daemon, tmp_path / f"gate{variant}")
        NODE_STATES[state](case, "stay" if goes_on else "ok")
        case.wait("node", state)
        if goes_on:
            case.wait("apart", "running")
        else:
            case.finish()
        check(case, f"nodes/node/{path}", body, allowed, expect)
        case.open_gate()
        case.let_go()


def check(
    case: Case, path: str, body: dict[str, Any], allowed: bool, expect: Callable[[Case, list[int]], None]
) -> None:
    """Act, and see what is expected come of it, or that it is refused in words and nothing is changed."""
    before = known(case.view)
    attempts = case.attempts()
    if allowed and "ended_at" in (before["nodes"][2] if path.startswith("nodes") else before["row"]):
        case.open_gate()
    answer = case.act(path, **body)
    if allowed:
        assert answer.is_success, answer.text
        assert case.view["deeds"]
        expect(case, attempts)
        return
    assert answer.status_code == 409
    assert f"run #{case.number}" in answer.json()["detail"]
    assert any(word in answer.json()["detail"] for word in ("it is ", "it has ", "it was ", "has finished"))
    assert known(case.view) == before


def known(view: dict[str, Any]) -> dict[str, Any]:
    """Give a run without what other runs, when they end, tell of it."""
    foretold = ("usual_seconds", "expected_at")
    for shown in (view, *view["nodes"]):
        for name in foretold:
            shown.pop(name, None)
    return view
