"""The house's rules, as far as a tool can check them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stoker_shared import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent


def run(*command: str) -> str:
    done = subprocess.run(
        [TOOLS / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    "check",
    [
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("basedpyright",),
        ("lint-imports", "--no-cache"),
    ],
    ids=" ".join,
)
def test_the_code_is_clean_by(check: tuple[str, ...]) -> None:
    assert run(*check) == ""


def test_the_readme_and_ci_run_the_same_tests() -> None:
    *_, command = (ROOT / ".ci" / "run").read_text().strip().splitlines()

    assert command in (ROOT / "README.md").read_text()


def test_a_client_starts_without_the_daemon_or_a_user_interface() -> None:
    script = "import sys, stoker_tui.cli; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not {"textual", "uvicorn", "starlette", "stoker_daemon"} & set(loaded.stdout.split())


def test_the_daemon_starts_without_what_it_seldom_or_never_needs() -> None:
    script = "import sys, stoker_daemon.cli; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    seldom = {"aiosmtplib", "httpx", "prometheus_client", "rich", "stoker_tui", "textual", "yaml"}
    assert not seldom & set(loaded.stdout.split())


def test_the_changelog_begins_with_what_is_to_come_or_this_version() -> None:
    first = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))

    assert first == "## [Unreleased]" or first.startswith(f"## [{__version__}] - ")


def test_no_file_names_a_registry_or_a_lock() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split()

    assert not [name for name in names if Path(name).suffix == ".lock" or "requirements" in name]


def test_the_packages_are_those_of_the_house() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert [Path(package).name for package in packages] == ["stoker_shared", "stoker_daemon", "stoker_tui"]
    assert all((ROOT / package / "__init__.py").is_file() for package in packages)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
