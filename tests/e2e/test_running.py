"""What becomes of jobs: how they are started, with what, in which order, and how they end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from tests.harness import StokerDaemon, wait_for

WAIT_FOR_GATE = 'while [ ! -e "$GATE" ]; do sleep 0.02; done\n'
"""A job's way to wait until a test lets it go on."""

FOREVER = "echo begun; sleep 1000"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """One daemon for all tests here; each has a workflow of its own."""
    home = tmp_path_factory.mktemp("running")
    with StokerDaemon(home, {"STOKER_STOP_GRACE": "0.5"}) as running:
        yield running


class Flow:
    """A test's workflow. Nodes are given with their ``script``, and ``defaults``, which are the job's own.

    Jobs find GATE and OUT in the environment.
    """

    def __init__(self, daemon: StokerDaemon, name: str, directory: Path) -> None:
        self.daemon = daemon
        self.name = name
        self.gate = directory / "gate"
        self.out = directory / "out"
        self.number = 0

    def start(
        self, nodes: dict[str, dict[str, Any]], run: dict[str, Any] | None = None, **fields: Any
    ) -> None:
        """Start a run; ``run`` is what the run itself is given, ``fields`` are the workflow's."""
        specs = []
        for name, node in nodes.items():
            path = f"{self.name}/{name}.sh"
            env = {"GATE": str(self.gate), "OUT": str(self.out)}
            own = node.get("defaults", {})
            self.daemon.publish_job(path, node["script"], own | {"env": env | own.get("env", {})})
            rest = {key: value for key, value in node.items() if key not in ("script", "defaults")}
            specs.append({"name": name, "job": path, **rest})
        self.daemon.publish_workflow(self.name, specs, **{"parallelism": 4, **fields})
        self.number = self.daemon.start_run(self.name, **(run or {}))

    def finish(self) -> dict[str, Any]:
        """Wait for the run's end and give its row."""
        return self.daemon.finished(self.number)["row"]

    def node(self, name: str) -> dict[str, Any]:
        """Give a node as it stands."""
        return self.daemon.node(self.number, name)

    def state(self, name: str) -> tuple[str, str | None]:
        """Give a node's state and the reason for it."""
        node = self.node(name)
        return node["state"], node.get("reason")

    def lines(self, name: str, count: int = 1, attempt: int = 1) -> list[str]:
        """Wait until a job has written that many lines, and give them."""

        def look() -> list[str] | None:
            if len(self.node(name).get("attempts", [])) < attempt:
                return None
            written = self.daemon.output(self.number, name, attempt).splitlines()
            return written if len(written) >= count else None

        return wait_for(look, f"{name} writes {count} lines")

    def content(self, name: str) -> bytes:
        """Give what a job wrote, in bytes."""
        url = f"/v1/runs/{self.number}/nodes/{name}/attempts/1/logs/stdout"
        return self.daemon.http.get(url).raise_for_status().content

    def stop(self, node: str = "") -> dict[str, Any]:
        """Stop the run or a node, and give the run as answered."""
        place = f"nodes/{node}/stop" if node else "stop"
        return self.daemon.http.post(f"/v1/runs/{self.number}/{place}").raise_for_status().json()


@pytest.fixture
def flow(daemon: StokerDaemon, request: pytest.FixtureRequest, tmp_path: Path) -> Flow:
    return Flow(daemon, re.sub(r"\W+", "_", request.node.name)[-60:], tmp_path)


def is_alive(pid: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


# How jobs end, and what follows.


def test_a_failing_job_is_tried_again_as_often_as_asked_and_each_attempt_keeps_its_output(flow: Flow):
    flow.start({"bad": {"script": 'echo "try $STOKER_ATTEMPT"; exit 3'}}, retries=2)
    assert flow.finish()["state"] == "failed"
    node = flow.node("bad")
    assert [(attempt["number"], attempt["exit_status"]) for attempt in node["attempts"]] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert (node["state"], node["reason"]) == ("failed", "exit")
    assert flow.lines("bad", attempt=3) == ["try 3"]


def test_a_node_is_retrying_while_it_runs_again_and_may_then_succeed(flow: Flow):
    again = f'[ "$STOKER_ATTEMPT" = 2 ] || exit 1; echo again; {WAIT_FOR_GATE}'
    flow.start({"job": {"script": again, "retries": 1}, "after": {"script": "", "upstream": ["job"]}})
    assert flow.lines("job", attempt=2) == ["again"]
    assert flow.state("job")[0] == "retrying"
    flow.gate.touch()
    assert flow.finish()["state"] == "succeeded"
    assert flow.state("job") == ("succeeded", None)


def test_a_node_waits_out_its_retry_delay_and_can_be_stopped_meanwhile(flow: Flow):
    flow.start({"job": {"script": "exit 1"}}, retries=1, retry_delay=100)
    wait_for(lambda: "retry_at" in flow.node("job"), "the retry is due")
    node = flow.node("job")
    assert node["state"] == "retrying"
    ended, due = (
        datetime.fromisoformat(moment) for moment in (node["attempts"][0]["ended_at"], node["retry_at"])
    )
    assert due - ended == timedelta(seconds=100)
    flow.stop("job")
    assert flow.finish()["state"] == "stopped"
    assert len(flow.node("job")["attempts"]) == 1


def test_death_by_a_signal_is_told_as_the_shell_tells_it(flow: Flow):
    flow.start({"job": {"script": "kill -SEGV $$"}})
    flow.finish()
    assert flow.node("job")["attempts"][0]["exit_status"] == 139


BRANCHES = {
    "good": {"script": f'echo begun > "$OUT"; {WAIT_FOR_GATE}'},
    "bad": {"script": 'while [ ! -s "$OUT" ]; do sleep 0.02; done; exit 1'},
    "after good": {"script": "", "upstream": ["good"]},
    "after bad": {"script": "", "upstream": ["bad"]},
    "after both": {"script": "", "upstream": ["good", "after bad"]},
}


def test_branches_that_do_not_depend_on_a_failed_node_go_on(flow: Flow):
    flow.start(BRANCHES)
    wait_for(lambda: flow.state("after both")[0] == "skipped", "what can't run is skipped at once")
    assert flow.state("good")[0] == "running"
    flow.gate.touch()
    row = flow.finish()
    assert (row["state"], row["failed_node"]) == ("failed", "bad")
    assert flow.state("after good")[0] == "succeeded"
    assert flow.state("after bad") == flow.state("after both") == ("skipped", "upstream")


def test_under_fail_fast_the_first_failure_ends_all_the_rest(flow: Flow):
    flow.start(BRANCHES, failure_strategy="fail_fast", retries=0)
    row = flow.finish()
    assert (row["state"], row["reason"]) == ("failed", "fail_fast")
    assert flow.state("good") == ("stopped", "fail_fast")
    assert flow.state("after good")[0] == flow.state("after bad")[0] == "skipped"


# Ending jobs.

TREE = """
echo $$
sleep 1000 & echo $!
setsid sleep 1000 & echo $!
env -i sleep 1000 & echo $!
sh -c 'trap "" TERM; echo $$; while :; do sleep 0.05; done' &
wait
"""
"""A child, one in a session of its own, one without the environment, and one that is deaf to TERM."""


def test_a_timeout_ends_every_process_of_the_job_and_is_retried(flow: Flow):
    flow.start({"tree": {"script": TREE, "config": {"timeout": 1}, "retries": 1}})
    wait_for(lambda: len(flow.node("tree").get("attempts", [])) == 2, "it is tried again")
    first = flow.lines("tree", 0)
    assert not any(map(is_alive, first))
    assert flow.finish()["state"] == "failed"
    # However many of its processes were there by then.
    assert not any(map(is_alive, flow.lines("tree", 0, attempt=2)))
    node = flow.node("tree")
    assert [attempt["reason"] for attempt in node["attempts"]] == ["timeout", "timeout"]
    assert (node["state"], node["reason"]) == ("failed", "timeout")


def test_a_run_that_takes_too_long_fails_without_retry(flow: Flow):
    flow.start(
        {"job": {"script": FOREVER}, "after": {"script": "", "upstream": ["job"]}}, run_timeout=1, retries=3
    )
    row = flow.finish()
    assert (row["state"], row["reason"]) == ("failed", "run_timeout")
    # A slow host may not have come to launch it.
    launched = flow.node("job").get("attempts", [])
    assert flow.state("job") == ("failed" if launched else "skipped", "run_timeout")
    assert flow.state("after") == ("skipped", "run_timeout")
    assert len(launched) <= 1


def test_stopping_a_run_ends_every_process_and_says_who_did_it(flow: Flow):
    flow.start({"tree": {"script": TREE}, "after": {"script": "", "upstream": ["tree"]}}, retries=3)
    pids = flow.lines("tree", 5)
    answered = flow.stop()
    assert (answered["stopping"], answered["stopped_by"]) == ("stop", getuser())
    assert [(node["state"], node.get("stopping")) for node in answered["nodes"]] == [
        ("running", "stop"),
        ("stopped", None),
    ]
    assert flow.finish()["state"] == "stopped"
    assert not any(map(is_alive, pids))
    assert flow.state("tree") == ("stopped", "stop")
    assert len(flow.node("tree")["attempts"]) == 1


def test_a_run_is_stopped_once_and_what_has_ended_is_not_stopped_at_all(flow: Flow):
    flow.start({"deaf": {"script": f"trap '' TERM; echo begun; {WAIT_FOR_GATE}"}})
    flow.lines("deaf")
    flow.stop()
    again = flow.daemon.http.post(f"/v1/runs/{flow.number}/stop")
    flow.finish()
    late = flow.daemon.http.post(f"/v1/runs/{flow.number}/stop")
    assert (again.status_code, late.status_code) == (409, 409)
    assert any(why in again.json()["detail"] for why in ("stopping already", "has finished"))
    assert "has finished" in late.json()["detail"]


def test_stopping_a_node_leaves_the_other_branches_alone(flow: Flow):
    flow.start(
        {
            "one": {"script": FOREVER},
            "other": {"script": WAIT_FOR_GATE},
            "after one": {"script": "", "upstream": ["one"]},
            "after other": {"script": "", "upstream": ["other"]},
        },
        retries=1,
    )
    flow.lines("one")
    flow.stop("one")
    wait_for(lambda: flow.state("one") == ("stopped", "stop"), "the node is stopped")
    assert flow.state("after one") == ("skipped", "upstream")
    assert flow.state("other")[0] == "running"
    flow.gate.touch()
    assert flow.finish()["state"] == "stopped"
    assert flow.state("after other")[0] == "succeeded"


def test_a_node_that_waits_is_stopped_without_having_run(flow: Flow):
    flow.start({"job": {"script": WAIT_FOR_GATE}, "after": {"script": "", "upstream": ["job"]}})
    answered = flow.stop("after")
    assert answered["nodes"][1]["state"] == "stopped"
    flow.gate.touch()
    assert flow.finish()["state"] == "stopped"
    assert (flow.state("job")[0], flow.node("after").get("attempts")) == ("succeeded", None)


# What runs when.


def test_a_disabled_node_is_passed_through(flow: Flow):
    append = 'echo "$STOKER_NODE_NAME" >> "$OUT"'
    flow.start(
        {
            "first": {"script": append},
            "off": {"script": append, "upstream": ["first"], "enabled": False},
            "last": {"script": append, "upstream": ["off"]},
        }
    )
    assert flow.finish()["state"] == "succeeded"
    assert flow.out.read_text().split() == ["first", "last"]
    assert flow.state("off") == ("succeeded", "disabled")


def test_nodes_start_by_priority_and_then_in_the_order_of_the_definition(flow: Flow):
    append = 'echo "$STOKER_NODE_NAME" >> "$OUT"'
    priorities = {"a": 0, "b": -1, "c": 5, "d": 0, "e": 7}
    flow.start(
        {name: {"script": append, "priority": priority} for name, priority in priorities.items()},
        parallelism=1,
    )
    flow.finish()
    assert flow.out.read_text().split() == ["e", "c", "a", "d", "b"]


def test_no_more_nodes_run_at_once_than_the_parallelism_allows(flow: Flow):
    job = 'echo 1 >> "$OUT"; while [ $(grep -cx 1 "$OUT") -lt 2 ]; do sleep 0.01; done; echo -1 >> "$OUT"'
    flow.start({f"n{n}": {"script": job} for n in range(6)}, parallelism=2)
    flow.finish()
    steps = [int(line) for line in flow.out.read_text().split()]
    assert len(steps) == 12
    assert max(sum(steps[:end]) for end in range(len(steps))) == 2


# What a job is given.


def test_a_job_gets_built_in_and_custom_variables_and_the_nearer_definition_wins(flow: Flow):
    names = "DS TS_NODASH WORKFLOW_NAME NODE_NAME RUN_ID ATTEMPT REGION DAY WHO"
    script = f'for name in {names}; do eval "echo \\"\\$STOKER_$name\\""; done; echo "$1"'
    flow.start(
        {
            "job": {
                "script": script,
                "args": ["${ds-1d} $${ds} ${region}"],
                "variables": {"region": "node", "day": "${yyyy/MM/dd}"},
            }
        },
        run={"cycle": "2026-03-01T04:05", "variables": {"who": "run, in ${region}"}},
        variables={"region": "workflow", "who": "workflow"},
    )
    flow.finish()
    assert flow.lines("job", 10) == [
        "2026-03-01",
        "20260301040500",
        flow.name,
        "job",
        str(flow.number),
        "1",
        "node",
        "2026/03/01",
        "run, in node",
        "2026-02-28 ${ds} node",
    ]


ODD = ["two words", "new\nline", "\"q\" 'q' \\", "$HOME `id` * ; &", "é 😀 \u2028 \x1b[31m", "", "-n", " "]


def test_arguments_arrive_with_all_their_characters(flow: Flow):
    flow.start({"job": {"script": "printf '%s\\0' \"$@\"", "args": ODD}})
    assert flow.finish()["state"] == "succeeded"
    assert flow.content("job").decode().split("\0") == [*ODD, ""]


def test_standard_input_is_empty(flow: Flow):
    flow.start({"job": {"script": "cat; echo read"}})
    flow.finish()
    assert flow.content("job") == b"read\n"


def test_output_is_kept_whole_and_as_it_is_however_much_and_whatever(flow: Flow):
    script = "printf '\\377\\376\\0\\033[2J\\r\\n'; head -c 5000000 /dev/zero; printf 'end'"
    flow.start({"job": {"script": script}})
    assert flow.finish()["state"] == "succeeded"
    assert flow.content("job") == b"\xff\xfe\0\x1b[2J\r\n" + bytes(5_000_000) + b"end"


def test_a_job_has_a_working_directory_of_its_own(flow: Flow):
    flow.start({name: {"script": "pwd; ls -A; touch mine"} for name in ("one", "other")})
    flow.finish()
    one, other = flow.lines("one"), flow.lines("other")
    assert len(one) == len(other) == 1
    assert one != other


# What can't be launched.


@pytest.mark.parametrize(
    ("defaults", "detail"),
    [
        ({"args": ["${nope}"]}, "args[0]:1:1: unknown variable 'nope'"),
        ({"args": ["", "a\nb ${dss-1d}"]}, "args[1]:2:3: unknown variable 'dss-1d'; did you mean 'ds'?"),
        ({"env": {"DAY": "${today}"}}, "env.DAY:1:1: unknown variable 'today'"),
    ],
)
def test_an_unknown_variable_of_a_job_fails_the_node_before_anything_is_launched(
    flow: Flow, defaults: dict[str, Any], detail: str
):
    job = {"script": 'echo ran >> "$OUT"', "retries": 1, "defaults": defaults}
    flow.start({"job": job, "after": {"script": 'echo ran >> "$OUT"', "upstream": ["job"]}})
    assert flow.finish()["state"] == "failed"
    assert flow.state("job") == ("failed", "refused")
    assert flow.node("job")["detail"].startswith(detail)
    assert "attempts" not in flow.node("job")
    assert flow.state("after") == ("skipped", "upstream")
    assert not flow.out.exists()


@pytest.mark.parametrize(
    ("node", "detail"),
    [
        ({"args": ["", "a\0b"]}, "args[1] has a NUL character"),
        ({"config": {"env": {"A": "x" * 200_000}}}, "The environment variable 'A' has 200,002 bytes"),
    ],
)
def test_what_can_be_no_argument_and_no_environment_variable_is_refused_by_name_before_anything_is_launched(
    flow: Flow, node: dict[str, Any], detail: str
):
    flow.start({"job": {"script": "", **node}}, retries=2)
    assert flow.finish()["state"] == "failed"
    assert flow.state("job") == ("failed", "refused")
    assert flow.node("job")["detail"].startswith(detail)
    assert "attempts" not in flow.node("job")


def test_what_the_kernel_would_not_take_is_refused_and_not_tried_again(flow: Flow):
    more_in_all_than_linux_takes = {f"A{n}": "x" * 120_000 for n in range(60)}
    flow.start({"job": {"script": "", "config": {"env": more_in_all_than_linux_takes}}}, retries=2)
    assert flow.finish()["state"] == "failed"
    assert flow.state("job") == ("failed", "refused")
    assert "could not be launched" in flow.node("job")["detail"]
    assert len(flow.node("job")["attempts"]) == 1


def test_a_command_longer_than_an_event_takes_is_refused_saying_the_limit(flow: Flow):
    flow.start({"job": {"script": "", "args": ["${long}" * 10]}}, variables={"long": "x" * 20_000})
    assert flow.finish()["state"] == "failed"
    assert flow.state("job") == ("failed", "refused")
    assert "one has at most 131,072" in flow.node("job")["detail"]
