"""The paths of the HTTP interface, as templates for the server and for clients alike."""

from __future__ import annotations

from urllib.parse import quote

STATUS = "/v1/status"
DRAINING = "/v1/draining"
OPENAPI = "/v1/openapi.json"
METRICS = "/metrics"
EVENTS = "/v1/events"
RETENTION = "/v1/retention"
TICKS_PREVIEW = "/v1/ticks/preview"
OBJECT = "/v1/objects/{digest}"

NOTIFICATIONS = "/v1/notifications"
NOTIFICATIONS_TEST = "/v1/notifications/test"

QUEUES = "/v1/queues"
QUEUE = "/v1/queues/{name}"
WORKSPACES = "/v1/workspaces"
WORKSPACE = "/v1/workspaces/{workspace}"
VARIABLES = "/v1/workspaces/{workspace}/variables"
VARIABLE = "/v1/workspaces/{workspace}/variables/{name}"

JOBS = "/v1/workspaces/{workspace}/jobs"
JOB = "/v1/workspaces/{workspace}/jobs/{path:path}"
JOB_VERSIONS = "/v1/workspaces/{workspace}/jobs/{path:path}/versions"
JOB_PUBLISH = "/v1/workspaces/{workspace}/jobs/{path:path}/publish"
JOB_DIFF = "/v1/workspaces/{workspace}/jobs/{path:path}/diff"
JOB_ROLLBACK = "/v1/workspaces/{workspace}/jobs/{path:path}/rollback"

WORKFLOWS = "/v1/workspaces/{workspace}/workflows"
WORKFLOW = "/v1/workspaces/{workspace}/workflows/{name}"
WORKFLOW_VERSIONS = "/v1/workspaces/{workspace}/workflows/{name}/versions"
WORKFLOW_DIFF = "/v1/workspaces/{workspace}/workflows/{name}/diff"
WORKFLOW_ROLLBACK = "/v1/workspaces/{workspace}/workflows/{name}/rollback"
WORKFLOW_CLONE = "/v1/workspaces/{workspace}/workflows/{name}/clone"
WORKFLOW_RENAME = "/v1/workspaces/{workspace}/workflows/{name}/rename"
WORKFLOW_PUBLISH = "/v1/workspaces/{workspace}/workflows/{name}/publish"
WORKFLOW_SCHEDULING = "/v1/workspaces/{workspace}/workflows/{name}/scheduling"
WORKFLOW_TICKS = "/v1/workspaces/{workspace}/workflows/{name}/ticks"
WORKFLOW_PLAN = "/v1/workspaces/{workspace}/workflows/{name}/plan"

RUNS = "/v1/workspaces/{workspace}/runs"
RUN_COUNTS = "/v1/workspaces/{workspace}/runs/counts"
BACKFILLS = "/v1/workspaces/{workspace}/backfills"
BACKFILL_PREVIEW = "/v1/workspaces/{workspace}/backfills/preview"
BACKFILL = "/v1/backfills/{backfill}"
BACKFILL_PAUSE = "/v1/backfills/{backfill}/pause"
BACKFILL_RESUME = "/v1/backfills/{backfill}/resume"
BACKFILL_CANCEL = "/v1/backfills/{backfill}/cancel"
BACKFILL_RETRY = "/v1/backfills/{backfill}/retry"

RUN = "/v1/runs/{run}"
RUN_EVENTS = "/v1/runs/{run}/events"
RUN_STOP = "/v1/runs/{run}/stop"
RUN_PAUSE = "/v1/runs/{run}/pause"
RUN_RESUME = "/v1/runs/{run}/resume"
RUN_RERUN = "/v1/runs/{run}/rerun"
NODE_STOP = "/v1/runs/{run}/nodes/{node}/stop"
NODE_FAILURE = "/v1/runs/{run}/nodes/{node}/failure"
NODE_RERUN = "/v1/runs/{run}/nodes/{node}/rerun"
NODE_SUCCEED = "/v1/runs/{run}/nodes/{node}/succeed"
LOG = "/v1/runs/{run}/nodes/{node}/attempts/{attempt}/logs/{stream}"


def fill(template: str, **values: str | int) -> str:
    """Give the path of a template; only a value marked ``:path`` keeps its slashes."""
    path = template
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        path = path.replace(f"{{{name}:path}}", quote(str(value)))
    return path
