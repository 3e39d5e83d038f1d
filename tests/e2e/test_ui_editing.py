"""Workflows edited on a real terminal, before a real daemon, with all that can go wrong meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stoker_tui.editing.keeping import Drawer
from tests.e2e.test_ui import environment
from tests.e2e.tmux import NEEDS_TMUX, Terminal
from tests.harness import STOKER, StokerDaemon, wait_for

pytestmark = NEEDS_TMUX


def nodes(daemon: StokerDaemon) -> list[dict[str, Any]]:
    return daemon.http.get("/v1/workspaces/default/workflows/sales").json()["spec"]["nodes"]


def test_nothing_is_lost_while_daemon_and_terminal_go_and_somebody_else_saves(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    for name in ("ingest", "transform", "report"):
        daemon.publish_job(f"etl/{name}.sh", f"echo {name}")
    known = environment(daemon, tmp_path)
    with Terminal([STOKER], known, tmp_path, (80, 24)) as terminal:
        terminal.shows("● live", "no workflows yet; n makes one")
        terminal.press("n")
        terminal.type("sales")
        terminal.press("Enter")
        terminal.shows("sales ▸ edit", "a adds the first one")
        terminal.press("a")
        terminal.type("inges")
        terminal.press("Enter", "a")
        terminal.type("trans")
        terminal.press("Enter", "s")
        terminal.shows("saved as draft 1", "│ transform │")

        daemon.kill()
        terminal.shows("✖ no daemon")
        terminal.press("a")
        terminal.type("repor")
        terminal.press("Enter", "s")
        terminal.shows("no daemon answers: what you did is kept here", "not saved")
        terminal.press("t", "c", "Enter")
        terminal.type("0 6 *")
        terminal.shows("it has 3 fields, and a cron expression has five")
        terminal.kill()

    daemon.start()
    daemon.publish_workflow("sales", [*nodes(daemon), {"name": "audit", "job": "etl/report.sh"}])
    log = daemon.http.get("/v1/status").json()["log"]
    unsaved = tmp_path / "stoker" / "unsaved"
    wait_for(lambda: Drawer(unsaved).left(log, "default"), "the first UI has ended")
    with Terminal([STOKER], known, tmp_path, (100, 30)) as terminal:
        terminal.shows("what was not saved and is kept here: sales", "never run")
        terminal.press("e")
        terminal.shows("Changes of sales were not saved", "go on with sales")
        terminal.press("Enter")
        terminal.shows("saved draft 2 meanwhile", "it has 3 fields, and a cron expression has five")
        terminal.type(" * 1")
        terminal.press("Escape")
        terminal.shows("cron 0 6 * * 1")
        terminal.press("Escape")
        terminal.shows("saved draft 2 meanwhile", "+ report")
        terminal.press("s")
        terminal.shows("saved draft 2 of sales meanwhile", "nodes/audit", "nodes/report")
        terminal.press("Enter")
        terminal.shows("saved as draft 3", "report", "audit")
        terminal.press("p")
        terminal.shows("Publish sales as version 2", "+ report")
        terminal.type("reports again")
        terminal.press("Enter")
        terminal.shows("published sales version 2")

    assert sorted(node["name"] for node in nodes(daemon)) == ["audit", "ingest", "report", "transform"]
    assert list(unsaved.iterdir()) == []
