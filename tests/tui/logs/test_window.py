"""Lines, windows and searches, each beside the same thing done to the whole text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_tui.logs import reader, text
from stoker_tui.logs.reader import find_after, find_before, load
from stoker_tui.logs.searching import ERRORS, Found, Pattern
from stoker_tui.logs.text import Line, Missing, Text
from stoker_tui.logs.window import Place, Window
from tests.tui.logs.fakes import Memory

_T = TypeVar("_T")


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> object:
    """Let what is read at once be so small that texts of examples have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK", 32)
        patch.setattr(text, "LONGEST_LINE", 8)
        patch.setattr(reader, "BLOCK", 32)
        patch.setattr(reader, "PART", 16)
        patch.setattr(reader, "LONGEST_FOUND", 4)
        yield


class Reading:
    """A text whose blocks are read as they are missed."""

    def __init__(self, source: Memory) -> None:
        self.source = source
        self.text = Text()
        self.text.grow(len(source.data))

    def do(self, work: Callable[[], _T]) -> _T:
        while True:
            try:
                return work()
            except Missing as missing:
                asyncio.run(load(self.source, self.text, missing.block))

    def lines(self) -> list[Line]:
        lines, at = [], 0
        while at < self.text.size:
            lines.append(self.do(lambda at=at: self.text.line_at(at)))
            at = lines[-1].end
        return lines


written = st.lists(
    st.sampled_from([b"\n", b"a", b"bb", b"error: ", b"ERROR ", b"x" * 30, b"\xc3\xa9", b"some words\n"]),
    max_size=40,
).map(b"".join)


@st.composite
def gaps(draw: st.DrawFn, size: int) -> list[tuple[int, int]]:
    ends = sorted(draw(st.sets(st.integers(0, size), max_size=4)))
    return list(zip(ends[::2], ends[1::2], strict=False))


@st.composite
def sources(draw: st.DrawFn) -> Memory:
    data = draw(written)
    return Memory(data, draw(gaps(len(data))))


def plain_lines(source: Memory) -> list[int]:
    """Give where lines of the whole text begin: after each line end, and at both ends of what is gone."""
    data, size = source.data, len(source.data)
    inside = {at for first, last in source.gone for at in range(first + 1, last)}
    starts = {0, *(match.end() for match in re.finditer(rb"\n", data))} - inside
    starts |= {at for gap in source.gone for at in gap}
    return sorted(at for at in starts if at < size)


@given(sources())
def test_lines_begin_where_they_do_in_the_whole_text_and_long_ones_are_broken(source: Memory) -> None:
    reading = Reading(source)

    lines = reading.lines()

    starts = plain_lines(source)
    assert [line.start for line in lines if line.start in starts] == starts
    assert all(one.end == other.start for one, other in pairwise(lines))
    for line in lines:
        assert line.data is None or (line.data == source.data[line.start : line.end] and len(line.data) < 16)
        assert (line.data is None) == any(first <= line.start < last for first, last in source.gone)
        assert line.start in starts or line.start % 8 == 0


@given(sources(), st.data())
def test_any_position_leads_to_the_beginning_of_its_line(source: Memory, data: st.DataObject) -> None:
    if not source.data:
        return
    lines = Reading(source).lines()
    position = data.draw(st.integers(0, len(source.data) - 1))
    fresh = Reading(source)

    start = fresh.do(lambda: fresh.text.start_of(position))

    assert start == next(line.start for line in lines if line.start <= position < line.end)


folds = st.sampled_from([lambda line: 1, lambda line: 1 + (line.end - line.start) // 3])


@given(sources(), folds, st.integers(1, 6), st.lists(st.integers(-9, 9) | st.sampled_from(["G", "g"])))
def test_a_window_moves_as_over_a_list_of_all_rows(
    source: Memory, fold: Callable[[Line], int], height: int, moves: list[int | str]
) -> None:
    reading = Reading(source)
    rows = [Place(line.start, part) for line in reading.lines() for part in range(fold(line))]
    last = max(len(rows) - height, 0)
    fresh = Reading(source)
    window = Window(fresh.text, fold)
    window.height = height
    at = 0
    for move in moves:
        if isinstance(move, int):
            fresh.do(lambda move=move: window.scroll(move))
            at = max(min(at + move, last), 0)
        else:
            fresh.do(window.to_end if move == "G" else window.to_start)
            at = last if move == "G" else 0
        seen = fresh.do(window.rows)
        assert [Place(row.line.start, row.part) for row in seen] == rows[at : at + height]


@given(sources(), st.integers(1, 6), st.data())
def test_what_is_written_on_does_not_move_a_window(source: Memory, height: int, data: st.DataObject) -> None:
    reading = Reading(source)
    window = Window(reading.text)
    window.height = height
    reading.do(lambda: window.scroll(data.draw(st.integers(0, 20))))
    top = window.top

    source.write(b"more\nand more\n")
    reading.text.grow(len(source.data))

    assert window.top == top
    assert reading.do(window.rows)[0].line.start == top.start
    reading.do(window.to_end)
    assert reading.do(window.rows)[-1].line.end == len(source.data)


@given(sources(), st.integers(1, 6), st.data())
def test_a_position_is_brought_into_view(source: Memory, height: int, data: st.DataObject) -> None:
    if not source.data:
        return
    reading = Reading(source)
    window = Window(reading.text)
    window.height = height
    position = data.draw(st.integers(0, len(source.data) - 1))

    reading.do(lambda: window.show(position))

    assert any(row.line.start <= position < row.line.end for row in reading.do(window.rows))


@settings(max_examples=50)
@given(written, st.sampled_from(["a", "bb", "WORD", "word", "rro", "b\n"]), st.data())
def test_searching_finds_what_is_in_the_whole_text(data: bytes, sought: str, draw: st.DataObject) -> None:
    source, pattern = Memory(data), Pattern(sought)
    at = draw.draw(st.integers(0, len(data)))
    flags = re.IGNORECASE if sought.islower() else 0
    spans = [Found(*match.span()) for match in re.finditer(re.escape(sought.encode()), data, flags)]

    async def both() -> tuple[Found | None, Found | None]:
        return (
            await find_after(source, pattern, at, len(data)),
            await find_before(source, pattern, at, len(data)),
        )

    after, before = asyncio.run(both())

    assert after == next((span for span in spans if span.start >= at), None)
    assert before == next((span for span in reversed(spans) if span.start < at), None)


async def test_searching_leaps_over_what_is_gone() -> None:
    data = b"here\n" + b"-" * 5000 + b"there\n"
    source = Memory(data, [(5, 5005)])

    assert await find_after(source, Pattern("there"), 4, len(data)) == (5005, 5010)
    assert await find_before(source, Pattern("here"), 5005, len(data)) == (0, 4)
    assert source.read_bytes < 100


@pytest.mark.parametrize(
    "line",
    [
        b"26/11/21 01:02:03 ERROR SparkContext: Failed",
        b"java.lang.IllegalStateException: no",
        b"Traceback (most recent call last):",
        b"bash: error: no such file",
        b"ValueError: no such column",
        b"CRITICAL:root:no",
        b"FATAL: no",
    ],
)
def test_errors_are_known(line: bytes) -> None:
    assert Pattern(ERRORS).first(line)


def test_what_is_usual_is_no_error() -> None:
    assert not Pattern(ERRORS).first(b"INFO terror: 0 errors, no exceptional events")


async def test_a_text_that_became_shorter_is_read_as_it_is_now() -> None:
    source = Memory(b"one\ntwo\nthree\n" * 5)
    reading = Text()
    reading.grow(70)
    source.data = b"new\n"

    await load(source, reading, 0)

    assert (reading.size, reading.line_at(0)) == (4, Line(0, 4, b"new\n"))


def test_only_so_many_blocks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_BLOCKS", 3)
    reading = Reading(Memory(b"ab\n" * 100))
    reading.lines()

    with pytest.raises(Missing):
        reading.text.line_at(0)


@pytest.mark.parametrize(
    ("sought", "data", "there"),
    [
        ("größe", "eine GRÖSSE, die Größe", "Größe"),
        ("größe", "eine GRÖẞE", None),
        ("straße", "Hauptstrasse, STRASSE", "STRASSE"),
        ("Größe", "größe GRÖSSE Größe", "Größe"),
        ("ошибка", "ОШИБКА", "ОШИБКА"),
        ("a+b", "A+B", "A+B"),
    ],
)
def test_words_without_capitals_are_found_in_any_case_in_any_script(
    sought: str, data: str, there: str | None
) -> None:
    encoded = data.encode()

    found = Pattern(sought).last(encoded)

    assert (found and encoded[found.start : found.end].decode()) == there
