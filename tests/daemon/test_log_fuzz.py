"""The run log read whatever its bytes are: what was written is given, or it is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.runlog import segments
from stoker_daemon.runlog.following import Follower, NotKept
from stoker_daemon.runlog.log import open_log
from stoker_daemon.runlog.segments import LogError
from stoker_shared import events as ev
from stoker_shared.codec import encode_record
from stoker_shared.model import NodeState
from stoker_shared.state import State
from tests.strategies import T0, Story, created, exited, node, replayed, sealed, started, starting

GROUPS = (
    [created([node("a"), node("b", "a")], tags={"cuts": "\u2028\u0085\r\n"}), ev.RunStarted(1)],
    [starting("a"), started("a")],
    [exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED), starting("b")],
    [started("b")],
    [exited("b"), ev.NodeFinished(1, "b", NodeState.SUCCEEDED)],
)
"""What came to disk under one sync each."""

SECOND_FROM = 3
"""The group with which the second segment begins."""

Change = Callable[[bytes], bytes]


def write(directory: Path) -> list[ev.Record]:
    """Write a log of two segments, and give its records."""
    story = Story()
    for groups in (GROUPS[:SECOND_FROM], GROUPS[SECOND_FROM:]):
        path, lines = segments.path_for(directory, story.state.seq + 1), _opening(story.state)
        for group in groups:
            told = story.tell(*group)
            lines += b"".join(encode_record(record, told[0].seq) for record in told)
        path.write_bytes(lines)
    return story.records


def _opening(state: State) -> bytes:
    items = list(state.items())
    return sealed(segments.Header(1, "0" * 32, "machine", state.seq + 1, len(items), T0), *items)


def _at(share: float, data: bytes) -> int:
    return int(share * len(data))


shares = st.floats(0, 1)
junk = st.one_of(
    st.binary(max_size=30),
    st.integers(1, 300).map(bytes),
    st.sampled_from([b"\n", b'{"seq":', b',"crc":"00000000"}\n', b'{"seq":3,"group":3}\n']),
)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(lambda at: lambda data: data[: _at(at, data)], shares),
    st.builds(lambda at, new: lambda data: data[: _at(at, data)] + new + data[_at(at, data) :], shares, junk),
    st.builds(
        lambda at, new: lambda data: data[: _at(at, data)] + new + data[_at(at, data) + len(new) :],
        shares,
        junk,
    ),
    st.builds(lambda at, to: lambda data: data[: _at(at, data)] + data[_at(to, data) :], shares, shares),
    st.builds(lambda at: lambda data: b"\n".join(_doubled(data.split(b"\n"), at)), shares),
    junk.map(lambda new: lambda _: new),
)


def _doubled(lines: list[bytes], share: float) -> list[bytes]:
    at = int(share * (len(lines) - 1))
    return [*lines[: at + 1], *lines[at:]]


@given(st.lists(changes, min_size=1, max_size=3), st.booleans())
def test_a_log_that_was_changed_is_refused_or_gives_what_was_written_up_to_somewhere(
    made: list[Change], newest: bool
) -> None:
    with TemporaryDirectory() as directory:
        place = Path(directory)
        written = write(place)
        changed = segments.paths(place)[-1 if newest else 0]
        for change in made:
            changed.write_bytes(change(changed.read_bytes()))
        try:
            _, state = open_log(place, "machine", T0)
        except LogError as error:
            assert str(place) in str(error)
            return
        assert state == replayed(written[: state.seq])
        assert segments.load(place).torn == []
        _read_on(place, state.seq, written)


def _read_on(place: Path, durable: int, written: list[ev.Record]) -> None:
    """Replay and follow what is kept, of which what came before the newest segment may still be damaged."""
    try:
        given = [record for record, _ in segments.replay(place) if record]
        assert given == written[durable - len(given) : durable]
    except LogError:
        pass
    try:
        follower = Follower(place, durable, durable)
    except NotKept:
        return
    assert follower.read(durable) == b""
    follower.close()


def test_what_lies_beside_the_segments_is_none_of_them(tmp_path: Path) -> None:
    written = write(tmp_path)
    for name in ("backup.jsonl", "0000000000000001 (copy).jsonl", "1.jsonl", "99999999999999999.jsonl"):
        (tmp_path / name).write_bytes(segments.path_for(tmp_path, 1).read_bytes())

    _, state = open_log(tmp_path, "machine", T0)

    assert state == replayed(written)


def test_a_segment_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    segments.path_for(tmp_path, 1).rename(segments.path_for(tmp_path, 99))

    with pytest.raises(LogError, match=r"it is the segment 0000000000000001\.jsonl by what is in it"):
        open_log(tmp_path, "machine", T0)
