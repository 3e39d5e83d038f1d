"""The commands, against a real daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stoker_shared import __version__, paths
from tests.harness import PATIENCE, STOKER, StokerDaemon, wait_for

WORKFLOW = """\
workflow: two
variables: {region: eu}
nodes:
  - {name: first, job: say.sh, args: ["${ds}", "${region}"]}
  - {name: second, job: say.sh, upstream: [first]}
"""


@pytest.fixture
def defined(daemon: StokerDaemon) -> StokerDaemon:
    """A daemon with a published workflow of two nodes."""
    define(daemon)
    return daemon


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """The same for the tests that change nothing, shared by them."""
    with StokerDaemon(tmp_path_factory.mktemp("reader")) as running:
        define(running)
        yield running


def define(daemon: StokerDaemon) -> None:
    (daemon.home / "say.sh").write_text('echo "$STOKER_NODE_NAME" "$@"\n')
    (daemon.home / "two.yaml").write_text(WORKFLOW)
    published = daemon.run_stoker("job", "publish", daemon.home / "say.sh", "--as", "say.sh")
    assert published.stdout == "say.sh version 1 (shell)\n", published.stderr
    applied = daemon.run_stoker("apply", "--publish", daemon.home / "two.yaml", "--remarks", "first")
    assert applied.stdout == "two draft 1\ntwo version 1\n", applied.stderr


def test_a_run_that_is_waited_for_prints_its_end(defined: StokerDaemon) -> None:
    done = defined.run_stoker("run", "two", "--cycle", "2013-01-15", "--wait")

    assert (done.returncode, done.stdout) == (0, "#1 succeeded\n")
    assert defined.run_stoker("logs", "1", "first").stdout == "first 2013-01-15 eu\n"
    assert defined.run_stoker("logs", "1").stdout == (
        "==> first <==\nfirst 2013-01-15 eu\n==> second <==\nsecond\n"
    )


def test_a_run_that_is_followed_into_a_pipe_prints_a_line_a_change(defined: StokerDaemon) -> None:
    done = defined.run_stoker("run", "two", "--follow")

    lines = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
    assert [line.split(" in ")[0] for line in lines if "succeeded" in line][:2] == [
        "first ✔ succeeded",
        "second ✔ succeeded",
    ]
    assert lines[-1].startswith("run #1 two ✔ succeeded")


def test_a_run_that_does_not_succeed_gives_exit_status_1_and_says_why(defined: StokerDaemon) -> None:
    defined.publish_job("bad.sh", "echo oh >&2; exit 3\n")
    defined.publish_workflow("bad", [{"name": "only", "job": "bad.sh"}])

    done = defined.run_stoker("run", "bad", "--follow")

    assert done.returncode == 1
    assert "✖ only: exit status 3" in done.stdout
    shown = defined.run_stoker("show", "1").stdout
    assert "stoker logs 1 only --stream stderr" in shown
    assert defined.run_stoker("logs", "1/only", "--stream", "stderr").stdout == "oh\n"


def test_json_prints_one_object_a_line(defined: StokerDaemon) -> None:
    started = json.loads(defined.run_stoker("run", "two", "--json", "--wait").stdout)

    assert started["row"]["state"] == "succeeded"
    for arguments in (["runs"], ["job", "list"], ["workflow", "list"], ["show", "1"], ["status"]):
        printed = defined.run_stoker(*arguments, "--json").stdout
        assert all(json.loads(line) for line in printed.splitlines()), arguments
        assert printed.count("\n") == 1


def test_events_are_the_run_log_s_own_lines(defined: StokerDaemon) -> None:
    defined.run_stoker("run", "two", "--wait")

    printed = defined.run_stoker("events", "--after", "1").stdout.splitlines()

    log = next((defined.data / "runlog").glob("*.jsonl")).read_text().splitlines()
    assert printed == [line for line in log if '"seq":' in line][1:]


def test_events_of_a_run_are_those_of_the_run_log_that_are_about_it(defined: StokerDaemon) -> None:
    defined.run_stoker("run", "two", "--wait")
    defined.run_stoker("run", "two", "--wait")

    printed = defined.run_stoker("events", "--run", "2").stdout.splitlines()

    every = [json.loads(line) for line in defined.run_stoker("events").stdout.splitlines()]
    assert [json.loads(line) for line in printed] == [event for event in every if event.get("run") == 2]
    assert json.loads(printed[0])["type"] == "run.created"
    assert json.loads(printed[-1])["type"] == "run.finished"
    assert defined.run_stoker("events", "--run", "9").returncode == 4


def test_tail_gives_the_last_lines(defined: StokerDaemon) -> None:
    defined.publish_job(
        "many.sh", 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo "line $i"; done; printf end\n'
    )
    defined.publish_workflow("many", [{"name": "only", "job": "many.sh"}])
    defined.run_stoker("run", "many", "--wait")

    assert defined.run_stoker("logs", "1", "only", "--tail", "2").stdout == "line 30000\nend"
    assert len(defined.run_stoker("logs", "1", "only", "--tail", "20000").stdout.splitlines()) == 20000
    assert defined.run_stoker("logs", "1", "only", "--tail", "0").stdout == ""


def test_a_followed_log_ends_with_its_attempt(defined: StokerDaemon, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    defined.publish_job("gated.sh", f"echo before; read -r line < {gate}; echo after\n")
    defined.publish_workflow("gated", [{"name": "only", "job": "gated.sh"}])
    defined.start_run("gated")
    following = subprocess.Popen([STOKER, "logs", "1", "-f"], env=defined.environment, stdout=subprocess.PIPE)
    assert following.stdout
    assert following.stdout.readline() == b"before\n"

    gate.write_text("go\n")

    assert following.stdout.read() == b"after\n"
    assert following.wait(PATIENCE) == 0


def test_ctrl_c_on_wait_leaves_the_run_running(defined: StokerDaemon, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    defined.publish_job("gated.sh", f"read -r line < {gate}\n")
    defined.publish_workflow("gated", [{"name": "only", "job": "gated.sh"}])
    waiting = subprocess.Popen(
        [STOKER, "run", "gated", "--wait"], env=defined.environment, stderr=subprocess.PIPE
    )
    assert waiting.stderr
    assert waiting.stderr.readline() == b"run #1 is created\n"

    waiting.send_signal(signal.SIGINT)

    _, told = waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == -signal.SIGINT
    assert b"run #1 goes on" in told
    gate.write_text("go\n")
    assert defined.finished(1)["row"]["state"] == "succeeded"


def test_following_goes_on_over_a_restart_of_the_daemon(defined: StokerDaemon, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    defined.publish_job("gated.sh", f"read -r line < {gate}\n")
    defined.publish_workflow("gated", [{"name": "only", "job": "gated.sh"}])
    waiting = subprocess.Popen(
        [STOKER, "run", "gated", "--wait"], env=defined.environment, stdout=subprocess.PIPE
    )
    wait_for(
        lambda: defined.runs() and defined.node(1, "only")["attempts"][0]["state"] == "running", "it runs"
    )

    defined.kill()
    defined.start()
    gate.write_text("go\n")

    told, _ = waiting.communicate(timeout=PATIENCE)
    assert (waiting.returncode, told) == (0, b"#1 succeeded\n")


def test_stop_ends_a_run(defined: StokerDaemon) -> None:
    defined.publish_job("long.sh", "sleep 1000\n")
    defined.publish_workflow("long", [{"name": "only", "job": "long.sh"}])
    defined.start_run("long")

    assert defined.run_stoker("stop", "1").returncode == 0

    assert defined.finished(1)["row"]["state"] == "stopped"
    again = defined.run_stoker("stop", "#1")
    assert (again.returncode, again.stderr) == (4, "stoker: run #1 has finished\n")


def test_without_a_daemon_every_command_says_where_it_looked(tmp_path: Path) -> None:
    nobody = StokerDaemon(tmp_path)

    done = nobody.run_stoker("status")

    assert done.returncode == 3
    assert str(nobody.socket) in done.stderr
    assert "Start one with `stokerd`" in done.stderr


def test_without_a_daemon_of_ones_own_it_is_said_where_the_host_s_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = tmp_path / "host"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(host))
        monkeypatch.setattr(paths, "HOST_SOCKET", host)
        done = StokerDaemon(tmp_path).run_stoker("status")

    assert done.returncode == 3
    assert f"This host's daemon is at {host}: set STOKER_SOCKET to that." in done.stderr


def test_monitoring_gets_a_line_and_an_exit_status(reader: StokerDaemon, tmp_path: Path) -> None:
    well = reader.run_stoker("status", "--check")
    as_json = reader.run_stoker("status", "--check", "--json")
    gone = StokerDaemon(tmp_path).run_stoker("status", "--check")
    reader.http.put("/v1/draining", json={"on": True}).raise_for_status()
    draining = reader.run_stoker("status", "--check")
    reader.http.put("/v1/draining", json={"on": False}).raise_for_status()

    assert (well.returncode, well.stdout) == (0, "STOKER OK: 0 active runs, 0 active nodes\n")
    assert (as_json.returncode, json.loads(as_json.stdout)["active_runs"]) == (0, 0)
    assert (gone.returncode, gone.stdout[:27]) == (2, "STOKER CRITICAL: no stokerd")
    assert draining.returncode == 1
    assert draining.stdout.startswith("STOKER WARNING: draining, as ")


def test_monitoring_is_told_in_time_of_a_daemon_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stoker_tui.cli.status.CHECK_SECONDS", 0.1)
    hung = StokerDaemon(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(hung.socket))
        listening.listen()

        told = hung.run_stoker("status", "--check")

    assert (told.returncode, told.stdout.count("\n")) == (2, 1)
    assert told.stdout.startswith("STOKER CRITICAL: no stokerd answers at ")


def test_the_version_is_that_of_both_sides(reader: StokerDaemon, tmp_path: Path) -> None:
    own = f"stoker, version {__version__}\n"

    there, nobody = reader.run_stoker("--version"), StokerDaemon(tmp_path).run_stoker("version")

    assert there.stdout.startswith(f"{own}stokerd, version {__version__}, on ")
    assert nobody.stdout.startswith(f"{own}stokerd: none answers at {tmp_path}")
    assert (there.returncode, nobody.returncode) == (0, 0)


def test_a_socket_path_too_long_is_told(tmp_path: Path) -> None:
    nobody = StokerDaemon(tmp_path, {"STOKER_SOCKET": "/tmp/" + "x" * 120})

    done = nobody.run_stoker("status")

    assert done.returncode == 2
    assert "STOKER_SOCKET" in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "workflow: w\nnodes: [{name: a, jib: x.sh}]\n",
            "/nodes/0/jib: unknown field 'jib'; did you mean 'job'?",
        ),
        ("workflow: w\nretries: many\n", "/retries: expected `int`, got `str`"),
        ("workflow: w\nworkflow: v\n", "the key 'workflow' comes twice"),
        ("workflow: [\n", "not YAML"),
        ("- a\n", "expected `object`, got `array`"),
        ("nodes: []\n", "missing required field `workflow`"),
        ("workflow: ../x\nnodes: [{name: a, job: say.sh}]\n", "'../x' is not a valid name"),
        ('workflow: w\nnodes: [{name: "a\\e[31m", job: say.sh}]\n', "printable characters only"),
        (
            "workflow: w\nnodes: [{name: a, job: say.sh}, {name: a, job: say.sh}]\n",
            "2 nodes have the name 'a'",
        ),
        (
            "workflow: w\nnodes: [{name: ingest, job: say.sh, upstream: [ingset]}]\n",
            "there is no node 'ingset'; did you mean 'ingest'?",
        ),
        (
            "workflow: w\nnodes: [{name: a, job: x, upstream: [b]}, {name: b, job: x, upstream: [a]}]\n",
            "in a cycle: a -> b -> a",
        ),
        (
            "workflow: w\nnodes: [{name: a, job: sai.sh}]\n",
            "job 'sai.sh' is not published; did you mean 'say.sh'?",
        ),
        ("workflow: w\n", "a workflow needs at least one node"),
        ("workflow: w\nvariables: {ds: x}\nnodes: [{name: a, job: say.sh}]\n", "'ds' is built in"),
    ],
)
def test_a_bad_file_is_refused_by_place_and_nothing_is_published(
    reader: StokerDaemon, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "bad.yaml").write_text(text)

    done = reader.run_stoker("apply", "--publish", tmp_path / "bad.yaml")

    assert done.returncode == 4
    assert told in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr
    workflows = reader.http.get("/v1/workspaces/default/workflows").json()["items"]
    assert [row["name"] for row in workflows if row["version"]] == ["two"]


def test_output_into_a_closed_pipe_ends_quietly(defined: StokerDaemon) -> None:
    defined.publish_job("much.sh", "yes | head -c 3000000\n")
    defined.publish_workflow("much", [{"name": "only", "job": "much.sh"}])
    defined.run_stoker("run", "much", "--wait")

    piped = subprocess.run(
        f"{STOKER} logs 1 only | head -n 1",
        shell=True,
        env=defined.environment,
        capture_output=True,
        check=False,
    )

    assert (piped.stdout, piped.stderr) == (b"y\n", b"")
