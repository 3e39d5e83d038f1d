"""Start latency and throughput with few and with many workflows defined."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.bench import homes, measure
from tests.bench.dags import chain, wide
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon


def rows(place: Path, size: Size) -> list[Row]:
    """Measure a daemon for each number of workflows; they are up at once and take turns."""
    daemons = {count: StokerDaemon(homes.with_workflows(place, count)) for count in size.workflows}
    latencies: dict[int, list[float]] = {count: [] for count in daemons}
    chains: dict[int, list[float]] = {count: [] for count in daemons}
    wides: dict[int, list[float]] = {count: [] for count in daemons}
    for daemon in daemons.values():
        daemon.start()
        measure.define(daemon, "chain", chain(size.chain), 8)
        measure.define(daemon, "wide", wide(size.wide), 8)
    for _ in range(size.repeat):
        for count, daemon in daemons.items():
            latencies[count] += measure.start_latencies(daemon, size.starts // size.repeat)
            chains[count].append(measure.run(daemon, "chain") / size.chain)
            wides[count].append(measure.run(daemon, "wide") / size.wide)
    for daemon in daemons.values():
        daemon.__exit__()
    return [
        {
            "workflows": count,
            "start_median_ms": measure.milliseconds(latencies[count]),
            "start_p99_ms": measure.p99_milliseconds(latencies[count]),
            "chain_nodes_a_s": round(1 / median(chains[count])),
            "wide_nodes_a_s": round(1 / median(wides[count])),
        }
        for count in daemons
    ]
