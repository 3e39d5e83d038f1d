"""Several people on one daemon: who they are, and two ways to be one of them.

`as_user` is a real one: a process of that uid with those groups, which takes root. Where that is not to be
had a daemon is run by this file, which believes what is written in a file instead of the kernel.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any, NamedTuple

from stoker_daemon import server
from stoker_daemon.access.rules import Peer
from stoker_daemon.cli import main
from stoker_shared import routes
from stoker_shared.roles import Role

TEAM, VIEWERS, OPERATORS, EDITORS, ADMINS, MARKETERS, HEAVY = range(61_001, 61_008)
"""Groups, by number: they need not be there. Whoever is in TEAM may connect."""

CONFIG = f"""
socket_group = "{TEAM}"
[access]
viewer = ["{VIEWERS}"]
operator = ["{OPERATORS}"]
editor = ["{EDITORS}"]
admin = ["{ADMINS}"]
[access.workspaces.marketing]
viewer = ["{OPERATORS}"]
editor = ["{MARKETERS}"]
[access.queues]
heavy = ["{HEAVY}"]
"""


class Person(NamedTuple):
    uid: int
    groups: tuple[int, ...]
    default: Role | None = None
    marketing: Role | None = None

    def may(self, need: Role, workspace: str | None) -> bool:
        """Tell whether they may, as the table in CONFIG says."""
        if need is Role.ADMIN or workspace is None:
            roles = [self.default, self.marketing]
        else:
            roles = [self.marketing if workspace == "marketing" else self.default]
        return any(role and role.covers(need) for role in roles)


PEOPLE = {
    "stranger": Person(62_001, (TEAM,)),
    "viewer": Person(62_002, (TEAM, VIEWERS), Role.VIEWER),
    "operator": Person(62_003, (TEAM, VIEWERS, OPERATORS), Role.OPERATOR, Role.VIEWER),
    "editor": Person(62_004, (TEAM, EDITORS), Role.EDITOR),
    "admin": Person(62_005, (TEAM, ADMINS), Role.ADMIN, Role.ADMIN),
    "marketer": Person(62_006, (TEAM, MARKETERS), None, Role.EDITOR),
}


class UnixConnection(HTTPConnection):
    """HTTP over a Unix socket, with nothing to be imported by a process that may read no file any more."""

    def __init__(self, path: str) -> None:
        super().__init__("stokerd", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket(AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def walk(path: str, operations: Mapping[tuple[str, str], Role]) -> dict[str, list[int]]:
    """Ask for every operation, in both workspaces, so that nothing changes; give the statuses of each."""
    connection = UnixConnection(path)
    statuses: dict[str, list[int]] = {}
    for method, template in operations:
        for number, workspace in enumerate(("default", "marketing"), 1):
            values = {
                "workspace": workspace,
                "run": number,
                "backfill": number,
                "name": "none",
                "path": "none.sh",
                "node": "none",
                "attempt": 1,
                "stream": "stdout",
                "digest": "0" * 64,
            }
            query = "?after=-1" if template == routes.EVENTS else ""
            connection.request(method, routes.fill(template, **values) + query, body=b"{")
            answer = connection.getresponse()
            answer.read()
            statuses.setdefault(f"{method} {template}", []).append(answer.status)
    connection.close()
    return statuses


def as_user(person: Person, do: Callable[[], Any]) -> Any:
    """Give what something comes to that a process of a person does; what it raises as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(person.groups)
            os.setresgid(person.uid, person.uid, person.uid)
            os.setresuid(person.uid, person.uid, person.uid)
            told = json.dumps(do())
        except BaseException:
            told = json.dumps(traceback.format_exc())
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return json.loads(told)


def _run_believing(who: Path) -> None:
    """Run stokerd on the rest of the command line; whoever connects is the person in a file."""

    def told(_: object) -> Peer:
        uid, *groups = json.loads(who.read_text())
        return Peer(uid, frozenset(groups), 1)

    server.peer_of = told
    main()


if __name__ == "__main__":
    who, _stokerd, *arguments = sys.argv[1:]
    sys.argv = ["stokerd", *arguments]
    _run_believing(Path(who))
