"""Chaos: a DAG of jobs while its daemon is killed again and again: ``python -m tests.e2e.chaos``.

Every job appends its name to one file, so that a job that was lost or run twice shows. When a run has ended
before all kills were made, it is run again.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, NamedTuple

import httpx

from tests.harness import StokerDaemon

_WIDTH, _UPSTREAM, _AT_ONCE = 5, 2, 4
_JOB = 'sleep "$1"; echo "$STOKER_RUN_ID $STOKER_NODE_NAME" >>"$OUT"\n'


class Outcome(NamedTuple):
    """What was done, and what came of it."""

    kills: int
    runs: int
    nodes: int
    adopted: int
    succeeded: int
    lost: int
    doubled: int


def chaos(home: Path, nodes: int, kills: int, seed: int) -> Outcome:
    """Run the DAG under a daemon with data in ``home`` that is killed at random moments.

    Raises AssertionError where the run log is not whole, or gives another history than there was.
    """
    chance = random.Random(seed)
    out = home / "out"
    out.touch()
    with StokerDaemon(home) as daemon:
        daemon.terminate()
        began = time.monotonic()
        daemon.start()
        startup = time.monotonic() - began
        daemon.publish_job("append.sh", _JOB, {"env": {"OUT": str(out)}})
        # Jobs take as long as a start at the mean: some end before the next daemon is there, others after.
        daemon.publish_workflow("layers", _layers(nodes, startup, chance), parallelism=_AT_ONCE)
        daemon.start_run("layers")
        daemon.kill()
        for _ in range(kills - 1):
            daemon.launch()
            killer = Timer(chance.uniform(0.2, 2) * startup, daemon.kill)
            killer.start()
            # Killed before it answers, or later.
            with suppress(RuntimeError, httpx.TransportError):
                daemon.wait_until_it_answers()
                _keep_running(daemon)
            killer.join()
        daemon.start()
        runs = [daemon.finished(run["id"], 300) for run in daemon.runs()]
        daemon.check_log()
        _check_history(daemon)
    return _outcome(runs, kills, Counter(out.read_text().splitlines()))


def _layers(count: int, seconds: float, chance: random.Random) -> list[dict[str, Any]]:
    names = [f"n{number:03}" for number in range(count)]
    return [
        {
            "name": name,
            "job": "append.sh",
            "args": [f"{chance.expovariate(1 / seconds):.3f}"],
            "upstream": chance.sample(above, min(_UPSTREAM, len(above))),
        }
        for number, name in enumerate(names)
        for above in [names[max(number // _WIDTH - 1, 0) * _WIDTH : number // _WIDTH * _WIDTH]]
    ]


def _keep_running(daemon: StokerDaemon) -> None:
    """Run the DAG again whenever it has ended, until the daemon is gone."""
    while True:
        if daemon.http.get("/v1/status").raise_for_status().json()["active_runs"] == 0:
            daemon.start_run("layers")
        time.sleep(0.02)


def _check_history(daemon: StokerDaemon) -> None:
    shown = _history(daemon)
    daemon.terminate()
    for database in daemon.data.glob("stoker.db*"):
        database.unlink()
    daemon.start()
    assert _history(daemon) == shown


def _history(daemon: StokerDaemon) -> list[dict[str, Any]]:
    rows = daemon.runs()
    return [*rows, *(daemon.run(row["id"]) for row in rows)]


def _outcome(runs: list[dict[str, Any]], kills: int, ran: Counter[str]) -> Outcome:
    nodes = [(f"{run['row']['id']} {node['name']}", node) for run in runs for node in run["nodes"]]
    return Outcome(
        kills=kills,
        runs=len(runs),
        nodes=len(nodes),
        adopted=sum("adopted_at" in attempt for _, node in nodes for attempt in node["attempts"]),
        succeeded=sum(run["row"]["state"] == "succeeded" for run in runs),
        lost=sum(not ran[name] for name, _ in nodes),
        doubled=sum(ran.values()) - len(ran),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Do it, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.chaos", description=__doc__)
    parser.add_argument("--nodes", type=int, default=200, help="in the DAG [%(default)s]")
    parser.add_argument("--kills", type=int, default=100, help="of the daemon [%(default)s]")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    with TemporaryDirectory() as home:
        outcome = chaos(Path(home), options.nodes, options.kills, options.seed)
    figures = {**outcome._asdict(), "seconds": round(time.monotonic() - began, 1)}
    print("  ".join(f"{name} {value}" for name, value in figures.items()))
    sys.exit(outcome.lost > 0 or outcome.doubled > 0 or outcome.succeeded < outcome.runs)


if __name__ == "__main__":
    main()
