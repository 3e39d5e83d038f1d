import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.terminal import TerminalCleaner

FOREIGN = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.text(max_size=4).map(str.encode),
        st.sampled_from(
            [
                b"\x1b[",
                b"\x1b",
                b"31m",
                b"0;1",
                b"K",
                b"\r",
                b"\r\n",
                b"\n",
                b"\x1b[1;31m",
                b"\x9b",
                b"\xe2\x82",
            ]
        ),
        st.integers(60, 70).map(lambda count: b"\x1b[" + b"1" * count),
    ),
    max_size=12,
).map(b"".join)


def cleaned(*chunks: bytes) -> str:
    cleaner = TerminalCleaner()
    return "".join([*map(cleaner.feed, chunks), cleaner.finish()])


@given(FOREIGN, st.lists(st.integers(0, 200), max_size=6))
def test_where_output_is_split_makes_no_difference(data: bytes, splits: list[int]) -> None:
    places = [0, *sorted(min(place, len(data)) for place in splits), len(data)]
    chunks = [data[start:end] for start, end in pairwise(places)]

    assert cleaned(*chunks) == cleaned(data)


@given(FOREIGN)
def test_nothing_but_colours_commands_the_terminal(data: bytes) -> None:
    plain = re.sub(r"\x1b\[[0-9;:]*m", "", cleaned(data))

    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", plain)


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        (b"\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"),
        (b"\x1b[01;31m\x1b[Kgrep\x1b[m\x1b[K\n", "\x1b[01;31mgrep\x1b[m\n\x1b[0m"),
        (b"\x1b]0;title\x07", "␛]0;title␇"),
        (b"\x1b[2J\x1b[H", "␛[2J␛[H"),
        (b"\xff\x9b31m \xc2\x9b", "\ufffd\ufffd31m \ufffd"),
        (b"a\0b", "a␀b"),
        (b"dos\r\nline\r\r\n", "dos\nline\n"),
        (b"10%\r20%\r\r100%\n", "10%\r20%\r100%\n"),
        (b"working\r", "working"),
        (b"cut \xe2\x82", "cut \ufffd"),
        (b"cut \x1b[3", "cut ␛[3"),
    ],
)
def test_what_a_job_wrote_is_shown_and_not_obeyed(foreign: bytes, shown: str) -> None:
    assert cleaned(foreign) == shown


@pytest.mark.parametrize("chunk", [b"x" * 65536, b"\xff" * 65536, b"\x1b[" + b"1" * 65534])
def test_a_line_without_end_is_given_as_it_comes(chunk: bytes) -> None:
    cleaner = TerminalCleaner()

    assert [len(cleaner.feed(chunk)) for _ in range(3)] == [65536] * 3
