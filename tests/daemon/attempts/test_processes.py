from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stoker_daemon.attempts.processes import (
    TAG,
    Identity,
    boot_id,
    find,
    identify,
    members,
    open_pidfd,
    send,
)
from tests.harness import PATIENCE, is_gone, wait_for

BOOT = boot_id()


class Family:
    """Processes of a test: started with a tag in a session of their own, and all gone in the end."""

    def __init__(self) -> None:
        self.tag = uuid.uuid4().hex
        self.started: list[subprocess.Popen[bytes]] = []
        self.others: list[int] = []

    def start(self, script: str, *, tag: str | None = None) -> Identity:
        """Start a shell script, in which `read x` waits for the end of the test."""
        environment = {**os.environ, TAG: self.tag if tag is None else tag}
        process = subprocess.Popen(
            ["/bin/sh", "-c", script],
            env=environment,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.started.append(process)
        return identity(process.pid)

    def said(self, number: int) -> int:
        """The next pid that the script of that number writes."""
        output = self.started[number].stdout
        assert output
        pid = int(output.readline())
        self.others.append(pid)
        return pid

    def end(self) -> None:
        for pid in [*self.others, *(process.pid for process in self.started)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.communicate()


def identity(pid: int) -> Identity:
    found = identify(pid, BOOT)
    assert found
    return found


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    family.end()


class TestAnIdentity:
    def test_is_of_this_boot(self):
        assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def test_names_one_process_for_ever(self, family: Family):
        one, other = family.start("read x"), family.start("read x")

        assert one != other
        assert one == identify(one.pid, BOOT)

    def test_is_found_whatever_the_name_of_its_program(self, tmp_path: Path, family: Family):
        program = tmp_path / "a) Z 1 (b\n"
        program.write_text("#!/bin/sh\necho $$\nexec 1>&-\nwhile :; do sleep 1; done\n")
        program.chmod(0o700)
        family.start(f"exec '{program}'")
        pid = family.said(0)

        assert find(pid, family.tag, BOOT) == identity(pid)

    def test_is_not_found_under_another_tag(self, family: Family):
        process = family.start("read x")

        assert find(process.pid, "another", BOOT) is None

    def test_of_a_zombie_is_not_found(self, family: Family):
        process = family.start("exit 0")
        wait_for_zombie(process.pid)

        assert identify(process.pid, BOOT) == process
        assert find(process.pid, family.tag, BOOT) is None

    def test_of_what_is_gone_is_none(self, family: Family):
        process = family.start("exit 0")
        family.started[0].wait()

        assert identify(process.pid, BOOT) is None
        assert find(process.pid, family.tag, BOOT) is None


def wait_for_zombie(pid: int) -> None:
    """Wait until a child has ended, and leave it to be taken."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


class TestAPidfd:
    def test_is_readable_once_the_process_has_ended(self, family: Family):
        process = family.start("read x")
        descriptor = open_pidfd(process)
        assert descriptor is not None
        assert select.select([descriptor], [], [], 0)[0] == []

        os.kill(process.pid, signal.SIGKILL)

        assert select.select([descriptor], [], [], PATIENCE)[0] == [descriptor]
        os.close(descriptor)

    def test_is_not_given_for_who_has_the_pid_of_another(self, family: Family):
        process = family.start("read x")

        assert open_pidfd(msgspec.structs.replace(process, start_time=process.start_time - 1)) is None

    def test_is_not_given_for_what_is_gone(self, family: Family):
        process = family.start("exit 0")
        family.started[0].wait()

        assert open_pidfd(process) is None


class TestMembers:
    def test_are_the_whole_session(self, family: Family):
        leader = family.start("unset STOKER_ATTEMPT_TAG; sleep 600 & echo $!; read x")
        child = family.said(0)

        assert set(members(leader, "no such tag")) == {leader.pid, child}

    def test_are_those_who_left_the_session_with_the_tag(self, family: Family):
        leader = family.start("setsid sh -c 'echo $$; exec sleep 600' & read x")
        child = family.said(0)
        assert os.getsid(child) != leader.pid

        assert {leader.pid, child} <= set(members(leader, family.tag))
        assert child in members(None, family.tag)

    def test_are_those_in_the_session_who_dropped_the_tag(self, family: Family):
        leader = family.start("env -i sh -c 'echo $$; exec sleep 600' & read x")
        child = family.said(0)

        assert child in members(leader, family.tag)
        assert child not in members(None, family.tag)

    def test_are_nobody_with_another_tag(self, family: Family):
        other = family.start("read x", tag=f"{family.tag}1")
        shorter = family.start("read x", tag=family.tag[:-1])

        assert members(None, family.tag) == []
        assert members(None, f"{family.tag}1") == [other.pid]
        assert members(None, family.tag[:-1]) == [shorter.pid]

    def test_outlive_their_leader(self, family: Family):
        leader = family.start("env -i sh -c 'echo $$; exec sleep 600' & read x")
        child = family.said(0)
        os.kill(leader.pid, signal.SIGKILL)
        family.started[0].wait()

        assert members(leader, family.tag) == [child]

    def test_are_not_those_of_a_later_session_with_the_same_pid(self, family: Family):
        leader = family.start("read x", tag="another")
        earlier = msgspec.structs.replace(leader, start_time=leader.start_time - 1)

        assert members(earlier, family.tag) == []
        assert members(leader, family.tag) == [leader.pid]

    def test_are_not_those_of_a_session_of_another_boot(self, family: Family):
        leader = family.start("env -i sh -c 'echo $$; exec sleep 600' & read x", tag="another")
        child = family.said(0)
        os.kill(leader.pid, signal.SIGKILL)
        family.started[0].wait()
        before = msgspec.structs.replace(leader, boot_id="another")

        assert members(leader, family.tag) == [child]
        assert members(before, family.tag) == []

    def test_are_no_zombies(self, family: Family):
        leader = family.start("exit 0")
        wait_for_zombie(leader.pid)

        assert members(leader, family.tag) == []

    def test_are_nobody_where_nothing_was_started(self):
        assert members(None, uuid.uuid4().hex) == []


class TestASignal:
    def test_reaches_a_member(self, family: Family):
        leader = family.start("read x")

        send(leader.pid, signal.SIGTERM, leader, family.tag)

        assert family.started[0].wait(PATIENCE) == -signal.SIGTERM

    def test_reaches_nobody_who_is_not_a_member(self, family: Family):
        stranger = family.start("read x", tag="another")
        leader = family.start("read x")
        gone = msgspec.structs.replace(stranger, start_time=stranger.start_time - 1)

        for known in (leader, gone, None):
            send(stranger.pid, signal.SIGKILL, known, family.tag)

        assert not is_gone(stranger.pid)

    def test_to_who_is_gone_goes_nowhere(self, family: Family):
        leader = family.start("exit 0")
        family.started[0].wait()

        send(leader.pid, signal.SIGTERM, leader, family.tag)

    def test_reaches_one_who_left_the_session(self, family: Family):
        leader = family.start("setsid sh -c 'echo $$; exec sleep 600' & read x")
        child = family.said(0)

        send(child, signal.SIGKILL, leader, family.tag)

        wait_for(lambda: is_gone(child), "the child is gone")
        assert not is_gone(leader.pid)
