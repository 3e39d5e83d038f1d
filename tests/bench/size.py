"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

Row = dict[str, object]
"""One line of a table: what was measured, and its figures."""


@dataclass(frozen=True)
class Size:
    """``repeat`` is how often what is compared is measured, in turns; medians are given."""

    repeat: int = 5
    chain: int = 100
    wide: int = 500
    layers: int = 20
    starts: int = 100
    workflows: tuple[int, ...] = (0, 1_000, 10_000)
    ticking: int = 100
    crowd: int = 10_000
    """Workflows that tick in the same second: with room for all their nodes, and with room for a few."""
    intervals: int = 10_000
    seconds: float = 60
    finished: int = 100_000
    full: float = 0.95
    """How full the newest segment is after the finished runs: what a start has to replay at most."""
    replayed: int = 1_000
    """Finished runs that are few: their events fit in one segment."""
    requests: int = 2_000
    followers: tuple[int, ...] = (1, 20, 200)
    lasting: int = 100_000
    """Nodes run by one daemon, ``nodes`` of them in a run."""
    nodes: int = 20
    hours: float = 24
    """That a daemon with schedules lives through, in three minutes."""
    output: int = 10_000_000_000
    """Bytes that a job writes, and in one line."""
    line: int = 1_000_000_000
    processes: int = 3_000
    listed: tuple[int, int] = (1_000, 1_000_000)
    """Finished runs in the histories that lists are asked of."""
    let_go: int = 100_000
    """Finished runs of a history, of which as many as these are ``kept`` of each workflow and outcome, and
    ``outputs`` have output."""
    kept: int = 1_000
    outputs: int = 20_000
    drawn: tuple[tuple[int, int], ...] = ((3, 4), (20, 10), (50, 20))
    """Layers, and nodes in each, of the DAGs that are drawn."""
    in_list: int = 100_000
    """Rows of a list in the terminal UI."""


TINY = Size(
    repeat=1,
    chain=2,
    wide=3,
    layers=2,
    starts=2,
    workflows=(0, 5),
    ticking=2,
    crowd=3,
    intervals=3,
    seconds=0.02,
    finished=10,
    full=0,
    replayed=10,
    requests=10,
    followers=(1, 2),
    lasting=20,
    nodes=2,
    hours=0.05,
    output=2_000_000,
    line=1_000_000,
    processes=20,
    listed=(10, 20),
    let_go=110,
    kept=2,
    outputs=5,
    drawn=((2, 2),),
    in_list=100,
)
"""Just enough to see that the benchmark works."""
