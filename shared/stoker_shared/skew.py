"""A daemon and a client of different versions of the interface: what to do about it."""

from __future__ import annotations


def what_to_do(daemon: str, client: str) -> str:
    """Say who is to be brought up to date, where one can tell which is the older one."""
    if not (daemon.isdecimal() and client.isdecimal() and daemon.isascii() and client.isascii()):
        return "bring both to the same release"
    if int(client) < int(daemon):
        return "the client is the older one: install the release that the daemon is of"
    return (
        "the daemon is the older one: update and restart it, its jobs go on; or use the client of its release"
    )
