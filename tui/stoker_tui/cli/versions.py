"""What `stoker --version` says of the daemon."""

from __future__ import annotations

import os

from stoker_shared.paths import SocketPathTooLong, socket_path
from stoker_shared.text import clean
from stoker_tui.client import Client, NotStoker, Refused, Unreachable

PATIENCE = 2.0
"""Seconds that the daemon has to answer."""


def daemon_version() -> str:
    """Give a line with the daemon's version and where it is, or why there is none."""
    path = socket_path(os.environ)
    try:
        status = Client(path, patience=PATIENCE).status()
    except Unreachable:
        return f"stokerd: none answers at {path}"
    except (NotStoker, Refused, SocketPathTooLong) as error:
        return f"stokerd: {clean(str(error))}"
    return f"stokerd, version {clean(status.version)}, on {clean(status.host)}, at {path}"
