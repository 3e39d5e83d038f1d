"""The output of a node, of any size: opened at its end, followed, searched, saved."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from rich.text import Text as Styled
from textual.events import Key, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from stoker_shared.api import Stream
from stoker_shared.terminal import TerminalCleaner
from stoker_shared.text import clean_line
from stoker_tui.logs.attempt import Unreadable
from stoker_tui.logs.drawing import drawn, folded, mark
from stoker_tui.logs.reader import find_after, find_before, load
from stoker_tui.logs.searching import ERRORS, Found, Pattern
from stoker_tui.logs.source import Source
from stoker_tui.logs.text import Line, Missing, Text
from stoker_tui.logs.window import Row, Window
from stoker_tui.suspending import suspended
from stoker_tui.widgets.pieces import Piece, Styles, in_ascii, padded, strip

FRAME_SECONDS = 0.1
"""What is written is shown no more often than this."""

PAUSE_SECONDS = 1.0
"""How long it waits for a daemon that is gone."""

_WHEEL = 3
_SIDEWAYS = 16
_MOST_DRAWN = 2000
"""Lines that are kept as they were drawn."""

_PAGER = "less -R"

_Step = Callable[[], None]


class LogView(Widget, can_focus=True):
    """One node's output, by attempt and stream.

    ``open_source`` gives what an attempt's stream is read from; ``read_all`` gives all of it that is there,
    as it was written, for a pager and for a file. ``name`` is what it is of.
    """

    DEFAULT_CSS = """
    LogView { height: 1fr; }
    """

    def __init__(
        self,
        styles: Styles,
        open_source: Callable[[int, Stream], Source],
        read_all: Callable[[int, Stream], Iterator[bytes]],
        *,
        title: str,
        attempts: int,
        stream: Stream = Stream.BOTH,
        ascii_only: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._styles = styles
        self._open_source = open_source
        self._read_all = read_all
        self._title = title
        self._ascii = ascii_only
        self._attempts = attempts
        self._attempt = attempts
        self._stream = stream
        self._source = open_source(attempts, stream)
        self._window = Window(Text(), self._rows_of)
        self._steps: list[_Step] = []
        self._seen: list[Row] = []
        self._drawn: dict[Line, Sequence[Styled]] = {}
        self._left = 0
        self._wraps = False
        self._follows = True
        self._ended = False
        self._pattern: Pattern | None = None
        self._sought_for = ""
        self._found: Found | None = None
        self._typing = ""
        """What is being typed: something to look for, or the name of a file."""
        self._typed = ""
        self._told = ""
        self._watching: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._seeking: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._paging: asyncio.Task[None] | None = None

    # Where to look.

    def scroll_rows(self, rows: int) -> None:
        """Go down by so many rows, or up; who goes up follows no more."""
        self._move(lambda: self._window.scroll(rows), follows=self._follows and rows > 0)

    def scroll_pages(self, pages: int) -> None:
        """Go down by so many pages, or up."""
        self.scroll_rows(pages * max(self._window.height - 1, 1))

    def scroll_sideways(self, steps: int) -> None:
        """Look further right, or left, where lines are not wrapped."""
        self._left = max(self._left + steps * _SIDEWAYS, 0)
        self.refresh()

    def to_start(self) -> None:
        """Go to the beginning."""
        self._move(self._window.to_start, follows=False)

    def to_end(self) -> None:
        """Go to the end, and follow what is written there."""
        self._move(self._window.to_end, follows=True)

    def follow(self) -> None:
        """Follow what is written, or stay where it is."""
        self._move(_nothing if self._follows else self._window.to_end, follows=not self._follows)

    def wrap(self) -> None:
        """Fold long lines, or show them as they are."""
        self._wraps, self._left = not self._wraps, 0
        self._drawn.clear()
        self._do(self._window.to_end if self._follows else self._window.settle)

    def _move(self, step: _Step, *, follows: bool) -> None:
        self._told, self._follows = "", follows
        self._refresh_status()
        self._do(step)

    # What is looked at.

    def next_stream(self) -> None:
        """Show the next stream: both, stdout, stderr, what was launched."""
        streams = list(Stream)
        self._show(self._attempt, streams[(streams.index(self._stream) + 1) % len(streams)])

    def other_attempt(self, step: int) -> None:
        """Show the attempt before, or after."""
        attempt = self._attempt + step
        if 1 <= attempt <= self._attempts:
            self._show(attempt, self._stream)
        else:
            self.tell("there is no earlier attempt" if step < 0 else "there is no later attempt")

    def know_attempts(self, attempts: int) -> None:
        """Take note of how many attempts there are; who follows the newest goes on with the next."""
        before, self._attempts = self._attempts, attempts
        if attempts > before == self._attempt and self._follows:
            self._show(attempts, self._stream)
        else:
            self._refresh_status()

    def _show(self, attempt: int, stream: Stream) -> None:
        self._attempt, self._stream = attempt, stream
        self._source = self._open_source(attempt, stream)
        self._window.text = Text()
        self._found, self._told = None, ""
        self._follows, self._ended = True, False
        self._steps.clear()
        self._drawn.clear()
        self._begin()

    # Searching.

    def ask_search(self) -> None:
        """Let something to look for be typed."""
        self._ask("/", "")

    def find_next(self) -> None:
        """Go to the next place of what is looked for, also in what was written meanwhile."""
        self._seek(down=True)

    def find_previous(self) -> None:
        """Go to the place before."""
        self._seek(down=False)

    def next_error(self) -> None:
        """Go to the next error below, and where there is none to the last one above."""
        self._look_for_errors()
        self._seek(down=True, else_turn=True)

    def previous_error(self) -> None:
        """Go to the error before."""
        self._look_for_errors()
        self._seek(down=False)

    def _look_for_errors(self) -> None:
        self._pattern, self._sought_for = Pattern(ERRORS), "error"

    def _seek(self, *, down: bool, else_turn: bool = False) -> None:
        if self._pattern is None:
            self.tell("nothing is looked for yet; / asks what")
            return
        if self._seeking is not None:
            self._seeking.cancel()
        self._drawn.clear()
        self._seeking = asyncio.create_task(self._sought(self._pattern, down, else_turn))

    async def _sought(self, pattern: Pattern, down: bool, else_turn: bool) -> None:
        text = self._window.text
        below, above = self._from()
        try:
            found = (
                await find_after(self._source, pattern, below, text.size, self._looking_at)
                if down
                else await find_before(self._source, pattern, above, text.size, self._looking_at)
            )
            if found is None and else_turn:
                found = await find_before(self._source, pattern, above, text.size, self._looking_at)
        except Unreadable as error:
            self.tell(str(error))
            return
        self._seeking = None
        if found is None:
            where = "in it" if else_turn else "below" if down else "above"
            self.tell(f"no {'' if else_turn else 'more '}{self._sought_for} {where}")
            return
        self._found, self._follows = found, False
        self._told = ""
        self._do(lambda: self._window.show(found.start))

    def _looking_at(self, position: int) -> None:
        done = position * 100 // max(self._window.text.size, 1)
        self.tell(f"looking at {done}% ...  esc stops it")

    def _from(self) -> tuple[int, int]:
        """Give where to look from, down and up: the place found last while it is seen, else all that is."""
        top = self._window.top.start
        bottom = self._seen[-1].line.end if self._seen else self._window.text.size
        if self._found and top <= self._found.start < bottom:
            return self._found.end, self._found.start
        return top, bottom

    # Taking it elsewhere.

    def ask_save(self) -> None:
        """Let the name of a file be typed that it is saved in."""
        name = re.sub(r"[^\w.-]+", "-", f"{self._title}-{self._attempt}.{self._stream.value}.log")
        self._ask("save as: ", name.strip("-"))

    def page_out(self) -> None:
        """Read it in $PAGER, as far as it is written."""
        if self._paging is None or self._paging.done():
            self._paging = asyncio.create_task(self._paged())

    async def _paged(self) -> None:
        pager = shlex.split(os.environ.get("PAGER", "")) or shlex.split(_PAGER)
        try:
            with suspended(self.app):
                await asyncio.to_thread(_page, pager, self._read_all(self._attempt, self._stream))
        except Exception as error:
            # Whatever it was that failed, a pager that is not there or a daemon, it is no reason to end.
            self.tell(f"{pager[0]}: {error}")
        self.refresh()

    async def _save(self, path: Path) -> None:
        def write() -> int:
            size = 0
            with path.open("xb") as file:
                for chunk in self._read_all(self._attempt, self._stream):
                    size += file.write(chunk)
                    self._told = f"saving ... {size:,} bytes"
                    self.app.call_from_thread(self._refresh_status)
            return size

        try:
            size = await asyncio.to_thread(write)
        except FileExistsError:
            self.tell(f"{path} is there already; give another name")
        except OSError as error:
            self.tell(f"it is not saved: {error.strerror or error}")
        except Exception as error:
            self.tell(f"it is not saved: {error}")
        else:
            self.tell(f"saved {size:,} bytes in {path.absolute()}")

    # How it is drawn.

    def render_line(self, y: int) -> Strip:
        """Give a line of the screen: the output, and at the bottom where that is."""
        wide = self.size.width
        if y == self.size.height - 1:
            return self._status(wide)
        if y >= len(self._seen):
            return Strip.blank(wide, self.rich_style)
        line, part = self._seen[y]
        parts = self._texts(line)
        text = parts[min(part, len(parts) - 1)]
        shown = Strip(
            [
                Segment(in_ascii(piece) if self._ascii else piece, self.rich_style + (style or Style()))
                for piece, style, _ in text.render(self.app.console)
            ]
        )
        return shown.crop(self._left, self._left + wide).extend_cell_length(wide, self.rich_style)

    def _status(self, wide: int) -> Strip:
        style = self.rich_style + self._styles("cursor")
        if self._typing:
            pieces: list[Piece] = [(f"{self._typing}{clean_line(self._typed)}▌", "")]
            return strip(pieces, wide, self._styles, style, ascii_only=self._ascii)
        left, right = f" {self._told or self._standing()}", f" {self._where()} "
        room = wide - len(right)
        pieces = [*padded([(clean_line(left), "")], room), (right, "")]
        return strip(pieces, wide, self._styles, style, ascii_only=self._ascii)

    def _standing(self) -> str:
        attempt = f"attempt {self._attempt} of {self._attempts}  " if self._attempts > 1 else ""
        how = "ended" if self._ended else "following" if self._follows else "f follows"
        return f"{self._title}  {attempt}{self._stream.value}  {how}"

    def _where(self) -> str:
        size = self._window.text.size
        end = self._seen[-1].line.end if self._seen else 0
        return f"{end * 100 // size if size else 100}% of {_amount(size)}"

    def _texts(self, line: Line) -> Sequence[Styled]:
        """Give a line as what it takes of the screen, row by row."""
        if line not in self._drawn:
            if len(self._drawn) > _MOST_DRAWN:
                self._drawn.clear()
            text = drawn(line, self._styles("warning"))
            if self._pattern is not None and line.data is not None:
                here = self._found is not None and line.start <= self._found.start < line.end
                mark(text, self._pattern, self._styles("cursor") + Style(bold=here))
            self._drawn[line] = folded(text, max(self.size.width, 1)) if self._wraps else [text]
        return self._drawn[line]

    def _rows_of(self, line: Line) -> int:
        return len(self._texts(line)) if self._wraps else 1

    def tell(self, what: str) -> None:
        """Say something at the bottom."""
        self._told = what
        self._refresh_status()

    def _refresh_status(self) -> None:
        self.refresh(Region(0, self.size.height - 1, self.size.width, 1))

    # What happens to it.

    @property
    def typing(self) -> bool:
        """Whether something is being typed: every key is for that then."""
        return bool(self._typing)

    def on_mount(self) -> None:
        """Begin to read."""
        self._begin()

    def on_unmount(self) -> None:
        """Read no more."""
        for task in (self._watching, self._loading, self._seeking, self._saving):
            if task is not None:
                task.cancel()

    def on_resize(self, event: Resize) -> None:
        """Fit into the room there is."""
        self._window.height = max(event.size.height - 1, 1)
        self._drawn.clear()
        self._do(self._window.to_end if self._follows else self._window.settle)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Go down."""
        self.scroll_rows(_WHEEL)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Go up."""
        self.scroll_rows(-_WHEEL)

    def on_key(self, event: Key) -> None:
        """Take what is typed, and stop looking at escape."""
        if event.key == "escape" and not self._typing and self._seeking is not None:
            self._seeking.cancel()
            self._seeking = None
            self.tell("stopped")
        elif not self._typing:
            return
        elif event.key == "escape":
            self._typing = ""
        elif event.key == "enter":
            self._typed_in()
        elif event.key == "backspace":
            self._typed = self._typed[:-1]
        elif event.key == "ctrl+u":
            self._typed = ""
        elif event.is_printable and event.character:
            self._typed += event.character
        event.stop()
        event.prevent_default()
        self._refresh_status()

    def _ask(self, what: str, proposed: str) -> None:
        self._typing, self._typed = what, proposed
        self._refresh_status()

    def _typed_in(self) -> None:
        what, self._typing = self._typing, ""
        if what == "/" and self._typed:
            self._pattern, self._sought_for, self._found = Pattern(self._typed), f"'{self._typed}'", None
            self._seek(down=True, else_turn=True)
        elif what != "/" and self._typed:
            self._saving = asyncio.create_task(self._save(Path(self._typed).expanduser()))

    # Reading.

    def _begin(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._watch(self._source))

    async def _watch(self, source: Source) -> None:
        """See how the stream grows until it grows no more, over restarts of the daemon."""
        more = True
        while more:
            try:
                self._grown(await source.size())
                await asyncio.sleep(FRAME_SECONDS)
                more = await source.grown(self._window.text.size)
            except Unreadable as error:
                self.tell(str(error))
                await asyncio.sleep(PAUSE_SECONDS)
        self._ended = True
        self._refresh_status()

    def _grown(self, size: int) -> None:
        self._window.text.grow(size)
        if self._follows:
            # However far behind it is, it goes to the end once.
            self._steps = [step for step in self._steps if step != self._window.to_end]
            self._do(self._window.to_end)
        elif len(self._seen) < self._window.height:
            self._do(self._window.settle)
        else:
            self._refresh_status()

    def _do(self, step: _Step) -> None:
        self._steps.append(step)
        self._go_on()

    def _go_on(self) -> None:
        """Do what is to be done, in turn, as far as what it takes is read."""
        if self._loading is not None or not self.is_mounted:
            return
        while self._steps:
            try:
                self._steps[0]()
                # What comes now may miss a block, and the step must not be done again for that.
                self._steps[0] = _nothing
                seen = self._window.rows()
            except Missing as missing:
                self._loading = asyncio.create_task(
                    self._load(self._source, self._window.text, missing.block)
                )
                return
            del self._steps[0]
            self._see(seen)

    async def _load(self, source: Source, text: Text, block: int) -> None:
        try:
            await load(source, text, block)
        except Unreadable as error:
            self._steps.clear()
            self.tell(str(error))
        finally:
            self._loading = None
        self._go_on()

    def _see(self, seen: list[Row]) -> None:
        """Draw again what is otherwise than before."""
        before, self._seen = self._seen, seen
        self.refresh() if before != seen or self._pattern else self._refresh_status()


def _page(pager: Sequence[str], chunks: Iterator[bytes]) -> None:
    cleaner = TerminalCleaner()
    with subprocess.Popen(pager, stdin=subprocess.PIPE) as process, suppress(BrokenPipeError):
        if process.stdin is not None:
            for chunk in chunks:
                process.stdin.write(cleaner.feed(chunk).encode())
            process.stdin.write(cleaner.finish().encode())
            process.stdin.close()


def _amount(size: int) -> str:
    for unit, bytes_each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size} bytes"


def _nothing() -> None:
    """Do nothing."""
