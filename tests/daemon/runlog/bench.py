"""Logs as they are on disk, written by the daemon and by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from stoker_daemon.runlog import segments
from stoker_daemon.runlog.log import RunLog, open_log
from stoker_shared import events as ev
from stoker_shared.codec import decode_item, encode_record
from stoker_shared.model import NodeState
from stoker_shared.state import State
from tests.strategies import T0, Story, created, exited, node, replayed, sealed, started, starting

MACHINE = "f" * 32
LOG = "0" * 32

Groups = list[list[ev.Record]]


def some_groups() -> Groups:
    """The records of a small story, in the groups they come to disk in."""
    story = Story()
    return [
        story.tell(ev.JobPublished("default", "etl/a.py", 1, "d1", 12, remarks="\u2028 and \u0085")),
        story.tell(created([node("a"), node("b", "a")]), ev.RunStarted(1), starting("a")),
        story.tell(started("a")),
        story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED), starting("b")),
        story.tell(started("b")),
    ]


def all_of(groups: Groups) -> list[ev.Record]:
    return [record for group in groups for record in group]


class Segment:
    """What a segment with these groups has to be on disk: its lines, of which the first are its opening."""

    def __init__(self, groups: Groups, before: Sequence[ev.Record] = ()) -> None:
        state = replayed(before)
        items = [sealed(item) for item in state.items()]
        header = segments.Header(ev.FORMAT, LOG, MACHINE, state.seq + 1, len(items), T0)
        self.first = state.seq + 1
        self.records = all_of(groups)
        self.opening = [sealed(header), *items]
        self.lines = [encode_record(record, group[0].seq) for group in groups for record in group]
        self.last_group = self.start_of(len(self.lines) - len(groups[-1])) if groups else len(self.content)

    @property
    def content(self) -> bytes:
        return b"".join(self.opening + self.lines)

    def start_of(self, line: int) -> int:
        """Where a record's line begins."""
        return len(b"".join(self.opening + self.lines[:line]))

    def lines_within(self, size: int) -> int:
        """How many records lie wholly in the first bytes."""
        return sum(self.start_of(line + 1) <= size for line in range(len(self.lines)))

    def line_at(self, position: int) -> int:
        """Where the line begins that has the byte at this position."""
        return self.content.rfind(b"\n", 0, position) + 1

    def put(self, directory: Path, content: bytes | None = None) -> Path:
        directory.mkdir(exist_ok=True)
        path = segments.path_for(directory, self.first)
        path.write_bytes(self.content if content is None else content)
        return path


def opened(directory: Path) -> tuple[RunLog, State]:
    return open_log(directory, MACHINE, T0)


def files_in(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def torn_copies(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(directory.glob("*.torn-at-*"))]


def published(story: Story, count: int = 1) -> list[ev.Record]:
    """Go on with a story by something that is always possible."""
    return story.tell(
        *[ev.JobPublished("default", "more.sh", story.state.seq + n, "d", n) for n in range(count)]
    )


def go_on(log: RunLog, state: State) -> None:
    """Write two more records to a log that was just opened."""
    story = Story()
    story.state = state
    log.start(lambda _: None, lambda _: None)
    log.append(published(story, 2), state)
    log.close()


async def written(directory: Path, groups: Groups) -> RunLog:
    """A log to which these groups were written by the daemon's own writer."""
    log, state = opened(directory)
    log.start(lambda _: None, lambda _: None)
    story = Story()
    story.state = state
    for group in groups:
        for record in group:
            story.tell(record.event, by=record.by)
        log.append(group, state)
        await log.wait_durable(group[-1].seq)
    log.close()
    return log


def lines_of(directory: Path) -> list[bytes]:
    """The lines of all events that are in a log's files."""
    found = []
    for path in segments.paths(directory):
        header_line, *lines = path.read_bytes().split(b"\n")[:-1]
        header: segments.Header = decode_item(header_line, segments.Header)
        found += lines[header.items :]
    return found


def damaged(segment: Segment, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Give a segment's content with one byte changed, for each position and several ways."""
    content = segment.content
    for position in range(start, end):
        for byte in {content[position] ^ 1, 0x0A, 0} - {content[position]}:
            yield position, content[:position] + bytes([byte]) + content[position + 1 :]
