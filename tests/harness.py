"""A real `stokerd` for tests: started, asked, killed, started again, in a directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import click
import httpx
from click.testing import CliRunner

from stoker_daemon.cli import main as stokerd
from stoker_tui.cli import main as stoker

STOKERD = Path(sys.executable).with_name("stokerd")
STOKER = Path(sys.executable).with_name("stoker")

PATIENCE = 60
"""Seconds that anything is waited for that is sure to come: no machine is so slow, nobody waits it out."""

_T = TypeVar("_T")


def wait_for(
    condition: Callable[[], _T | None], what: str, seconds: float = PATIENCE, interval: float = 0.02
) -> _T:
    """Give what ``condition`` gives once it is true; fail when it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline  # Before it is looked: who was held up may find it true by then.
        if found := condition():
            return found
        if late:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(interval)


def is_gone(pid: int) -> bool:
    """Tell whether there is no live process of that pid; a zombie is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat[stat.rindex(")") + 2] in "ZX"


def client_of(socket: Path) -> httpx.Client:
    """Give a client of the daemon that listens there."""
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(socket), retries=0),
        base_url="http://stokerd",
        timeout=PATIENCE,
    )


def in_process(
    program: click.Command, arguments: Sequence[str | Path], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command in this process."""
    words = [str(argument) for argument in arguments]
    done = CliRunner().invoke(program, words, env=environment)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess([str(program.name), *words], done.exit_code, done.stdout, done.stderr)


class StokerDaemon:
    """One daemon on data in ``home``, over its restarts."""

    def __init__(
        self,
        home: Path,
        environment: Mapping[str, str] | None = None,
        *,
        patience: float = PATIENCE,
        wide_queues: bool = True,
    ) -> None:
        self.home = home
        self.patience = patience
        """Seconds it has to answer after its start."""
        self.data = home / "data"
        self.socket = home / "s"
        self.journal = home / "journal"
        self.environment = {
            **os.environ,
            "STOKER_DATA": str(self.data),
            "STOKER_SOCKET": str(self.socket),
            "STOKER_CONFIG": os.devnull,
            **(environment or {}),
        }
        self.http = client_of(self.socket)
        self._to_be_widened = wide_queues
        self.inside: list[str] = []
        """What the daemon is run by, where it is to run in a namespace."""
        self.arguments: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> StokerDaemon:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_active_runs()
        self.close()

    def close(self) -> None:
        """End it, if it runs, where it has no job to leave behind."""
        if self._process and self._process.poll() is None:
            self.terminate()
        self.http.close()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers.

        At its first start its queues are made wide, unless they are to be as large as the host.
        """
        self.launch()
        self.wait_until_it_answers()

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        with self.journal.open("ab") as journal:
            self._process = subprocess.Popen(
                [*self.inside, STOKERD, *self.arguments],
                env=self.environment,
                stderr=journal,
                stdin=subprocess.DEVNULL,
            )

    def wait_until_it_answers(self) -> None:
        """Wait until it answers. Raises RuntimeError: it ended before it did."""
        what = f"stokerd answers; its journal: {self.journal.read_text()[-2000:]}"
        wait_for(self._answers, what, self.patience)
        if self._to_be_widened:
            self._to_be_widened = False
            for name, environment in (("root_queue", "production"), ("dev_queue", "development")):
                self.set_queue(name, environment=environment, limit=1000)

    def kill(self) -> None:
        """SIGKILL it."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM it, and give its exit status."""
        return self._end(signal.SIGTERM)

    def stop_active_runs(self) -> None:
        """Leave no job behind."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        active = [run for run in self.runs() if run["state"] in ("pending", "running", "paused")]
        for run in active:
            self.http.post(f"/v1/runs/{run['id']}/stop")
        for run in active:
            self.finished(run["id"])

    def run_stoker(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command `stoker` against it, in this process: a new one takes ten times as long."""
        return in_process(stoker, arguments, self.environment)

    def run_stokerd(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of `stokerd` on its data; where that is in a namespace, there."""
        if not self.inside:
            return in_process(stokerd, arguments, self.environment)
        return subprocess.run(
            [*self.inside, STOKERD, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def check_log(self) -> str:
        """Verify the run log with `stokerd check`, and give what it says."""
        done = self.run_stokerd("check", "--verify-log")
        assert "ok  run log" in done.stdout, done.stdout + done.stderr
        return done.stdout

    def publish_job(self, path: str, content: bytes | str, config: Mapping[str, Any] | None = None) -> None:
        """Publish content as the next version of a job."""
        data = content.encode() if isinstance(content, str) else content
        digest = sha256(data).hexdigest()
        self.http.put(f"/v1/objects/{digest}", content=data).raise_for_status()
        self.http.post(
            f"/v1/workspaces/default/jobs/{path}/publish", json={"digest": digest, "config": config or {}}
        ).raise_for_status()

    def publish_workflow(self, name: str, nodes: Sequence[Mapping[str, Any]], **fields: Any) -> None:
        """Save a workflow's draft, whatever it was, and publish it."""
        url = f"/v1/workspaces/default/workflows/{name}"
        known = self.http.get(url)
        condition = {"If-Match": known.headers["etag"]} if known.is_success else {"If-None-Match": "*"}
        spec = {"workflow": name, "nodes": list(nodes), **fields}
        saved = self.http.put(url, json=spec, headers=condition)
        assert saved.is_success, saved.text
        published = self.http.post(f"{url}/publish", json={})
        assert published.is_success, published.text

    def set_queue(self, name: str, **spec: Any) -> None:
        """Make a queue, or change one."""
        saved = self.http.put(f"/v1/queues/{name}", json=spec)
        assert saved.is_success, saved.text

    def start_run(self, workflow: str, **fields: Any) -> int:
        """Start a run and give its number."""
        started = self.http.post("/v1/workspaces/default/runs", json={"workflow": workflow, **fields})
        assert started.is_success, started.text
        return started.json()["row"]["id"]

    def run(self, number: int) -> dict[str, Any]:
        """Give a run whole."""
        return self.http.get(f"/v1/runs/{number}").raise_for_status().json()

    def runs(self) -> list[dict[str, Any]]:
        """Give the newest runs."""
        return self.http.get("/v1/workspaces/default/runs").raise_for_status().json()["items"]

    def finished(self, number: int, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait for a run's end and give it whole."""

        def look() -> dict[str, Any] | None:
            run = self.run(number)
            return run if "ended_at" in run["row"] else None

        return wait_for(look, f"run #{number} ends", seconds)

    def node(self, number: int, name: str) -> dict[str, Any]:
        """Give one node of a run."""
        return next(node for node in self.run(number)["nodes"] if node["name"] == name)

    def output(self, number: int, node: str, attempt: int = 1, stream: str = "stdout") -> str:
        """Give what an attempt wrote."""
        url = f"/v1/runs/{number}/nodes/{node}/attempts/{attempt}/logs/{stream}"
        return self.http.get(url).raise_for_status().text

    def _answers(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise RuntimeError(f"stokerd ended: {self.journal.read_text()[-2000:]}")
        try:
            return self.http.get("/v1/status").is_success
        except httpx.TransportError:
            return False

    def _end(self, number: signal.Signals) -> int:
        assert self._process
        self._process.send_signal(number)
        return self._process.wait(PATIENCE)
