"""`stoker` and `stokerd` as commands of a Unix: help, slips, signals, streams, terminals."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click
import pytest

import stoker_daemon.cli
import stoker_tui.cli
from stoker_shared.commandline import Program
from stoker_shared.text import width
from stoker_tui.cli.tables import Column, fitted
from tests.harness import PATIENCE, STOKER, STOKERD, StokerDaemon
from tests.terminal import on_terminal, without_escapes

WIDE = "日本語のとても長い名前のワークフローで幅が広いもの・とても長い名前"
TABLES = [["runs"], ["show", "1"], ["job", "list"], ["workflow", "list"], ["status"]]
PROGRAMS = [stoker_tui.cli.main, stoker_daemon.cli.main]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """A daemon with a run of a workflow with long and wide names, shared by tests that change nothing."""
    with StokerDaemon(tmp_path_factory.mktemp("reader")) as running:
        running.publish_job("etl/a folder with a long name, and spaces/ingest.sh", "yes | head -c 200000\n")
        job = {"job": "etl/a folder with a long name, and spaces/ingest.sh"}
        nodes = [{"name": "取り込み" * 12, **job}, {"name": "n" * 64, **job}]
        running.publish_workflow(WIDE, nodes)
        running.finished(running.start_run(WIDE))
        yield running


def stoker(
    daemon: StokerDaemon, command: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `stoker` and `stokerd` are ours."""
    path = f"{STOKER.parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        env={**daemon.environment, "PATH": path, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def in_process(daemon: StokerDaemon, command: str) -> subprocess.CompletedProcess[str]:
    """Run `stoker` in this process, which takes a tenth of the time, but where it needs a shell."""
    return stoker(daemon, command) if "$" in command else daemon.run_stoker(*shlex.split(command)[1:])


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give every command of a group and of its groups."""
    context = click.Context(group, info_name=group.name)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def examples(command: click.Command) -> list[str]:
    """Give the lines that its help shows as examples."""
    _, _, rest = cleandoc(command.help or "").partition("Example")
    return [line.strip() for line in rest.split("\n\n")[0].splitlines()[1:]]


class TestHelp:
    @pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
    def test_of_every_command_shows_an_example(self, program: Program) -> None:
        without = [path for path, command in commands(program) if not examples(command)]

        # `logs` explains itself by its options.
        assert [path for path in without if path != ("logs",)] == []
        assert examples(program)

    @pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
    def test_shows_only_examples_that_the_program_takes(
        self, program: Program, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for _, command in [((), program), *commands(program)]:
            for example in examples(command):
                line = re.split(r" \| | > | 2>|\)", example.removeprefix("source <(").removeprefix("sudo "))[
                    0
                ]
                name, *words = shlex.split(line)
                assert name == program.name
                # A word or option that it does not know comes before the help.
                assert program.main([*words, "--help"], name, standalone_mode=False) == 0, example
        capsys.readouterr()

    def test_is_a_map_of_all_commands_that_needs_none_of_them_loaded(self) -> None:
        script = "import sys, stoker_tui.cli as c; sys.argv[1:] = ['--help']\ntry: c.main()\n"
        script += "finally: print(*sys.modules, file=sys.stderr)"

        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        assert not {"httpx", "rich", "yaml", "stoker_tui.client"} & set(done.stderr.split())
        shown = [
            line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line.split()
        ]
        for name in stoker_tui.cli.main.list_commands(click.Context(stoker_tui.cli.main)):
            assert name in shown

    def test_has_every_command_in_the_map_and_says_the_same_of_it_there(self) -> None:
        for module in (STOKER_CLI / "cli").glob("*.py"):
            __import__(f"stoker_tui.cli.{module.stem}")
        told = {n: entry.summary for part in stoker_tui.cli.CONTENTS.values() for n, entry in part.items()}
        told |= dict.fromkeys(("completion", "help", "man", "version"), "")

        assert set(stoker_tui.cli.main.commands) == set(told)
        for name, summary in told.items():
            assert (stoker_tui.cli.main.commands[name].help or "").startswith(summary.removesuffix("."))

    def test_is_given_by_the_command_help_too(self, tmp_path: Path) -> None:
        nobody = StokerDaemon(tmp_path)

        for of in ("", "runs", "job publish"):
            asked, given = nobody.run_stoker("help", *of.split()), nobody.run_stoker(*of.split(), "--help")
            assert (asked.returncode, asked.stdout) == (0, given.stdout)


STOKER_CLI = Path(stoker_tui.cli.__file__).parents[1]


class TestASlip:
    @pytest.mark.parametrize(
        ("command", "told"),
        [
            (
                "stoker rnus",
                "stoker: there is no command 'rnus'; did you mean 'runs'?\nSee `stoker --help`.\n",
            ),
            ("stoker job lst", "stoker: there is no command 'lst'; did you mean 'list'?"),
            ("stoker runs --limti 5", "Did you mean '--limit'?\nSee `stoker runs --help`.\n"),
            ("stoker show", "stoker: missing argument 'RUN'\nSee `stoker show --help`.\n"),
            ("stoker show twelve", "'twelve' is not a run; write 12, or 12/ingest for a node of it"),
            ("stoker show 99999999999999999999999999999", "is not a run"),
            ("stoker run $'\\xff'", "stoker: an argument is not UTF-8"),
            (
                "stoker $'\\xff\\e[31m'",
                "there is no command '\N{REPLACEMENT CHARACTER}\N{SYMBOL FOR ESCAPE}[31m'",
            ),
            ("stoker job publish /", "'/' is a directory"),
            ("stokerd chekc", "stokerd: there is no command 'chekc'; did you mean 'check'?"),
            ("stokerd --stop-grace soon", "--stop-grace: stop_grace is 'soon', and must be a number from 0"),
        ],
    )
    def test_is_told_in_a_line_with_what_was_meant(
        self, reader: StokerDaemon, command: str, told: str
    ) -> None:
        done = stoker(reader, command)

        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr
        assert len(done.stderr.splitlines()) <= 2

    @pytest.mark.parametrize(
        "command",
        [
            "stoker run x --version 99999999999999999999999999999",
            "stoker workflow show x --version 99999999999999999999999999999",
            "stoker logs 1 $(printf 'n%.0s' {1..64}) --attempt 99999999999999999999999999999",
            "stoker events --after 99999999999999999999999999999",
            "stoker events --after 99999",
            "stoker apply /dev/null",
            "stoker apply /proc/self/mem",
        ],
    )
    def test_that_only_the_daemon_can_see_is_refused(self, reader: StokerDaemon, command: str) -> None:
        done = in_process(reader, command)

        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.startswith("stoker: ")
        assert len(done.stderr.splitlines()) == 1

    @pytest.mark.parametrize("place", ["/", "/dev/null", "/etc/passwd", "nowhere/s"])
    def test_in_the_socket_is_told_as_a_daemon_that_is_not_there(self, tmp_path: Path, place: str) -> None:
        done = StokerDaemon(tmp_path, {"STOKER_SOCKET": place}).run_stoker("status")

        assert done.returncode == 3
        assert done.stderr.startswith(f"stoker: no stokerd answers at {place} (")
        assert len(done.stderr.splitlines()) == 1

    def test_in_the_socket_that_meets_another_server_is_told(self, tmp_path: Path) -> None:
        script = """if 1:
            import http.server, socket, socketserver
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
                def address_string(self): return ""
                def log_message(self, *_): pass
            socketserver.UnixStreamServer("s", Handler).handle_request()
        """
        other = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path)
        nobody = StokerDaemon(tmp_path)
        done = nobody.run_stoker("status")
        while "no stokerd answers" in done.stderr:  # it is not there yet, or does not listen yet
            done = nobody.run_stoker("status")

        assert done.returncode == 3
        assert f"what answers at {nobody.socket} is not a stokerd this client understands" in done.stderr
        assert other.wait(PATIENCE) == 0


class TestStreams:
    @pytest.mark.parametrize("command", ["stoker runs", "stoker --help", "stoker logs 1", "stokerd config"])
    def test_output_that_nobody_reads_is_no_error(self, reader: StokerDaemon, command: str) -> None:
        done = stoker(reader, f"exec 3>&1; {{ {command}; echo $? >&3; }} | exec true")

        # It may have written all before the reader left.
        assert (done.stdout in ("0\n", "141\n"), done.stderr) == (True, "")

    @pytest.mark.parametrize(
        "command",
        [
            "stoker runs",
            "stoker runs --json",
            "stoker --help",
            "stoker logs 1",
            "stoker events",
            "stokerd config",
        ],
    )
    def test_output_that_does_not_fit_on_the_disk_is_an_error(
        self, reader: StokerDaemon, command: str
    ) -> None:
        done = stoker(reader, f"{command} > /dev/full")

        program = command.split(maxsplit=1)[0]
        assert (done.returncode, done.stderr) == (
            os.EX_IOERR,
            f"{program}: standard output: No space left on device\n",
        )

    def test_a_closed_output_is_an_error_before_anything_is_done(self, reader: StokerDaemon) -> None:
        before = len(reader.runs())

        done = stoker(reader, f"stoker run {WIDE} >&-")

        assert (done.returncode, done.stderr) == (os.EX_IOERR, "stoker: standard output is closed\n")
        assert len(reader.runs()) == before

    def test_other_closed_streams_are_no_matter(self, reader: StokerDaemon) -> None:
        assert stoker(reader, "stoker status <&- 2>&-").stdout.startswith("stokerd ")
        assert stoker(reader, "stoker show 99 <&- 2>&-").returncode == 4

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
    def test_where_there_are_no_glyphs_ascii_stands_in_for_them(
        self, reader: StokerDaemon, encoding: str
    ) -> None:
        done = stoker(reader, "stoker show 1", {"PYTHONIOENCODING": encoding})

        assert done.returncode == 0
        assert done.stdout.isascii()
        assert "V succeeded" in done.stdout

    def test_json_is_utf_8_everywhere(self, reader: StokerDaemon) -> None:
        done = stoker(reader, "stoker runs --json", {"PYTHONIOENCODING": "ascii"})

        assert json.loads(done.stdout)["name"] == WIDE


class TestSignals:
    def test_end_what_follows_without_a_word(self, reader: StokerDaemon) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            following = subprocess.Popen(
                [STOKER, "events", "-f"],
                env=reader.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert following.stdout
            following.stdout.readline()

            following.send_signal(number)

            assert following.communicate(timeout=PATIENCE)[1] == b""
            assert following.returncode == -number

    def test_are_seen_by_a_shell_as_it_expects(self, reader: StokerDaemon, tmp_path: Path) -> None:
        out = shlex.quote(str(tmp_path / "out"))
        follow = f"set -m; stoker events -f >{out} & until [ -s {out} ]; do sleep 0.05; done"

        done = stoker(reader, f"{follow}; {{ kill -INT $!; wait $!; }} 2>/dev/null; echo $?")

        assert (done.stdout, done.stderr) == ("130\n", "")


class TestATable:
    @pytest.mark.parametrize("columns", [10, 40, 80])
    @pytest.mark.parametrize("command", TABLES[:-1], ids=" ".join)
    def test_fits_the_terminal(self, reader: StokerDaemon, columns: int, command: list[str]) -> None:
        shown = without_escapes(on_terminal([STOKER, *command], columns, reader.environment))

        table = shown.split("\n\n")[-1 if command[0] == "show" else 0].splitlines()
        assert max(map(width, table)) <= columns
        assert len(table) >= 2

    def test_is_whole_when_piped(self, reader: StokerDaemon) -> None:
        piped = stoker(reader, "COLUMNS=40 stoker show 1").stdout

        assert "n" * 64 in piped
        assert "etl/a folder with a long name, and spaces/ingest.sh" in piped
        assert "\x1b" not in piped

    def test_has_its_numbers_at_the_right(self, reader: StokerDaemon) -> None:
        head, row = stoker(reader, "stoker job list").stdout.splitlines()

        assert head.index("VERSION") + len("VERSION") == row.index(" 1 ") + 2
        assert head.index("SIZE") + len("SIZE") == row.index(" 21 ") + 3

    @pytest.mark.parametrize(
        ("environment", "coloured"),
        [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    )
    def test_is_coloured_where_colours_are_wanted(
        self, reader: StokerDaemon, environment: dict[str, str], coloured: bool
    ) -> None:
        command = ["env", *(f"{name}={value}" for name, value in environment.items()), STOKER, "runs"]

        assert ("\x1b[32m✔ succeeded" in on_terminal(command, 140, reader.environment)) is coloured

    def test_is_in_ascii_on_a_terminal_of_the_c_locale(self, reader: StokerDaemon) -> None:
        shown = on_terminal(["env", "LC_ALL=C", STOKER, "runs"], 140, reader.environment)

        assert "V succeeded" in without_escapes(shown)
        assert shown.isascii()

    def test_cuts_text_then_leaves_out_spare_columns_then_the_last_ones(self) -> None:
        columns = [
            Column("A"),
            Column("B", text=True),
            Column("C", spare=1),
            Column("D", spare=2),
            Column("E"),
        ]
        widths = [4, 40, 10, 10, 10]

        assert fitted(columns, widths, 100) == dict(enumerate(widths))
        assert fitted(columns, widths, 60) == {0: 4, 1: 18, 2: 10, 3: 10, 4: 10}
        assert fitted(columns, widths, 57) == {0: 4, 1: 27, 2: 10, 4: 10}
        assert fitted(columns, widths, 40) == {0: 4, 1: 22, 4: 10}
        assert fitted(columns, widths, 20) == {0: 4, 1: 14}
        assert fitted(columns, widths, 3) == {0: 3}


def test_stokerd_check_is_whole_and_plain_json_on_request(tmp_path: Path) -> None:
    nobody = StokerDaemon(tmp_path)

    done = subprocess.run(
        [STOKERD, "check", "--json"], env=nobody.environment, capture_output=True, text=True, check=False
    )

    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [entry["name"] for entry in found][:3] == ["config", "data", "socket"]
    assert all(set(entry) == {"ok", "name", "found"} for entry in found)
    assert done.returncode == (0 if all(entry["ok"] for entry in found) else 4)
