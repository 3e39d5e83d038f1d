"""`stoker demo`, as a newcomer runs it: real Spark, real data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from stoker_tui import demo
from tests.e2e.flights import expected_rows, flights_of, reported_rows
from tests.harness import STOKER, wait_for

pytestmark = pytest.mark.spark


def processes_that_mention(text: str) -> list[str]:
    """Give the live processes with a text in their command or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                about = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in about:
                found.append(entry.name)
    return found


def demo_in(directory: Path, **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [STOKER, "demo"],
        env={**os.environ, "TMPDIR": str(directory), **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def test_it_ends_with_the_report_and_leaves_nothing(tmp_path: Path) -> None:
    out, err = (started := demo_in(tmp_path)).communicate(timeout=300)

    assert started.returncode == 0, out + err
    assert "report ✔ succeeded" in out
    head = f"Flights out of New York on {demo.DAY}: 894 scheduled, 13 cancelled\n"
    assert head in out
    assert reported_rows(out[out.index(head) :]) == expected_rows(flights_of([demo.DAY]))
    assert out.index("│ ingest │") < out.index("│ transform │") < out.index("│ report │")
    assert list(tmp_path.iterdir()) == []
    assert processes_that_mention(str(tmp_path)) == []


def test_ctrl_c_cleans_up(tmp_path: Path) -> None:
    started = demo_in(tmp_path)
    output = started.stdout
    assert output
    wait_for(lambda: "ingest ● running" in output.readline(), "the first job runs")

    started.send_signal(signal.SIGINT)

    assert started.wait(timeout=300) == -signal.SIGINT
    assert list(tmp_path.iterdir()) == []
    assert processes_that_mention(str(tmp_path)) == []


def test_without_java_it_says_at_once_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    place = tmp_path / "tmp"
    place.mkdir()

    started = demo_in(place, PATH=str(tools), JAVA_HOME="")
    out, err = started.communicate(timeout=300)

    assert started.returncode == 4, out + err
    assert "Spark 4 needs Java 17 or newer" in err
    assert "apt install" in err
    assert list(place.iterdir()) == []
