"""Values that many tests need: strategies made from the types themselves, and runs told as events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from stoker_shared import events as ev
from stoker_shared.apply import apply
from stoker_shared.codec import encode_items, seal_lines
from stoker_shared.state import Run, State

T0 = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
SEPARATORS = "\u2028\u2029\u0085\x1c\r\n"
"""What cuts lines elsewhere and must not cut a record's."""

texts = st.one_of(st.text(max_size=12), st.text(alphabet=SEPARATORS + 'a"\\', max_size=6))
moments = st.datetimes(timezones=st.just(UTC))


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Give a strategy for any type that an event has as a field, and for the events themselves."""
    return _strategy(inspect.type_info(kind))


def _strategy(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StrType():
            return texts
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(0, 2**63 - 1)
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.DateTimeType():
            return moments
        case inspect.NoneType():
            return st.none()
        case inspect.EnumType(cls):
            return st.sampled_from(cls)
        case inspect.DictType(key, value):
            return st.dictionaries(_strategy(key), _strategy(value), max_size=3)
        case inspect.VarTupleType(item):
            return st.lists(_strategy(item), max_size=3).map(tuple)
        case inspect.UnionType(types):
            return st.one_of(*map(_strategy, types))
        case inspect.StructType(cls):
            return st.builds(cls, **{field.name: _strategy(field.type) for field in kind.fields})
    raise TypeError(f"no strategy for {kind}")


EVENT_TYPES: tuple[type[ev.Event], ...] = ev.EventType.__args__

records = st.builds(
    ev.Record,
    seq=st.integers(1, 2**63 - 1),
    at=moments,
    by=texts,
    event=st.one_of([values_of(kind) for kind in EVENT_TYPES]),
    key=st.none() | values_of(ev.KeyUse),
)


def sealed(*items: msgspec.Struct) -> bytes:
    """Give the sealed lines of what segments open with."""
    return seal_lines(encode_items(items))


class Story:
    """Events in their order, applied as they are told: the records, and the state they lead to."""

    def __init__(self, *events: ev.EventType | ev.Unknown) -> None:
        self.state = State()
        self.records: list[ev.Record] = []
        self.touched: dict[int, Run] = {}
        self.now = T0
        self.tell(*events)

    def tell(self, *events: ev.EventType | ev.Unknown, by: str = "alice") -> list[ev.Record]:
        """Go on with these events, and give their records."""
        told = []
        for event in events:
            record = ev.Record(self.state.seq + 1, self.now, by, event)
            if run := apply(self.state, record):
                self.touched[run.id] = run
            told.append(record)
        self.records += told
        return told

    def pass_time(self, seconds: float) -> None:
        """Let what is told next happen later."""
        self.now += timedelta(seconds=seconds)

    @property
    def run(self) -> Run:
        """The run that was created last."""
        return self.state.runs[self.state.counters.run]


def created(nodes: Iterable[ev.PlannedNode], run: int = 1, **fields: Any) -> ev.RunCreated:
    """Give the event that creates a run of these nodes."""
    event = ev.RunCreated(
        run=run,
        workspace="default",
        workflow=1,
        name="daily",
        version=1,
        trigger=ev.Trigger.MANUAL,
        cycle=T0 - timedelta(days=1),
        time_zone="Europe/Berlin",
        plan="0" * 64,
        nodes=tuple(nodes),
        parallelism=4,
    )
    return msgspec.structs.replace(event, **fields)


def node(name: str, *upstream: str, **fields: Any) -> ev.PlannedNode:
    """Give a node that waits for those named."""
    return ev.PlannedNode(name, upstream, **fields)


def starting(name: str, attempt: int = 1, run: int = 1) -> ev.AttemptStarting:
    """Give the intent to launch an attempt."""
    return ev.AttemptStarting(run, name, attempt, f"tag-{run}-{name}-{attempt}", "boot", ("/bin/true",))


def started(name: str, attempt: int = 1, run: int = 1) -> ev.AttemptStarted:
    """Give the event that an attempt's process exists."""
    return ev.AttemptStarted(run, name, attempt, 4000 + attempt, 77)


def exited(name: str, status: int | None = 0, attempt: int = 1, run: int = 1) -> ev.AttemptFinished:
    """Give the event that an attempt ended by itself."""
    return ev.AttemptFinished(run, name, attempt, status)


def replayed(story: Iterable[ev.Record]) -> State:
    """Give the state that records lead to from nothing."""
    state = State()
    for record in story:
        apply(state, record)
    return state
