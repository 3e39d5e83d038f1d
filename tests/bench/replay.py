"""What an event costs to read again: at a start, and into a new history, beside decoding its line alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median

import msgspec

from stoker_daemon.projection import Projection
from stoker_daemon.runlog import segments
from stoker_shared.codec import decode_item
from stoker_shared.events import EventType
from tests.bench import homes, measure
from tests.bench.size import Row, Size

_DECODER = msgspec.json.Decoder(EventType)


def rows(place: Path, size: Size) -> list[Row]:
    """Measure the newest segment, in turns."""
    directory = homes.with_finished_runs(place, size.replayed) / "data/runlog"
    newest = segments.paths(directory)[-1]
    lines = newest.read_bytes().split(b"\n")[:-1]
    header: segments.Header = decode_item(lines[0], segments.Header)
    events = lines[1 + header.items :]
    ways = {
        "decode": lambda: [_DECODER.decode(line) for line in events],
        "load": lambda: segments.load(directory),
        "history": lambda: asyncio.run(_history(place / "replayed.db", directory, header, len(events))),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(size.repeat):
        for name, way in ways.items():
            taken[name].append(measure.took(way) / len(events))
    return [
        {
            "events": len(events),
            "way": name,
            "us_an_event": round(median(taken[name]) * 1e6, 2),
            "ratio": round(median(taken[name]) / median(taken["decode"]), 2),
        }
        for name in ways
    ]


async def _history(path: Path, directory: Path, header: segments.Header, events: int) -> None:
    path.unlink(missing_ok=True)
    projection = Projection(path)
    await projection.open(directory, header.log, header.first - 1 + events)
    await projection.close()
