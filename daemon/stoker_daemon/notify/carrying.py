"""What both ways to tell people have in common: how they fail, and the secrets they are given."""

from __future__ import annotations

import os
from pathlib import Path

_LONGEST_SECRET = 4096


class NotCarried(Exception):
    """Something could not be handed over; the message says why.

    ``permanent``: nor will it ever be. ``everything``: nor could anything else now, by the same way.
    """

    def __init__(self, why: str, *, permanent: bool = False, everything: bool = False) -> None:
        super().__init__(why)
        self.permanent = permanent
        self.everything = everything


def read_secret(path: Path) -> str:
    """Give the secret in a file, without the newline at its end; raises `NotCarried` with what to mend."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_LONGEST_SECRET + 1)
    except OSError as error:
        raise NotCarried(f"{path} can't be read: {error.strerror}", everything=True) from error
    if status.st_mode & 0o077:
        why = f"{path} is open to others; `chmod 600 {path}`, and think of a new one"
        raise NotCarried(why, everything=True)
    try:
        secret = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise NotCarried(f"{path} is not text", everything=True) from error
    if not secret or len(content) > _LONGEST_SECRET:
        raise NotCarried(f"{path} must have 1 to {_LONGEST_SECRET:,} bytes", everything=True)
    return secret
