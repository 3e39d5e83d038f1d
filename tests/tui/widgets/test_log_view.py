"""Output on the screen: opened at its end, followed without being moved, searched, saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from stoker_shared.api import Stream
from stoker_tui.logs.attempt import Unreadable
from stoker_tui.widgets.log_view import LogView
from stoker_tui.widgets.pieces import Styles
from tests.harness import PATIENCE
from tests.tui.logs.fakes import Memory
from tests.tui.widgets.looks import coloured, plain

NUMBERED = b"".join(b"line %d\n" % number for number in range(5000))


class Page(App[None]):
    """A screen with nothing but the output of a node that has two attempts."""

    def __init__(self, source: Memory, styles: Styles = plain, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.source = source
        self.opened: list[tuple[int, Stream]] = []
        self.view = LogView(
            styles,
            self._open,
            lambda attempt, stream: iter([self.source.data]),
            title="#12 ingest",
            attempts=2,
            ascii_only=ascii_only,
        )

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    def _open(self, attempt: int, stream: Stream) -> Memory:
        self.opened.append((attempt, stream))
        return self.source if attempt == 2 else Memory(b"the first attempt\n")


async def settled(view: LogView, condition: Callable[[], bool]) -> None:
    """Wait for what the view reads."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail("\n".join(screen(view)))


def screen(view: LogView) -> list[str]:
    return [view.render_line(row).text.rstrip() for row in range(view.size.height)]


def shows(view: LogView, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in screen(view))


@pytest.fixture
async def page() -> Any:
    page = Page(Memory(NUMBERED))
    async with page.run_test(size=(80, 10)):
        await settled(page.view, shows(page.view, "line 4999"))
        yield page


async def test_it_opens_at_the_end_and_has_read_little_for_that() -> None:
    source = Memory(b"x\n" * 5_000_000 + b"the end\n")
    page = Page(source)
    async with page.run_test(size=(60, 10)):
        await settled(page.view, shows(page.view, "the end"))

        assert screen(page.view)[8] == "the end"
        assert source.read_bytes <= 256 * 1024


async def test_what_is_written_is_followed(page: Page) -> None:
    page.source.write(b"more\n")

    await settled(page.view, shows(page.view, "more"))

    assert screen(page.view)[7:9] == ["line 4999", "more"]
    assert "following" in screen(page.view)[-1]


async def test_what_is_written_never_moves_what_the_reader_has_gone_up_to(page: Page) -> None:
    page.view.scroll_rows(-3)
    before = screen(page.view)[:-1]

    page.source.write(b"more\n" * 100)
    await settled(page.view, shows(page.view, "49.4 kB"))

    assert screen(page.view)[:-1] == before
    assert "f follows" in screen(page.view)[-1]
    page.view.follow()
    await settled(page.view, lambda: screen(page.view)[8] == "more")


async def test_it_is_looked_through_up_and_down_also_in_what_is_written_meanwhile(page: Page) -> None:
    page.view.ask_search()
    for key in ("4", "9", "9", "9", "enter"):
        page.view.app.simulate_key(key)
    await settled(page.view, shows(page.view, "line 4999"))
    page.source.write(b"here is 4999 again\n" + b"other\n" * 50)
    await settled(page.view, shows(page.view, "49.2 kB"))

    page.view.find_next()
    await settled(page.view, shows(page.view, "again"))
    page.view.find_next()
    await settled(page.view, shows(page.view, "no more '4999' below"))
    page.view.find_previous()
    await settled(page.view, shows(page.view, "line 4999"))


async def test_what_is_nowhere_is_said(page: Page) -> None:
    page.view.ask_search()
    for key in ("z", "z", "enter"):
        page.view.app.simulate_key(key)

    await settled(page.view, shows(page.view, "no 'zz' in it"))


async def test_the_next_error_is_the_last_above_where_there_is_none_below() -> None:
    page = Page(Memory(b"ERROR one\n" + NUMBERED + b"ERROR two\n" + NUMBERED))
    async with page.run_test(size=(60, 10)):
        await settled(page.view, shows(page.view, "line 4999"))
        page.view.next_error()
        await settled(page.view, shows(page.view, "ERROR two"))
        page.view.previous_error()
        await settled(page.view, shows(page.view, "ERROR one"))
        page.view.next_error()
        await settled(page.view, shows(page.view, "ERROR two"))


async def test_streams_and_attempts_are_gone_through(page: Page) -> None:
    page.view.next_stream()
    page.view.other_attempt(-1)
    await settled(page.view, shows(page.view, "the first attempt"))
    page.view.other_attempt(-1)

    assert page.opened == [(2, Stream.BOTH), (2, Stream.STDOUT), (1, Stream.STDOUT)]
    assert "there is no earlier attempt" in screen(page.view)[-1]


async def test_who_follows_goes_on_with_the_next_attempt(page: Page) -> None:
    page.view.know_attempts(3)

    assert page.opened[-1] == (3, Stream.BOTH)


async def test_long_lines_are_folded_or_looked_at_further_right() -> None:
    page = Page(Memory(b"0123456789" * 10 + "宽".encode() * 30 + b"\nlast\n"))
    async with page.run_test(size=(60, 10)):
        await settled(page.view, shows(page.view, "last"))
        assert screen(page.view)[:2] == ["0123456789" * 6, "last"]
        page.view.scroll_sideways(1)
        assert screen(page.view)[0].startswith("6789")
        page.view.wrap()
        assert screen(page.view)[:4] == ["0123456789" * 6, "0123456789" * 4 + "宽" * 10, "宽" * 20, "last"]


async def test_what_was_cut_out_is_marked() -> None:
    page = Page(Memory(NUMBERED, [(30, 48_000)]))
    async with page.run_test(size=(60, 10)):
        page.view.to_start()

        await settled(page.view, shows(page.view, "[stoker: 47,970 bytes were cut out here]"))


async def test_colours_stay_and_nothing_else_reaches_the_terminal() -> None:
    hostile = b"\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \xc2\x9b2J \x1b[2J \xe2\x80\xae bidi \x1b[5A\r\n"
    page = Page(Memory(hostile))
    async with page.run_test(size=(80, 5)):
        await settled(page.view, shows(page.view, "bidi"))
        line = page.view.render_line(0)

        assert not set("\x1b\x07\x9b\r\u202e") & set(line.text)
        red = next(segment for segment in line if segment.text == "red")
        assert red.style and red.style.color and red.style.color.number == 1


async def test_it_is_saved_as_it_was_written_and_over_no_other_file(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def save() -> None:
        page.view.ask_save()
        for key in ("ctrl+u", *"saved", "enter"):
            page.view.app.simulate_key(key)

    await save()
    await settled(page.view, shows(page.view, "saved 48,890 bytes"))
    assert (tmp_path / "saved").read_bytes() == NUMBERED
    await save()
    await settled(page.view, shows(page.view, "is there already"))


async def test_a_daemon_that_is_gone_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Memory):
        gone_away = True

        async def size(self) -> int:
            if self.gone_away:
                raise Unreadable("no stokerd answers")
            return await super().size()

    monkeypatch.setattr("stoker_tui.widgets.log_view.PAUSE_SECONDS", 0.01)
    source = Gone(b"written\n")
    page = Page(source)
    async with page.run_test(size=(60, 5)):
        await settled(page.view, shows(page.view, "no stokerd answers"))
        source.gone_away = False

        await settled(page.view, shows(page.view, "written"))


async def test_the_end_of_the_attempt_is_told(page: Page) -> None:
    page.source.end()

    await settled(page.view, shows(page.view, "ended"))


SPARK = (
    "26/11/21 01:02:11 \x1b[32mINFO\x1b[m SparkContext: Running Spark version 4.0.1\n"
    "26/11/21 01:02:12 \x1b[33mWARN\x1b[m NativeCodeLoader: Unable to load native-hadoop library\n"
    "读取 每日订单: 1,234,567 rows, 12 partitions\n"
    "26/11/21 01:02:19 \x1b[31mERROR\x1b[m Executor: Exception in task 3.0 in stage 1.0 (TID 7)\n"
    "org.apache.spark.SparkException: Task failed while writing rows to s3a://lake/sales/2026-11-21/part-0003\n"
    "\tat org.apache.spark.errors.QueryExecutionErrors$.taskFailedWhileWritingRowsError(Query.scala:789)\n"
).encode() * 6


@pytest.mark.parametrize(
    ("size", "styles", "ascii_only"),
    [((80, 24), coloured, False), ((140, 40), plain, False), ((80, 24), plain, True)],
    ids=["coloured", "plain-wide", "ascii"],
)
def test_output_looks_so(
    snap_compare: Callable[..., bool], size: tuple[int, int], styles: Styles, ascii_only: bool
) -> None:
    async def search(pilot: Pilot[Any]) -> None:
        page = pilot.app
        assert isinstance(page, Page)
        await settled(page.view, shows(page.view, "Query.scala" if size[0] > 80 else "QueryExecution"))
        page.view.next_error()
        await settled(page.view, lambda: page.view._found is not None)
        await pilot.pause()

    page = Page(Memory(SPARK), styles, ascii_only=ascii_only)
    assert snap_compare(page, terminal_size=size, run_before=search)
