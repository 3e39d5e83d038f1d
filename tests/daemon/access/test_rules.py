"""Roles by group: what a table gives to whom, and who is let in."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon import descriptors
from stoker_daemon.access.peers import group_id, peer_of
from stoker_daemon.access.rules import Access, Peer, Rights, Roles, Rules
from stoker_daemon.check import findings
from stoker_daemon.config import Config, Configured
from stoker_daemon.problems import Refused
from stoker_daemon.server import Door, NoSuchGroup, bind
from stoker_shared.model import JobConfig
from stoker_shared.roles import Role

OWN = 500
GIDS = {"all": 1, "oncall": 2, "etl": 3, "ops": 4, "mkt": 5}
ACCESS = Access(
    viewer=("all",),
    operator=("oncall",),
    editor=("etl",),
    admin=("ops",),
    workspaces={"marketing": Roles(editor=("mkt",), operator=("oncall",)), "closed": Roles()},
    queues={"heavy": ("oncall",)},
)


def peer(*groups: str, uid: int = 600) -> Peer:
    return Peer(uid, frozenset(GIDS[group] for group in groups), 1)


def rights(*groups: str, uid: int = 600, access: Access = ACCESS) -> Rights:
    return Rules(access, OWN, GIDS.get).rights_of(peer(*groups, uid=uid))


class TestRoles:
    @pytest.mark.parametrize(
        ("groups", "default", "marketing"),
        [
            ((), None, None),
            (("all",), Role.VIEWER, None),
            (("all", "oncall"), Role.OPERATOR, Role.OPERATOR),
            (("etl", "all"), Role.EDITOR, None),
            (("mkt",), None, Role.EDITOR),
            (("ops",), Role.ADMIN, Role.ADMIN),
        ],
    )
    def test_are_the_highest_of_ones_groups_by_the_workspaces_own_table(
        self, groups: tuple[str, ...], default: Role | None, marketing: Role | None
    ):
        found = rights(*groups)

        assert (found.role_in("any"), found.role_in("marketing")) == (default, marketing)

    @pytest.mark.parametrize("uid", [OWN, 0])
    def test_are_all_the_daemons_own_users_and_roots_whatever_the_table_says(self, uid: int):
        assert rights(uid=uid).is_admin
        assert rights(uid=uid, access=Access()).is_admin

    def test_are_nobody_elses_without_a_table(self):
        assert not rights("all", "ops", access=Access()).any

    def test_are_those_of_another_table_once_it_is_set(self):
        rules = Rules(ACCESS, OWN, GIDS.get)
        assert rules.rights_of(peer("all")).default.role is Role.VIEWER

        rules.set(Access(editor=("all",)))

        assert rules.rights_of(peer("all")).default.role is Role.EDITOR

    def test_of_a_group_that_is_not_there_are_nobodys(self):
        rules = Rules(Access(admin=("gone",)), OWN, GIDS.get)

        assert rules.unknown == ["gone"]
        assert not rules.rights_of(Peer(600, frozenset([0, 1]), 1)).any

    @given(st.sets(st.sampled_from(sorted(GIDS))), st.sampled_from(sorted(GIDS)))
    def test_another_group_takes_nothing_away(self, groups: set[str], another: str):
        fewer, more = rights(*groups), rights(*groups, another)

        for place in ("default", "marketing", "closed"):
            role = fewer.role_in(place)
            assert role is None or ((now := more.role_in(place)) is not None and now.covers(role))
        assert more.closed <= fewer.closed

    @given(st.sets(st.sampled_from(sorted(GIDS))), st.sampled_from(Role), st.sampled_from(["default", None]))
    def test_what_is_refused_names_what_is_missing(self, groups: set[str], need: Role, place: str | None):
        found = rights(*groups)
        try:
            found.require(need, place)
        except Refused as refused:
            assert refused.problem.role is need
            assert f"the role {need.value}" in refused.problem.detail
            assert "ops" in refused.problem.detail
            assert not found.is_admin

    def test_that_no_group_has_are_the_owners(self):
        with pytest.raises(Refused, match="which the daemon's own user and root have"):
            rights("mkt", access=Access(workspaces={"marketing": Roles(viewer=("mkt",))})).require(
                Role.OPERATOR, "marketing"
            )


class TestQueues:
    def test_without_groups_of_their_own_are_for_everybody(self):
        rights("all").require_queues(["root_queue", ""])

    def test_with_groups_are_for_these_and_for_admins(self):
        rights("oncall").require_queues(["heavy"])
        rights("ops").require_queues(["heavy"])
        with pytest.raises(Refused, match="runs on queue 'heavy' are for members of oncall or ops"):
            rights("etl").require_queues(["root_queue", "heavy"])


class TestSettingsOfARerun:
    def test_of_sizes_are_an_operators(self):
        rights("oncall").require_settings(JobConfig(executor_memory="8g", timeout=60), "default")

    @pytest.mark.parametrize(
        "config",
        [
            JobConfig(args=()),
            JobConfig(main_class="a.B"),
            JobConfig(conf={"a": "b"}),
            JobConfig(env={"a": ""}),
        ],
    )
    def test_of_what_runs_are_an_editors(self, config: JobConfig):
        rights("etl").require_settings(config, "default")
        rights(uid=OWN).require_settings(config, "default")
        with pytest.raises(Refused, match="needs the role editor in workspace 'default'"):
            rights("oncall").require_settings(config, "default")


class TestTheDoor:
    @pytest.fixture
    def moment(self) -> list[float]:
        return [0.0]

    @pytest.fixture
    def door(self, monkeypatch: pytest.MonkeyPatch, moment: list[float]) -> Door:
        monkeypatch.setattr(descriptors, "CLIENTS", 16)
        return Door(Rules(ACCESS, OWN, GIDS.get), lambda: moment[0])

    def fill(self, door: Door, who: Peer) -> int:
        return next(count for count in range(100) if not door.lets_in(who))

    def test_nobody_takes_more_than_is_left_for_the_others(self, door: Door):
        taken = [self.fill(door, peer("all", uid=uid)) for uid in range(601, 606)]

        assert taken == [8, 4, 2, 1, 0]
        assert self.fill(door, peer(uid=OWN)) == 1

    def test_the_daemons_own_user_may_have_all(self, door: Door):
        assert self.fill(door, peer(uid=OWN)) == 16

    def test_who_leaves_makes_room(self, door: Door):
        somebody = peer("all")
        self.fill(door, somebody)

        door.left(somebody)

        assert door.lets_in(somebody)
        assert not door.lets_in(somebody)

    def test_who_is_turned_away_is_logged_once_an_hour(
        self, door: Door, moment: list[float], caplog: pytest.LogCaptureFixture
    ):
        with caplog.at_level(logging.WARNING):
            for moment[0] in (0.0, 1.0, 3599.0, 3600.0, 3601.0):
                assert not door.lets_in(peer(uid=666))
                assert not door.lets_in(peer(uid=777))

        assert [record.getMessage().split(" was")[0] for record in caplog.records] == [
            "a connection of uid 666",
            "a connection of uid 777",
        ] * 2


class TestPeers:
    def test_are_told_by_the_kernel(self):
        one, other = socket.socketpair()
        with one, other:
            found = peer_of(one)

        assert (found.uid, found.pid) == (os.geteuid(), os.getpid())
        assert found.gids == {os.getegid(), *os.getgroups()}


class TestTheSocket:
    def test_is_for_its_user_alone_or_a_group_too(self, tmp_path: Path):
        with bind(tmp_path / "one"), bind(tmp_path / "new" / "other", str(os.getegid())):
            assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600
            assert (tmp_path / "new").stat().st_mode & 0o777 == 0o710
            assert (tmp_path / "new/other").stat().st_mode & 0o777 == 0o660

    def test_is_not_made_for_a_group_that_is_not_there(self, tmp_path: Path):
        with pytest.raises(NoSuchGroup, match="there is no group 'no-such-group'; set socket_group"):
            bind(tmp_path / "s", "no-such-group")
        assert not (tmp_path / "s").exists()


class TestTheCheck:
    def found(self, tmp_path: Path, group: str | None, access: Access) -> tuple[bool, str]:
        config = Config(data=tmp_path, socket=tmp_path / "s", socket_group=group, access=access)
        given = findings(lambda: Configured(config, tmp_path / "c", False, {}), verify_log=False)
        return next((ok, what) for ok, name, what in given if name == "access")

    def test_says_who_may_use_the_daemon(self, tmp_path: Path):
        assert self.found(tmp_path, None, Access()) == (True, "the daemon's own user and root, nobody else")
        assert self.found(tmp_path, None, Access(viewer=("7",)))[0]

    def test_finds_a_group_that_is_not_there(self, tmp_path: Path):
        ok, what = self.found(tmp_path, None, Access(viewer=("no-such-group",)))

        assert not ok
        assert "there is no group no-such-group" in what

    def test_finds_a_socket_for_people_without_a_role(self, tmp_path: Path):
        ok, what = self.found(tmp_path, "7", Access())

        assert not ok
        assert "[access] gives nobody a role" in what

    def test_finds_a_directory_that_the_group_cannot_enter(self, tmp_path: Path):
        tmp_path.chmod(0o700)

        ok, what = self.found(tmp_path, "7", Access(viewer=("7",)))

        assert not ok
        assert f"members of 7 can't enter {tmp_path}" in what


def test_a_group_may_be_a_number():
    assert group_id("61001") == 61001
    assert group_id("no-such-group") is None
