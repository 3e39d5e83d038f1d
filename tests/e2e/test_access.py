"""Several people on one daemon: what each may, what each sees, and what a refusal says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from stoker_daemon.http.needs import NEEDS
from stoker_shared import routes
from tests import people
from tests.harness import PATIENCE, StokerDaemon, wait_for
from tests.people import PEOPLE, Person, as_user, walk

OWN = Person(os.geteuid(), ())

real_people = pytest.mark.skipif(os.geteuid() != 0, reason="to be other users takes root")


class Team:
    """A daemon for several people, each of whom can be told to be the one who connects."""

    def __init__(self, daemon: StokerDaemon, who: Path) -> None:
        self.daemon = daemon
        self._who = who

    @contextmanager
    def being(self, person: str) -> Iterator[httpx.Client]:
        """Be somebody who asks."""
        self.connects_as(PEOPLE[person])
        transport = httpx.HTTPTransport(uds=str(self.daemon.socket))
        with httpx.Client(transport=transport, base_url="http://stokerd", timeout=PATIENCE) as http:
            yield http
        self.connects_as(OWN)

    def connects_as(self, person: Person) -> None:
        aside = self._who.with_suffix(".new")
        aside.write_text(json.dumps([person.uid, *person.groups]))
        aside.rename(self._who)

    def goes_by(self, config: str) -> None:
        """Have the daemon go by another configuration."""
        (self.daemon.home / "stokerd.toml").write_text(config)
        before = self.daemon.journal.read_text().count("read anew")
        os.kill(self.daemon.pid, signal.SIGHUP)
        wait_for(lambda: self.daemon.journal.read_text().count("read anew") > before, "it is read anew")

    def run_stoker(self, person: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody."""
        with self.being(person):
            return self.daemon.run_stoker(*arguments)


def furnish(http: httpx.Client) -> None:
    """Make two workspaces with a run and a backfill each, and a queue that is not for everybody."""

    def ask(method: str, path: str, body: Any, **headers: str) -> None:
        answer = http.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text

    content = b"exit 0"
    digest = sha256(content).hexdigest()
    http.put(f"/v1/objects/{digest}", content=content).raise_for_status()
    ask("PUT", "/v1/workspaces/marketing", {})
    ask("PUT", "/v1/queues/heavy", {"environment": "both", "limit": 100})
    for space in ("default", "marketing"):
        place = f"/v1/workspaces/{space}"
        ask("POST", f"{place}/jobs/job.sh/publish", {"digest": digest})
        flows = {"flow": {"retries": 0}, "heavy": {"queue": "heavy"}} if space == "default" else {"flow": {}}
        for name, fields in flows.items():
            schedule = {"type": "days", "at": "01:00", "time_zone": "UTC"}
            nodes = [{"name": "a", "job": "job.sh"}]
            spec = {"workflow": name, "nodes": nodes, "schedule": schedule, **fields}
            ask("PUT", f"{place}/workflows/{name}", spec, **{"If-None-Match": "*"})
            ask("POST", f"{place}/workflows/{name}/publish", {})
        ask("POST", f"{place}/runs", {"workflow": "flow"})
    for number in (1, 2):
        wait_for(lambda: "ended_at" in http.get(f"/v1/runs/{number}").json()["row"], "the run ends")  # noqa: B023
    for space in ("default", "marketing"):
        days = {"from": "2026-01-01", "to": "2026-01-01"}
        ask("POST", f"/v1/workspaces/{space}/backfills", {"workflow": "flow", **days})
    for number in (1, 2):
        path = f"/v1/backfills/{number}"
        wait_for(lambda: "ended_at" in http.get(path).json(), "the backfill ends")  # noqa: B023


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A daemon that believes a file."""
    home = tmp_path_factory.mktemp("team")
    team = Team(StokerDaemon(home), home / "who")
    team.connects_as(OWN)
    yield from _furnished(team.daemon, [sys.executable, people.__file__, str(home / "who")], team)


@pytest.fixture(scope="module")
def real_team() -> Iterator[StokerDaemon]:
    """A daemon that asks the kernel, in a place that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="stoker-team-") as place:
        Path(place).chmod(0o711)
        daemon = StokerDaemon(Path(place))
        yield from _furnished(daemon, [], daemon)


def _furnished(daemon: StokerDaemon, inside: list[str], given: Any) -> Iterator[Any]:
    config = daemon.home / "stokerd.toml"
    config.write_text(people.CONFIG)
    daemon.environment["STOKER_CONFIG"] = str(config)
    daemon.environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    if os.geteuid() != 0:
        daemon.environment["STOKER_SOCKET_GROUP"] = str(os.getegid())
    daemon.inside = inside
    with daemon:
        furnish(daemon.http)
        yield given


def allowed_as_the_table_says(person: Person, statuses: dict[str, list[int]]) -> None:
    """Check what came of a walk. What is allowed is refused for other reasons, if at all."""
    for (method, template), need in NEEDS.items():
        of_a_workspace = any(part in template for part in ("{workspace}", "{run}", "{backfill}"))
        for workspace, status in zip(("default", "marketing"), statuses[f"{method} {template}"], strict=True):
            may = person.may(need, workspace if of_a_workspace else None)
            assert (status != 403) == may, (method, template, workspace, status)
            assert status < 500, (method, template)


# The walk over all routes.


@pytest.mark.parametrize("name", [name for name in PEOPLE if name != "stranger"])
def test_each_route_is_for_the_roles_of_the_table(team: Team, name: str) -> None:
    seq = team.daemon.http.get("/v1/status").json()["seq"]
    team.connects_as(PEOPLE[name])

    allowed_as_the_table_says(PEOPLE[name], walk(str(team.daemon.socket), NEEDS))

    team.connects_as(OWN)
    assert team.daemon.http.get("/v1/status").json()["seq"] == seq


@real_people
@pytest.mark.parametrize("name", [name for name in PEOPLE if name != "stranger"])
def test_each_route_is_for_the_roles_of_real_users(real_team: StokerDaemon, name: str) -> None:
    statuses = as_user(PEOPLE[name], partial(walk, str(real_team.socket), NEEDS))

    assert isinstance(statuses, dict), statuses
    allowed_as_the_table_says(PEOPLE[name], statuses)


def test_the_table_has_every_route_and_no_other(team: Team) -> None:
    served = team.daemon.http.get("/v1/openapi.json").json()["paths"]

    there = {(method.upper(), path) for path, methods in served.items() for method in methods}
    assert there == {(method, path.replace(":path}", "}")) for method, path in NEEDS}


# Who is let in.


def _banner(path: str) -> str:
    """Give what somebody hears who connects and asks."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        try:
            connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: stokerd\r\n\r\n")
            return connection.recv(100).decode()
        except (BrokenPipeError, ConnectionResetError):
            return ""


@real_people
def test_the_socket_is_for_its_group_and_who_has_no_role_hears_nothing(real_team: StokerDaemon) -> None:
    status = real_team.socket.stat()
    assert (status.st_mode & 0o777, status.st_gid) == (0o660, people.TEAM)
    outsider = Person(62_099, (people.ADMINS,))
    path = str(real_team.socket)

    assert "Permission denied" in as_user(outsider, partial(_banner, path))
    assert [as_user(PEOPLE["stranger"], partial(_banner, path)) for _ in range(3)] == ["", "", ""]
    assert as_user(PEOPLE["viewer"], partial(_banner, path)).startswith("HTTP/1.1 200")
    told = [line for line in real_team.journal.read_text().splitlines() if "closed unread" in line]
    assert len(told) == 1
    assert "uid 62001" in told[0]


@real_people
def test_groups_are_those_of_the_process_however_many(real_team: StokerDaemon) -> None:
    member_of_many = Person(62_050, (*range(70_000, 71_000), people.TEAM, people.VIEWERS))

    assert as_user(member_of_many, partial(_banner, str(real_team.socket))).startswith("HTTP/1.1 200")


def test_a_command_says_what_it_may_be_that_closes_its_connection(team: Team) -> None:
    done = team.run_stoker("stranger", "status")

    assert (done.returncode, done.stdout) == (3, "")
    assert "closes the connection of whoever has no role there" in done.stderr


# What a refusal says.


def test_a_refusal_names_the_role_that_is_missing_and_who_has_it(team: Team) -> None:
    with team.being("viewer") as http:
        refused = http.post("/v1/runs/1/stop")
        elsewhere = http.get("/v1/workspaces/marketing/jobs")
        content = http.put(f"/v1/objects/{'0' * 64}", content=b"x")

    assert refused.status_code == 403
    assert (refused.json()["type"], refused.json()["role"]) == ("forbidden", "operator")
    assert refused.json()["detail"] == (
        "this needs the role operator in workspace 'default', which members of 61003 or 61004 or 61005 have; "
        "you are viewer by group 61002"
    )
    assert elsewhere.json()["detail"] == (
        "this needs the role viewer in workspace 'marketing', which members of 61003 or 61006 or 61005 have; "
        "you have no role there"
    )
    assert content.json()["detail"].endswith(
        "which members of 61004 or 61005 or 61006 have; you are viewer by group 61002"
    )


def test_a_command_that_is_refused_ends_with_4_and_says_why(team: Team) -> None:
    done = team.run_stoker("viewer", "run", "flow")

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("stoker: this needs the role operator in workspace 'default'")


# Queues.

ON_HEAVY: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "start": lambda http: http.post(f"{DEFAULT}/runs", json={"workflow": "heavy"}),
    "start there": lambda http: http.post(f"{DEFAULT}/runs", json={"workflow": "flow", "queue": "heavy"}),
    "debug there": lambda http: http.post(
        f"{DEFAULT}/runs", json={"workflow": "flow", "queue": "heavy", "debug": True}
    ),
    "backfill": lambda http: http.post(
        f"{DEFAULT}/backfills", json={"workflow": "heavy", "from": "2026-01-01", "to": "2026-01-02"}
    ),
    "rerun": lambda http: http.post("/v1/runs/5/rerun", json={}),
    "rerun a node": lambda http: http.post("/v1/runs/5/nodes/a/rerun", json={}),
    "retry": lambda http: http.post("/v1/backfills/3/retry"),
    "resume": lambda http: http.post("/v1/backfills/3/resume"),
    "switch on": lambda http: http.put(f"{DEFAULT}/workflows/heavy/scheduling", json={"on": True}),
    "publish": lambda http: http.post(f"{DEFAULT}/workflows/heavy/publish", json={}),
    "roll back": lambda http: http.post(f"{DEFAULT}/workflows/heavy/rollback", json={"version": 1}),
}
DEFAULT = "/v1/workspaces/default"


@pytest.fixture(scope="module")
def heavy_run(team: Team) -> None:
    """Run 5 and backfill 3 (with run 6), on the queue that is not for everybody."""
    run = team.daemon.start_run("heavy")
    team.daemon.finished(run)
    days = {"from": "2026-01-01", "to": "2026-01-01"}
    made = team.daemon.http.post(f"{DEFAULT}/backfills", json={"workflow": "heavy", **days})
    assert (run, made.json()["id"]) == (5, 3)


@pytest.mark.usefixtures("heavy_run")
@pytest.mark.parametrize("how", ON_HEAVY)
def test_runs_on_a_queue_with_groups_of_its_own_are_for_these(team: Team, how: str) -> None:
    with team.being("editor") as http:
        refused = ON_HEAVY[how](http)

    assert refused.status_code == 403, refused.text
    assert refused.json()["detail"] == "runs on queue 'heavy' are for members of 61007 or 61005"


def test_a_member_of_the_queues_groups_has_runs_on_it(team: Team) -> None:
    insider = PEOPLE["operator"]._replace(groups=(*PEOPLE["operator"].groups, people.HEAVY))
    team.connects_as(insider)
    transport = httpx.HTTPTransport(uds=str(team.daemon.socket))
    with httpx.Client(transport=transport, base_url="http://stokerd", timeout=PATIENCE) as http:
        started = ON_HEAVY["start"](http)
    team.connects_as(OWN)

    assert started.status_code == 201
    assert started.json()["row"]["by"] == str(insider.uid)
    team.daemon.finished(started.json()["row"]["id"])


# What an operator may change of a rerun.


def test_an_operator_changes_sizes_of_a_rerun_and_an_editor_what_runs(team: Team) -> None:
    code = {"settings": {"a.config.env.BASH_ENV": "/tmp/mine.sh"}}
    with team.being("operator") as http:
        refused = http.post("/v1/runs/1/rerun", json=code)
        sizes = http.post("/v1/runs/1/rerun", json={"settings": {"a.timeout": "60"}})
    team.daemon.finished(1)
    with team.being("editor") as http:
        allowed = http.post("/v1/runs/1/rerun", json=code)
    team.daemon.finished(1)

    assert (refused.status_code, refused.json()["role"]) == (403, "editor")
    assert refused.json()["detail"].startswith("to change env needs the role editor")
    assert (sizes.status_code, allowed.status_code) == (202, 202)


# What is seen.


def _lines(answer: httpx.Response) -> Iterator[str]:
    return (line for line in answer.iter_lines() if '"heartbeat"' not in line)


def _events(http: httpx.Client, last: int) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    with http.stream("GET", "/v1/events") as answer:
        for line in _lines(answer):
            events.append(json.loads(line))
            if events[-1].get("seq") == last:
                return events
    raise EOFError


def test_events_of_workspaces_that_are_not_seen_have_only_their_place(team: Team) -> None:
    last = team.daemon.http.get("/v1/status").json()["seq"]
    whole = _events(team.daemon.http, last)
    with team.being("viewer") as http:
        seen = _events(http, last)
    with team.being("admin") as http:
        assert _events(http, last) == whole

    assert [event["seq"] for event in seen] == [event["seq"] for event in whole]
    hidden = {event["seq"] for event in seen if event["type"] == "hidden"}
    assert all(event == whole[event["seq"] - 1] for event in seen if event["seq"] not in hidden)
    assert all(event.keys() == {"seq", "type"} for event in seen if event["seq"] in hidden)
    ours = {"run": {2, 4}, "backfill": {2}, "workspace": {"marketing"}, "workflow": {3}}
    marketing = {
        event["seq"] for event in whole if any(event.get(key) in values for key, values in ours.items())
    }
    assert hidden == marketing
    assert {"run.created", "node.finished", "backfill.created"} <= {whole[seq - 1]["type"] for seq in hidden}


def test_events_end_for_whoever_has_no_role_any_more(team: Team) -> None:
    last = team.daemon.http.get("/v1/status").json()["seq"]
    with team.being("viewer") as http, http.stream("GET", f"/v1/events?after={last}") as answer:
        team.connects_as(OWN)
        try:
            team.goes_by(people.CONFIG.replace(f'"{people.VIEWERS}"', ""))
            team.daemon.http.put("/v1/workspaces/default/variables/x", json={"value": "1"}).raise_for_status()
            assert list(_lines(answer)) == []
        finally:
            team.goes_by(people.CONFIG)


@pytest.mark.usefixtures("heavy_run")
def test_output_is_followed_until_it_may_not_be_seen_any_more(team: Team) -> None:
    gate = team.daemon.home / "gate"
    team.daemon.publish_job("wait.sh", f"echo begun; until test -e {gate}; do sleep 0.02; done; echo ended")
    team.daemon.publish_workflow("wait", [{"name": "a", "job": "wait.sh"}])
    run = team.daemon.start_run("wait")
    wait_for(lambda: team.daemon.node(run, "a").get("attempts"), "it begins")
    path = f"/v1/runs/{run}/nodes/a/attempts/1/logs/stdout?follow=true"
    with team.being("viewer") as http, http.stream("GET", path) as answer:
        chunks = answer.iter_bytes()
        begun = next(chunks)
        team.connects_as(OWN)
        try:
            team.goes_by(people.CONFIG.replace(f'"{people.VIEWERS}"', ""))
            rest = b"".join(chunks)
        finally:
            team.goes_by(people.CONFIG)
            gate.touch()
    team.daemon.finished(run)

    assert (begun, rest) == (b"begun\n", b"")


def test_a_group_that_is_not_there_is_told_of(team: Team) -> None:
    team.goes_by(people.CONFIG.replace(f'"{people.VIEWERS}"', '"no-such-group"'))
    try:
        wait_for(lambda: team.daemon.http.get("/v1/status").json().get("access_trouble"), "it is looked up")
        shown = team.daemon.run_stoker("status").stdout
    finally:
        team.goes_by(people.CONFIG)

    assert "access     groups that are not there: no-such-group\n" in shown


def test_every_event_says_by_whom(team: Team) -> None:
    last = team.daemon.http.get("/v1/status").json()["seq"]

    assert all(event["by"] for event in _events(team.daemon.http, last))


def test_lists_show_what_a_person_may_see(team: Team) -> None:
    with team.being("viewer") as http:
        spaces = http.get(routes.WORKSPACES).json()["items"]
    with team.being("marketer") as http:
        theirs = http.get(routes.WORKSPACES).json()["items"]
    with team.being("operator") as http:
        both = http.get(routes.WORKSPACES).json()["items"]

    assert [[space["name"] for space in seen] for seen in (spaces, theirs, both)] == [
        ["default"],
        ["marketing"],
        ["default", "marketing"],
    ]


def test_a_person_is_told_their_roles_and_where_they_come_from(team: Team) -> None:
    told = team.run_stoker("operator", "whoami")
    own = team.daemon.run_stoker("whoami")
    as_json = json.loads(team.run_stoker("marketer", "whoami", "--json").stdout)

    assert told.stdout.splitlines() == [
        "62003",
        "operator   by group 61003",
        "viewer     in workspace marketing, by group 61003",
        "no runs    on queue heavy",
    ]
    assert own.stdout.splitlines()[1] == "admin      by being the daemon's own user"
    assert as_json == {
        "user": "62006",
        "workspaces": [{"workspace": "marketing", "role": "editor", "by": "group 61006"}],
        "closed_queues": ["heavy"],
    }
