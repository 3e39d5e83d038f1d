"""A program on a terminal that is read as fast as it writes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.harness import wait_for

_COLUMNS, _LINES = 140, 40


_ESCAPE = re.compile(rb"\x1b\[[0-9;:?$]*[A-Za-z]")


class Written(NamedTuple):
    """What the program wrote at once, and when."""

    at: float
    data: bytes


class Screen:
    """A program that runs while a ``with`` lasts; ``written`` is all that it wrote."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._command = command
        # Where tests run side by side COLUMNS and LINES are set, and would be believed before the terminal.
        others = ("COLUMNS", "LINES", "NO_COLOR")
        known = {name: value for name, value in environment.items() if name not in others}
        self._environment = {**known, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        self.written: list[Written] = []
        self._seen = 0

    def __enter__(self) -> Screen:
        self._ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", _LINES, _COLUMNS, 0, 0))
        self.began = time.time()
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=its, stdout=its, stderr=its, start_new_session=True
        )
        os.close(its)
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._reading.join()
        os.close(self._ours)

    @property
    def pid(self) -> int:
        """The program."""
        return self._process.pid

    @property
    def bytes(self) -> int:
        """How much it has written."""
        return sum(len(part.data) for part in self.written)

    def press(self, keys: str) -> None:
        """Press keys; what was written until now is not waited for any more."""
        self._seen = len(self.written)
        os.write(self._ours, keys.encode())

    def shows(self, text: str, seconds: float = 60) -> float:
        """Wait until it has written a text since the last key, and give when it had."""
        try:
            return wait_for(lambda: self._when(text.encode()), f"{text} on the screen", seconds, 0.02)
        except TimeoutError as error:
            written = without_escapes(b"".join(part.data for part in self.written))[-_LINES * _COLUMNS :]
            raise TimeoutError(f"{error}; at last it wrote:\n{written.decode(errors='replace')}") from None

    def _when(self, text: bytes) -> float | None:
        whole = b""
        for part in self.written[self._seen :]:
            whole += part.data
            if text in without_escapes(whole):
                return part.at
        return None

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 1024 * 1024)
            except OSError:  # how Linux tells that nobody has the other end any more
                return
            self.written.append(Written(time.time(), data))


def without_escapes(data: bytes) -> bytes:
    """Give what was written as it stands on the screen, line after line."""
    return _ESCAPE.sub(b"", data)
