"""Where things are kept: directories by platformdirs, and the socket that the two sides meet at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs

MAX_SOCKET_PATH = 107
"""Bytes a Unix socket's path may have on Linux (sun_path in unix(7), less its closing NUL)."""

HOST_CONFIG = Path("/etc/stoker/stokerd.toml")
HOST_SOCKET = Path("/run/stoker/stokerd.sock")
"""What a host's daemon has that `stokerd install --system` made."""


class SocketPathTooLong(ValueError):
    """The socket's path has more bytes than the kernel takes."""

    def __init__(self, path: Path) -> None:
        length = len(str(path).encode())
        super().__init__(
            f"the socket's path has {length} bytes, and Linux takes {MAX_SOCKET_PATH}: {path}. "
            "Set STOKER_SOCKET (or `socket` in stokerd.toml) to a shorter one, such as /tmp/stoker.sock."
        )


def config_path(environment: Mapping[str, str]) -> Path:
    """Give where the daemon's configuration is: STOKER_CONFIG, else the user's configuration directory."""
    named = environment.get("STOKER_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("stoker") / "stokerd.toml"


def data_directory(environment: Mapping[str, str]) -> Path:
    """Give the data directory: STOKER_DATA, else the user's."""
    named = environment.get("STOKER_DATA")
    return Path(named) if named else platformdirs.user_data_path("stoker")


def socket_path(environment: Mapping[str, str]) -> Path:
    """Give the socket's path: STOKER_SOCKET, else one in the user's runtime directory.

    Where there is no such directory (no login session) it is in the data directory: what stands in for it
    under /tmp can be made by anybody first.
    """
    if named := environment.get("STOKER_SOCKET"):
        return Path(named)
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "stoker" / "stokerd.sock"
    return data_directory(environment) / "stokerd.sock"


def other_socket(path: Path) -> Path | None:
    """Give the socket of the host's daemon where that is another than ``path``, and there is one."""
    try:
        return HOST_SOCKET if path != HOST_SOCKET and HOST_SOCKET.is_socket() else None
    except OSError:
        return None


def check_socket_path(path: Path) -> None:
    """Raise `SocketPathTooLong` where the kernel would not take the path."""
    if len(str(path).encode()) > MAX_SOCKET_PATH:
        raise SocketPathTooLong(path)
