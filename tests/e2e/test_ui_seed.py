"""From files on disk to a daily workflow that has run, by keys alone, on a real terminal."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from tests.e2e.test_ui import environment
from tests.e2e.tmux import NEEDS_TMUX, Terminal
from tests.harness import STOKER, StokerDaemon

pytestmark = NEEDS_TMUX

MOST_KEYS = 74
"""What it takes, of which 29 are what only the person can know: name, time, remarks, a day."""


class Counted(Terminal):
    """A terminal that counts the keys."""

    keys = 0

    def type(self, text: str) -> None:
        """Type text as it is."""
        self.keys += len(text)
        super().type(text)

    def press(self, *keys: str) -> None:
        """Press keys by their names."""
        self.keys += len(keys)
        super().press(*keys)


def test_three_files_become_a_daily_workflow_that_has_run(daemon: StokerDaemon, tmp_path: Path) -> None:
    for name in ("ingest", "transform", "report"):
        (tmp_path / "etl").mkdir(exist_ok=True)
        (tmp_path / f"etl/{name}.sh").write_text(f'echo "{name} of $STOKER_DS"\n')
    stoker = ["env", "-C", str(tmp_path), STOKER]
    with Counted(stoker, environment(daemon, tmp_path), tmp_path, (80, 24)) as terminal:
        terminal.shows("● live", "n new", "no workflows yet; n makes one")

        terminal.press("4")
        terminal.shows("no jobs yet; n publishes a file as one")
        for typed, path in (("in", "ingest"), ("tr", "transform"), ("rep", "report")):
            terminal.press("n")
            terminal.shows("jobs ▸ publish", "etl/ingest.sh")
            terminal.type(typed)
            terminal.shows(f"etl/{path}.sh")
            terminal.press("Enter")
            terminal.shows("^s save", f"etl/{path}.sh", "what it is published as")
            terminal.press("C-s")
            terminal.shows(f"published etl/{path}.sh version 1")

        terminal.press("1")
        terminal.shows("no workflows yet")
        terminal.press("n")
        terminal.shows("Name of the new workflow", "enter take it")
        terminal.type("daily")
        terminal.press("Enter")
        terminal.shows("daily ▸ edit", "a adds the first one")
        for typed, name in (("", "ingest"), ("t", "transform"), ("", "report")):
            terminal.press("a")
            terminal.shows("Which job?")
            terminal.type(typed)
            terminal.press("Enter")
            terminal.shows(f"added {name}", f"│ {name} │")

        terminal.press("t")
        terminal.shows("edit ▸ schedule", "d days")
        terminal.press("d", "Enter")
        terminal.type("00:00")  # Whenever this runs, yesterday's interval is over.
        terminal.shows("CYCLE TIME", "00:00", "^s save")
        terminal.press("C-s")
        terminal.shows("saved as draft 1", "days 00:00")
        terminal.press("d")
        terminal.shows("Debug the draft of daily")
        terminal.press("Enter")
        terminal.shows("▸ #1 daily", "✔ succeeded", "3/3", "by debug")
        terminal.press("Escape")
        terminal.shows("edit ▸ schedule")
        terminal.press("p")
        terminal.shows("Publish daily as version 1", "+ ingest", "+ transform", "+ report")
        terminal.type("first cut")
        terminal.press("Enter")
        terminal.shows("Switch the schedule of daily on? days 00:00, next 20")
        terminal.press("y")
        terminal.shows("switched on the schedule of daily, next 20")

        terminal.press("1")
        terminal.shows("default ▸ workflows", "daily", "v1", "in ")
        terminal.press("r")
        terminal.shows("Run daily")
        terminal.press("Enter")
        terminal.shows("▸ #2 daily", "✔ succeeded", "3/3", "by manual")
        terminal.press("l")
        terminal.shows("#2 ▸ ingest", "ingest of 20")
        terminal.press("1")
        terminal.shows("default ▸ workflows", "✔✔")
        terminal.press("b")
        shown = terminal.shows("Backfill daily", "enter preview")
        yesterday = re.search(r"to +([0-9-]{10})", shown)
        assert yesterday
        terminal.type(str(date.fromisoformat(yesterday[1]) - timedelta(days=2)))
        terminal.press("Enter")
        terminal.shows("3 of 3 intervals get a run", "enter makes it")
        terminal.press("Enter")
        terminal.shows("▸ B1 daily", "3 succeeded", "3/3")
        assert terminal.keys <= MOST_KEYS

    runs = daemon.runs()
    assert [(run["trigger"], run["state"]) for run in runs] == [
        *[("backfill", "succeeded")] * 3, ("manual", "succeeded"), ("debug", "succeeded"),
    ]  # fmt: skip
    assert daemon.output(5, "report").startswith("report of ")
