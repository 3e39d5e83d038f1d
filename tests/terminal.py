"""A command on a real terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.harness import PATIENCE


def on_terminal(command: Sequence[str | Path], columns: int, environment: Mapping[str, str]) -> str:
    """Run a command on a terminal, and give what it wrote, with its escape sequences."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    bare = {
        name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    process = subprocess.Popen(
        command, env={"TERM": "xterm-256color", **bare}, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux tells that nobody has the other end any more
            break
        written += part
    process.wait(PATIENCE)
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def without_escapes(text: str) -> str:
    """Give the text as it stands on the screen, of a command that only colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
