"""What people may do: the roles, and the roles that one person has."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a person may do. Each may do all that those before it may."""

    VIEWER = "viewer"
    """See."""
    OPERATOR = "operator"
    """Start, stop and rerun runs, make backfills, turn the switch of a schedule."""
    EDITOR = "editor"
    """Change and publish jobs and workflows, set variables."""
    ADMIN = "admin"
    """Change queues and workspaces, and what concerns the daemon as a whole."""

    def covers(self, need: Role) -> bool:
        """Tell whether who has this role may do what needs that one."""
        order = list(Role)
        return order.index(self) >= order.index(need)


class RoleView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's role in a workspace, none where it is absent, and who or what gives it."""

    workspace: str
    role: Role | None = None
    by: str = ""


class PersonView(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is asking, as the daemon sees them.

    ``role`` is theirs in every workspace but those that are named in ``workspaces``. Runs that they start
    can't be on ``closed_queues``.
    """

    user: str
    role: Role | None = None
    by: str = ""
    workspaces: list[RoleView] = []
    closed_queues: list[str] = []

    def role_in(self, workspace: str) -> Role | None:
        """Give their role in a workspace."""
        return next((view.role for view in self.workspaces if view.workspace == workspace), self.role)
