"""The README's commands, run in their order as whoever follows it would, in a home of their own.

Run is every block of ```sh, by one bash that all of them share. Left out, each for its reason, is:

- what installs (``python3 -m venv``): the one block runs the demonstration, which has a test of its own, the
  other runs these tests;
- what needs root, systemd or a mail server (`_ELSEWHERE`): of what is ours there it is seen that the command
  takes it; what it does is tested in `tests.e2e.test_systemd` and `tests.e2e.test_notifications`.

A line that is nothing but a command `stoker` is run in this process, which takes a tenth of the time. The
jobs' ``sleep`` is a short one.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import stoker_daemon.cli
import stoker_tui.cli
from tests.harness import PATIENCE, wait_for

README = (Path(__file__).parents[2] / "README.md").read_text()
SKIPPED = "python3 -m venv"
STARTS_A_DAEMON = re.compile(r"stokerd [^|;]*&$")
CHECK = "stokerd check"
_ELSEWHERE = re.compile(
    r"sudo |stokerd (un)?install|stoker notify test|systemctl |journalctl |loginctl |apt(-get)? "
)
_FOR_BASH = re.compile(r"[|<>&;$`]")
_PROGRAMS = {"stoker": stoker_tui.cli.main, "stokerd": stoker_daemon.cli.main}


def blocks(text: str) -> list[str]:
    """Give the blocks that a shell is to run."""
    return re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(block: str) -> Iterator[str]:
    """Give the commands of a block: a line each, but for continued ones and here-documents."""
    lines = iter(block.splitlines())
    for line in lines:
        command = line
        while command.endswith("\\"):
            command += "\n" + next(lines)
        if here := re.search(r"<<'?(\w+)'?", command):
            for below in lines:
                command += "\n" + below
                if below == here[1]:
                    break
        if command.strip() and not command.startswith("#"):
            yield command


class Bash:
    """One bash, as a person has one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """Give a command's exit status, and what it printed. Where it hangs bash is killed."""
        patience = threading.Timer(PATIENCE, self._process.kill)
        patience.start()
        try:
            return self._run(command)
        finally:
            patience.cancel()

    def _run(self, command: str) -> tuple[int, str]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command}\nprintf '\\n-- %s\\n' $?\n")
        self._process.stdin.flush()
        said = ""
        for line in self._process.stdout:
            if line.startswith("-- "):
                return int(line[3:]), said
            said += line
        raise AssertionError(f"bash ended at {command!r}: {said}")

    def end(self) -> None:
        """End it, and the daemon that it started, which has its output open until it has ended."""
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.communicate(timeout=PATIENCE)


@pytest.fixture
def bash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bash]:
    """A shell in an empty home, with nothing said of where Stoker's things are."""
    for name in ("STOKER_DATA", "STOKER_SOCKET", "STOKER_CONFIG", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "bin").mkdir()
    sleep = tmp_path / "bin" / "sleep"
    sleep.write_text("#!/bin/sh\nexec /bin/sleep 0.3\n")
    sleep.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{Path(sys.executable).parent}", prepend=":")
    monkeypatch.chdir(tmp_path)
    shell = Bash()
    yield shell
    shell.end()


def stoker(command: str) -> tuple[int, str]:
    done = CliRunner().invoke(stoker_tui.cli.main, shlex.split(command, comments=True)[1:])
    return done.exit_code, done.output


def takes(command: str) -> bool:
    """Tell whether a program of ours takes what it would be given; what others are given is theirs."""
    words = shlex.split(re.sub(r"^sudo (-\w+ \w+ )?", "", command), comments=True)
    if (program := _PROGRAMS.get(words[0])) is None:
        return True
    return CliRunner().invoke(program, [*words[1:], "--help"]).exit_code == 0


def is_well(command: str, status: int) -> bool:
    # 4: where there is no Spark or Java it says so.
    return status == 0 or (command.startswith(CHECK) and status == 4)


def test_every_command_of_the_readme_does_what_it_is_there_for(bash: Bash):
    if datetime.now() < datetime(2026, 11, 22):
        pytest.skip("the clock is before the days that the README runs its workflow for")
    run: list[str] = []
    for block in blocks(README):
        for command in commands(block):
            if command.startswith(SKIPPED):
                continue
            if _ELSEWHERE.match(command):
                assert takes(command), command
                continue
            run.append(command)
            in_process = command.startswith("stoker ") and not _FOR_BASH.search(command)
            status, said = stoker(command) if in_process else bash.run(command)
            assert is_well(command, status), f"{command}\nexit status {status}\n{said}"
            if STARTS_A_DAEMON.match(command):
                wait_for(lambda: stoker("stoker status")[0] == 0, f"it answers: {command}")

    assert len(run) > 20


def test_commands_are_told_apart_in_a_block():
    block = "a \\\n  b\n\n# said\ncat > f <<'END'\n# in it\nEND\nc\n"

    assert list(commands(block)) == ["a \\\n  b", "cat > f <<'END'\n# in it\nEND", "c"]


def test_what_needs_a_host_of_its_own_must_be_taken_by_the_command():
    assert takes("sudo stokerd install --system --start")
    assert takes("sudo -u etl stoker runs")
    assert takes("systemctl --user status stokerd")
    assert not takes("stokerd install --sytem")
