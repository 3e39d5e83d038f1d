"""What opens the terminal UI, what its configuration may say, and what loads it."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import click
import pytest

import stoker_tui.cli
from stoker_tui.cli import CONTENTS
from stoker_tui.settings import Settings, WrongSettings, read_settings
from tests.harness import STOKER


def test_no_command_loads_textual() -> None:
    modules = sorted({entry.module for part in CONTENTS.values() for entry in part.values()})
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "stoker_tui.cli.runs" in loaded.stdout.split()
    assert "textual" not in loaded.stdout.split()


def test_without_a_terminal_the_help_is_printed() -> None:
    done = subprocess.run([STOKER], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    assert done.returncode == 2
    assert "Usage: stoker" in done.stderr


def test_where_textual_is_not_installed_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, Terminal())
    monkeypatch.setattr(stoker_tui.cli, "find_spec", lambda _: None)

    with pytest.raises(click.UsageError, match=r"pip install 'stoker\[tui\]'"):
        stoker_tui.cli.main.main([], standalone_mode=False)


def test_a_workspace_before_a_command_is_refused_and_not_overlooked() -> None:
    done = subprocess.run([STOKER, "-w", "ops", "runs"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "runs -w ops" in done.stderr


def test_without_a_file_all_is_as_by_default(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "tui.toml") == Settings()


def test_a_file_says_colours_and_keys(tmp_path: Path) -> None:
    file = tmp_path / "tui.toml"
    file.write_text('theme = "light"\n[keys]\n"run.stop" = "K"\n"app.quit" = ["Q", "ctrl+q"]\n')

    settings = read_settings(file)

    assert settings.theme == "light"
    assert settings.key_lists() == {"run.stop": ["K"], "app.quit": ["Q", "ctrl+q"]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('colours = "light"', "unknown field `colours`"),
        ('theme = "lihgt"', "did you mean light?"),
        ('[keys]\n"run.stpo" = "K"', "did you mean run.stop?"),
        ("theme = ", "Invalid value"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_name(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "tui.toml"
    file.write_text(text)

    with pytest.raises(WrongSettings, match=r"tui\.toml") as error:
        read_settings(file)

    assert why in str(error.value)
