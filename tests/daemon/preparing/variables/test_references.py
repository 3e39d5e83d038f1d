"""What is a reference in a text, and what is said of one that is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon.preparing.variables import VariableError
from tests.daemon.preparing.variables.making import escaped, failure, hostile, names, replaced, scope

plain = st.text().filter(lambda text: "${" not in text)


@given(plain)
def test_text_without_references_is_unchanged(text: str) -> None:
    once = replaced(text)
    assert once == text
    assert replaced(once) == once


@given(st.one_of(st.text(alphabet="${}ds:.\n x"), st.text()))
@example("$")
@example("$${")
@example("a$$${ds}$")
def test_any_text_can_be_written_with_escapes(text: str) -> None:
    assert replaced(escaped(text)) == text


@given(st.one_of(st.text(alphabet="${}ds x"), st.text()))
def test_a_dollar_before_a_reference_makes_it_an_escape(before: str) -> None:
    value = "${ds}" if before.endswith("$") else "2026-11-21"
    assert replaced(escaped(before) + "${ds}") == before.removesuffix("$") + value
    stem = before.rstrip("$")
    written = escaped(stem) + "${dollar}" * (len(before) - len(stem)) + "${ds}"
    assert replaced(written, node={"dollar": "$"}) == before + "2026-11-21"


@given(
    st.from_regex(r"[A-Za-z_ -]{0,9}[.:][^{}\n]{0,9}", fullmatch=True).filter(
        lambda name: not re.match(r"yyyy|MM|dd|HH|mm|ss", name)
    ),
    plain.filter(lambda text: not text.endswith("$")),
)
@example("spark.x", "")
@example("hiveconf:y", "")
@example("env:HOME", "")
@example("VAR:-default", "")
@example("yyyy.x", "")
@example("ds.x-1d", "")
def test_sparks_references_are_untouched(name: str, before: str) -> None:
    text = f"{before}${{{name}}}"
    assert replaced(text) == text
    assert replaced(f"{text}${{ds}}") == f"{text}2026-11-21"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${", "${"),
        ("a ${ds", "a ${ds"),
        ("${ds\n}", "${ds\n}"),
        ("${foo ${ds}", "${foo 2026-11-21"),
        ("${spark.${ds}}", "${spark.2026-11-21}"),
        ("$ds $$ {ds}", "$ds $$ {ds}"),
        ("$${ds} ${ds}", "${ds} 2026-11-21"),
        ("$$${ds}", "$${ds}"),
        ("${ds}}", "2026-11-21}"),
    ],
)
def test_what_is_no_reference_is_left_alone(text: str, expected: str) -> None:
    assert replaced(text) == expected


before_errors = st.lists(
    st.one_of(
        plain.filter(lambda text: not text.endswith("$")),
        st.text(alphabet="\t\r\n漢😀e\u0301\u2028\u2029\x85\x0b\x0c\x1c", max_size=4),
        st.sampled_from(["${ds}", "$${dss}", "${spark.dss}", "${dss\n}", "${ts_nodash+1d}", "${two_lines}"]),
    )
).map("".join)


@given(before_errors)
@example("select 1\r\n  from ")
@example("a\u2028b\n\n")
@example("\t漢😀")
def test_errors_point_at_the_dollar_in_the_text_as_it_was_written(before: str) -> None:
    error = failure(f"{before}${{dss}} ${{dss}}", node={"two_lines": "a\nb"})
    line, column = 1, 1
    for character in before:
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    assert (error.line, error.column) == (line, column)
    assert (error.source, error.name) == ("etl/transform.sql", "dss")
    assert str(error).startswith(f"etl/transform.sql:{line}:{column}: ")


@given(hostile, st.dictionaries(st.one_of(names, hostile), hostile, max_size=4), hostile)
def test_nothing_raises_anything_but_an_error_that_is_safe_to_print(
    text: str, custom: dict[str, str], source: str
) -> None:
    try:
        scope(node=custom).replace(text, source)
    except VariableError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    "custom",
    [
        {"x" * 1_000_000: "${nope}"},
        {"y" * 1_000_000 + "-": ""},
        {"YYYY" * 250_000: ""},
        {"x" * 1_000_000: "\0"},
        {"x" * 1_000_000: "${" + "x" * 1_000_000 + "}"},
        {f"v{n}": f"${{v{(n + 1) % 1000}}}" for n in range(1000)},
        {"x": "${" + "ds" * 500_000 + "}"},
        {"a" * 100_000: "", "b": "${" + "a" * 100_000 + "+1d}"},
    ],
    ids=[
        "an unknown name in a long one",
        "no name",
        "nearly a built-in pattern",
        "a NUL",
        "itself",
        "a long circle",
        "a long unknown name",
        "no date",
    ],
)
def test_an_error_is_short_however_long_the_names_are(custom: dict[str, str]) -> None:
    with pytest.raises(VariableError) as caught:
        scope(node=custom)
    assert len(str(caught.value)) < 800


def test_an_error_reads_well() -> None:
    error = failure("select 1\n\n  from x where ds='${data_dat}'")
    assert str(error) == "etl/transform.sql:3:20: unknown variable 'data_dat'; did you mean 'data_date'?"
    error = failure("--region=${regoin}", "args[1]", workflow={"region": "eu"})
    assert str(error) == "args[1]:1:10: unknown variable 'regoin'; did you mean 'region'?"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("", "unknown variable ''"),
        ("yyyyMMDD-1d", "did you mean 'yyyyMMdd'?"),
        ("qqqqqqqqqqqqqq", "a literal ${ is written $${"),
        ("ds-1D", "an offset is a sign, a number and one of y M w d h m"),
        ("ds-1", "an offset is a sign"),
        ("ds-1d-1", "an offset is a sign"),
        ("ds-1d--1d", "an offset is a sign"),
        ("ds-9999999999d", "an offset is a sign"),
        ("attempt+1d", "only dates take an offset"),
        ("region+1d", "only dates take an offset"),
        ("ds-9999y", "outside the years 1 to 9999"),
        ("ds+999999999w", "outside the years 1 to 9999"),
        ("ds+999999999y", "outside the years 1 to 9999"),
        ("ds+999999999M", "outside the years 1 to 9999"),
        ("yyyy-999999999d", "outside the years 1 to 9999"),
    ],
)
def test_what_is_wrong_is_said(reference: str, said: str) -> None:
    assert said in str(failure(f"${{{reference}}}", node={"region": "eu"}))


@given(st.text(alphabet=st.characters(exclude_characters="{}\n.:")), st.text())
@example("\x1b]0;owned\x07", "a\x1b[2J.sql")
@example("\u202e", "\x9b")
def test_messages_are_safe_to_print(name: str, source: str) -> None:
    assert str(failure(f"${{?{name}}}", source)).isprintable()


def test_a_long_unknown_name_is_cut() -> None:
    error = failure("${" + "x" * 1_000_000 + "}")
    assert len(str(error)) < 200
    assert len(error.name) == 1_000_000
