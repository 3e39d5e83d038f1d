"""A daemon of this user's own, started from the terminal UI and left running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs

from stoker_shared.text import clean_line


def stokerd() -> str:
    """Give the daemon's program: the one beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("stokerd")
    return str(beside) if beside.exists() else "stokerd"


def journal_path() -> Path:
    """Give where a daemon that is started from here writes its journal."""
    return platformdirs.user_log_path("stoker") / "stokerd.log"


def start_daemon(socket: Path, journal: Path) -> subprocess.Popen[bytes]:
    """Start `stokerd` at a socket, in a session of its own: it goes on when the terminal is closed.

    Raises `OSError` where that can't be done.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("ab") as written:
        return subprocess.Popen(
            [stokerd(), "--socket", socket],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
            cwd="/",
            env=os.environ,
        )


def last_line(journal: Path) -> str:
    """Give what a daemon said last."""
    with journal.open("rb") as written:
        written.seek(max(written.seek(0, os.SEEK_END) - 4096, 0))
        lines = written.read().decode(errors="replace").strip().splitlines()
    return clean_line(lines[-1]) if lines else ""
