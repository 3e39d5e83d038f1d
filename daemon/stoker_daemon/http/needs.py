"""The role that each operation needs, in one table.

It is needed in the workspace that the path names, or whose run or backfill it names. Of what is of no
workspace, what viewers may is for whoever has a role in any; content can be sent by the editors of any.
An admin is one of the whole daemon.
"""

from __future__ import annotations

from stoker_shared import routes
from stoker_shared.roles import Role

NEEDS: dict[tuple[str, str], Role] = {
    ("GET", routes.STATUS): Role.VIEWER,
    ("PUT", routes.DRAINING): Role.ADMIN,
    # Of what is of workspaces that one may not see it has nothing.
    ("GET", routes.NOTIFICATIONS): Role.VIEWER,
    ("POST", routes.NOTIFICATIONS_TEST): Role.ADMIN,
    ("GET", routes.OPENAPI): Role.VIEWER,
    ("GET", routes.METRICS): Role.VIEWER,
    ("GET", routes.EVENTS): Role.VIEWER,
    ("GET", routes.RETENTION): Role.ADMIN,
    ("POST", routes.RETENTION): Role.ADMIN,
    ("PUT", routes.OBJECT): Role.EDITOR,
    ("GET", routes.OBJECT): Role.VIEWER,
    ("HEAD", routes.OBJECT): Role.VIEWER,
    # Queues and workspaces.
    ("GET", routes.QUEUES): Role.VIEWER,
    ("GET", routes.QUEUE): Role.VIEWER,
    ("PUT", routes.QUEUE): Role.ADMIN,
    ("DELETE", routes.QUEUE): Role.ADMIN,
    ("GET", routes.WORKSPACES): Role.VIEWER,
    ("PUT", routes.WORKSPACE): Role.ADMIN,
    ("DELETE", routes.WORKSPACE): Role.ADMIN,
    # Definitions. Whoever may publish can read a secret too, so may set one.
    ("GET", routes.VARIABLES): Role.VIEWER,
    ("PUT", routes.VARIABLE): Role.EDITOR,
    ("DELETE", routes.VARIABLE): Role.EDITOR,
    ("GET", routes.JOBS): Role.VIEWER,
    ("GET", routes.JOB): Role.VIEWER,
    ("PUT", routes.JOB): Role.EDITOR,
    ("DELETE", routes.JOB): Role.EDITOR,
    ("GET", routes.JOB_VERSIONS): Role.VIEWER,
    ("GET", routes.JOB_DIFF): Role.VIEWER,
    ("POST", routes.JOB_PUBLISH): Role.EDITOR,
    ("POST", routes.JOB_ROLLBACK): Role.EDITOR,
    ("GET", routes.WORKFLOWS): Role.VIEWER,
    ("GET", routes.WORKFLOW): Role.VIEWER,
    ("PUT", routes.WORKFLOW): Role.EDITOR,
    ("DELETE", routes.WORKFLOW): Role.EDITOR,
    ("GET", routes.WORKFLOW_VERSIONS): Role.VIEWER,
    ("GET", routes.WORKFLOW_DIFF): Role.VIEWER,
    ("GET", routes.WORKFLOW_PUBLISH): Role.VIEWER,
    ("POST", routes.WORKFLOW_PUBLISH): Role.EDITOR,
    ("POST", routes.WORKFLOW_ROLLBACK): Role.EDITOR,
    ("POST", routes.WORKFLOW_CLONE): Role.EDITOR,
    ("POST", routes.WORKFLOW_RENAME): Role.EDITOR,
    ("GET", routes.WORKFLOW_SCHEDULING): Role.VIEWER,
    ("PUT", routes.WORKFLOW_SCHEDULING): Role.OPERATOR,
    ("GET", routes.WORKFLOW_TICKS): Role.VIEWER,
    ("POST", routes.TICKS_PREVIEW): Role.VIEWER,
    ("POST", routes.WORKFLOW_PLAN): Role.VIEWER,
    # Runs and backfills.
    ("GET", routes.RUNS): Role.VIEWER,
    ("GET", routes.RUN_COUNTS): Role.VIEWER,
    ("POST", routes.RUNS): Role.OPERATOR,
    ("GET", routes.RUN): Role.VIEWER,
    ("POST", routes.RUN_STOP): Role.OPERATOR,
    ("POST", routes.RUN_PAUSE): Role.OPERATOR,
    ("POST", routes.RUN_RESUME): Role.OPERATOR,
    ("POST", routes.RUN_RERUN): Role.OPERATOR,
    ("POST", routes.NODE_STOP): Role.OPERATOR,
    ("POST", routes.NODE_RERUN): Role.OPERATOR,
    ("POST", routes.NODE_SUCCEED): Role.OPERATOR,
    ("GET", routes.NODE_FAILURE): Role.VIEWER,
    ("GET", routes.LOG): Role.VIEWER,
    ("GET", routes.BACKFILLS): Role.VIEWER,
    ("POST", routes.BACKFILLS): Role.OPERATOR,
    ("POST", routes.BACKFILL_PREVIEW): Role.VIEWER,
    ("GET", routes.BACKFILL): Role.VIEWER,
    ("POST", routes.BACKFILL_PAUSE): Role.OPERATOR,
    ("POST", routes.BACKFILL_RESUME): Role.OPERATOR,
    ("POST", routes.BACKFILL_CANCEL): Role.OPERATOR,
    ("POST", routes.BACKFILL_RETRY): Role.OPERATOR,
}
