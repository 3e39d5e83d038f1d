"""Makes a run log with every type of event there is: ``python -m tests.runlogs DIRECTORY``.

A real daemon writes it, under a clock of its own. Then what names this machine, its user and its directories
is replaced, and a second segment is begun as for another machine, so that there is a snapshot of it all. So
was ``tests/data/runlog-2`` made, which `tests.daemon.test_formats` reads. It stays as it is: what is new in a
format gets a log of its own.
"""

from __future__ import annotations

import getpass
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stoker_daemon.app import machine_id
from stoker_daemon.attempts.processes import boot_id
from stoker_daemon.runlog.log import open_log
from stoker_shared import api
from stoker_shared.api.backfills import CreateBackfill
from stoker_shared.codec import seal, unseal
from stoker_shared.model import Environment, Intervals, JobConfig, QueueSpec
from stoker_tui.client import Client
from tests.clock import beginning_at
from tests.harness import StokerDaemon, wait_for

ROOT = Path(__file__).parents[1]
BEGIN = datetime(2026, 11, 25, 5, 59, 48, tzinfo=UTC)
LOG, MACHINE, BOOT = "0123456789abcdef" * 2, "fedcba9876543210" * 2, "00000000-0000-4000-8000-000000000000"
EVERY_FIVE_MINUTES = {"type": "cron", "expression": "*/5 * * * *", "time_zone": "Europe/Berlin"}
DAILY = {"type": "days", "at": "06:00", "time_zone": "America/New_York"}


def main() -> None:
    """Make the log in a directory that is not there yet."""
    target = Path(sys.argv[1])
    with TemporaryDirectory(ignore_cleanup_errors=True) as home:
        story = _Story(Path(home))
        try:
            story.tell()
        finally:
            story.leave()
        source = story.daemon.data / "runlog"
        target.mkdir()
        for path in source.glob("*.jsonl"):
            text = b"".join(_anonymous(line, home) for line in path.read_bytes().split(b"\n")[:-1])
            (target / path.name).write_bytes(text)
    log, _ = open_log(target, MACHINE[::-1], BEGIN + timedelta(hours=1), take_over=True)
    log.close()


def _anonymous(line: bytes, home: str) -> bytes:
    """Give a line without what is of this machine, sealed anew."""
    body = unseal(line).decode()
    user = getpass.getuser()
    known = {
        home: "/home/alice/stoker",
        str(ROOT): "/opt/stoker",
        machine_id(): MACHINE,
        boot_id(): BOOT,
        f'"{user}"': '"alice"',
        f'\\"{user}\\"': '\\"alice\\"',
    }
    for ours, theirs in known.items():
        body = body.replace(ours, theirs) if ours else body
    body = re.sub(r'"log":"[0-9a-f]{32}"', f'"log":"{LOG}"', body)
    return seal(body.encode())


class _Story:
    """What happens while the daemon writes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.hold = home / "hold"
        self.daemon = StokerDaemon(home)
        self.client = Client(self.daemon.socket)

    def tell(self) -> None:
        self.start_at(BEGIN)
        self.define()
        self.let_it_tick()
        self.let_runs_go()
        self.backfill()
        self.restart_late()
        self.leave_much_open()

    def leave(self) -> None:
        """Leave no process behind."""
        self.daemon.kill()
        self.hold.unlink(missing_ok=True)

    def start_at(self, moment: datetime) -> None:
        self.daemon.inside = beginning_at(moment)
        self.daemon.start()

    def define(self) -> None:
        client, daemon = self.client, self.daemon
        self.hold.touch()
        daemon.publish_job("good.sh", 'echo "$STOKER_DS"\n', {"env": {"REGION": "${region}"}, "timeout": 600})
        daemon.publish_job("bad.sh", f"test -e {self.home}/mended || exit 3\n")
        daemon.publish_job("hold.sh", f"while test -e {self.hold}; do sleep 0.05; done\n")
        client.set_variable("region", "eu", secret=False)
        client.set_variable("lake_key", "never to be seen", secret=True)
        client.set_variable("gone", "x", secret=False)
        client.unset_variable("gone")
        client.save_queue("nightly", QueueSpec(environment=Environment.PRODUCTION, limit=4, nodes=2))
        client.save_queue("spare", QueueSpec())
        client.delete_queue("spare")
        client.save_workspace("marketing", "what others make")
        client.save_workspace("empty", None)
        client.delete_workspace("empty")
        digest = client.send(self.file("note.sh", "echo täglich \u2028\n"))
        client.save_job("notes/note.sh", api.SaveJob(digest=digest, config=JobConfig()), None)
        client.publish_job("notes/note.sh", api.PublishJob(digest=digest, remarks="first cut"))
        client.delete_job("notes/note.sh")
        self.publish("daily", "good.sh", "good.sh", schedule=DAILY, tags={"day": "${ds}"}, retries=1)
        client.rename_workflow(client.clone_workflow("daily", "copy").spec.workflow, "täglich \U0001f600")
        client.delete_workflow("täglich \U0001f600")
        self.publish("broken", "bad.sh", "good.sh", schedule=DAILY)
        self.publish("held", "hold.sh", "good.sh")

    def let_it_tick(self) -> None:
        self.publish(
            "ticking",
            "hold.sh",
            schedule=EVERY_FIVE_MINUTES,
            overlap="skip",
            catch_up="none",
            not_started_by="1m",
            not_done_by="2m",
        )
        self.client.set_scheduling("daily", on=True)
        self.client.set_scheduling("daily", on=False)
        self.client.set_scheduling("ticking", on=True)
        self.wait_for_event("run.created")

    def let_runs_go(self) -> None:
        client, daemon = self.client, self.daemon
        debugged = client.start_run(api.StartRun(workflow="daily", debug=True)).row.id
        daemon.finished(debugged)
        failed = daemon.start_run("broken", variables={"region": "us"}, remarks="by hand")
        daemon.finished(failed)
        client.rerun(failed, api.RerunRun(failed=True, settings={"retries": "1"}))
        daemon.finished(failed)
        client.succeed(failed, "node1", api.SucceedNode(downstream=True))
        daemon.finished(failed)
        paused = daemon.start_run("held", queue="nightly")
        client.pause(paused)
        client.resume(paused)
        wait_for(lambda: daemon.node(paused, "node1")["state"] == "running", "the node runs")
        client.stop(paused, "node1")
        daemon.finished(paused)
        stopped = daemon.start_run("held")
        client.stop(stopped)
        daemon.finished(stopped)

    def backfill(self) -> None:
        week = {"first": "2026-11-16", "last": "2026-11-22"}
        first = self.make_backfill("broken", **week, stop_after=1, remarks="prices were wrong")
        wait_for(lambda: self.client.backfill(first).detail, "it pauses")
        (self.home / "mended").touch()
        self.client.retry_backfill(first)
        self.ended(first)
        self.ended(self.make_backfill("broken", **week, intervals=Intervals.MISSING))
        paused = self.make_backfill("held", **week, every="1d", parallel=2, notify=("lead@example.com",))
        wait_for(lambda: len(self.client.backfill(paused).active) == 2, "it makes runs")
        self.client.pause_backfill(paused)
        self.client.resume_backfill(paused)
        self.client.cancel_backfill(paused, running=True)

    def restart_late(self) -> None:
        """Be away while a tick passes and a run gets late; let the next tick meet that run."""
        for minutes, happens in ((10, ('"run.late"', '"reason":"catch_up"', '"reason":"overlap"')), (22, ())):
            self.daemon.kill()
            self.start_at(BEGIN + timedelta(minutes=minutes))
            for event in happens:
                self.wait_for_event(event)

    def leave_much_open(self) -> None:
        self.publish("ticking", "hold.sh", schedule={**EVERY_FIVE_MINUTES, "expression": "*/10 * * * *"})
        self.make_backfill("daily", first="2026-11-20", last="2026-11-30", order="newest", version=1)
        waiting = self.make_backfill("held", first="2026-11-20", last="2026-11-30", every="12h")
        wait_for(lambda: self.client.backfill(waiting).active, "it makes a run")
        self.client.pause_backfill(waiting)

    def publish(self, name: str, *jobs: str, **fields: Any) -> None:
        """Publish a workflow of nodes in a row."""
        nodes = [
            {"name": f"node{number}", "job": job, "upstream": [f"node{number - 1}"] if number > 1 else []}
            for number, job in enumerate(jobs, 1)
        ]
        self.daemon.publish_workflow(name, nodes, **fields)

    def make_backfill(self, workflow: str, **fields: Any) -> int:
        return self.client.create_backfill(CreateBackfill(workflow=workflow, **fields)).id

    def ended(self, backfill: int) -> None:
        wait_for(lambda: self.client.backfill(backfill).ended_at, f"B{backfill} ends")

    def file(self, name: str, text: str) -> Path:
        (path := self.home / name).write_text(text)
        return path

    def wait_for_event(self, text: str) -> None:
        log = self.daemon.data / "runlog"
        wait_for(lambda: any(text in path.read_text() for path in log.glob("*.jsonl")), text)


if __name__ == "__main__":
    main()
