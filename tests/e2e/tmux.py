"""A program on a real terminal: tmux, which understands what it writes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which
from typing import Self
from uuid import uuid4

import pytest

from tests.harness import PATIENCE, wait_for

NEEDS_TMUX = pytest.mark.skipif(which("tmux") is None, reason="it looks at a real terminal, by tmux")


class Terminal:
    """A program in a terminal of its own; ``raw`` is a file with every byte that it wrote."""

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str], home: Path, size: tuple[int, int]
    ) -> None:
        self._name = f"stoker-{uuid4().hex[:12]}"
        self.raw = home / f"{self._name}.raw"
        columns, lines = size
        # It begins once what it writes is kept.
        raw = shlex.quote(str(self.raw))
        shell = f"until [ -e {raw} ]; do sleep 0.02; done; exec {shlex.join(map(str, command))}"
        options = ["-x", str(columns), "-y", str(lines)]
        # Where tests run side by side COLUMNS and LINES are set, and would be believed before the terminal.
        others = ("COLUMNS", "LINES", "TMUX", "TMUX_PANE")
        bare = {name: value for name, value in environment.items() if name not in others}
        self._tmux("-f", "/dev/null", "new-session", "-d", *options, shell, env={**bare, "LC_ALL": "C.UTF-8"})
        self._tmux("pipe-pane", "-o", f"cat > {raw}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server", check=False)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by their names."""
        self._tmux("send-keys", *keys)

    def kill(self) -> None:
        """Kill the program, which is not asked."""
        os.kill(int(self._tmux("display-message", "-p", "#{pane_pid}")), signal.SIGKILL)

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self, *, coloured: bool = False) -> str:
        """Give what is on the screen."""
        return self._tmux("capture-pane", "-p", *(["-e"] if coloured else []), check=False)

    def shows(self, *texts: str, seconds: float = PATIENCE) -> str:
        """Wait until all of this is on the screen, and give the screen."""

        def look() -> str | None:
            seen = self.screen()
            return seen if all(text in seen for text in texts) else None

        try:
            return wait_for(look, f"{texts} on the screen", seconds, 0.05)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; there is:\n{self.screen()}") from None

    def _tmux(self, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None) -> str:
        command = ["tmux", "-L", self._name, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout
