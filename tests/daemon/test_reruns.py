"""What has ended goes on: through the commands, an engine, and a log that is cut and read again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stoker_daemon.access.rules import Access, Grant, Rights
from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.commands import reruns
from stoker_daemon.commands.actions import pause_run, resume_run, stop_node, stop_run
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.preparing.plan import Plan, PlanNode, read_plan
from stoker_daemon.problems import Refused
from stoker_daemon.runlog.segments import paths
from stoker_shared import events as ev
from stoker_shared.api import RerunNode, RerunRun
from stoker_shared.codec import MAX_LINE
from stoker_shared.model import FailureStrategy, JobConfig, JobType, NodeState, RunState
from stoker_shared.roles import Role
from stoker_shared.state import Run
from tests.daemon.engine.bench import Daemon
from tests.rights import EVERYTHING
from tests.strategies import node

CHAIN = (node("a"), node("b", "a"), node("c", "b"))


class World(Daemon):
    """The engine's daemon with objects, whose jobs end as they are told to."""

    def __init__(self, directory: Path) -> None:
        self.objects = Objects(directory.with_name("objects"))
        super().__init__(directory)

    @property
    def found(self) -> Run:
        """Run 1 as it stands, active or finished."""
        if run := self.state.runs.get(1):
            return run
        finished = self.history.changes[-1].finished
        assert finished
        return msgspec.json.decode(finished.body, type=Run)

    async def end_as(self, name: str, status: int = 0) -> None:
        """End the node's attempt with an exit status."""
        node = self.state.runs[1].node(name)
        self.end(AttemptKey(1, node.number, name, len(node.attempts)), status)
        await self.settle()

    async def rerun(self, by: str = "bob", **request: Any) -> None:
        command = await reruns.rerun_run(
            self.found, self.state, self.objects, RerunRun(**request), by, EVERYTHING
        )
        await self.ask(command)

    async def rerun_node(self, name: str, by: str = "bob", **request: Any) -> None:
        asked = RerunNode(**request)
        await self.ask(
            await reruns.rerun_node(self.found, name, self.state, self.objects, asked, by, EVERYTHING)
        )

    async def succeed(self, name: str, downstream: bool = False) -> None:
        await self.ask(reruns.succeed_node(self.found, name, downstream, "bob", EVERYTHING))

    def states(self) -> str:
        """The states of the nodes, each by its first letter; of what is stopped "x"."""
        letters = {NodeState.STOPPED: "x", NodeState.SKIPPED: "-"}
        return "".join(letters.get(node.state, node.state.value[0]) for node in self.found.nodes)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "runlog")
    yield world
    world.engine.close()


class TestPause:
    async def test_what_runs_goes_on_and_nothing_new_starts_until_it_is_resumed(self, world: World):
        await world.create(node("a"), node("b", "a"))
        await world.ask(pause_run(1, "bob"))
        await world.end_as("a")
        assert (world.found.state, world.states()) == (RunState.PAUSED, "sp")

        await world.ask(resume_run(1, "bob", EVERYTHING))
        assert (world.found.state, world.states()) == (RunState.RUNNING, "sr")

    async def test_is_ended_by_whoever_may_have_runs_on_the_queues_that_its_nodes_wait_in(self, world: World):
        await world.create(node("a", queue="light"), node("b", "a", queue="heavy"))
        await world.ask(pause_run(1, "bob"))
        grant = Grant(Role.OPERATOR, "a test")
        access = Access(queues={"heavy": ("big",), "light": ("small",)})

        with pytest.raises(Refused, match="runs on queue 'heavy' are for members of big"):
            await world.ask(resume_run(1, "bob", Rights(grant, {}, frozenset(["heavy"]), access)))
        await world.end_as("a")
        await world.ask(resume_run(1, "bob", Rights(grant, {}, frozenset(["light"]), access)))

        assert world.states() == "sr"

    async def test_its_timeout_counts_on_and_fails_the_run_without_a_retry(self, world: World):
        await world.create(node("a", retries=3), node("b", "a"), timeout=60)
        await world.ask(pause_run(1, "bob"))
        world.now = world.now.replace(minute=30)
        await world.look_again()
        await world.end_as("a", 143)

        run = world.found
        assert (run.state, run.reason, world.states()) == (RunState.FAILED, ev.Reason.RUN_TIMEOUT, "f-")
        assert len(run.node("a").attempts) == 1

    async def test_a_paused_run_can_be_stopped(self, world: World):
        await world.create(node("a"), node("b", "a"))
        await world.ask(pause_run(1, "bob"))
        await world.ask(stop_run(1, "bob"))
        await world.end_as("a", 143)

        assert (world.found.state, world.states()) == (RunState.STOPPED, "xx")


class TestRerun:
    async def test_from_failed_runs_what_did_not_succeed_and_keeps_what_did(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a")
        await world.end_as("b", 1)
        assert (world.found.state, world.states()) == (RunState.FAILED, "sf-")

        await world.rerun(failed=True)
        assert (world.found.state, world.states()) == (RunState.RUNNING, "srp")
        await world.end_as("b")
        await world.end_as("c")

        run = world.found
        assert (run.state, world.states()) == (RunState.SUCCEEDED, "sss")
        assert [len(node.attempts) for node in run.nodes] == [1, 2, 1]
        assert run.node("b").attempts[0].exit_status == 1

    async def test_all_runs_everything_again_in_order(self, world: World):
        await world.create(*CHAIN)
        for name in "abc":
            await world.end_as(name)

        await world.rerun()

        assert world.states() == "rpp"

    async def test_opens_a_new_budget_of_retries(self, world: World):
        await world.create(node("a", retries=1))
        await world.end_as("a", 1)
        await world.end_as("a", 1)
        assert world.found.state is RunState.FAILED

        await world.rerun(failed=True)
        await world.end_as("a", 1)
        assert world.states() == "r"
        await world.end_as("a", 1)

        assert (world.found.state, len(world.found.node("a").attempts)) == (RunState.FAILED, 4)

    async def test_opens_a_new_run_timeout(self, world: World):
        await world.create(node("a"), timeout=60)
        await world.end_as("a", 1)
        world.now = world.now.replace(hour=23)

        await world.rerun()
        await world.look_again()

        assert world.states() == "r"

    async def test_of_one_node_leaves_what_is_downstream_as_it_is(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a", 1)

        await world.rerun_node("a")
        await world.end_as("a")

        assert (world.found.state, world.found.reason) == (RunState.FAILED, ev.Reason.UPSTREAM)
        assert world.states() == "s--"

    async def test_of_one_node_runs_it_however_its_upstream_ended(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a", 1)

        await world.rerun_node("b")

        assert world.states() == "fr-"

    async def test_of_one_node_with_downstream_runs_all_below_it(self, world: World):
        await world.create(*CHAIN, node("d"))
        for name in "abcd":
            await world.end_as(name)

        await world.rerun_node("b", downstream=True)

        assert world.states() == "srps"

    async def test_of_a_node_while_others_run_makes_what_waits_below_wait_for_it_again(self, world: World):
        await world.create(node("a"), node("b"), node("c", "a", "b"))
        await world.end_as("a")

        await world.rerun_node("a", downstream=True)
        await world.end_as("b")
        assert world.states() == "rsp"
        await world.end_as("a")

        assert world.states() == "ssr"

    async def test_with_downstream_is_refused_while_something_there_runs(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a")

        with pytest.raises(Refused, match="can't be rerun with its downstream: 'b' is running"):
            await world.rerun_node("a", downstream=True)
        await world.rerun_node("a")
        assert world.states() == "rrp"

    async def test_under_fail_fast_an_earlier_failure_does_not_stop_it(self, world: World):
        await world.create(node("a"), node("b"), failure_strategy=FailureStrategy.FAIL_FAST)
        await world.end_as("a", 1)
        await world.end_as("b", 143)
        assert world.states() == "fx"

        await world.rerun_node("b")
        await world.end_as("b")

        assert (world.found.state, world.states()) == (RunState.FAILED, "fs")


class TestSetSuccessful:
    async def test_of_the_last_failure_makes_a_finished_run_succeed(self, world: World):
        await world.create(node("a"), node("b"))
        await world.end_as("a", 1)
        await world.end_as("b")

        await world.succeed("a")

        run = world.found
        assert (run.state, run.reason, world.states()) == (RunState.SUCCEEDED, None, "ss")
        assert (run.node("a").reason, run.node("a").detail) == (ev.Reason.SET, "set successful by bob")
        assert not world.state.runs

    async def test_without_downstream_leaves_what_was_skipped(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a", 1)

        await world.succeed("a")

        assert (world.found.state, world.found.reason) == (RunState.FAILED, ev.Reason.UPSTREAM)
        assert world.states() == "s--"

    async def test_with_downstream_runs_what_waited_on_it(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a", 1)

        await world.succeed("a", downstream=True)

        assert world.states() == "srp"

    async def test_with_downstream_runs_what_the_end_of_the_run_kept_from_starting(self, world: World):
        await world.create(*CHAIN)
        await world.ask(stop_run(1, "bob"))
        await world.end_as("a", 143)
        assert world.states() == "xxx"

        await world.succeed("a", downstream=True)

        assert world.states() == "srp"

    async def test_with_downstream_leaves_what_another_failure_keeps_from_running(self, world: World):
        await world.create(node("a"), node("b"), node("c", "a", "b"), node("d", "a"), node("e", "c", "d"))
        await world.end_as("a", 1)
        await world.end_as("b", 1)

        await world.succeed("a", downstream=True)
        assert world.states() == "sf-r-"
        await world.end_as("d")
        await world.succeed("b", downstream=True)

        assert world.states() == "ssrsp"

    async def test_what_fail_fast_skipped_keeps_the_run_from_succeeding(self, world: World):
        await world.create(*CHAIN, failure_strategy=FailureStrategy.FAIL_FAST)
        await world.end_as("a", 1)

        await world.succeed("a")

        assert (world.found.state, world.states()) == (RunState.FAILED, "s--")

    async def test_is_possible_while_the_run_goes_on(self, world: World):
        await world.create(node("a"), node("b", "a"), node("c"))
        await world.end_as("a", 1)
        assert world.states() == "f-r"

        await world.succeed("a", downstream=True)

        assert world.states() == "srr"


class TestWhatIsRefused:
    @pytest.fixture
    async def stopping(self, world: World) -> World:
        await world.create(node("a"), node("b"))
        await world.end_as("b", 1)
        await world.ask(stop_run(1, "bob"))
        return world

    async def test_a_run_that_is_stopping_lets_nothing_go_on(self, stopping: World):
        seq = stopping.state.seq

        for command in (pause_run(1, "bob"), stop_run(1, "bob"), resume_run(1, "bob", EVERYTHING)):
            with pytest.raises(Refused):
                await stopping.ask(command)
        with pytest.raises(Refused, match="its run is stopping"):
            await stopping.rerun_node("b")
        with pytest.raises(Refused, match="its run is stopping"):
            await stopping.succeed("b")
        assert stopping.state.seq == seq

    async def test_what_is_decided_on_a_run_that_changed_since_it_was_read_is_decided_anew(
        self, world: World
    ):
        await world.create(*CHAIN)
        await world.end_as("a", 1)
        command = await reruns.rerun_node(
            world.found,
            "a",
            world.state,
            world.objects,
            RerunNode(downstream=True),
            "bob",
            EVERYTHING,
        )
        await world.succeed("a", downstream=True)

        with pytest.raises(Refused, match="'b' is running"):
            await world.ask(command)

    async def test_a_run_that_ends_between_the_asking_and_the_turn_is_opened_as_it_ended(self, world: World):
        await world.create(node("a"), node("b"))
        await world.end_as("a", 1)
        command = reruns.succeed_node(world.found, "a", downstream=False, by="bob", rights=EVERYTHING)
        await world.end_as("b")
        assert not world.state.runs

        await world.ask(command)

        assert (world.found.state, world.states()) == (RunState.SUCCEEDED, "ss")


class TestDeeds:
    async def test_what_people_did_is_remembered_with_who_and_when(self, world: World):
        await world.create(*CHAIN, node("d"), node("e", "d"))
        await world.ask(pause_run(1, "ann"))
        await world.ask(resume_run(1, "ben", EVERYTHING))
        await world.ask(stop_node(1, "e", "cem"))
        await world.ask(stop_node(1, "d", "dan"))
        await world.end_as("d", 143)
        await world.end_as("a", 1)
        await world.succeed("a", downstream=True)
        await world.ask(stop_run(1, "eve"))
        await world.end_as("b", 143)
        await world.rerun(by="fay")

        assert [(deed.by, deed.what) for deed in world.found.deeds] == [
            ("ann", "paused it"),
            ("ben", "resumed it"),
            ("cem", "stopped e"),
            ("dan", "stopped d"),
            ("bob", "set a successful, to be followed by b, c"),
            ("eve", "stopped it"),
            ("fay", "reran a, b, c and 2 more"),
        ]

    async def test_what_time_or_a_failure_stops_is_no_deed(self, world: World):
        await world.create(node("a"), node("b"), failure_strategy=FailureStrategy.FAIL_FAST)
        await world.end_as("a", 1)
        await world.end_as("b", 143)

        assert world.found.deeds == []


class TestSettings:
    @pytest.fixture
    async def failed(self, world: World) -> World:
        """A run that failed, of a plan that says what its nodes have of their own."""
        own = JobConfig(executor_memory="4g")
        nodes = [
            PlanNode(
                name, f"{name}.py", JobType.PYSPARK, 1, "0" * 64, JobConfig(driver_cores=1).overlaid(own)
            )
            for name in "ab"
        ]
        nodes = [msgspec.structs.replace(frozen, own=own) for frozen in nodes]
        plan = world.objects.put(msgspec.json.encode(Plan("daily", nodes)))
        await world.create(node("a"), node("b"), plan=plan)
        await world.end_as("a", 1)
        await world.end_as("b")
        return world

    async def test_are_for_this_run_only_and_shown_as_what_differs(self, failed: World):
        before = failed.found.plan

        await failed.rerun(failed=True, settings={"config.executor_memory": "8g", "a.retries": "1"})

        run = failed.found
        a, b = read_plan(failed.objects, run.plan).nodes
        assert run.plan != before
        assert (a.config.executor_memory, b.config.executor_memory) == ("8g", "4g")
        assert run.node("a").retries == 1
        assert run.settings == {"a.config.executor_memory": "4g -> 8g", "a.retries": "0 -> 1"}
        assert run.deeds[-1].what == "reran a, a.config.executor_memory: 4g -> 8g, a.retries: 0 -> 1"

    async def test_of_a_node_that_is_not_rerun_are_refused(self, failed: World):
        with pytest.raises(Refused) as refused:
            await failed.rerun(failed=True, settings={"b.config.executor_memory": "8g"})

        assert "node 'b' is not rerun" in refused.value.problem.errors[0].detail

    async def test_stay_when_later_the_newest_job_is_asked_for(self, failed: World):
        job = ev.JobPublished("default", "a.py", 2, "1" * 64, 1, JobConfig(driver_cores=2, timeout=60))
        await failed.ask(lambda turn: turn.record(job, "alice"))
        await failed.rerun_node("a", settings={"config.executor_memory": "8g"})
        await failed.end_as("a", 1)

        await failed.rerun_node("a", latest_jobs=True)

        run = failed.found
        a, _ = read_plan(failed.objects, run.plan).nodes
        assert (a.version, a.digest) == (2, "1" * 64)
        assert a.config == JobConfig(driver_cores=2, timeout=60, executor_memory="8g")
        assert run.node("a").timeout == 60
        assert run.settings["a.job"] == "version 1 -> 2"

    async def test_without_them_a_rerun_keeps_its_plan(self, failed: World):
        before = failed.found.plan

        await failed.rerun()

        assert failed.found.plan == before


class TestOpening:
    async def big(self, world: World) -> None:
        """A finished run larger than a line of the log."""
        await world.create(*[node(f'"{number}"' * 10) for number in range(5000)], parallelism=1)
        await world.ask(stop_run(1, "bob"))
        name = '"0"' * 10
        await world.end_as(name, 143)
        assert not world.state.runs

    async def test_a_large_run_is_restored_in_parts_of_a_line_each(self, world: World):
        await self.big(world)
        await world.rerun()

        restored = [event for event in world.events() if isinstance(event, ev.RunRestored)]
        assert len(restored) > 1
        assert len("".join(event.content for event in restored)) > MAX_LINE
        assert world.found.state is RunState.RUNNING

    async def test_what_is_restored_and_opened_is_one_group_and_there_after_a_restart(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a", 1)
        await world.rerun()
        before = world.found

        groups = {
            group
            for record, group in world.lines()
            if isinstance(record.event, ev.RunRestored | ev.RunRerunRequested)
        }
        world.restart()

        assert len(groups) == 1
        assert world.found == before

    @pytest.mark.parametrize("action", ["rerun", "succeed"])
    async def test_torn_anywhere_before_it_is_opened_the_run_stays_closed(
        self, world: World, action: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(reruns, "PART", 500)
        await world.create(*CHAIN)
        await world.end_as("a", 1)
        finished = world.found
        await (world.rerun() if action == "rerun" else world.succeed("a", downstream=True))
        world.engine.close()
        (path,) = paths(world.directory)
        lines = path.read_bytes().splitlines(keepends=True)
        opening = [index for index, line in enumerate(lines) if b'"type":"run.restored"' in line]
        assert len(opening) > 2

        for kept in range(opening[0], opening[-1] + 2):
            path.write_bytes(b"".join(lines[:kept]) + lines[kept][:20])
            world.start()
            assert world.state.runs == {}
            await world.ask(reruns.succeed_node(finished, "a", downstream=True, by="bob", rights=EVERYTHING))
            assert world.states() == "srp"
            world.engine.close()
            for other in paths(world.directory):
                other.unlink()
        world.start()

    async def test_a_run_restored_and_not_opened_is_forgotten_with_the_next_record(self, world: World):
        await world.create(*CHAIN)
        await world.end_as("a", 1)
        (restored,) = reruns.in_parts(world.found)

        await world.ask(telling(restored))
        await world.ask(telling(ev.JobPublished("default", "a.sh", 1, "d", 1)))

        assert (world.state.restored, world.state.runs) == ({}, {})


def telling(event: ev.EventType) -> Callable[[Turn], None]:
    return lambda turn: turn.record(event, "alice")
