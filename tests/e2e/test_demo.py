"""`stoker demo`, as a newcomer runs it: real Spark, real data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

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
    out, err = (demo := demo_in(tmp_path)).communicate(timeout=300)

    assert demo.returncode == 0, out + err
    assert "report ✔ succeeded" in out
    assert "Flights out of New York on 2013-01-15: 894 scheduled, 13 cancelled" in out
    assert out.index("│ ingest │") < out.index("│ transform │") < out.index("│ report │")
    assert list(tmp_path.iterdir()) == []
    assert processes_that_mention(str(tmp_path)) == []


def test_ctrl_c_cleans_up(tmp_path: Path) -> None:
    demo = demo_in(tmp_path)
    output = demo.stdout
    assert output
    wait_for(lambda: "ingest ● running" in output.readline(), "the first job runs")

    demo.send_signal(signal.SIGINT)

    assert demo.wait(timeout=60) == -signal.SIGINT
    assert list(tmp_path.iterdir()) == []
    assert processes_that_mention(str(tmp_path)) == []


def test_without_java_it_says_at_once_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    place = tmp_path / "tmp"
    place.mkdir()

    demo = demo_in(place, PATH=str(tools), JAVA_HOME="")
    out, err = demo.communicate(timeout=60)

    assert demo.returncode == 4, out + err
    assert "Spark 4 needs Java 17 or newer" in err
    assert "apt install" in err
    assert list(place.iterdir()) == []
