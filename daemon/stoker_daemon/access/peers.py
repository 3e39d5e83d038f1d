"""Who is at the other end of a connection: what the kernel says, and what the host calls them."""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import socket
import struct

from stoker_daemon.access.rules import Peer

_CREDENTIALS = struct.Struct("iII")
"""struct ucred: pid, uid, gid (unix(7))."""

_PEER_GROUPS = 59  # SO_PEERGROUPS of asm-generic/socket.h, which Python has no name for
_USUAL_GROUPS = 64

_LAST_GROUP = 2**32 - 2
"""The greatest number of a group: the next is none (chown(2))."""

_getsockopt = ctypes.CDLL(None, use_errno=True).getsockopt


def peer_of(connection: socket.socket) -> Peer:
    """Give who connected, with the groups that their process had then. Raises OSError."""
    pid, uid, gid = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return Peer(uid, frozenset([gid, *_groups(connection)]), pid)


def _groups(connection: socket.socket, room: int = _USUAL_GROUPS) -> list[int]:
    """Give the supplementary groups. `socket.getsockopt` gives 256 at most, and a directory may know more."""
    groups, size = (ctypes.c_uint32 * room)(), ctypes.c_uint32(4 * room)
    place = (connection.fileno(), socket.SOL_SOCKET, _PEER_GROUPS)
    if _getsockopt(*place, groups, ctypes.byref(size)) == 0:
        return groups[: size.value // 4]
    number = ctypes.get_errno()
    if size.value > 4 * room:  # ERANGE: it says how much there is
        return _groups(connection, size.value // 4)
    raise OSError(number, os.strerror(number))


def login_name(uid: int) -> str | None:
    """Give a user's login name, if it has one; the host's directory may take its time (`lookups`)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError, OverflowError):
        return None


def user_name(uid: int) -> str:
    """Give a user's login name, or its number where it has none."""
    return login_name(uid) or str(uid)


def group_number(group: str) -> int | None:
    """Give the number that a group is written as; None where it is a name."""
    if group.isdecimal() and group.isascii() and len(group) <= len(str(_LAST_GROUP)):
        return number if (number := int(group)) <= _LAST_GROUP else None
    return None


def group_id(group: str) -> int | None:
    """Give the number of a group that is named, or numbered; None where there is no such group.

    The host's directory may take its time (`lookups`).
    """
    if (number := group_number(group)) is not None:
        return number
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        return None
