"""Control groups of attempts, on directories that look like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from stoker_daemon.attempts import groups
from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.groups import UNKNOWN, Groups, Used

OF = "attempt-abc"
KEY = AttemptKey(7, 1, "ingest", 1)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path


def write(directory: Path, **files: str) -> None:
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)


def test_an_attempt_has_a_group_until_it_is_removed(top: Path):
    found = Groups(top)
    found.make("abc", KEY)
    assert found.of("abc") == top / OF
    assert found.members("abc") == []

    found.remove("abc")
    assert found.of("abc") is None


def test_what_an_attempt_took_is_told_as_far_as_the_kernel_knows(top: Path):
    write(top / OF, cpu_stat="usage_usec 1500000\nuser_usec 1000000\n")
    assert Groups(top).used("abc") == Used(1.5, None)

    write(top / OF, memory_peak="104857600\n")
    assert Groups(top).used("abc") == Used(1.5, 104857600)
    assert Groups(top).used("other") == UNKNOWN


def test_who_is_in_a_group_or_in_one_below_it_belongs_to_the_attempt(top: Path):
    write(top / OF, cgroup_procs="7\n8\n")
    write(top / OF / "below", cgroup_procs="9\n")

    assert sorted(Groups(top).members("abc")) == [7, 8, 9]


def test_a_group_is_killed_at_one_blow(top: Path):
    write(top / OF)

    Groups(top).kill("abc")

    assert (top / OF / "cgroup.kill").read_text() == "1"


def test_a_group_in_which_something_lives_is_removed_later(top: Path):
    found = Groups(top)
    write(top / OF, lives="")
    found.remove("abc")
    assert (top / OF).exists()

    (top / OF / "lives").unlink()
    found.make("def", KEY)
    found.remove("def")

    assert list(top.iterdir()) == []


def test_groups_that_earlier_daemons_left_are_removed_and_nothing_else(top: Path):
    for name in ("attempt-old", "attempt-active", "daemon"):
        (top / name).mkdir()
    (top / "attempt-old" / "below").mkdir()

    Groups(top).sweep({"active"})

    assert {path.name for path in top.iterdir()} == {"attempt-active", "daemon"}


def test_a_group_that_can_not_be_made_is_done_without(top: Path, caplog: pytest.LogCaptureFixture):
    found = Groups(top / "gone")

    found.make("abc", KEY)

    assert found.of("abc") is None
    assert "it runs without a control group of its own" in caplog.text


def test_without_delegation_there_are_none():
    found = Groups()
    found.make("abc", KEY)
    found.kill("abc")
    found.remove("abc")
    found.sweep(())

    assert (found.of("abc"), found.members("abc"), found.used("abc")) == (None, [], UNKNOWN)


class TestWhatIsDelegated:
    @pytest.fixture(autouse=True)
    def marked(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (top / "daemon").mkdir()
        monkeypatch.setattr(groups, "_is_delegated", lambda path: path == top)
        write(top, cgroup_controllers="cpu memory pids\n")

    def test_is_the_group_of_the_unit(self, top: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(groups, "_own", lambda: top)

        assert groups.delegated() == top
        assert not (top / "cgroup.subtree_control").exists()

    def test_has_its_memory_accounted_for_where_the_daemon_lives_below_it(
        self, top: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(groups, "_own", lambda: top / "daemon")

        assert groups.delegated() == top
        assert (top / "cgroup.subtree_control").read_text() == "+memory"

    def test_is_no_group_that_systemd_keeps(self, top: Path, monkeypatch: pytest.MonkeyPatch):
        (top / "scope").mkdir()
        monkeypatch.setattr(groups, "_own", lambda: top / "scope")

        assert groups.delegated() is None
