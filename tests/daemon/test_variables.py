import re
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from stoker_daemon.variables import (
    DATES,
    LONGEST_VALUE,
    Facts,
    Scope,
    VariableError,
    is_builtin,
    variable_name_problem,
)

BERLIN = ZoneInfo("Europe/Berlin")
CYCLE = datetime(2026, 11, 21, 1, 2, 3, tzinfo=BERLIN)

cycles = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)).map(
    lambda when: when.replace(microsecond=0, tzinfo=BERLIN)
)
plain = st.text().filter(lambda text: "${" not in text)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: variable_name_problem(name) is None
)
values = st.text(max_size=40).filter(lambda text: "${" not in text)


def scope(cycle: datetime = CYCLE, **custom: dict[str, str]) -> Scope:
    due = datetime(2026, 11, 22, 1, 2, 3, tzinfo=BERLIN)
    return Scope(Facts(cycle, "daily sales", "transform", 1234, 2, due), custom)


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


@given(st.text(alphabet="${}ds:.\n x"))
def test_escapes_round_trip(text: str) -> None:
    assert replaced(text.replace("${", "$${")) == text


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


@given(plain.filter(lambda text: not text.endswith("$")))
@example("select 1\r\n  from ")
@example("a\u2028b\n\n")
def test_errors_point_at_the_dollar(before: str) -> None:
    error = failure(f"{before}${{dss}} ${{ds}}")
    lines = before.split("\n")
    assert (error.line, error.column) == (len(lines), len(lines[-1]) + 1)
    assert (error.source, error.name) == ("etl/transform.sql", "dss")


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
        ("ds-1d-1d", "an offset is a sign"),
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


@given(names, values)
def test_values_are_not_replaced_again(name: str, value: str) -> None:
    escaped = value + "$${ds}"
    assert replaced(f"${{{name}}}", node={name: escaped}) == value + "${ds}"
    nested = {name: escaped, "outer__": f"<${{{name}}}>"}
    assume(name != "outer__")
    assert replaced("${outer__}", node=nested) == f"<{value}${{ds}}>"


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


@pytest.mark.parametrize(
    "line",
    ["select 1 from plain text;\n", "${ds} ${yyyyMMdd-7d}\n", "${", "$", "${spark.x} ", "$${x}"],
)
def test_a_megabyte_is_fast(line: str) -> None:
    variables = scope()
    text = line * (1_000_000 // len(line))
    started = time.process_time()
    variables.replace(text, "big.sql")
    assert time.process_time() - started < 3
