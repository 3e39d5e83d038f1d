"""The manual pages of all commands, made of their help."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import stoker_daemon.cli
import stoker_tui.cli
from stoker_shared.manual import pages
from tests.harness import StokerDaemon

PROGRAMS = [stoker_tui.cli.main, stoker_daemon.cli.main]


def names(group: click.Group, context: click.Context) -> Iterator[str]:
    yield context.command_path.replace(" ", "-")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        below = click.Context(command, context, name)
        if isinstance(command, click.Group):
            yield from names(command, below)
        else:
            yield below.command_path.replace(" ", "-")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_there_is_one_for_each_command(program: click.Group):
    found = dict(pages(program))

    assert list(found) == list(names(program, click.Context(program, info_name=program.name)))
    for name, page in found.items():
        assert page.startswith(f'.TH "{name.upper()}"'.replace("-", "\\-"))
        assert "\n.SH OPTIONS\n" in page, name
        assert "\b" not in page, name


def test_roff_finds_nothing_wrong_with_them(tmp_path: Path):
    if (groff := shutil.which("groff")) is None:
        pytest.skip("there is no groff here (apt-get install groff-base)")
    whole = tmp_path / "all"
    whole.write_text("".join(page for program in PROGRAMS for _, page in pages(program)))

    done = subprocess.run(
        [groff, "-man", "-k", "-Tutf8", "-ww", "-z", whole], capture_output=True, text=True, check=True
    )

    assert done.stderr == ""


def test_what_is_roff_in_a_help_is_shown_as_it_is():
    command = click.Command("x", help='Sum\\up.\n\n.SH it\'s "quoted"\n\nSee also: y -z.')

    page = dict(pages(command))["x"]

    assert "x \\- Sum\\eup\n" in page
    assert "\n\\&.SH it\\(aqs \\(dqquoted\\(dq\n" in page
    assert page.endswith(".SH SEE ALSO\ny \\-z.\n")


def test_the_command_man_prints_one_or_writes_all(tmp_path: Path):
    nobody = StokerDaemon(tmp_path)

    one = nobody.run_stoker("man", "job", "publish")
    every = nobody.run_stoker("man", "--to", tmp_path / "man1")
    slip = nobody.run_stoker("man", "jib")

    written = {path.name: path.read_text() for path in (tmp_path / "man1").iterdir()}
    assert (one.returncode, every.returncode, every.stdout) == (0, 0, "")
    assert written["stoker-job-publish.1"] == one.stdout
    assert len(written) == len(list(pages(stoker_tui.cli.main)))
    assert (slip.returncode, "there is no command 'jib'" in slip.stderr) == (2, True)
