"""`stoker backfill`, against a real daemon and shell jobs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stoker_tui.cli import main
from tests.harness import PATIENCE, STOKER, StokerDaemon, wait_for

FIRST_WEEK = ("--from", "2026-10-01", "--to", "2026-10-07")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """One daemon for all tests; each has a workflow of its own."""
    with StokerDaemon(tmp_path_factory.mktemp("backfills")) as running:
        running.publish_job("say.sh", 'echo "$STOKER_DS" "$2"; test ! -e "$1/bad-$STOKER_DS" || exit 3\n')
        running.publish_job("gated.sh", 'read -r line < "$1/gate"\n')
        running.publish_workflow("adhoc", [{"name": "a", "job": "say.sh"}])
        Backfilled(running, "daily", running.home)
        yield running


def run(daemon: StokerDaemon, *arguments: str) -> Result:
    """Run `stoker` in this process, which takes a tenth of the time."""
    return CliRunner().invoke(main, arguments, env=daemon.environment)


class Backfilled:
    """A workflow that is due every day at six, in Berlin, and what `stoker backfill` says of it."""

    def __init__(self, daemon: StokerDaemon, name: str, directory: Path, job: str = "say.sh") -> None:
        self.daemon, self.name, self.directory = daemon, name, directory
        daemon.publish_workflow(
            name,
            [{"name": "a", "job": job, "args": [str(directory), "${region}"]}],
            schedule={"type": "days", "at": "06:00", "time_zone": "Europe/Berlin"},
            variables={"region": "eu"},
        )

    def create(self, *arguments: str) -> Result:
        return self.do("create", self.name, *arguments)

    def number(self, *arguments: str) -> str:
        """Make a backfill and give its number as it is printed."""
        done = self.create(*FIRST_WEEK, *arguments)
        assert done.exit_code == 0, done.stderr
        return done.stdout.strip()

    def do(self, *arguments: str) -> Result:
        return run(self.daemon, "backfill", *arguments)

    def shown(self, number: str) -> dict[str, Any]:
        return json.loads(self.do("show", number, "--json").stdout)

    def ended(self, number: str) -> dict[str, Any]:
        return wait_for(lambda: (view := self.shown(number)).get("ended_at") and view, f"{number} ends")

    def runs(self) -> list[dict[str, Any]]:
        """Give its runs, oldest first."""
        url = f"/v1/workspaces/default/runs?workflow={self.name}"
        return self.daemon.http.get(url).raise_for_status().json()["items"][::-1]

    def days(self) -> list[str]:
        return [made["cycle"][:10] for made in self.runs()]


@pytest.fixture
def flow(shared: StokerDaemon, tmp_path: Path, request: pytest.FixtureRequest) -> Backfilled:
    return Backfilled(shared, request.node.name[:64], tmp_path)


@pytest.fixture
def gated(shared: StokerDaemon, tmp_path: Path, request: pytest.FixtureRequest) -> Backfilled:
    """One whose runs end when a line is written into the gate."""
    os.mkfifo(tmp_path / "gate")
    return Backfilled(shared, request.node.name[:64], tmp_path, "gated.sh")


def test_it_makes_a_run_for_each_interval_of_the_range(flow: Backfilled) -> None:
    done = flow.create(*FIRST_WEEK, "--var", "region=us", "-m", "prices were wrong", "--wait")

    created, _, number = done.stderr.partition(" is created")[0].rpartition(" ")
    assert (done.exit_code, created) == (0, "backfill")
    assert done.stdout == f"{number} succeeded: 7 of 7 intervals done: 7 succeeded\n"
    assert flow.days() == [f"2026-10-0{day}" for day in range(1, 8)]
    third = flow.runs()[2]["id"]
    assert flow.daemon.output(third, "a") == "2026-10-03 us\n"
    shown = run(flow.daemon, "show", str(third)).stdout
    assert "due 2026-10-04 06:00:00 Europe/Berlin\n" in shown
    assert f", backfill {number}, by " in shown
    assert "remarks: prices were wrong\n" in shown
    for written in (number, number.removeprefix("B")):
        listed = run(flow.daemon, "runs", "--backfill", written).stdout.splitlines()[1:]
        assert len(listed) == 7
        assert all(f" backfill {number} " in line for line in listed)


def test_a_preview_says_what_it_would_make_and_makes_nothing(flow: Backfilled) -> None:
    (flow.directory / "bad-2026-10-02").touch()
    flow.create("--from", "2026-10-01", "--to", "2026-10-02", "--wait")
    good, bad = (made["id"] for made in flow.runs())

    done = flow.create("--from", "2026-10-01", "--to", "2026-10-03", "--only", "missing", "--preview")

    head, _, _, *rows = done.stdout.splitlines()
    assert (done.exit_code, done.stderr) == (0, "")
    assert head == f"{flow.name} v1: 3 intervals (Europe/Berlin); 2 runs would be made"
    day = "2026-10-0{0}T06:00:00+02:00  2026-10-0{1}T06:00:00+02:00  2026-10-0{0}".format
    assert [" ".join(row.split()) for row in rows] == [
        " ".join(row.split())
        for row in (
            f"{day(1, 2)} #{good} succeeded nothing: it has a run",
            f"{day(2, 3)} #{bad} failed make a run",
            f"{day(3, 4)} - make a run",
        )
    ]
    assert len(flow.runs()) == 2
    assert len(flow.do("list", flow.name).stdout.splitlines()) == 2


def test_what_is_missing_or_failed_is_made_and_nothing_else(flow: Backfilled) -> None:
    (bad := flow.directory / "bad-2026-10-04").touch()
    assert flow.create(*FIRST_WEEK, "--parallel", "4", "--wait").exit_code == 1
    bad.unlink()

    failed = flow.create(*FIRST_WEEK, "--only", "failed", "--wait")
    missing = flow.create(*FIRST_WEEK, "--only", "missing", "--wait")

    assert "7 of 7 intervals done: 1 succeeded, 6 needed no run" in failed.stdout
    assert "7 of 7 intervals done: 7 needed no run" in missing.stdout
    assert (failed.exit_code, missing.exit_code) == (0, 0)
    assert sorted(flow.days())[3:5] == ["2026-10-04", "2026-10-04"]
    assert len(flow.runs()) == 8


def test_after_failed_runs_it_pauses_and_a_retry_makes_them_good_and_goes_on(flow: Backfilled) -> None:
    (bad := flow.directory / "bad-2026-10-02").touch()

    done = flow.create(*FIRST_WEEK, "--stop-after", "1", "--follow")

    number = done.stdout.split()[0]
    failed = flow.runs()[1]["id"]
    assert done.exit_code == 1
    assert done.stdout == f"{number} paused: 2 of 7 intervals done: 1 succeeded, 1 failed\n"
    assert f"#{failed}  cycle 2026-10-02 06:00:00  stoker show {failed}\n" in done.stderr
    assert f"1 run failed; go on with `stoker backfill resume {number}`" in done.stderr
    shown = flow.do("show", number).stdout
    assert "paused: 1 run failed; go on with" in shown
    assert f"stoker show {failed}" in shown

    bad.unlink()
    assert flow.do("retry", number).stdout == f"retrying {number}: 1 of its runs failed\n"

    assert flow.ended(number)["state"] == "succeeded"
    assert flow.days() == ["2026-10-01", "2026-10-02", *(f"2026-10-0{day}" for day in range(2, 8))]
    again = flow.do("retry", number)
    assert (again.exit_code, again.stdout) == (4, "")
    assert f"stoker: backfill {number} can't be retried: " in again.stderr


def test_it_is_paused_resumed_and_cancelled_with_what_runs(gated: Backfilled) -> None:
    number = gated.number("--order", "newest")
    wait_for(lambda: gated.runs() and gated.runs()[0]["state"] == "running", "the first runs")
    newest = gated.runs()[0]["id"]
    assert gated.do("pause", number).stdout == f"paused {number}; what runs goes on: #{newest}\n"
    (gated.directory / "gate").write_text("go\n")
    gated.daemon.finished(newest)
    assert gated.do("pause", number).exit_code == 4
    assert gated.days() == ["2026-10-07"]

    assert gated.do("resume", number).stdout == f"resumed {number}\n"
    wait_for(lambda: len(gated.runs()) == 2 and gated.runs()[1]["state"] == "running", "the next runs")
    assert gated.do("cancel", number, "--running").stdout == f"cancelled {number}\n"

    assert gated.daemon.finished(gated.runs()[1]["id"])["row"]["state"] == "stopped"
    assert gated.days() == ["2026-10-07", "2026-10-06"]
    assert gated.shown(number)["state"] == "cancelled"
    refused = gated.do("resume", number)
    assert (refused.exit_code, refused.stderr) == (
        4,
        f"stoker: backfill {number} can't be resumed: it was cancelled\n",
    )


def test_an_interval_that_is_still_to_end_is_waited_for(flow: Backfilled) -> None:
    preview = flow.create("--from", "2100-01-01", "--to", "2100-01-02", "--preview")
    assert "; 2 runs would be made, 2 of them once their intervals have ended\n" in preview.stdout
    assert preview.stdout.count("wait until 2100-01-0") == 2

    number = flow.create("--from", "2100-01-01", "--to", "2100-01-02").stdout.strip()

    assert "waits until 2100-01-02 06:00:00, when its next interval ends\n" in flow.do("show", number).stdout
    assert flow.do("cancel", number).exit_code == 0
    assert flow.runs() == []


def test_the_list_has_the_newest_first(flow: Backfilled) -> None:
    numbers = [flow.number("--only", "failed") for _ in range(2)]
    for number in numbers:
        flow.ended(number)

    table = flow.do("list", flow.name, "--state", "succeeded").stdout.splitlines()
    lines = flow.do("list", flow.name, "--json").stdout.splitlines()

    assert [line.split()[:4] for line in table[1:]] == [
        [number, flow.name, "✔", "succeeded"] for number in reversed(numbers)
    ]
    assert [f"B{json.loads(line)['id']}" for line in lines] == numbers[::-1]
    assert json.loads(flow.do("list", flow.name, "-n", "1", "--json").stdout)["passed"] == 7


def test_ctrl_c_while_waiting_leaves_it_running(gated: Backfilled) -> None:
    waiting = subprocess.Popen(
        [STOKER, "backfill", "create", gated.name, *FIRST_WEEK, "--follow"],
        env=gated.daemon.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr
    number = waiting.stderr.readline().split()[1]
    assert "0 of 7 intervals done" in waiting.stderr.readline()

    waiting.send_signal(signal.SIGINT)

    _, told = waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == -signal.SIGINT
    back = f"see it with `stoker backfill show {number}`, stop it with `stoker backfill cancel {number}`"
    assert told.splitlines()[-1] == f"{number} goes on: {back}"
    assert gated.shown(number)["state"] == "running"
    gated.do("cancel", number, "--running")


@pytest.mark.parametrize(
    ("workflow", "arguments", "told"),
    [
        ("daily", ("--from", "2026-10-02", "--to", "2026-10-01"), "write the earlier one first"),
        (
            "daily",
            ("--from", "2026-10-01T07:00", "--to", "2026-10-01T08:00"),
            "no interval begins in that range",
        ),
        ("daily", ("--from", "yesterday", "--to", "2026-10-01"), "'yesterday' is not a time; write it as"),
        ("daily", (*FIRST_WEEK, "--every", "1d"), "has a schedule (days 06:00 Berlin), which says it"),
        ("daily", (*FIRST_WEEK, "--queue", "nihgtly"), "'nihgtly'"),
        ("daily", (*FIRST_WEEK, "--parallel", "0"), "/parallel"),
        ("daily", (*FIRST_WEEK, "--version", "7"), "has no version 7"),
        ("daily", (*FIRST_WEEK, "--notify", "nobody"), "/notify"),
        ("daily", (*FIRST_WEEK, "--var", "ds=x"), "'ds' is built in"),
        ("adhoc", FIRST_WEEK, "has no schedule; say how long an interval is, such as 1d"),
        ("adhoc", (*FIRST_WEEK, "--every", "0d"), "/every"),
        ("nowhere", FIRST_WEEK, "'nowhere'"),
    ],
)
def test_what_can_not_be_is_refused_with_what_would_be_right(
    shared: StokerDaemon, workflow: str, arguments: tuple[str, ...], told: str
) -> None:
    for preview in ([], ["--preview"]):
        done = run(shared, "backfill", "create", workflow, *arguments, *preview)

        assert (done.exit_code, done.stdout) == (4, ""), done.stderr
        assert told in done.stderr
    assert run(shared, "backfill", "list", workflow, "--json").stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "adhoc"),
        ("create", "adhoc", *FIRST_WEEK, "--only", "some"),
        ("create", "adhoc", *FIRST_WEEK, "--parallel", "many"),
        ("create", "adhoc", *FIRST_WEEK, "--var", "region"),
        ("show", "B12x"),
        ("list", "--state", "late"),
    ],
)
def test_what_can_not_be_meant_is_told_as_usage(shared: StokerDaemon, arguments: tuple[str, ...]) -> None:
    done = run(shared, "backfill", *arguments)

    assert (done.exit_code, done.stdout) == (2, "")


def test_one_that_is_not_there_is_refused(shared: StokerDaemon) -> None:
    for command in ("show", "pause", "resume", "cancel", "retry"):
        done = run(shared, "backfill", command, "B999")
        assert (done.exit_code, done.stderr) == (4, "stoker: there is no backfill B999\n")


def test_one_is_shown_with_what_failed_of_it_whatever_its_workspace(
    shared: StokerDaemon, tmp_path: Path
) -> None:
    (tmp_path / "bad.sh").write_text("exit 3\n")
    (tmp_path / "bad.yaml").write_text("workflow: bad\nnodes: [{name: a, job: bad.sh}]\n")
    run(shared, "workspace", "create", "other")
    run(shared, "job", "publish", "-w", "other", str(tmp_path / "bad.sh"), "--as", "bad.sh")
    run(shared, "apply", "-w", "other", "--publish", str(tmp_path / "bad.yaml"))

    one_day = ("--from", "2026-10-01", "--to", "2026-10-01", "--every", "1d")
    done = run(shared, "backfill", "create", "-w", "other", "bad", *one_day, "--wait")

    number, _, _ = done.stdout.partition(" ")
    assert (done.exit_code, done.stdout) == (1, f"{number} failed: 1 of 1 interval done: 1 failed\n")
    assert "✖ failed  #" in run(shared, "backfill", "show", number).stdout
