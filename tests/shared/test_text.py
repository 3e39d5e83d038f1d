import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.text import (
    MAX_NAME,
    MAX_PATH,
    clean,
    clean_block,
    clean_line,
    fit,
    name_problem,
    nearest,
    path_problem,
    width,
)

ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]))
BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_hostile(character: str) -> bool:
    """Whether it can command a terminal, cannot be encoded, breaks a line or turns the writing."""
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in BIDI_CONTROLS
        or character in "\u061c\u200e\u200f"
    )


def test_no_character_of_unicode_gets_through_cleaning_that_should_not() -> None:
    everything = "".join(map(chr, range(0x110000)))

    assert not any(map(is_hostile, clean(everything)))
    assert not any(map(is_hostile, clean_line(everything)))
    assert set(filter(is_hostile, clean_block(everything))) == {"\n", "\t"}


@pytest.mark.parametrize("cleaning", [clean, clean_line, clean_block])
@given(text=ANY_TEXT)
def test_cleaning_what_is_clean_changes_nothing_and_leaves_encodable_text(cleaning, text: str) -> None:
    cleaned = cleaning(text)

    assert cleaning(cleaned) == cleaned
    assert cleaned.encode().decode() == cleaned


@given(ANY_TEXT)
def test_cleaning_shows_every_character_it_takes_away(text: str) -> None:
    assert len(clean(text)) == len(text)


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", "\ufffd31m"),
        ("two\nlines\tand\x7f", "two␊lines␉and␡"),
        ("abc\u202edef", "abc\ufffddef"),
        ("\ud800", "\ufffd"),
        ("a\u2028b\u2029c\x85d", "a\ufffdb\ufffdc\ufffdd"),
        ("Größe 日本語 👩‍🚀 é", "Größe 日本語 👩‍🚀 é"),
    ],
)
def test_cleaned_text_shows_what_was_there(foreign: str, shown: str) -> None:
    assert clean(foreign) == shown


def test_a_cleaned_block_keeps_newlines_and_tabs_only() -> None:
    assert clean_block("a\tb\nc\r\n\x1b[2J") == "a\tb\nc␍\n␛[2J"


def test_a_cleaned_line_reads_line_breaks_and_tabs_as_one_space() -> None:
    assert clean_line("a\tb\r\n\n  c\x1b") == "a b   c␛"


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("plain", 5),
        ("é", 1),
        ("e\u0301", 1),
        ("日本語", 6),
        ("✔ ok", 4),
        ("🚀", 2),
        ("│…●", 3),
        ("한", 2),
        ("\u1112\u1161\u11ab", 2),
        ("\u0378", 1),
    ],
)
def test_width_counts_terminal_cells(text: str, cells: int) -> None:
    assert width(text) == cells


@given(ANY_TEXT.map(clean), st.integers(-1, 20))
def test_fitted_text_never_takes_more_cells_than_it_may(text: str, cells: int) -> None:
    fitted = fit(text, cells)

    assert width(fitted) <= max(cells, 0)
    assert (fitted == text) == (width(text) <= max(cells, 0))


def test_cut_text_ends_with_an_ellipsis() -> None:
    assert fit("transform", 9) == "transform"
    assert fit("transform", 6) == "trans…"
    assert fit("transform", 1) == "…"
    assert fit("transform", 0) == ""


def test_a_wide_character_that_fits_by_half_is_cut_off() -> None:
    assert fit("日本語", 4) == "日…"


def test_cutting_keeps_a_mark_with_its_letter_and_takes_a_joiner_with_what_it_joined() -> None:
    assert fit("e\u0301tude", 2) == "e\u0301…"
    assert fit("👩\u200d🚀", 3) == "👩…"


@pytest.mark.parametrize(
    "name", ["a", "daily_sales", "Größe é", "日次 売上", "a.b", "...", "-", "x" * MAX_NAME]
)
def test_a_printable_name_is_valid(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "0 characters"),
        ("x" * (MAX_NAME + 1), "1 to 64"),
        ("a/b", "'/'"),
        (".", "folder"),
        ("..", "folder"),
        (" a", "space"),
        ("a ", "space"),
        ("a\nb", r"'\n'"),
        ("a\x1bb", r"'\x1b'"),
        ("a\u202eb", r"'\u202e'"),
        ("a\ud800", r"'\ud800'"),
        ("a\u00a0b", r"'\xa0'"),
        ("e\u0301", "NFC"),
    ],
)
def test_an_invalid_name_is_told_why(name: str, reason: str) -> None:
    assert reason in (name_problem(name) or "")


@given(ANY_TEXT)
def test_the_sentence_about_a_name_or_path_is_safe_to_print(text: str) -> None:
    for sentence in (name_problem(text), path_problem(text), path_problem(f"etl/{text}")):
        assert sentence is None or sentence.isprintable()


@given(st.text(max_size=80))
def test_every_valid_name_obeys_the_rules(name: str) -> None:
    if name_problem(name) is None:
        assert 1 <= len(name) <= MAX_NAME
        assert name.isprintable()
        assert name == name.strip() == unicodedata.normalize("NFC", name)
        assert "/" not in name
        assert name not in (".", "..")


@pytest.mark.parametrize("path", ["ingest.py", "etl/ingest.py", "a b/c", "/".join(["x" * 50] * 5)])
def test_a_relative_path_of_valid_names_is_valid(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "0 characters"),
        ("/etl/ingest.py", "relative"),
        ("etl//ingest.py", "empty part"),
        ("etl/", "empty part"),
        ("../ingest.py", "'..'"),
        ("etl/./ingest.py", "'.'"),
        ("etl/ ingest.py", "' ingest.py'"),
        ("x" * (MAX_NAME + 1), "1 to 64"),
        ("/".join(["x" * 50] * 6), f"1 to {MAX_PATH}"),
    ],
)
def test_an_invalid_path_is_told_why(path: str, reason: str) -> None:
    assert reason in (path_problem(path) or "")


def test_the_nearest_word_is_the_one_most_likely_meant() -> None:
    assert nearest("retires", ["retries", "timeout"]) == "retries"
    assert nearest("retires", iter(["timeout"])) is None
    assert nearest("anything", []) is None
