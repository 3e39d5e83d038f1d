"""Who may do what: roles by Unix group, over all, by workspace, and by queue. Pure.

The daemon's own user and root may do everything. Anybody else has the highest role that one of their groups
is given, in a workspace with a table of its own by that table alone; an admin is one everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from stoker_daemon.problems import forbidden
from stoker_shared.model import JobConfig
from stoker_shared.roles import PersonView, Role, RoleView
from stoker_shared.text import clean

Groups = tuple[str, ...]
"""Unix groups, by name or number."""


_WHAT_RUNS = ("args", "main_class", "conf", "env")
"""Of a job's configuration: what decides which code runs, and on what."""


_REMEMBERED = 1024
"""Sets of groups whose rights are not worked out for each request."""


class Roles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which groups have which role in a workspace."""

    viewer: Annotated[Groups, Meta(description="Groups that may see.")] = ()
    operator: Annotated[
        Groups, Meta(description="Groups that may also start, stop, rerun, backfill and switch schedules.")
    ] = ()
    editor: Annotated[
        Groups, Meta(description="Groups that may also change and publish jobs, workflows and variables.")
    ] = ()


class Access(Roles, frozen=True, kw_only=True):
    """The table ``[access]`` of the configuration."""

    admin: Annotated[
        Groups, Meta(description="Groups that may do everything, queues and workspaces too.")
    ] = ()
    workspaces: Annotated[
        dict[str, Roles],
        Meta(description="A workspace with a table [access.workspaces.NAME] goes by that alone, and admins."),
    ] = {}
    queues: Annotated[
        dict[str, Groups],
        Meta(description="[access.queues], NAME = [groups]: they alone may have runs on it, and admins."),
    ] = {}

    @property
    def named(self) -> set[str]:
        """Every group that is named."""
        tables = (self, *self.workspaces.values())
        roles = {group for table in tables for groups in _by_role(table).values() for group in groups}
        return roles | {group for groups in self.queues.values() for group in groups}


class Peer(msgspec.Struct, frozen=True):
    """Who is at the other end of a connection, as the kernel has it."""

    uid: int
    gids: frozenset[int]
    pid: int


class Grant(NamedTuple):
    """A role that somebody has, or none, and who or what gives it."""

    role: Role | None = None
    by: str = ""


class Rights(msgspec.Struct, frozen=True):
    """What one person may do.

    ``default`` is their role in every workspace without a table of its own; ``closed`` are the queues that
    they may not have runs on.
    """

    default: Grant
    workspaces: Mapping[str, Grant] = {}
    closed: frozenset[str] = frozenset()
    access: Access = Access()

    @property
    def is_admin(self) -> bool:
        """Whether they may do everything."""
        return self.default.role is Role.ADMIN

    @property
    def sees_all(self) -> bool:
        """Whether there is no workspace that they may not see."""
        return all(grant.role for grant in self._grants)

    @property
    def any(self) -> bool:
        """Whether they have a role anywhere."""
        return any(grant.role for grant in self._grants)

    @property
    def _grants(self) -> list[Grant]:
        return [self.default, *self.workspaces.values()]

    def role_in(self, workspace: str) -> Role | None:
        """Give their role in a workspace."""
        return self.workspaces.get(workspace, self.default).role

    def sees(self, workspace: str) -> bool:
        """Tell whether they may see what is in a workspace."""
        return self.role_in(workspace) is not None

    def require(self, need: Role, workspace: str | None) -> None:
        """Raise `Refused` where they lack a role in a workspace; without one they need it in any."""
        grants, place = self._grants, ""
        if workspace is not None and need is not Role.ADMIN:
            grants = [self.workspaces.get(workspace, self.default)]
            place = f" in workspace {clean(workspace)!r}"
        best = max(grants, key=lambda grant: list(Role).index(grant.role) if grant.role else -1)
        if best.role and best.role.covers(need):
            return
        none = "you have no role there" if place else "you have no role"
        has = f"you are {best.role.value} by {best.by}" if best.role else none
        raise forbidden(
            f"this needs the role {need.value}{place}, which {self._given(need, workspace)} have; {has}", need
        )

    def require_queues(self, queues: Iterable[str]) -> None:
        """Raise `Refused` where they may not have runs on one of these queues."""
        for queue in queues:
            if queue in self.closed:
                groups = _listed([*self.access.queues[queue], *self.access.admin])
                raise forbidden(f"runs on queue {clean(queue)!r} are for {groups}", None)

    def require_settings(self, config: JobConfig, workspace: str) -> None:
        """Raise `Refused` where a rerun would change more than sizes: what it runs is the editors' to say."""
        role = self.role_in(workspace)
        if role and role.covers(Role.EDITOR):
            return
        changed = [name for name in _WHAT_RUNS if getattr(config, name) not in (None, {})]
        if changed:
            raise forbidden(
                f"to change {', '.join(changed)} needs the role editor in workspace {clean(workspace)!r}, "
                f"which {self._given(Role.EDITOR, workspace)} have; memory, cores, executors, timeout and "
                "retries are an operator's to change",
                Role.EDITOR,
            )

    def view(self, user: str) -> PersonView:
        """Show them."""
        named = [RoleView(name, *grant) for name, grant in sorted(self.workspaces.items())]
        return PersonView(user, *self.default, named, sorted(self.closed))

    def _given(self, need: Role, workspace: str | None) -> str:
        """Say who has what is needed."""
        if workspace is None:
            tables = [self.access, *self.access.workspaces.values()]
        else:
            tables = [self.access.workspaces.get(workspace, self.access)]
        found = [_by_role(table).items() for table in tables]
        groups = [group for roles in found for role, given in roles if role.covers(need) for group in given]
        return _listed([*groups, *self.access.admin])


class Rules:
    """The table at work; ``own`` is the daemon's own user, ``gid_of`` finds groups by name."""

    def __init__(self, access: Access, own: int, gid_of: Callable[[str], int | None]) -> None:
        self._own = own
        self._gid_of = gid_of
        self.set(access)

    def set(self, access: Access) -> None:
        """Go by another table from now on."""
        self._access = access
        self._gids = {group: self._gid_of(group) for group in access.named}
        self.unknown = sorted(group for group, gid in self._gids.items() if gid is None)
        """Groups that are named and not there."""
        self._given = lru_cache(_REMEMBERED)(self._rights)

    def is_own(self, peer: Peer) -> bool:
        """Tell whether this is the daemon's own user, or root."""
        return peer.uid in (self._own, 0)

    def rights_of(self, peer: Peer) -> Rights:
        """Give what somebody may do."""
        if self.is_own(peer):
            whom = "the daemon's own user" if peer.uid == self._own else "root"
            return Rights(Grant(Role.ADMIN, f"being {whom}"))
        return self._given(peer.gids)

    def _rights(self, gids: frozenset[int]) -> Rights:
        default = self._grant(self._access, gids)
        if default.role is Role.ADMIN:
            return Rights(default)
        workspaces = {name: self._grant(table, gids) for name, table in self._access.workspaces.items()}
        closed = {name for name, groups in self._access.queues.items() if not self._among(groups, gids)}
        return Rights(default, workspaces, frozenset(closed), self._access)

    def _grant(self, table: Roles, gids: frozenset[int]) -> Grant:
        for role, groups in reversed(_by_role(table).items()):
            if found := self._among(groups, gids):
                return Grant(role, f"group {found[0]}")
        return Grant()

    def _among(self, groups: Groups, gids: frozenset[int]) -> list[str]:
        return [group for group in groups if self._gids[group] in gids]


def _by_role(table: Roles) -> dict[Role, Groups]:
    """Give the groups of each role, the lowest role first."""
    return {role: getattr(table, role.value) for role in Role if hasattr(table, role.value)}


def _listed(groups: Iterable[str]) -> str:
    names = list(dict.fromkeys(map(clean, groups)))
    return f"members of {' or '.join(names)}" if names else "the daemon's own user and root"
