import contextlib
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon.processes import TAG
from stoker_daemon.variables import (
    DATES,
    FACTS,
    LONGEST_VALUE,
    MOST_GROWTH,
    Facts,
    Scope,
    VariableError,
)
from stoker_shared.variables import TAKEN, is_builtin, variable_name_problem

BERLIN = ZoneInfo("Europe/Berlin")
CYCLE = datetime(2026, 11, 21, 1, 2, 3, tzinfo=BERLIN)

cycles = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)).map(
    lambda when: when.replace(microsecond=0, tzinfo=BERLIN)
)
plain = st.text().filter(lambda text: "${" not in text)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: variable_name_problem(name) is None
)
values = st.text(st.characters(exclude_characters="\0"), max_size=40).filter(lambda text: "${" not in text)

SPELLED = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
"""What each of a pattern's letters is to strftime."""
letters = st.sampled_from(list(SPELLED))
separators = st.text(alphabet="-/_.T :", max_size=3)
patterns = st.tuples(letters, st.lists(st.tuples(separators, letters), max_size=6)).map(
    lambda parts: [parts[0], *(part for pair in parts[1] for part in pair)]
)

SCOPES = ("workspace", "workflow", "node", "run")
NAMES = ("a", "b", "c", "d", "e")


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, dict[str, list[str]]]:
    """Variables in every scope; each value is a list of plain texts and of references.

    A value refers only to names that come after its own, so that there is no circle.
    """
    texts = st.text(alphabet="x $}é", max_size=3).map(lambda text: text.rstrip("$"))
    defined = {scope: draw(st.sets(st.sampled_from(NAMES))) for scope in SCOPES}
    known = {name for names in defined.values() for name in names}
    return {
        scope: {
            name: draw(st.lists(st.one_of(texts, _later(name, known)), max_size=4)) for name in sorted(names)
        }
        for scope, names in defined.items()
    }


def _later(name: str, defined: Iterable[str]) -> st.SearchStrategy[str]:
    later = sorted(other for other in defined if other > name)
    return st.sampled_from(later).map(lambda other: f"${{{other}}}") if later else st.just("")


def escaped(text: str) -> str:
    """How a person writes a text that has ``${`` in it."""
    return text.replace("${", "$${")


def scope(cycle: datetime = CYCLE, **custom: dict[str, str]) -> Scope:
    due = datetime(2026, 11, 22, 1, 2, 3, tzinfo=BERLIN)
    return Scope(Facts(cycle, "daily sales", "transform", 1234, 2, due), custom)


def with_secrets(custom: dict[str, dict[str, str]], secrets: dict[str, str]) -> Scope:
    return Scope(Facts(CYCLE, "daily sales", "transform", 1234, 2), custom, secrets)


def replaced(text: str, cycle: datetime = CYCLE, **custom: dict[str, str]) -> str:
    return scope(cycle, **custom).replace(text, "etl/transform.sql")


def failure(text: str, source: str = "etl/transform.sql", **custom: dict[str, str]) -> VariableError:
    with pytest.raises(VariableError) as caught:
        scope(CYCLE, **custom).replace(text, source)
    return caught.value


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("ds", "2026-11-21"),
        ("dt", "2026-11-21"),
        ("data_date", "2026-11-21"),
        ("ds_nodash", "20261121"),
        ("dt_nodash", "20261121"),
        ("data_date_nodash", "20261121"),
        ("ts", "2026-11-21T01:02:03"),
        ("ts_nodash", "20261121010203"),
        ("ds-1d", "2026-11-20"),
        ("ds+10d", "2026-12-01"),
        ("ds_nodash+1M", "20261221"),
        ("dt-1y", "2025-11-21"),
        ("data_date+2w", "2026-12-05"),
        ("ts-3h", "2026-11-20T22:02:03"),
        ("ts_nodash+58m", "20261121020003"),
        ("yyyy-MM-dd", "2026-11-21"),
        ("yyyyMMdd-7d", "20261114"),
        ("yyyyMM-1M", "202610"),
        ("yyyy-MM-dd HH:mm:ss", "2026-11-21 01:02:03"),
        ("yyyy-MM-ddTHH:mm-1h", "2026-11-21T00:02"),
        ("yyyy.MM.dd+1d", "2026.11.22"),
        ("yyyy/MM/dd_HH", "2026/11/21_01"),
        ("HH:mm", "01:02"),
        ("mm", "02"),
        ("workflow_name", "daily sales"),
        ("node_name", "transform"),
        ("run_id", "1234"),
        ("attempt", "2"),
        ("scheduled_at", "2026-11-22T01:02:03+01:00"),
    ],
)
def test_built_in_variables(reference: str, value: str) -> None:
    assert replaced(f"<${{{reference}}}>") == f"<{value}>"


def test_a_run_that_was_not_due_has_an_empty_scheduled_at() -> None:
    bare = Scope(Facts(CYCLE, "w", "n", 1, 1), {})
    assert bare.replace("[${scheduled_at}]", "args[1]") == "[]"
    assert bare.environment()["STOKER_SCHEDULED_AT"] == ""


@pytest.mark.parametrize(
    ("cycle", "reference", "value"),
    [
        (datetime(2024, 1, 31), "ds+1M", "2024-02-29"),
        (datetime(2023, 1, 31), "ds+1M", "2023-02-28"),
        (datetime(2024, 2, 29), "ds-1y", "2023-02-28"),
        (datetime(2024, 2, 29), "ds+4y", "2028-02-29"),
        (datetime(2024, 1, 15), "ds-1M", "2023-12-15"),
        (datetime(2024, 12, 31), "ds-13M", "2023-11-30"),
        (datetime(999, 1, 1), "ts", "0999-01-01T00:00:00"),
        (datetime(1, 1, 1), "ds", "0001-01-01"),
        (datetime(9999, 12, 31), "ds", "9999-12-31"),
        (datetime(2024, 2, 29), "ds+1d-1M", "2024-02-01"),
        (datetime(2024, 2, 29), "ds-1M+1d", "2024-01-30"),
        (datetime(2024, 1, 31), "yyyyMM+1d-1M", "202401"),
    ],
)
def test_months_end_on_their_last_day(cycle: datetime, reference: str, value: str) -> None:
    assert replaced(f"${{{reference}}}", cycle.replace(tzinfo=UTC)) == value


def test_offsets_are_on_wall_time_across_clock_changes() -> None:
    after_the_gap = datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)
    assert replaced("${ts-1h}", after_the_gap) == "2026-03-29T02:30:00"
    assert replaced("${ts-1d}", after_the_gap) == "2026-03-28T03:30:00"
    second_pass = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)
    assert replaced("${ts+1h}", second_pass) == "2026-10-25T03:30:00"


@given(cycles, st.sampled_from([("w", "weeks"), ("d", "days"), ("h", "hours"), ("m", "minutes")]), st.data())
def test_offsets_agree_with_timedelta(cycle: datetime, unit: tuple[str, str], data: st.DataObject) -> None:
    letter, word = unit
    count = data.draw(st.integers(-5000, 5000))
    moved = cycle.replace(tzinfo=None) + timedelta(**{word: count})
    assert replaced(f"${{ts{count:+}{letter}}}", cycle) == moved.isoformat()
    assert replaced(f"${{yyyyMMddHHmmss{count:+}{letter}}}", cycle) == re.sub(r"\D", "", moved.isoformat())


@given(cycles, st.sampled_from("wdhm"), st.integers(-5000, 5000), st.integers(-5000, 5000))
def test_offsets_of_fixed_length_add_up_and_can_be_taken_back(
    cycle: datetime, unit: str, one: int, other: int
) -> None:
    def moved(when: datetime, count: int) -> datetime:
        return datetime.fromisoformat(replaced(f"${{ts{count:+}{unit}}}", when))

    assert moved(moved(cycle, one), other) == moved(cycle, one + other)
    assert moved(moved(cycle, one), -one) == cycle.replace(tzinfo=None)


@given(cycles, patterns, st.integers(-5000, 5000))
def test_patterns_agree_with_strftime(cycle: datetime, parts: list[str], days: int) -> None:
    pattern = "".join(parts)
    spelled = "".join(SPELLED.get(part, part) for part in parts)
    assert replaced(f"${{{pattern}}}", cycle) == cycle.strftime(spelled)
    moved = cycle.replace(tzinfo=None) + timedelta(days=days)
    assert replaced(f"${{{pattern}{days:+}d}}", cycle) == moved.strftime(spelled)


@given(cycles, st.integers(-1000, 1000))
@example(datetime(2024, 1, 31, tzinfo=BERLIN), 1)
def test_months_land_in_the_right_month_and_keep_the_day_where_it_exists(cycle: datetime, count: int) -> None:
    moved = datetime.fromisoformat(replaced(f"${{ts{count:+}M}}", cycle))
    assert (moved.year * 12 + moved.month) - (cycle.year * 12 + cycle.month) == count
    ends_its_month = (moved + timedelta(days=1)).day == 1
    assert moved.day == cycle.day or (moved.day < cycle.day and ends_its_month)
    assert moved.time() == cycle.time()


@given(cycles, st.integers(-80, 80))
def test_a_year_is_twelve_months(cycle: datetime, count: int) -> None:
    assert replaced(f"${{ts{count:+}y}}", cycle) == replaced(f"${{ts{count * 12:+}M}}", cycle)


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


hostile = st.text(alphabet="${}+-19dMyTs:.x_\n\0\x1b\ud800\udc80\u202e", max_size=40)


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


def test_the_later_scope_wins_and_says_so() -> None:
    variables = scope(
        workspace={"region": "us", "bucket": "s3://a"}, workflow={"region": "eu"}, node={}, run={"limit": "5"}
    )
    assert variables.replace("${region} ${bucket} ${limit}", "x") == "eu s3://a 5"
    assert [variables.origin(name) for name in ("region", "bucket", "limit", "ds", "yyyyMM", "attempt")] == [
        "workflow",
        "workspace",
        "run",
        "built in",
        "built in",
        "built in",
    ]
    with pytest.raises(KeyError):
        variables.origin("dss")


@given(definitions())
@example(
    {"workspace": {"a": ["x", "${b}"], "b": ["1"]}, "workflow": {"b": ["2"]}, "node": {}, "run": {"e": []}}
)
def test_of_several_scopes_the_last_wins_also_in_the_values_of_the_others(
    written: dict[str, dict[str, list[str]]],
) -> None:
    winner = {name: scope for scope in SCOPES for name in written[scope]}

    def value(name: str) -> str:
        return "".join(
            value(part[2:-1]) if part.startswith("${") else part for part in written[winner[name]][name]
        )

    custom = {
        scope: {name: "".join(parts) for name, parts in variables.items()}
        for scope, variables in written.items()
    }
    variables = scope(CYCLE, **custom)
    assert {name: variables.origin(name) for name in winner} == winner
    for name in winner:
        assert variables.values[name] == value(name)
        assert variables.replace(f"<${{{name}}}>", "x") == f"<{value(name)}>"
        assert variables.environment()[f"STOKER_{name.upper()}"] == value(name)
        assert variables.exported()[f"STOKER_{name.upper()}"] == name
    assert {variables.origin(name) for name in [*DATES, *FACTS]} == {"built in"}


HIDDEN = "\N{SECTION SIGN}"
"""A character that only the secrets of the tests have."""


@given(definitions(), st.sets(st.sampled_from(NAMES)), st.lists(st.sampled_from(NAMES), max_size=4))
def test_what_a_secret_gets_into_by_any_number_of_steps_is_secret_and_nothing_else(
    defined: dict[str, dict[str, list[str]]], names: set[str], used: list[str]
) -> None:
    custom = {
        space: {name: "".join(value) for name, value in values.items()} for space, values in defined.items()
    }
    made = with_secrets(custom, {name: f"{HIDDEN}{name}${{ds}}$${{" for name in names})

    assert made.secret == {name for name, value in made.values.items() if HIDDEN in value}
    assert not any(HIDDEN in made.shown(name) for name in made.values)

    text = "x ${ds} " + " ".join(f"${{{name}}}" for name in used if name in made.values)
    if HIDDEN not in made.replace(text, "text"):
        assert made.replace_in_sight(text, "text", "all see it") == made.replace(text, "text")
        return
    with pytest.raises(VariableError) as caught:
        made.replace_in_sight(text, "text", "all see it")
    assert HIDDEN not in str(caught.value)
    assert caught.value.name in made.secret


@given(hostile.filter(lambda value: "\0" not in value))
def test_a_secret_is_taken_as_it_is(value: str) -> None:
    made = with_secrets({"workflow": {"url": "<${token}>"}}, {"token": value})

    assert made.values["token"] == made.environment()["STOKER_TOKEN"] == value
    assert made.replace("${url}", "text") == f"<{value}>"


@given(definitions(), st.dictionaries(st.sampled_from(NAMES), st.just("\0" + HIDDEN)), hostile)
def test_no_error_tells_a_secret(
    defined: dict[str, dict[str, list[str]]], secrets: dict[str, str], text: str
) -> None:
    custom = {
        space: {name: "".join(value) + text for name, value in values.items()}
        for space, values in defined.items()
    }
    try:
        with_secrets(custom, secrets).replace(text, "text")
    except VariableError as error:
        assert HIDDEN not in str(error)


def test_a_secret_is_of_the_widest_scope_and_wins_over_a_plain_variable_of_that_alone() -> None:
    custom = {"workspace": {"a": "plain", "b": "plain"}, "run": {"b": "of the run", "c": "of the run"}}
    made = with_secrets(custom, dict.fromkeys("abc", "hidden"))

    assert made.secret == {"a"}
    assert made.shown("a") == "*****   (workspace, secret)"
    assert made.shown("b") == "'of the run'   (run)"
    assert made.values["c"] == "of the run"


def test_a_secret_in_sight_is_refused_with_what_to_do() -> None:
    made = with_secrets({"workflow": {"url": "jdbc:x?password=${token}"}}, {"token": "hidden"})
    with pytest.raises(VariableError) as caught:
        made.replace_in_sight("--from=${url}", "args[0]", "`ps` shows arguments to everybody")
    assert str(caught.value) == (
        "args[0]:1:8: 'url' is secret, and `ps` shows arguments to everybody; "
        "the job can read it from its environment, as STOKER_URL"
    )


@given(names, st.one_of(values, st.text(alphabet="${}ds x")), st.sampled_from(["a_", "z_"]))
def test_what_was_put_in_is_not_looked_at_again(name: str, value: str, prefix: str) -> None:
    nested = {name: escaped(value), prefix + name: f"<${{{name}}}>"}
    assert replaced(f"${{{name}}}${{{prefix}{name}}}", node=nested) == f"{value}<{value}>"


def test_custom_values_refer_to_others_wherever_they_are_defined() -> None:
    workflow = {"path": "${root}/${region}/${ds-1d}", "region": "us"}
    variables = scope(workspace={"root": "s3://lake"}, workflow=workflow, run={"region": "eu"})
    assert variables.replace("${path}", "x") == "s3://lake/eu/2026-11-20"


def test_a_long_chain_of_values_is_resolved() -> None:
    chain = {f"v{n}": f"${{v{n + 1}}}" for n in range(5000)} | {"v5000": "${ds}"}
    assert replaced("${v0}", node=chain) == "2026-11-21"


def test_a_circle_is_named() -> None:
    with pytest.raises(VariableError) as caught:
        scope(workflow={"x": "1", "a": "${x}/${b}", "b": "${c}"}, run={"c": "\n${a}"})
    circle = str(caught.value).rpartition("refers to itself: ")[2].split(" -> ")
    assert circle[0] == circle[-1]
    assert circle[:-1] in (["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"])
    where = {"a": ("workflow", 1, 6), "b": ("workflow", 1, 1), "c": ("run", 2, 1)}
    origin, line, column = where[circle[0]]
    expected = (f"{origin} variable {circle[0]}", line, column)
    assert (caught.value.source, caught.value.line, caught.value.column) == expected


def test_a_value_that_refers_to_itself_is_an_error() -> None:
    with pytest.raises(VariableError) as caught:
        scope(workspace={"path": "/bin"}, node={"path": "x ${path}"})
    assert str(caught.value) == "node variable path:1:3: 'path' refers to itself: path -> path"


def test_an_escaped_reference_makes_no_circle() -> None:
    assert replaced("${a}", node={"a": "$${a}"}) == "${a}"


def test_an_unknown_name_in_a_value_is_an_error() -> None:
    with pytest.raises(VariableError) as caught:
        scope(workflow={"path": "s3/${data_dat}"})
    expected = "workflow variable path:1:4: unknown variable 'data_dat'; did you mean 'data_date'?"
    assert str(caught.value) == expected


def test_a_value_has_no_nul_since_it_becomes_an_environment_variable() -> None:
    with pytest.raises(VariableError) as caught:
        scope(run={"region": "eu\n-\0"})
    assert str(caught.value) == (
        "run variable region:2:2: a value can't have a NUL character, which no environment variable can hold"
    )


def test_a_long_value_used_often_is_refused_before_it_fills_the_memory() -> None:
    times = MOST_GROWTH // LONGEST_VALUE + 1
    long = {"v": "x" * LONGEST_VALUE}
    assert "put in more than 10,000,000 characters" in str(failure("${v}" * times * 1000, node=long))
    variables = scope(node=long)
    assert len(variables.replace("${v}" * (times - 1), "x")) == LONGEST_VALUE * (times - 1)
    with pytest.raises(VariableError, match="of one attempt"):
        variables.replace("${v}" * (times - 1), "another text of the same attempt")
    with pytest.raises(VariableError, match="of one attempt"):
        scope(node=long | {f"v{n}": "${v}" for n in range(100_000)})


def test_text_that_does_not_grow_may_be_of_any_length() -> None:
    long = "${spark." + "x" * 1000 + "} "
    text = long * (MOST_GROWTH // 1000) + "${ds}"
    assert replaced(text) == text.removesuffix("${ds}") + "2026-11-21"


def test_values_cannot_grow_without_end() -> None:
    doubling = {f"v{n}": f"${{v{n + 1}}}${{v{n + 1}}}" for n in range(60)} | {"v60": "x" * 10}
    with pytest.raises(VariableError, match=f"longer than {LONGEST_VALUE:,}"):
        scope(node=doubling)


@pytest.mark.parametrize("name", ["ds", "attempt", "MM", "yyyyMMdd", "yyyy_MM_dd", "yyyyMMddTHHmmss"])
def test_what_is_built_in_cannot_be_set(name: str) -> None:
    assert is_builtin(name)
    assert "is built in" in (variable_name_problem(name) or "")
    with pytest.raises(VariableError, match="is built in and cannot be set"):
        scope(run={name: "x"})


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a.b", "a b", "é", "a\n", "ds-1d", "\x1b"])
def test_names_that_are_none(name: str) -> None:
    assert not is_builtin(name)
    problem = variable_name_problem(name)
    assert problem is not None
    assert problem.isprintable()


def test_a_name_may_not_hide_a_built_in_one_in_the_environment() -> None:
    assert not is_builtin("DS")
    assert variable_name_problem("DS") == "'DS' differs from the built-in 'ds' only in case"
    assert variable_name_problem("region") is None


def test_a_name_may_not_hide_what_marks_an_attempts_processes() -> None:
    assert f"STOKER_{TAKEN.upper()}" == TAG
    for name in (TAKEN, "Attempt_Tag"):
        assert "marks the processes of an attempt" in (variable_name_problem(name) or "")
        with pytest.raises(VariableError, match="cannot be set"):
            scope(run={name: "x"})


def test_the_environment_names_every_variable() -> None:
    environment = scope(workspace={"Region": "us", "path": "${ds}/x"}, node={"region": "eu"}).environment()
    assert set(environment) == {
        "STOKER_REGION",
        "STOKER_PATH",
        "STOKER_WORKFLOW_NAME",
        "STOKER_NODE_NAME",
        "STOKER_RUN_ID",
        "STOKER_ATTEMPT",
        "STOKER_SCHEDULED_AT",
        *(f"STOKER_{name.upper()}" for name in DATES),
    }
    assert environment["STOKER_DS"] == "2026-11-21"
    assert environment["STOKER_RUN_ID"] == "1234"
    assert environment["STOKER_REGION"] == "eu"
    assert environment["STOKER_PATH"] == "2026-11-21/x"


def test_of_names_that_differ_only_in_case_the_environment_has_the_one_defined_last() -> None:
    variables = scope(workspace={"Region": "us"}, node={"region": "eu"}, run={"Region": "asia"})
    assert variables.environment()["STOKER_REGION"] == "asia"
    assert variables.exported()["STOKER_REGION"] == "Region"


@pytest.mark.parametrize(
    "piece",
    [
        "${",
        "$",
        "$${",
        "$$${",
        "${x",
        "select 1 from plain text;\n",
        "${ds} ${yyyyMMdd-7d}\n",
        "${spark.x} ",
        "${yyyy-MM-",
    ],
)
def test_the_work_grows_as_the_text_does(piece: str) -> None:
    short = piece * (50_000 // len(piece))
    assert growth(lambda text: scope().replace(text, "x"), short, short * 8) < 24


@pytest.mark.parametrize(
    "piece", ["x", "yyyy", "yyyy--", "--", "+1", "+123456789", "ds-1d", "mm" * 7 + "M", "."]
)
def test_the_work_grows_as_a_name_does(piece: str) -> None:
    def read(name: str) -> None:
        with contextlib.suppress(VariableError):
            scope().replace(f"${{{name}!}}", "x")

    short = piece * (50_000 // len(piece))
    assert growth(read, short, short * 8) < 24


def growth(work: Callable[[str], object], small: str, large: str) -> float:
    """How many times as much processor time the large text takes; the least of some tries has no disturbance.

    Of a text 8 times as long, linear work takes 8 times as much and quadratic work 64 times.
    """

    def least(text: str) -> float:
        times = []
        for _ in range(3):
            started = time.process_time_ns()
            work(text)
            times.append(time.process_time_ns() - started)
        # Less than this is below what the clock and the making of a scope disturb.
        return max(min(times), 500_000)

    return least(large) / least(small)
