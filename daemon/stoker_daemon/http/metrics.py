"""Figures for Prometheus, gathered when they are asked for, and written by its library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from stoker_daemon.engine import Engine
from stoker_daemon.figures import Histogram
from stoker_daemon.http.operations import Operation
from stoker_daemon.planning.tally import Tally
from stoker_shared import __version__
from stoker_shared.api import Space
from stoker_shared.apply.notifying import lost
from stoker_shared.events import Trigger
from stoker_shared.model import RUN_ENDS, RunState


class Kind(Enum):
    """What kind of figure it is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    INFO = "info"


class Family(NamedTuple):
    """Figures of one name: a value for each combination of the labels' values."""

    kind: Kind
    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]


class Timings(NamedTuple):
    """Histograms of one name, for each combination of the labels' values: bounds, cumulated counts, sum."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], tuple[tuple[float, ...], list[int], float]]


def gathered(
    engine: Engine, tally: Tally, operations: Iterable[Operation], space: Space
) -> list[Family | Timings]:
    """Give all figures as they are now. They are taken in the engine's thread, which changes them."""
    return [
        *_now(engine, tally, space),
        *_queues(engine, tally),
        *_since_start(engine),
        *_timings(engine, operations),
    ]


def _now(engine: Engine, tally: Tally, space: Space) -> Iterator[Family]:
    state = engine.state
    gauges = {
        "jobs": ("Jobs defined.", len(state.jobs)),
        "workflows": ("Workflows defined.", len(state.workflows)),
        "active_nodes": ("Nodes that have a process.", tally.active),
        "log_position": ("Position in the run log that is on disk.", engine.log.durable),
        "draining": ("1 while no node is started since somebody asked for that.", bool(state.draining)),
        "held": ("1 while changes are refused, since the disk is full or fails.", bool(engine.held())),
        "disk_free_bytes": ("Bytes free on the disk with the data.", space.free),
        "disk_size_bytes": ("Size of the disk with the data.", space.total),
        "disk_low": ("1 while less is free than low_space.", space.low),
        "notifications_pending": ("Notifications to be sent.", state.outbox.pending),
        "notifications_lost": (
            "Notifications given up in the last days, as `stoker status` counts them.",
            len(lost(state.outbox, engine.now())),
        ),
    }
    yield Family(Kind.INFO, "stoker_build", "This daemon.", ("version",), {(__version__,): 1})
    for name, (meaning, value) in gauges.items():
        yield Family(Kind.GAUGE, f"stoker_{name}", meaning, (), {(): float(value)})
    runs = {
        (kind.value, trigger.value): float(tally.runs[kind, trigger])
        for kind in RunState
        if kind not in RUN_ENDS
        for trigger in Trigger
    }
    meaning = "Runs that have not finished."
    yield Family(Kind.GAUGE, "stoker_active_runs", meaning, ("state", "trigger"), runs)


def _queues(engine: Engine, tally: Tally) -> Iterator[Family]:
    queues = engine.state.queues.values()
    figures: dict[str, tuple[str, dict[str, int | None]]] = {
        "used_cu": ("CU that active nodes take.", {queue.name: queue.cu for queue in queues}),
        "limit_cu": ("CU that it has, if limited.", {queue.name: queue.spec.limit for queue in queues}),
        "active_nodes": ("Nodes of it that are active.", {queue.name: queue.active for queue in queues}),
        "limit_nodes": ("Nodes that may be, if limited.", {queue.name: queue.spec.nodes for queue in queues}),
        "waiting_nodes": (
            "Nodes that only wait for a place in it.",
            {queue.name: tally.waiting[queue.name] for queue in queues},
        ),
    }
    for name, (meaning, values) in figures.items():
        known = {(queue,): float(value) for queue, value in values.items() if value is not None}
        yield Family(Kind.GAUGE, f"stoker_queue_{name}", meaning, ("queue",), known)


def _since_start(engine: Engine) -> Iterator[Family]:
    figures = engine.figures
    for name, what, label, counts in (
        ("events", "Events recorded", "type", figures.events),
        ("runs_created", "Runs made", "trigger", figures.created),
        ("attempts_finished", "Attempts that ended", "outcome", figures.attempts),
    ):
        values = {(value,): float(count) for value, count in counts.items()}
        yield Family(Kind.COUNTER, f"stoker_{name}", f"{what} since the daemon started.", (label,), values)
    meaning = "Runs that finished since the daemon started."
    yield Family(Kind.COUNTER, "stoker_runs_finished", meaning, ("state", "trigger"), dict(figures.finished))


def _timings(engine: Engine, operations: Iterable[Operation]) -> Iterator[Timings]:
    figures = engine.figures
    single = {
        "stoker_log_sync_seconds": ("What a sync of the run log takes.", engine.log.syncs),
        "stoker_tick_delay_seconds": (
            "From a tick to its run being made; ticks that were missed and caught up are among them.",
            figures.tick_delay,
        ),
    }
    for name, (meaning, histogram) in single.items():
        yield Timings(name, meaning, (), {(): _copied(histogram)})
    meaning = "How long nodes waited for their first attempt, from when they could start."
    waits = {(queue,): _copied(histogram) for queue, histogram in figures.waits.items()}
    yield Timings("stoker_node_wait_seconds", meaning, ("queue",), waits)
    meaning = "From a request's head until its answer is ready; what is streamed takes longer."
    took = {
        (operation.method, operation.template, outcome.value): copied
        for operation in operations
        for outcome, histogram in operation.took.items()
        if (copied := _copied(histogram))[1][-1]
    }
    yield Timings("stoker_http_request_duration_seconds", meaning, ("method", "route", "outcome"), took)


def _copied(histogram: Histogram) -> tuple[tuple[float, ...], list[int], float]:
    return histogram.bounds, histogram.cumulated(), histogram.sum


def exposition(families: list[Family | Timings]) -> tuple[bytes, str]:
    """Give figures as text, and the text's media type; those of this process are added."""
    # Not loaded with the daemon: it takes 70 ms, and most daemons are never asked.
    from prometheus_client import (  # noqa: PLC0415
        CONTENT_TYPE_LATEST,
        CollectorRegistry,
        ProcessCollector,
        generate_latest,
    )
    from prometheus_client.core import (  # noqa: PLC0415
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
        Metric,
    )
    from prometheus_client.registry import Collector  # noqa: PLC0415
    from prometheus_client.utils import floatToGoString  # noqa: PLC0415

    def counted(family: Family) -> Metric:
        if family.kind is Kind.INFO:
            info = InfoMetricFamily(family.name, family.meaning, labels=())
            for values in family.values:
                info.add_metric((), dict(zip(family.labels, values, strict=True)))
            return info
        kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
        metric = kind(family.name, family.meaning, labels=family.labels)
        for values, value in family.values.items():
            metric.add_metric(values, value)
        return metric

    def timed(timings: Timings) -> Metric:
        metric = HistogramMetricFamily(timings.name, timings.meaning, labels=timings.labels)
        for values, (bounds, counts, total) in timings.values.items():
            edges = [*map(floatToGoString, bounds), "+Inf"]
            metric.add_metric(values, list(zip(edges, map(float, counts), strict=True)), total)
        return metric

    class Given(Collector):
        def collect(self) -> Iterator[Metric]:
            for each in families:
                yield timed(each) if isinstance(each, Timings) else counted(each)

    registry = CollectorRegistry()
    # Not under their plain names: a file of figures that node_exporter gives on may have none of its own.
    ProcessCollector(namespace="stoker", registry=registry)
    registry.register(Given())
    return generate_latest(registry), CONTENT_TYPE_LATEST
