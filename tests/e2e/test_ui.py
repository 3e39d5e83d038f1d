"""The terminal UI on a real terminal, before a real daemon."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.tmux import NEEDS_TMUX, Terminal
from tests.harness import STOKER, StokerDaemon

pytestmark = NEEDS_TMUX

HOSTILE = "\x1b]52;c;aGk=\x07\x1b[31m\x9b31m\u202egnp.exe\u200b"


def environment(daemon: StokerDaemon, home: Path, **more: str) -> dict[str, str]:
    return {
        **daemon.environment,
        "STOKER_TUI_CONFIG": str(home / "none"),
        "XDG_STATE_HOME": str(home),
        **more,
    }


def test_a_run_is_started_and_seen_to_end_and_the_daemon_may_go_and_come(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    daemon.publish_job("etl/fine.sh", "echo fine")
    daemon.publish_job("etl/bad.sh", "echo 'ValueError: no such column' >&2; exit 3")
    daemon.publish_workflow("sales", [{"name": "load", "job": "etl/fine.sh"}])
    daemon.publish_workflow("clicks", [{"name": "check", "job": "etl/bad.sh"}])
    with Terminal([STOKER], environment(daemon, tmp_path), tmp_path, (80, 24)) as terminal:
        terminal.shows("default ▸ workflows", "● live", "clicks", "sales", "never run")

        terminal.press("/")
        terminal.type("name:sal")
        assert "clicks" not in terminal.shows("/name:sal 1 of 2")
        terminal.press("Enter")
        terminal.shows("r run")
        terminal.press("r")
        terminal.shows("Run sales")
        terminal.type("2026-13-41")
        terminal.press("Enter")
        terminal.shows("is not a time", "2026-13-41")
        terminal.press("C-u", "Enter")
        terminal.shows("▸ #1 sales", "✔ succeeded", "1/1")

        daemon.kill()
        terminal.shows("✖ no daemon", "S start a daemon", "✔ succeeded")
        daemon.start()
        daemon.start_run("clicks")
        daemon.finished(2)
        terminal.shows("● live")
        terminal.press("2")
        terminal.shows("#2", "✖ failed", "#1", "✔ succeeded")
        terminal.press("Enter")
        terminal.shows("▸ #2 clicks", "ValueError: no such column", "again by hand")
        terminal.resize(120, 40)
        terminal.shows("✖ check", "attempt 1")
        terminal.press("l")
        terminal.shows("▸ #2 ▸ check", "ValueError: no such column", "both  ended")
        terminal.press("t", "t")
        terminal.shows("stderr  ended")
        terminal.press("Escape")
        terminal.shows("[graph]")
        terminal.press("q")


def test_what_commands_a_terminal_never_reaches_it(daemon: StokerDaemon, tmp_path: Path) -> None:
    script = f"printf '%s\\n' '{HOSTILE}' >&2; exit 1"
    daemon.publish_job("etl/hostile.sh", script)
    daemon.publish_workflow("hostile", [{"name": "n", "job": "etl/hostile.sh"}], description=HOSTILE)
    number = daemon.start_run("hostile", remarks=HOSTILE + "x" * 10_000)
    daemon.finished(number)
    with Terminal([STOKER], environment(daemon, tmp_path, NO_COLOR="1"), tmp_path, (140, 40)) as terminal:
        terminal.shows("hostile", "✖")
        terminal.press("2")
        terminal.shows("#1", "✖ failed", "gnp.exe")
        terminal.press("Enter")
        terminal.shows("▸ #1 hostile", "last lines of stderr")
        terminal.press("1")
        terminal.shows("LAST 10 RUNS")
        terminal.press("Enter")
        terminal.shows("gnp.exe")

        written = terminal.raw.read_bytes()

    for bad in (b"\x1b]52", b"\x1b[31m", "\x9b".encode(), "\u202e".encode(), "\u200b".encode()):
        assert bad not in written
    colours = re.findall(rb"\x1b\[(?:[0-9]+;)*(?:3[0-7]|38|9[0-7]|4[0-7]|48)(?:;[0-9]+)*m", written)
    assert colours == [], "NO_COLOR means no colour"
