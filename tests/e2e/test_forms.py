"""Forms on a real terminal, before a real daemon, with a real editor."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.e2e.test_ui import environment
from tests.e2e.tmux import NEEDS_TMUX, Terminal
from tests.harness import STOKER, StokerDaemon

pytestmark = NEEDS_TMUX

JOB = "/v1/workspaces/default/jobs/etl/ingest.sh"


def test_a_file_is_published_configured_in_the_persons_editor_given_a_file_and_rolled_back(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    (tmp_path / "etl").mkdir()
    source = tmp_path / "etl/ingest.sh"
    source.write_text("echo one\n")
    (tmp_path / "names.csv").write_text("eu\n")
    editor = tmp_path / "an editor"
    # It first writes what can't be, and mends it once it is told so.
    editor.write_text(
        '#!/bin/sh\ngrep -q "can\'t be taken over" "$1" && '
        'sed -i s/soon/60/ "$1" || echo "timeout: soon" >> "$1"\n'
    )
    editor.chmod(0o700)
    more = {"VISUAL": shlex.quote(str(editor)), "TMPDIR": str(tmp_path)}
    # The terminal's program is to be below the files.
    stoker = ["env", "-C", str(tmp_path), STOKER]
    with Terminal(stoker, environment(daemon, tmp_path, **more), tmp_path, (80, 24)) as terminal:
        terminal.shows("● live")
        terminal.press("4", "n")
        terminal.shows("jobs ▸ publish")
        terminal.type("etl/in")
        terminal.shows("etl/ingest.sh")
        terminal.press("Enter", "Enter")
        terminal.type("first cut")
        terminal.press("Enter")
        terminal.shows("published etl/ingest.sh version 1", "first cut")

        terminal.press("e")
        terminal.shows("configuration", "no limit")
        terminal.press("C-e")
        terminal.shows("timeout", "60", "not saved")
        terminal.press("s")
        terminal.shows("saved draft 2 of etl/ingest.sh", "v1+")
        assert daemon.http.get(JOB).json()["draft"]["config"] == {"timeout": 60}
        assert not list(tmp_path.glob("stoker-*.yaml"))

        source.write_text("echo two\n")
        terminal.press("p")
        terminal.shows("What is to be done?")
        terminal.press("Enter")
        terminal.shows("jobs ▸ etl/ingest.sh ▸ publish", "▸ attached files  nothing set")
        terminal.press("Escape", "Up", "Space", "Down", "Enter")
        terminal.type("nam")
        terminal.shows("names.csv")
        terminal.press("Tab", "C-s")
        terminal.shows("published etl/ingest.sh version 2")
        latest = daemon.http.get(JOB).json()["latest"]
        assert latest["config"] == {"timeout": 60}
        assert [(each["kind"], each["name"]) for each in latest["attachments"]] == [("files", "names.csv")]

        terminal.press("Enter")
        terminal.shows("v2", "v1")
        terminal.press("Enter")
        terminal.shows("v1 -> v2", "-echo one", "+echo two", "+timeout=60")
        terminal.press("Escape", "Down", "R")
        terminal.shows("Publish v1 of etl/ingest.sh again")
        terminal.press("y")
        terminal.shows("version 3, which is what version 1 was", "v3")
        terminal.press("q")
