"""A machine run by a real systemd, on this host's files: booted, asked, ended; the host does not notice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import stoker_daemon
import stoker_shared
import stoker_tui
from tests.harness import wait_for

SYSTEMD = Path("/lib/systemd/systemd")
BOOT = Path(__file__).with_name("boot.sh")
OWN = ("/tmp", "/run", "/var/tmp", "/dev")
"""Directories of which the machine has its own."""

CODE = Path("/opt/stoker")
"""Where the machine has a copy of the code."""


class Machine:
    """One machine; ``directory`` is an empty one, for nothing but to be mounted on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._group = f"stoker-test-{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None

    def why_not(self) -> str:
        """Say why there can be no such machine here, if so."""
        if os.geteuid() != 0:
            return "only root can boot a systemd"
        if not SYSTEMD.exists():
            return "there is no systemd here (apt-get install systemd)"
        tried = subprocess.run(self._boot("/bin/true"), capture_output=True, text=True, check=False)
        self._remove_group()
        return f"no namespaces for a systemd: {tried.stderr.strip()}" if tried.returncode else ""

    def boot(self) -> None:
        """Boot it."""
        self._process = subprocess.Popen(
            self._boot(str(SYSTEMD), "--unit=test.target", "--log-target=journal"), stdin=subprocess.DEVNULL
        )
        wait_for(self._has_booted, "systemd has booted", interval=0.1)
        # The user that the daemon runs as has to come to the interpreter, wherever that is.
        for way in {parent for path in (sys.prefix, sys.base_prefix) for parent in Path(path).parents}:
            self.run("sh", "-c", f"chmod -f o+rx '{way}' || true")
        self.run("mkdir", "-p", str(CODE))
        for package in (stoker_shared, stoker_daemon, stoker_tui):
            self.run("cp", "-r", package.__path__[0], str(CODE))

    def shut_down(self) -> None:
        """End it, with all that runs on it."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self._remove_group()

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command on it, as root, and give what it prints."""
        done = subprocess.run(
            ["nsenter", f"--target={self._init}", "--all", "--wd=/", "--", *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not (check and done.returncode), f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def show(self, unit: str, name: str) -> str:
        """Give a property of a unit."""
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").strip()

    def path(self, inside: str | Path) -> Path:
        """Give where the host sees one of its files."""
        return Path(f"/proc/{self._init}/root/{str(inside).lstrip('/')}")

    @property
    def _init(self) -> int:
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return int(children.read_text().split()[0])

    def _has_booted(self) -> bool:
        assert self._process
        assert self._process.poll() is None, "systemd ended"
        try:
            return self.run("systemctl", "is-active", "test.target", check=False).strip() == "active"
        except (IndexError, FileNotFoundError):
            return False

    def _boot(self, *init: str) -> list[str]:
        paths = {str(Path(path).resolve()) for path in (sys.prefix, sys.base_prefix, *sys.path) if path}
        shown = " ".join(path for path in sorted(paths) if path.startswith(OWN) and Path(path).is_dir())
        where = [str(self._directory), self._group, shown]
        return ["unshare", "--mount", "--propagation", "private", "sh", str(BOOT), *where, *init]

    def _remove_group(self) -> None:
        """Remove the control groups that are left, deepest first, wherever they are mounted."""
        mounted = subprocess.run(
            ["findmnt", "-t", "cgroup2", "-n", "-o", "TARGET", "--first-only"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        own = Path("/proc/self/cgroup").read_text().split("0::")[-1].split("\n")[0].lstrip("/")
        top = Path(mounted or "/sys/fs/cgroup") / own / self._group
        wait_for(lambda: _removed(top), f"nothing runs in {top}")


def _removed(top: Path) -> bool:
    try:
        for directory, _, _ in os.walk(top, topdown=False):
            Path(directory).rmdir()
    except OSError:  # of a process that is still ending
        return False
    return True
