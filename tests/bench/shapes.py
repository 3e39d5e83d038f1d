"""What a node costs beside its floor, in DAGs of different shapes."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.bench import floor, measure
from tests.bench.dags import chain, layered, wide
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon

_AT_ONCE = 8


def rows(place: Path, size: Size) -> list[Row]:
    """Measure each shape and its floor in turns."""
    dags = {
        f"chain {size.chain}": chain(size.chain),
        f"wide {size.wide}": wide(size.wide),
        f"layered {size.layers}x25": layered(size.layers, 25, 3),
    }
    home = place / "shapes"
    home.mkdir()
    found: list[Row] = []
    with StokerDaemon(home) as daemon:
        for name, dag in dags.items():
            measure.define(daemon, name, dag, _AT_ONCE)
            floors, stokers = [], []
            for _ in range(size.repeat):
                floors.append(floor.run(dag, _AT_ONCE, home) / len(dag))
                stokers.append(measure.run(daemon, name) / len(dag))
            found.append(
                {
                    "shape": name,
                    "floor_ms_a_node": measure.milliseconds(floors),
                    "stoker_ms_a_node": measure.milliseconds(stokers),
                    "ratio": round(median(stokers) / median(floors), 2),
                }
            )
    return found
