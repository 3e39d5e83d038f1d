"""Reading segments: opening, replay, repair of a torn end, and the refusal of any other damage.

A segment opens with a header line and the lines of a snapshot; it appears in the directory whole (written
aside, synced, renamed). After them comes one event a line. Each event names the ``group`` it was synced with,
and a group is written only when the one before is on disk. So damage that no later group follows lies in the
last, unacknowledged group: a tail to cut. Damage that a later group follows was acknowledged: nobody cuts it.
Nor is a line cut that is whole and can't be read: a newer version may have written and acknowledged it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from stoker_shared.apply import NotAllowed, apply
from stoker_shared.codec import Damaged, Unreadable, decode_item, decode_record
from stoker_shared.events import FORMAT, Record
from stoker_shared.state import SHAPE, Item, Run, State

SUFFIX = ".jsonl"
_DIGITS = 16
"""Of a segment's name, which is the seq of its first event."""

_RECORD = b'{"seq":'
"""What the line of every record begins with."""


class LogError(Exception):
    """The run log can't be used as it is; the message says where and what to do. Nothing was changed."""


class Header(msgspec.Struct, tag="segment"):
    """A segment's first line. ``first`` is the seq of its first event, ``items`` its snapshot's lines.

    ``shape`` is that of the state in the snapshot.
    """

    format: int
    log: str
    machine: str
    first: int
    items: int
    at: datetime
    shape: int = 1


class Tail(msgspec.Struct):
    """A torn end: the bytes of ``path`` from ``offset`` on, and what is wrong with them."""

    path: Path
    offset: int
    why: str


class Loaded(msgspec.Struct):
    """A log read to its end: the state there, and what is torn.

    ``header``, ``path``, ``opening`` (its bytes) and ``size`` (bytes up to the torn end) are the newest whole
    segment's, and its last group begins at ``group``; there is no header where there is no such segment yet.
    """

    state: State
    header: Header | None = None
    path: Path | None = None
    opening: int = 0
    group: int = 0
    size: int = 0
    torn: list[Tail] = []


class _TornOpening(Exception):
    """A segment ends before its opening does."""


def paths(directory: Path) -> list[Path]:
    """Give the segments, oldest first; what else lies there, such as somebody's copy of one, is none."""
    return sorted(directory.glob("[0-9]" * _DIGITS + SUFFIX))


def path_for(directory: Path, first: int) -> Path:
    """Give the path of the segment whose first event is ``first``."""
    return directory / f"{first:0{_DIGITS}d}{SUFFIX}"


def first_of(path: Path) -> int:
    """Give the seq of a segment's first event, from its name."""
    return int(path.name.removesuffix(SUFFIX))


def load(directory: Path, end: Tail | None = None) -> Loaded:
    """Read the newest segment into the current state, and say what is torn. Changes nothing.

    What lies beyond ``end`` is as if it were not there.

    Raises:
        LogError: there is damage that is not a torn end, or a newer format.
    """
    torn: list[Tail] = []
    for path in reversed(paths(directory)):
        if end and path > end.path:
            continue
        data = path.read_bytes()
        if end and path == end.path:
            data = data[: end.offset]
        try:
            header, state, offset = _opening(path, data)
        except _TornOpening as error:
            if torn:
                raise _damage(path, 0, str(error)) from error
            torn.append(Tail(path, 0, str(error)))
            continue
        group, size = _replay_last(path, data, offset, state, torn)
        return Loaded(state, header, path, offset, group, size, torn)
    if torn and first_of(torn[0].path) != 1:
        raise _damage(torn[0].path, 0, torn[0].why)
    return Loaded(State(), torn=torn)


def set_aside(tail: Tail) -> Path:
    """Copy a torn end to a file beside the segment, cut it off, and give the copy's path."""
    copy = _free_name(tail)
    try:
        with tail.path.open("rb") as source, copy.open("xb") as target:
            source.seek(tail.offset)
            target.write(source.read())
            target.flush()
            os.fsync(target.fileno())
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    if tail.offset:
        _cut(tail)
    else:
        tail.path.unlink()
    sync_directory(tail.path.parent)
    return copy


def make_certain(path: Path, group: int, size: int) -> None:
    """Bring to disk what was read of a segment: its name, and its last group, from ``group`` to ``size``.

    Whoever wrote that may have ended before the sync, or because it failed. After a sync that failed the
    kernel may show what the disk does not have, and never sync it again: so it is written anew.
    """
    with path.open("r+b") as segment:
        segment.seek(group)
        data = segment.read(size - group)
        segment.seek(group)
        segment.write(data)
        segment.flush()
        os.fsync(segment.fileno())
    sync_directory(path.parent)


def cut_back(end: Tail) -> None:
    """Take away what lies beyond a place; nothing of it was acknowledged, and what is there of it unknown."""
    for path in paths(end.path.parent):
        if path > end.path:
            path.unlink()
    _cut(end)
    sync_directory(end.path.parent)


def remove_before(directory: Path, first: int) -> None:
    """Remove the segments before the one that begins at ``first``: the oldest first, so that none is missing
    among those that are left, whenever a crash comes.
    """
    for path in paths(directory):
        if first_of(path) >= first:
            break
        path.unlink()
        sync_directory(directory)


def replay(
    directory: Path, after: int | None = None, whole: Loaded | None = None, until: int | None = None
) -> Iterator[tuple[Record | None, Run | None]]:
    """Replay what is kept, giving each record with the run it is about, as it stands after it.

    Without ``after`` everything kept is replayed, and first come the runs of the oldest snapshot, with no
    record; with it, only the records later than that seq are given. The log must have no torn end, unless
    ``whole`` says from where on to leave it out, or ``until`` the seq beyond which nothing is looked at.

    Raises:
        LogError: a segment is damaged, or does not continue the one before.
    """
    kept = [path for path in paths(directory) if whole is None or (whole.path and path <= whole.path)]
    if after is not None:
        kept = [path for path, later in zip(kept, [*kept[1:], None], strict=True) if _reaches(later, after)]
    state = None
    for path in kept:
        if state and state.seq == until:
            return
        data = path.read_bytes()
        if whole and path == whole.path:
            data = data[: whole.size]
        header, opened, offset = _whole_opening(path, data)
        if state is None and after is None:
            yield from ((None, run) for run in opened.runs.values())
        if state is not None and header.shape == SHAPE and state != opened:
            raise _damage(path, 0, "its snapshot is not where the segment before it ends")
        state = opened
        if state.seq == until:
            return
        for at, record in _records(path, data, offset):
            run = _apply(path, at, state, record)
            if after is None or record.seq > after:
                yield record, run
            if record.seq == until:
                return


def sync_directory(directory: Path) -> None:
    """Make names made, renamed or removed in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cut(tail: Tail) -> None:
    with tail.path.open("r+b") as segment:
        segment.truncate(tail.offset)
        os.fsync(segment.fileno())


def _reaches(later: Path | None, after: int) -> bool:
    return later is None or first_of(later) > after + 1


def _opening(path: Path, data: bytes) -> tuple[Header, State, int]:
    """Read header and snapshot; give them and the offset of the first event."""
    lines = _lines(data, 0)
    header: Header = _opening_item(path, next(lines, None), Header)
    if header.format > FORMAT:
        raise LogError(
            f"{path}: written in format {header.format}, and this version reads up to {FORMAT}. "
            "Run the version of stokerd that wrote it, or a newer one."
        )
    if header.shape > SHAPE:
        raise LogError(
            f"{path}: written by a newer stokerd (its state has shape {header.shape}, and this version knows "
            f"up to {SHAPE}). Nothing was changed. Run the version that wrote it, or a newer one."
        )
    if header.first != first_of(path):
        raise _damage(
            path, 0, f"it is the segment {path_for(path.parent, header.first).name} by what is in it"
        )
    state = State(seq=header.first - 1)
    for _ in range(header.items):
        state.restore(_opening_item(path, next(lines, None), Item))
    first_event = next(lines, None)
    return header, state, first_event[0] if first_event else data.rindex(b"\n") + 1


def _whole_opening(path: Path, data: bytes) -> tuple[Header, State, int]:
    try:
        return _opening(path, data)
    except _TornOpening as error:
        raise _damage(path, 0, str(error)) from error


def _opening_item(path: Path, line: tuple[int, bytes] | None, kind: Any) -> Any:
    if line is None:
        raise _TornOpening("it ends inside its opening")
    offset, text = line
    try:
        return decode_item(text, kind)
    except Damaged as error:
        raise _damage(path, offset, str(error)) from error


def _replay_last(path: Path, data: bytes, offset: int, state: State, torn: list[Tail]) -> tuple[int, int]:
    """Apply the newest segment's events, note what is torn; give where the last group begins and ends."""
    begin = end = offset
    group = 0
    for line in _lines(data, offset):
        try:
            record, its_group = _decode_next(line[1], state.seq)
        except Damaged as error:
            if isinstance(error, Unreadable) or _later_group(data, end, state.seq + 1):
                raise _damage(path, end, str(error)) from error
            torn.append(Tail(path, end, str(error)))
            return begin, end
        _apply(path, end, state, record)
        if its_group != group:
            begin, group = end, its_group
        end = _end_of(line)
    if end < len(data):
        torn.append(Tail(path, end, "its last line has no end"))
    return begin, end


def _decode_next(line: bytes, seq: int) -> tuple[Record, int]:
    record, group = decode_record(line)
    if record.seq != seq + 1:
        raise Damaged(f"it is record {record.seq} where {seq + 1} belongs")
    return record, group


def _later_group(data: bytes, offset: int, seq: int) -> bool:
    """Tell whether any whole record from ``offset`` on was written in a group that began after ``seq``.

    Records are found by how they begin, which nothing inside one can look like (JSON escapes the quotes):
    what is damaged may be the newline before one.
    """
    while (offset := data.find(_RECORD, offset)) >= 0 and (end := data.find(b"\n", offset)) >= 0:
        try:
            _, group = decode_record(data[offset:end])
        except Damaged:
            group = 0
        if group > seq:
            return True
        offset += len(_RECORD)
    return False


def _records(path: Path, data: bytes, offset: int) -> Iterator[tuple[int, Record]]:
    end = offset
    for line in _lines(data, offset):
        try:
            yield line[0], decode_record(line[1])[0]
        except Damaged as error:
            raise _damage(path, line[0], str(error)) from error
        end = _end_of(line)
    if end < len(data):
        raise _damage(path, end, "its last line has no end")


def _apply(path: Path, offset: int, state: State, record: Record) -> Run | None:
    try:
        return apply(state, record)
    except NotAllowed as error:
        raise _damage(path, offset, str(error)) from error


def _lines(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Give offset and bytes of each line that a newline closes."""
    while (end := data.find(b"\n", offset)) >= 0:
        yield offset, data[offset:end]
        offset = end + 1


def _end_of(line: tuple[int, bytes]) -> int:
    return line[0] + len(line[1]) + 1


def _free_name(tail: Tail) -> Path:
    base = tail.path.with_name(f"{tail.path.name}.torn-at-{tail.offset}")
    names = (base.with_name(f"{base.name}.{n}") if n else base for n in range(1_000_000))
    return next(name for name in names if not name.exists())


def _damage(path: Path, offset: int, why: str) -> LogError:
    return LogError(
        f"{path}: damaged at byte {offset}: {why}. This is not a torn end, so nothing was changed. "
        "Restore the file from a copy, or keep it aside and ask for help: what follows may be whole."
    )
