"""Couriers on an engine with a real run log, under a clock of its own; what they carry by fails and hangs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stoker_daemon.config import Config
from stoker_daemon.engine import Turn
from stoker_daemon.notify import sender
from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.letters import FEW, Letter
from stoker_daemon.notify.office import Office
from stoker_daemon.notify.sender import Courier, channels
from stoker_daemon.runlog.writer import Room
from stoker_shared import events as ev
from stoker_shared.apply.notifying import WEBHOOK
from stoker_shared.state import State
from tests.daemon.engine.bench import Daemon
from tests.daemon.scheduling.test_scheduler import Clock
from tests.harness import PATIENCE
from tests.strategies import T0, created, node

ONCALL, LEAD = "oncall@example.com", "lead@example.com"
DOWN = NotCarried("connection refused", everything=True)
REFUSED = NotCarried("550 no such user", permanent=True)
LATER = NotCarried("450 greylisted")


class Way:
    """A way to tell people: what came, what was taken, and how it fails, by address or (``""``) for all."""

    def __init__(self) -> None:
        self.came: list[Letter] = []
        self.taken: list[Letter] = []
        self.fails: dict[str, Exception] = {}
        self.goes = asyncio.Event()
        self.goes.set()

    async def carry(self, letter: Letter) -> str:
        self.came.append(letter)
        await self.goes.wait()
        if failure := self.fails.get(letter.to) or self.fails.get(""):
            raise failure
        self.taken.append(letter)
        return "250 OK"

    @property
    def told(self) -> Counter[tuple[str, int]]:
        """How often each was told of each."""
        return Counter((letter.to, number) for letter in self.taken for number in letter.numbers)


class Post:
    """A daemon without processes, its couriers, and the ways they go; time goes as it is told."""

    def __init__(self, home: Path) -> None:
        self.clock = Clock()
        self.mail, self.webhook = Way(), Way()
        self.daemon = Daemon(home / "runlog", channels(mail=True, webhook=True))
        self._start_couriers()

    def _start_couriers(self) -> None:
        self.couriers = [
            Courier(
                self.daemon.engine,
                way.carry,
                webhook=way is self.webhook,
                now=lambda: self.daemon.now,
                chance=Random(1),
                sleep=self.clock.sleep,
            )
            for way in (self.mail, self.webhook)
        ]
        for courier in self.couriers:
            courier.start()

    async def close(self) -> None:
        for courier in self.couriers:
            await courier.close()
        self.daemon.engine.close()

    async def restart(self) -> None:
        await self.close()
        self.daemon.start()
        self._start_couriers()

    @property
    def state(self) -> State:
        return self.daemon.state

    async def fail(self, *to: str, count: int = 1, workflow: int = 1) -> None:
        """Let runs fail, of whose failure these are told."""
        for _ in range(count):
            number = self.state.counters.run + 1

            def run(turn: Turn, number: int = number) -> None:
                stop = ev.RunStopRequested(number, ev.Reason.RUN_TIMEOUT)
                turn.record(created([node("a")], run=number, notify=to, workflow=workflow), "alice")
                turn.record(stop, "stoker")

            await self.daemon.ask(run)

    async def settle(self) -> None:
        """Let all be done that can be done now."""
        for _ in range(6):
            await self.daemon.settle()

    async def go(self, seconds: float, step: float = 30) -> None:
        """Let time pass, a step at a time."""
        end = self.daemon.now + timedelta(seconds=seconds)
        await self.settle()
        while self.daemon.now < end:
            passed = min((end - self.daemon.now).total_seconds(), step)
            self.daemon.now += timedelta(seconds=passed)
            self.clock.go(passed)
            await self.settle()

    def events(self, kind: type[ev.Event]) -> list[Any]:
        return [event for event in self.daemon.events() if isinstance(event, kind)]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    post = Post(tmp_path)
    yield post
    for way in (post.mail, post.webhook):
        way.goes.set()
    await post.close()


class TestWhatHappened:
    async def test_is_told_at_once_to_everybody_and_is_no_more_to_be_told(self, post: Post):
        await post.fail(ONCALL, LEAD)
        await post.settle()

        assert post.mail.told == {(ONCALL, 1): 1, (LEAD, 1): 1}
        assert post.webhook.told == {(WEBHOOK, 1): 1}
        assert (post.state.notices, post.state.outbox.pending) == ({}, 0)
        assert {event.to for event in post.events(ev.NotificationSent)} == {ONCALL, LEAD, WEBHOOK}

    async def test_is_not_told_before_it_is_on_disk(self, post: Post, monkeypatch: pytest.MonkeyPatch):
        on_disk: list[bool] = []
        carry = post.mail.carry

        async def look(letter: Letter) -> str:
            on_disk.append(len(post.events(ev.RunFinished)) == len(letter.notices))
            return await carry(letter)

        monkeypatch.setattr(post.couriers[0], "_carry", look)
        await post.fail(ONCALL)
        await post.settle()

        assert on_disk == [True]

    async def test_is_told_after_a_restart_that_came_before_it_could_be(self, post: Post):
        post.mail.fails[""] = post.webhook.fails[""] = DOWN
        await post.fail(ONCALL, LEAD, count=2)
        await post.restart()
        post.mail.fails.clear()
        post.webhook.fails.clear()

        await post.go(600)
        await post.restart()
        await post.go(600)

        assert post.mail.told == {(who, number): 1 for who in (ONCALL, LEAD) for number in (1, 2)}
        assert post.webhook.told == {(WEBHOOK, number): 1 for number in (1, 2)}

    async def test_is_told_also_where_the_disk_has_no_room_but_its_reserve(
        self, post: Post, monkeypatch: pytest.MonkeyPatch
    ):
        post.mail.goes.clear()
        await post.fail(ONCALL)
        await post.settle()
        monkeypatch.setattr(post.daemon.log, "room", Room.RESERVE)
        post.mail.goes.set()
        await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)

        assert post.mail.told == {(ONCALL, 1): 1}
        monkeypatch.setattr(post.daemon.log, "room", Room.ENOUGH)
        await post.settle()
        assert post.state.notices == {}


class TestAServerThatIsDown:
    async def test_for_a_while_loses_nothing_and_doubles_nothing(self, post: Post):
        post.mail.fails[""] = DOWN
        for workflow in range(1, 9):
            await post.fail(ONCALL, LEAD, workflow=workflow)
            await post.go(1200, 300)
        post.mail.fails.clear()
        await post.go(2 * 3600, 300)

        assert post.mail.told == {(who, number): 1 for who in (ONCALL, LEAD) for number in range(1, 9)}
        assert post.state.notices == {}

    async def test_is_tried_now_and_then_however_much_waits(self, post: Post):
        post.mail.fails[""] = DOWN
        await post.fail(*(f"{number}@example.com" for number in range(50)))
        await post.go(8 * 3600, 300)

        assert 10 <= len(post.mail.came) <= 20
        assert post.couriers[0].down == "connection refused"

    async def test_is_told_within_its_longest_pause_once_it_is_back(self, post: Post):
        post.mail.fails[""] = DOWN
        await post.fail(*(f"{number}@example.com" for number in range(20)))
        await post.go(12 * 3600, 600)
        post.mail.fails.clear()

        await post.go(1.2 * 3600 + 600, 300)

        assert (len(post.mail.told), post.couriers[0].down) == (20, "")

    async def test_for_days_is_given_up_and_remembered(self, post: Post):
        post.mail.fails[""] = DOWN
        await post.fail(ONCALL, LEAD)
        await post.go(3600, 300)
        post.daemon.now += timedelta(days=3)
        await post.go(60)

        assert post.state.notices == {}
        lost = {(one.to, one.why) for one in post.state.outbox.given_up}
        assert lost == {(who, "tried for days; at last: connection refused") for who in (ONCALL, LEAD)}

    async def test_holds_up_nothing_else(self, post: Post):
        post.mail.goes.clear()

        await post.fail(ONCALL, count=3)
        await post.settle()

        assert len(post.webhook.told) == 3
        assert len(post.mail.came) == 1
        assert post.daemon.state.counters.run == 3

    async def test_is_left_in_good_time_when_the_daemon_ends(
        self, post: Post, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sender, "CLOSING_SECONDS", 0.01)
        post.mail.goes.clear()
        await post.fail(ONCALL)
        await post.settle()

        await post.restart()
        post.mail.goes.set()
        await post.settle()

        assert post.mail.told == {(ONCALL, 1): 1}


async def test_what_is_under_way_when_the_daemon_ends_is_not_told_twice(
    post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender, "CLOSING_SECONDS", PATIENCE)
    post.mail.goes.clear()
    await post.fail(ONCALL)
    await post.settle()

    restarting = asyncio.ensure_future(post.restart())
    await asyncio.sleep(0)
    post.mail.goes.set()
    await restarting
    await post.go(600)

    assert post.mail.told == {(ONCALL, 1): 1}


class TestAnAddress:
    async def test_that_is_refused_for_good_is_not_tried_again_and_others_get_theirs(self, post: Post):
        post.mail.fails[ONCALL] = REFUSED

        await post.fail(ONCALL, LEAD)
        await post.go(3600, 600)

        assert [letter.to for letter in post.mail.came].count(ONCALL) == 1
        assert post.mail.told == {(LEAD, 1): 1}
        assert [(one.to, one.why) for one in post.state.outbox.given_up] == [(ONCALL, "550 no such user")]

    async def test_that_is_refused_for_now_is_tried_later_and_later(self, post: Post):
        post.mail.fails[ONCALL] = LATER
        await post.fail(ONCALL, LEAD)
        await post.go(600)
        failed = post.events(ev.NotificationFailed)
        pauses = [event.next_at for event in failed]

        post.mail.fails.clear()
        await post.go(1200)

        assert [event.attempt for event in failed] == [1, 2, 3, 4]
        assert all(48 <= (pauses[0] - T0).total_seconds() <= 72 for _ in pauses)
        assert pauses[2] - pauses[1] > pauses[1] - pauses[0]
        assert post.mail.told == {(ONCALL, 1): 1, (LEAD, 1): 1}
        assert post.couriers[0].down == ""

    async def test_is_not_flooded(self, post: Post):
        begin = post.daemon.now
        for workflow in range(1, 31):
            await post.fail(ONCALL, workflow=workflow)
            await post.go(30)
        await post.go(1200)

        assert post.mail.told == {(ONCALL, number): 1 for number in range(1, 31)}
        assert [len(letter.numbers) for letter in post.mail.taken][:FEW] == [1, 1, 1]
        assert len(post.mail.taken) <= 2 * FEW + 1
        assert post.daemon.now - begin < timedelta(hours=1)


async def test_an_error_of_our_own_is_tried_again_and_tells_others(post: Post):
    post.mail.fails[ONCALL] = RuntimeError("boom")
    await post.fail(ONCALL, LEAD)
    await post.settle()
    told = dict(post.mail.told)
    post.mail.fails.clear()

    await post.go(120)

    assert told == {(LEAD, 1): 1}
    assert post.mail.told == {(ONCALL, 1): 1, (LEAD, 1): 1}
    (failed,) = post.events(ev.NotificationFailed)
    assert failed.why == "an error of stokerd's own (boom); its log says more"


async def test_channels_are_recorded_once_and_when_they_change(post: Post):
    await post.restart()
    await post.settle()
    await post.daemon.ask(channels(mail=False, webhook=True))

    assert [(event.mail, event.webhook) for event in post.events(ev.NotificationChannels)] == [
        (True, True),
        (False, True),
    ]


async def test_what_waits_for_a_way_that_is_there_no_more_is_tried_and_so_given_up_some_day(
    post: Post, tmp_path: Path
):
    post.mail.fails[""] = post.webhook.fails[""] = DOWN
    await post.fail(ONCALL)
    await post.settle()
    for courier in post.couriers:
        await courier.close()
    post.daemon.now += timedelta(days=4)
    config = Config(data=tmp_path, socket=tmp_path)
    unused: Any = None

    office = Office(post.daemon.engine, unused, unused, config, lambda: post.daemon.now)
    office.start()
    await post.settle()
    await office.close()

    assert {one.to: one.why for one in post.state.outbox.given_up} == {
        ONCALL: "tried for days; at last: no mail server is set any more (smtp_host)",
        WEBHOOK: "tried for days; at last: no webhook is set any more (webhook_url)",
    }
    assert post.state.notices == {}
