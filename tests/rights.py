"""What somebody may do who may do everything, for tests that are about something else."""

from stoker_daemon.access.rules import Grant, Rights
from stoker_shared.roles import Role

EVERYTHING = Rights(Grant(Role.ADMIN, "a test"))
