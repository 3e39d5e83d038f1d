"""What was not saved is there again after whatever ended the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_tui.editing.keeping import Drawer, KeptDraft

SPEC = WorkflowSpec(workflow="sales", description="two\nlines", nodes=(NodeSpec(name="a", job="a.sh"),))
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEPT = KeptDraft("log-1", "default", 7, SPEC, AT, WorkflowSpec(workflow="sales"), 3)

KILLED = """
import os, signal, sys
from pathlib import Path
import msgspec
from stoker_tui.editing.keeping import Drawer, KeptDraft
keeper = Drawer(Path(sys.argv[1])).open()
keeper.keep(msgspec.json.decode(sys.stdin.buffer.read(), type=KeptDraft))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_kept_is_offered_and_gone_on_with(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "unsaved"], input=msgspec.json.encode(KEPT), check=False
    )
    drawer = Drawer(tmp_path / "unsaved")

    ((name, kept),) = drawer.left("log-1", "default")
    assert kept == KEPT
    keeper = drawer.take(name)
    assert keeper
    assert drawer.left("log-1", "default") == [], "what is open is not offered to another terminal"
    assert drawer.take(name) is None
    (tmp_path / f"unsaved/{name}.part").touch()  # It was killed, perhaps, while it wrote.
    keeper.drop()
    assert drawer.left("log-1", "default") == []
    assert list((tmp_path / "unsaved").iterdir()) == []


def test_it_is_for_its_user_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        Drawer(tmp_path / "unsaved").open().keep(KEPT)
    finally:
        os.umask(mask)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes.pop("unsaved") == 0o700
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("other", [("log-2", "default"), ("log-1", "marketing")])
def test_another_daemons_or_workspaces_work_is_not_offered(tmp_path: Path, other: tuple[str, str]) -> None:
    keeper = Drawer(tmp_path).open()
    keeper.keep(KEPT)
    keeper.let_go()

    assert Drawer(tmp_path).left(*other) == []
    assert [kept for _, kept in Drawer(tmp_path).left("log-1", "default")] == [KEPT]


@pytest.mark.parametrize("content", [b"{", b'{"log": "\xff"}', b"\0\0"])
def test_a_file_that_can_not_be_read_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    (tmp_path / "broken.lock").touch()

    assert Drawer(tmp_path).left("log-1", "default") == []
    assert (tmp_path / "broken.json").read_bytes() == content
