"""What the commands about the daemon print, whatever stands in the answers that they get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from stoker_shared.api import DrainingView, DueRun, Problem, Space, Status, WentAway
from stoker_shared.api.notifications import ChannelView, DeliveryView, NotificationsView, TriedView
from stoker_shared.roles import PersonView, Role, RoleView
from stoker_tui.cli import main
from stoker_tui.client import Client, Refused
from tests.shared.test_text import is_hostile
from tests.strategies import T0
from tests.tui.fake import FAILED_RUN
from tests.tui.worlds import HOSTILE

STATUS = Status(
    "0.1.0" + HOSTILE,
    "1",
    "edge" + HOSTILE,
    1,
    T0,
    "UTC",
    "/data" + HOSTILE,
    0,
    0,
    0,
    0,
    seq=9,
    log="x",
    held="no room on /data" + HOSTILE,
    draining=DrainingView(T0, "ann" + HOSTILE),
    next_runs=[DueRun("marketing" + HOSTILE, "sales" + HOSTILE, T0)],
    you=PersonView(
        "ann" + HOSTILE,
        Role.VIEWER,
        "group etl" + HOSTILE,
        [RoleView("marketing" + HOSTILE, Role.EDITOR, "group mkt" + HOSTILE), RoleView("closed" + HOSTILE)],
        ["heavy" + HOSTILE],
    ),
    notify_trouble="550 no" + HOSTILE,
    space=Space(1, 2, 3, True, full_in=60),
    access_trouble="groups that are not there: etl" + HOSTILE,
)
DELIVERY = DeliveryView(
    1, "on@example.com" + HOSTILE, "sales failed" + HOSTILE, T0, why="550 no" + HOSTILE, next_try_at=T0
)
CHANNEL = ChannelView("mail" + HOSTILE, "it is down" + HOSTILE, T0)
NOTIFICATIONS = NotificationsView(
    CHANNEL,
    ChannelView("https://a" + HOSTILE),
    1,
    1,
    [DELIVERY],
    [msgspec.structs.replace(DELIVERY, given_up_at=T0)],
)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words, color=True)


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon in whose every word is what would command a terminal."""
    for name, answer in {
        "status": STATUS,
        "notifications": NOTIFICATIONS,
        "try_notifying": TriedView("250 ok" + HOSTILE),
        "prune": WentAway(runs=1),
    }.items():
        monkeypatch.setattr(Client, name, lambda *_, answer=answer, **__: answer)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("status", "edge"),
        ("status --check", "held: no room on /data"),
        ("whoami", "in workspace marketing"),
        ("notify list", "it is down"),
        ("notify test on@example.com", "250 ok"),
        ("prune --dry-run", "nothing was changed"),
    ],
)
def test_nothing_that_would_command_a_terminal_comes_through(command: str, said: str):
    done = run(*command.split())

    assert said in done.output
    assert [character for character in done.output if is_hostile(character) and character != "\n"] == []


@pytest.mark.parametrize("command", ["status --check", "whoami", "prune"])
def test_nor_with_a_refusal(monkeypatch: pytest.MonkeyPatch, command: str):
    def refuse(*_: Any, **__: Any) -> None:
        raise Refused(Problem("forbidden", "Forbidden", 403, "this needs the role admin" + HOSTILE))

    for name in ("status", "prune"):
        monkeypatch.setattr(Client, name, refuse)
    done = run(*command.split())

    assert "this needs the role admin" in done.output
    assert [character for character in done.output if is_hostile(character) and character != "\n"] == []


class TestWhatIsFollowed:
    @pytest.fixture
    def written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def follow(*_: Any) -> Iterator[bytes]:
            yield b"begun\n"

        node = FAILED_RUN.nodes[0]
        monkeypatch.setattr(Client, "follow_log", follow)
        running = msgspec.structs.replace(node.attempts[-1], ended_at=None)
        self.view = msgspec.structs.replace(
            FAILED_RUN, nodes=[msgspec.structs.replace(node, attempts=[running], ended_at=None)]
        )

    @pytest.mark.usefixtures("written")
    def test_and_ended_by_the_daemon_is_said_to_go_on(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(Client, "run", lambda *_: self.view)

        done = run("logs", "1", "-f")

        assert (done.exit_code, done.stdout) == (3, "begun\n")
        assert "the daemon ended it, as when it is restarted" in done.stderr

    @pytest.mark.usefixtures("written")
    def test_and_may_not_be_seen_any_more_is_refused(self, monkeypatch: pytest.MonkeyPatch):
        views = iter([self.view])

        def view(*_: Any) -> Any:
            if found := next(views, None):
                return found
            raise Refused(Problem("forbidden", "Forbidden", 403, "this needs the role viewer"))

        monkeypatch.setattr(Client, "run", view)

        done = run("logs", "1", "-f")

        assert (done.exit_code, done.stdout) == (4, "begun\n")
        assert done.stderr == "stoker: this needs the role viewer\n"

    @pytest.mark.parametrize(("refused", "status"), [(False, 3), (True, 4)])
    def test_of_events_says_how_to_go_on_or_why_not(
        self, monkeypatch: pytest.MonkeyPatch, refused: bool, status: int
    ):
        positions = iter([7])

        def position(*_: Any) -> int:
            if (found := next(positions, None)) is None and refused:
                raise Refused(Problem("forbidden", "Forbidden", 403, "you have no role"))
            return found or 8

        monkeypatch.setattr(Client, "position", position)
        monkeypatch.setattr(Client, "events", lambda *_: iter([b'{"seq":8,"run":1}']))

        done = run("events", "-f", "--after", "7")

        assert (done.exit_code, done.stdout) == (status, '{"seq":8,"run":1}\n')
        assert done.stderr.endswith("you have no role\n" if refused else "go on with --after 8\n")
