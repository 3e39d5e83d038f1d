"""Names and groups that the host's directory knows, also when it does not answer, or not yet."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from stoker_daemon.access import lookups
from stoker_daemon.access.lookups import Names, Roster, known_groups
from stoker_daemon.access.peers import login_name
from stoker_daemon.access.rules import Access, Peer
from stoker_shared.roles import Role

ETL, OPS = 70_001, 70_002


def member(gid: int) -> Peer:
    return Peer(600, frozenset([gid]), 1)


class Host:
    """A directory that answers once it is ``there``, and counts what it is asked."""

    def __init__(self, **known: int) -> None:
        self.known: dict[str, int] = known
        self.there = threading.Event()
        self.there.set()
        self.asked: list[str] = []

    def __call__(self, name: str) -> int | None:
        self.asked.append(name)
        self.there.wait(60)
        return self.known.get(name)


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host(etl=ETL, ops=OPS)
    yield host
    host.there.set()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing that does not come."""
    monkeypatch.setattr(lookups.Directory.look_up, "__defaults__", (0.01,))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.001)


class TestPeople:
    async def test_are_named_once_and_again_where_nothing_was_found(self):
        asked: list[int] = []

        def name(uid: int) -> str | None:
            asked.append(uid)
            return login_name(uid)

        names = Names(name)

        assert [await names.of(0) for _ in range(2)] == ["root", "root"]
        assert [await names.of(4_000_000) for _ in range(2)] == ["4000000", "4000000"]
        assert asked == [0, 4_000_000, 4_000_000]

    async def test_called_stoker_are_told_from_the_daemon_itself(self):
        assert await Names(lambda _: "stoker").of(998) == "stoker (uid 998)"

    @pytest.mark.usefixtures("impatient")
    async def test_are_numbers_while_nobody_answers_and_only_the_first_waits(
        self, host: Host, caplog: pytest.LogCaptureFixture
    ):
        host.there.clear()
        host.known["700"] = 1
        names = Names(lambda uid: f"user-{host(str(uid))}")

        with caplog.at_level(logging.WARNING):
            assert [await names.of(700) for _ in range(3)] == ["700"] * 3
        assert host.asked == ["700"]
        assert [record.getMessage().split(":")[0] for record in caplog.records] == [
            "user 700 is named by number for now"
        ]

        host.there.set()
        await until(lambda: names._directory.known == {700: "user-1"})
        assert await names.of(700) == "user-1"


class TestGroups:
    async def test_have_their_roles_from_the_start(self, host: Host):
        roster = Roster(Access(viewer=("etl", str(OPS))), 500, host)
        await roster.start()

        assert all(roster.rules.rights_of(member(gid)).any for gid in (ETL, OPS))
        assert (roster.trouble, host.asked) == ("", ["etl"])

    async def test_of_another_table_have_theirs_at_once_where_they_are_known(self, host: Host):
        roster = Roster(Access(viewer=("etl",)), 500, host)
        await roster.start()
        host.there.clear()

        roster.go_by(Access(operator=("etl",), viewer=("ops",)))
        now = [roster.rules.rights_of(member(gid)).default.role for gid in (ETL, OPS)]
        host.there.set()
        await until(lambda: roster.rules.rights_of(member(OPS)).any)

        assert now == [Role.OPERATOR, None]

    async def test_that_are_not_found_are_told_of_and_looked_up_again(
        self, host: Host, caplog: pytest.LogCaptureFixture
    ):
        del host.known["etl"]
        roster = Roster(Access(viewer=("etl", "ops")), 500, host, again=0.001)
        with caplog.at_level(logging.WARNING):
            await roster.start()
        assert roster.trouble == "groups that are not there: etl"
        assert caplog.messages == ["[access] names groups that are not there: etl"]

        host.known["etl"] = ETL
        await until(lambda: roster.rules.rights_of(member(ETL)).any)

        assert roster.trouble == ""

    async def test_that_are_found_keep_their_roles_while_others_are_looked_up_again(self, host: Host):
        roster = Roster(Access(viewer=("etl", "slip")), 500, host, again=0.001)
        await roster.start()
        host.asked.clear()
        del host.known["etl"]  # as a directory says whose server is down

        await until(lambda: len(host.asked) > 1)
        roster.close()

        assert set(host.asked) == {"slip"}
        assert roster.rules.rights_of(member(ETL)).any
        assert roster.trouble == "groups that are not there: slip"

    @pytest.mark.usefixtures("impatient")
    async def test_of_which_nobody_answers_keep_no_start_and_have_their_roles_when_somebody_does(
        self, host: Host
    ):
        host.there.clear()
        roster = Roster(Access(viewer=("etl",)), 500, host, again=0.001)
        await roster.start()
        assert roster.trouble.startswith("groups that can't be looked up: etl (the host's directory of users")
        assert not roster.rules.rights_of(member(ETL)).any

        assert host.asked == ["etl"]

        host.there.set()
        await until(lambda: roster.rules.rights_of(member(ETL)).any)

        assert roster.trouble == ""

    async def test_are_found_by_name_or_number(self):
        nobody = ["no-such-group", "nul\0", str(2**32 - 1), "9" * 5000]
        assert await known_groups(["root", "61001", *nobody]) == {
            "root": 0,
            "61001": 61001,
            **dict.fromkeys(nobody),
        }

    @pytest.mark.usefixtures("impatient")
    async def test_that_nobody_tells_of_are_an_error_that_names_them(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ):
        host.there.clear()
        monkeypatch.setattr(lookups, "group_id", host)

        with pytest.raises(TimeoutError, match="etl: the host's directory of users and groups"):
            await known_groups(["etl"])
