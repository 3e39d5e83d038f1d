"""Completion, asked of the shells themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from stoker_tui.cli import main
from tests.harness import STOKER, StokerDaemon

ODD = "odd, name's $(x) *"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """A daemon with workflows, jobs, a run and a backfill."""
    with StokerDaemon(tmp_path_factory.mktemp("reader")) as running:
        running.publish_job("etl/ingest.sh", "exit 0")
        for name in ("sales", "日本語", ODD):
            running.publish_workflow(name, [{"name": "ingest", "job": "etl/ingest.sh"}])
        running.finished(running.start_run("sales"))
        one_day = ("--from", "2026-11-21", "--to", "2026-11-21", "--every", "1d", "--only", "failed")
        running.run_stoker("backfill", "create", "sales", *one_day)
        yield running


def in_shell(daemon: StokerDaemon, command: list[str]) -> list[str]:
    """Run a shell in which `stoker` is ours, and give the lines it prints."""
    path = f"{STOKER.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        env={**daemon.environment, "PATH": path, "LC_ALL": "C.UTF-8"},
        cwd=daemon.home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def by_bash(daemon: StokerDaemon, *lines: list[str]) -> list[list[str]]:
    """Complete the last word of each line, quoted as it would be typed."""
    (daemon.home / "completion").write_text(daemon.run_stoker("completion", "bash").stdout)
    (daemon.home / "lines").write_text("".join(f"complete_it {shlex.join(words)}\n" for words in lines))
    script = """
        source completion
        compopt() { echo "($*)"; }
        complete_it() {
            COMP_WORDS=(stoker "$@"); COMP_CWORD=$#
            _stoker_completion stoker
            for reply in "${COMPREPLY[@]}"; do echo "$reply"; done
            echo .
        }
        source lines
    """
    answers: list[list[str]] = [[]]
    for line in in_shell(daemon, ["bash", "--norc", "-c", script]):
        answers.append([]) if line == "." else answers[-1].append(line)
    return answers[:-1]


def completed(daemon: StokerDaemon, words: str, place: str) -> str:
    """Give what the command itself answers to bash, in this process."""
    asked = {"_STOKER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": place}
    done = CliRunner().invoke(main, env={**daemon.environment, **asked}, prog_name="stoker")
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.strip()


def by_fish(daemon: StokerDaemon, line: str) -> list[str]:
    """Complete a line; fish gives each word with its description."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    script = "stoker completion fish | source; complete -C $argv[1]"
    return in_shell(daemon, ["fish", "--no-config", "-c", script, line])


def by_zsh(daemon: StokerDaemon, *words: str) -> list[str]:
    """Complete the last word; of zsh's own machinery only the end is replaced."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    script = """
        compdef() { :; }
        compadd() { print -l -- $values; print -l -- $shown >&3; }
        source <(stoker completion zsh)
        words=("$@"); CURRENT=$#
        exec 3>/dev/null
        _stoker_completion
    """
    return in_shell(daemon, ["zsh", "-f", "-c", script, "zsh", *words])


class TestBash:
    def test_completes_commands_and_options(self, reader: StokerDaemon) -> None:
        assert by_bash(
            reader,
            ["ru"],
            ["job", "p"],
            ["runs", "--st"],
            ["runs", "--status", "f"],
            ["runs", "--status", "=", "f"],
        ) == [["run", "runs"], ["publish"], ["--status"], ["failed"], ["failed"]]

    def test_completes_what_the_daemon_knows(self, reader: StokerDaemon) -> None:
        assert by_bash(
            reader,
            ["run", "s"],
            ["job", "show", "e"],
            ["show", ""],
            ["stop", "1/"],
            ["logs", "1", "i"],
            ["logs", "#1", ""],
            ["backfill", "show", ""],
            ["runs", "--backfill", ""],
        ) == [["sales"], ["etl/ingest.sh"], ["1"], ["1/ingest"], ["ingest"], ["ingest"], ["B1"], ["B1"]]

    def test_quotes_what_a_shell_would_take_apart(self, reader: StokerDaemon) -> None:
        (quoted,), of_quoted, wide = by_bash(reader, ["run", "o"], ["run", "odd\\,\\ n"], ["run", "日"])

        assert in_shell(reader, ["bash", "-c", f"printf %s {quoted}"]) == [ODD]
        assert (of_quoted, wide) == ([quoted], ["日本語"])

    def test_leaves_files_to_the_shell(self, reader: StokerDaemon) -> None:
        assert by_bash(reader, ["apply", ""]) == [["(-o default)"]]

    @pytest.mark.parametrize("socket", ["nowhere", "/dev/null", "/", "/" + "x" * 200])
    def test_is_silent_where_no_daemon_answers(self, tmp_path: Path, socket: str) -> None:
        nobody = StokerDaemon(tmp_path, {"STOKER_SOCKET": socket})

        for words in ("run ", "show x", "stop 1/", "logs 1 "):
            assert completed(nobody, f"stoker {words}", str(words.count(" ") + 1)) == ""
        assert completed(nobody, "stoker no such ", "3") == completed(nobody, "stoker ", "1")
        assert by_bash(nobody, ["run", ""]) == [[]]

    def test_never_ends_in_a_traceback(self, reader: StokerDaemon) -> None:
        for words, place in (
            ("stoker run $'", "1"),
            ("", "0"),
            ("stoker logs 99999999999999999999999 ", "3"),
        ):
            completed(reader, words, place)

    def test_of_stokerd_completes_its_commands(self, reader: StokerDaemon) -> None:
        script = """
            source <(stokerd completion bash)
            COMP_WORDS=(stokerd c); COMP_CWORD=1
            _stokerd_completion stokerd
            echo "${COMPREPLY[@]}"
        """
        assert in_shell(reader, ["bash", "--norc", "-c", script]) == ["completion check config"]


class TestFish:
    def test_completes_with_descriptions(self, reader: StokerDaemon) -> None:
        assert by_fish(reader, "stoker ru")[1] == "runs\tList runs, newest first."
        assert by_fish(reader, "stoker run o") == [f"{ODD}\tversion 1"]
        assert by_fish(reader, "stoker stop 1/") == ["1/ingest\t✔ succeeded"]
        assert by_fish(reader, "stoker runs --status=f") == ["--status=failed"]


class TestZsh:
    def test_completes_what_the_daemon_knows(self, reader: StokerDaemon) -> None:
        assert by_zsh(reader, "stoker", "ru") == ["run", "runs"]
        assert by_zsh(reader, "stoker", "run", "o") == [ODD]
        assert by_zsh(reader, "stoker", "stop", "1/") == ["1/ingest"]
        assert by_zsh(reader, "stoker", "runs", "--status=f") == ["--status=failed"]
