from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from stoker_shared import events as ev
from stoker_shared.apply import notifying
from stoker_shared.apply.notifying import KEPT_FOR, KEPT_GIVEN_UP, WEBHOOK
from stoker_shared.codec import decode_item, encode_items, seal_lines
from stoker_shared.model import BackfillState, NodeState, RunState, Subscription
from stoker_shared.state import About, Item, Notice, State
from tests.strategies import T0, Story, created, exited, node, replayed, starting

ONCALL, LEAD = "oncall@example.com", "lead@example.com"
BOTH = ev.NotificationChannels(mail=True, webhook=True)
MAIL = ev.NotificationChannels(mail=True, webhook=False)


class Told(Story):
    """A story of a published workflow, whose notices are asked for."""

    def __init__(self, channels: ev.NotificationChannels | None = MAIL) -> None:
        super().__init__(ev.WorkflowSaved("default", 1, "daily", 1, "d"), ev.WorkflowPublished(1, 1, "d"))
        if channels:
            self.tell(channels)

    def run_one(self, state: RunState = RunState.FAILED, **fields: Any) -> int:
        """Let a run of one node come to its end, and give its number."""
        number = self.state.counters.run + 1
        asked = {"notify": (ONCALL,), "trigger": ev.Trigger.SCHEDULE, "scheduled_at": None} | fields
        self.tell(created([node("a", subscription=asked.pop("subscription", None))], run=number, **asked))
        self.tell(ev.RunStarted(number), starting("a", run=number))
        self.tell(exited("a", 0 if state is RunState.SUCCEEDED else 3, run=number))
        self.tell(ev.NodeFinished(number, "a", NodeState(state.value)), ev.RunFinished(number, state))
        return number

    @property
    def told(self) -> list[tuple[About, int, list[str]]]:
        return [(one.about, one.run, list(one.untold)) for one in self.state.notices.values()]


class TestARunThatFailed:
    @pytest.mark.parametrize("trigger", [ev.Trigger.SCHEDULE, ev.Trigger.MANUAL])
    def test_is_told_to_whom_its_workflow_names(self, trigger: ev.Trigger):
        story = Told()

        story.run_one(trigger=trigger, notify=(ONCALL, LEAD, ONCALL))

        assert story.told == [(About.RUN_FAILED, 1, [ONCALL, LEAD])]

    @pytest.mark.parametrize("trigger", [ev.Trigger.DEBUG, ev.Trigger.BACKFILL])
    def test_is_not_told_of_debug_runs_and_those_of_backfills(self, trigger: ev.Trigger):
        story = Told(BOTH)

        story.run_one(trigger=trigger, subscription=Subscription((LEAD,)))

        assert story.told == []

    @pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.STOPPED])
    def test_is_told_only_where_it_failed(self, state: RunState):
        story = Told(BOTH)

        story.run_one(state)

        assert story.told == []

    def test_is_told_by_the_webhook_whoever_else_is_told(self):
        story = Told(BOTH)

        story.run_one(notify=())
        story.run_one()

        assert [who for _, _, who in story.told] == [[WEBHOOK], [ONCALL, WEBHOOK]]

    def test_is_told_to_nobody_while_there_is_no_mail_server_and_that_is_counted(self):
        story = Told(None)

        story.run_one(notify=(ONCALL, LEAD))
        unsent = story.state.outbox.unsent
        story.tell(MAIL)

        assert (story.told, unsent, story.state.outbox.unsent) == ([], 2, 0)

    def test_is_told_again_when_it_failed_again_after_a_rerun(self):
        story = Told()
        story.run_one()
        finished = msgspec.json.encode(replayed(story.records[:-1]).runs[1])
        ended = msgspec.json.decode(finished, type=dict) | {"state": "failed", "ended_at": T0.isoformat()}
        story.tell(ev.RunRestored(1, 1, 1, msgspec.json.encode(ended).decode()))

        story.tell(ev.RunRerunRequested(1, ("a",)), starting("a", 2), exited("a", 3, 2))
        story.tell(ev.NodeFinished(1, "a", NodeState.FAILED), ev.RunFinished(1, RunState.FAILED))

        assert story.told == [(About.RUN_FAILED, 1, [ONCALL])] * 2


class TestARecovery:
    def test_is_told_once_to_those_who_were_told_of_failures(self):
        story = Told()
        story.run_one()
        story.run_one(notify=(LEAD,))
        story.run_one(RunState.STOPPED)

        for _ in range(2):
            story.run_one(RunState.SUCCEEDED, notify=("new@example.com",))

        assert story.told[2:] == [(About.RUN_RECOVERED, 4, [ONCALL, LEAD])]
        assert story.state.notices[3].after == 1

    def test_is_told_by_the_webhook_once_where_nobody_else_is(self):
        story = Told(BOTH)
        story.run_one(notify=())

        story.run_one(RunState.SUCCEEDED)

        assert story.told[1:] == [(About.RUN_RECOVERED, 2, [WEBHOOK])]

    @pytest.mark.parametrize("trigger", [ev.Trigger.DEBUG, ev.Trigger.BACKFILL])
    def test_is_not_told_of_a_debug_run_or_one_of_a_backfill(self, trigger: ev.Trigger):
        story = Told()
        story.run_one()

        story.run_one(RunState.SUCCEEDED, trigger=trigger)

        assert [about for about, _, _ in story.told] == [About.RUN_FAILED]

    def test_is_told_of_no_workflow_that_was_deleted_meanwhile(self):
        story = Told()
        story.run_one()
        story.tell(ev.WorkflowDeleted(1))

        story.run_one(RunState.SUCCEEDED)
        story.run_one(RunState.FAILED)

        assert [about for about, _, _ in story.told] == [About.RUN_FAILED] * 2


class TestANode:
    def test_is_told_of_when_it_reaches_a_state_that_somebody_subscribed_to(self):
        story = Told()
        states = (NodeState.RUNNING, NodeState.RETRYING, NodeState.FAILED)
        subscription = Subscription((LEAD,), states)
        story.tell(created([node("a", retries=2, subscription=subscription), node("b")]))
        for attempt in (1, 2, 3):
            story.tell(starting("a", attempt), exited("a", 3, attempt))
            if attempt < 3:
                story.tell(ev.AttemptRetryAt(1, "a", T0))
        story.tell(ev.NodeFinished(1, "a", NodeState.FAILED, ev.Reason.EXIT, "it broke"), starting("b"))

        told = list(story.state.notices.values())

        assert [one.state for one in told] == list(states)
        assert {(one.node, *one.untold) for one in told} == {("a", LEAD)}
        assert told[-1].detail == "it broke"

    def test_is_told_of_when_it_is_skipped_or_a_person_sets_it_successful(self):
        subscription = Subscription((LEAD,), (NodeState.SKIPPED, NodeState.SUCCEEDED))
        story = Told()
        story.tell(created([node("a"), node("b", "a", subscription=subscription)]))
        story.tell(ev.NodeFinished(1, "a", NodeState.FAILED), ev.NodeSkipped(1, "b", ev.Reason.UPSTREAM))

        story.tell(ev.NodeSetSuccessful(1, "b"))

        assert [one.state for one in story.state.notices.values()] == [NodeState.SKIPPED, NodeState.SUCCEEDED]


def test_a_run_that_is_late_is_told_of():
    story = Told()
    story.tell(created([node("a")], notify=(ONCALL,), start_by=T0))

    story.tell(ev.RunLate(1, ev.Lateness.START, T0))

    assert story.told == [(About.RUN_LATE, 1, [ONCALL])]
    assert (story.state.notices[1].late, story.state.notices[1].due) == (ev.Lateness.START, T0)


class TestABackfill:
    @staticmethod
    def backfilled() -> Told:
        story = Told(BOTH)
        first = T0 - timedelta(days=3)
        story.tell(
            ev.BackfillCreated(
                1,
                "default",
                1,
                "daily",
                first,
                T0,
                first - timedelta(1),
                4,
                "UTC",
                every="1d",
                notify=(LEAD,),
            )
        )
        return story

    def test_is_told_of_when_it_pauses_by_itself_and_when_it_failed(self):
        story = self.backfilled()

        story.tell(ev.BackfillPaused(1, "2 runs failed"), ev.BackfillResumed(1), ev.BackfillPaused(1))
        story.tell(ev.BackfillFinished(1, BackfillState.FAILED))

        told = [(one.about, one.detail, list(one.untold)) for one in story.state.notices.values()]
        assert told == [
            (About.BACKFILL_PAUSED, "2 runs failed", [LEAD, WEBHOOK]),
            (About.BACKFILL_FAILED, "", [LEAD, WEBHOOK]),
        ]

    def test_is_not_told_of_when_it_succeeded_or_was_cancelled(self):
        story, other = self.backfilled(), self.backfilled()

        story.tell(ev.BackfillFinished(1, BackfillState.SUCCEEDED))
        other.tell(ev.BackfillCancelled(1))

        assert story.told == other.told == []


class TestTheOutbox:
    def test_keeps_what_could_not_be_told_until_it_is_or_is_given_up(self):
        story = Told(BOTH)
        story.run_one()
        later = T0 + timedelta(minutes=1)

        story.tell(ev.NotificationFailed((1,), ONCALL, 1, "no route", later))
        kept = msgspec.json.decode(msgspec.json.encode(story.state.notices[1]), type=Notice)
        story.tell(ev.NotificationSent((1,), WEBHOOK, "200 OK"))
        story.tell(ev.NotificationGivenUp((1,), ONCALL, "550 no such user"))

        failed = kept.untold[ONCALL]
        assert (failed.tries, failed.why, failed.next_at) == (1, "no route", later)
        (lost,) = story.state.outbox.given_up
        assert (lost.to, lost.run, lost.why) == (ONCALL, 1, "550 no such user")
        assert (story.state.notices, story.state.outbox.pending) == ({}, 0)

    def test_forgets_what_was_given_up_long_ago_and_keeps_only_the_last(self):
        story = Told()
        for _ in range(KEPT_GIVEN_UP + 5):
            number = story.run_one()
            story.tell(ev.NotificationGivenUp((number,), ONCALL, "550"))

        kept = [one.notification for one in story.state.outbox.given_up]
        story.pass_time(KEPT_FOR.total_seconds())
        number = story.run_one()
        story.tell(ev.NotificationGivenUp((number,), ONCALL, "550"))

        assert kept == list(range(6, KEPT_GIVEN_UP + 6))
        assert [one.notification for one in story.state.outbox.given_up] == [number]

    def test_has_room_for_so_many_and_gives_up_the_oldest(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(notifying, "MOST_PENDING", 3)
        story = Told(BOTH)

        for _ in range(2):
            story.run_one()
        story.run_one(notify=())

        assert [who for _, _, who in story.told] == [[ONCALL, WEBHOOK], [WEBHOOK]]
        assert story.state.outbox.pending == sum(len(one.untold) for one in story.state.notices.values()) == 3
        assert [(one.notification, one.to) for one in story.state.outbox.given_up] == [
            (1, ONCALL),
            (1, WEBHOOK),
        ]

    def test_is_the_same_after_a_replay_and_in_a_snapshot(self):
        story = Told(BOTH)
        story.run_one()
        story.run_one(RunState.SUCCEEDED)
        story.tell(ev.NotificationSent((1,), ONCALL))

        restored = State(seq=story.state.seq)
        for line in seal_lines(encode_items(story.state.items())).split(b"\n")[:-1]:
            restored.restore(decode_item(line, Item))

        assert replayed(story.records) == story.state == restored
