"""How many files this process may have open, and how they are shared out.

Each attempt that is watched takes one, each client one, and one more while it follows a file. What has none
left can neither write its log nor find its jobs: so no node starts and no client is taken beyond its share.
"""

from __future__ import annotations

import resource

BEGAN_WITH, _MOST = resource.getrlimit(resource.RLIMIT_NOFILE)
"""The soft limit that this process began with. Jobs get it: some fail, or are slow, where it is very high."""

ATTEMPTS = _MOST // 2
"""Attempts that are active at once."""

CLIENTS = _MOST // 8
"""Connections at once."""


def raise_limit() -> None:
    """Let this process have as many files open as it is allowed to."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST, _MOST))
