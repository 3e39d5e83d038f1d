"""Figures for Prometheus, made when they are asked for."""

from __future__ import annotations

from stoker_daemon.engine import Engine
from stoker_daemon.volumes import free_bytes
from stoker_shared import __version__


def exposition(engine: Engine) -> tuple[bytes, str]:
    """Give the figures as text, and the text's media type."""
    # Not loaded with the daemon: it takes 70 ms, and most daemons are never asked.
    import prometheus_client as prometheus  # noqa: PLC0415

    state = engine.state
    active = [node for run in state.runs.values() for node in run.active]
    gauges = {
        "stoker_jobs": ("Jobs defined.", len(state.jobs)),
        "stoker_workflows": ("Workflows defined.", len(state.workflows)),
        "stoker_active_runs": ("Runs that have not finished.", len(state.runs)),
        "stoker_active_nodes": ("Nodes that have a process.", len(active)),
        "stoker_free_bytes": ("Bytes free on the disk with the data.", free_bytes(engine.log.directory)),
        "stoker_log_position": ("Position in the run log that is on disk.", engine.log.durable),
    }
    registry = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(registry=registry)
    prometheus.Info("stoker", "This daemon.", registry=registry).info({"version": __version__})
    for name, (meaning, value) in gauges.items():
        prometheus.Gauge(name, meaning, registry=registry).set(value)
    events = prometheus.Counter(
        "stoker_events", "Events recorded since the daemon started.", ["type", "outcome"], registry=registry
    )
    for (kind, outcome), count in list(engine.counts.items()):
        events.labels(kind, outcome).inc(count)
    return prometheus.generate_latest(registry), prometheus.CONTENT_TYPE_LATEST
