"""Definitions written as YAML, and read back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_shared.definition import faults
from stoker_shared.model import Days, JobConfig, NodeSpec, NodeState, Subscription, WorkflowSpec
from stoker_shared.text import clean_block
from stoker_tui import demo
from stoker_tui.cli.files import BadFile, JobFile, read_documents, read_workflow
from stoker_tui.cli.yaml_text import yaml_text
from tests.definitions import ODD, workflow_specs

EXAMPLE = """\
workflow: daily_sales
schedule: {type: days, at: '01:00', time_zone: Europe/Berlin}
retries: 1
notify: [oncall@example.com]
tags: {team: sales}
variables: {region: eu}
nodes:
  - name: ingest
    job: etl/ingest.py
    args: [--date, '${ds}']
  - name: transform
    job: etl/transform.sql
    upstream: [ingest]
    timeout: 3600
    config:
      executor_memory: 4g
      conf: {spark.sql.shuffle.partitions: "8"}
  - name: report
    job: etl/report.py
    upstream: [transform]
    subscription:
      addresses: [lead@example.com]
      states: [failed, succeeded]
"""


def example() -> WorkflowSpec:
    return WorkflowSpec(
        workflow="daily_sales",
        schedule=Days(at="01:00", time_zone="Europe/Berlin"),
        retries=1,
        notify=("oncall@example.com",),
        tags={"team": "sales"},
        variables={"region": "eu"},
        nodes=(
            NodeSpec(name="ingest", job="etl/ingest.py", args=("--date", "${ds}")),
            NodeSpec(
                name="transform",
                job="etl/transform.sql",
                upstream=("ingest",),
                timeout=3600,
                config=JobConfig(executor_memory="4g", conf={"spark.sql.shuffle.partitions": "8"}),
            ),
            NodeSpec(
                name="report",
                job="etl/report.py",
                upstream=("transform",),
                subscription=Subscription(
                    addresses=("lead@example.com",), states=(NodeState.FAILED, NodeState.SUCCEEDED)
                ),
            ),
        ),
    )


def read_back(text: str) -> WorkflowSpec:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "w.yaml"
        file.write_text(text, encoding="utf-8", newline="")
        return read_workflow(file)


def test_a_definition_is_written_as_a_person_would() -> None:
    assert yaml_text(example()) == EXAMPLE
    assert read_back(EXAMPLE) == example()


@settings(max_examples=60)
@given(workflow_specs)
def test_what_is_written_is_read_back_as_the_very_same_definition(spec: WorkflowSpec) -> None:
    assert faults(spec) == []

    assert read_back(yaml_text(spec)) == spec


@pytest.mark.parametrize("text", ODD)
def test_an_odd_text_is_read_back_wherever_it_stands(text: str) -> None:
    node = NodeSpec(name="a", job="a.py", args=(text, text), variables={"v": text})
    spec = WorkflowSpec(workflow="w", description=text, nodes=(node,), variables={"v": text})

    assert read_back(yaml_text(spec)) == spec


@given(st.sampled_from(ODD) | st.text(max_size=20))
def test_a_plain_reader_of_yaml_takes_every_text_for_a_text(text: str) -> None:
    written = yaml_text(WorkflowSpec(workflow="w", description=text))

    assert yaml.safe_load(written).get("description", "") == text


def test_the_demonstration_s_workflow_is_written_and_read_back() -> None:
    spec = read_workflow(demo.PIPELINE / "flights.yaml")

    assert read_back(yaml_text(spec)) == spec


def files(directory: Path, **contents: str) -> Path:
    for name, content in contents.items():
        file = directory / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name(f"{file.name}.yaml").write_text(content)
    return directory


def test_a_directory_stands_for_the_files_below_it_in_the_order_of_their_paths(tmp_path: Path) -> None:
    files(tmp_path, b="workflow: b\n", a__z="workflow: z\n---\nworkflow: y\n", **{".git__x": "nonsense"})

    found = read_documents([tmp_path])

    assert [each.definition for each in found] == [WorkflowSpec(workflow=name) for name in "zyb"]


def test_a_job_s_source_is_seen_from_its_file(tmp_path: Path) -> None:
    files(tmp_path, etl__a="job: etl/a.py\nsource: ./a.py\nconfig: {driver_memory: 2g}\nremarks: new\n")
    (tmp_path / "etl" / "a.py").write_text("")

    (found,) = read_documents([tmp_path])

    config = JobConfig(driver_memory="2g")
    assert found.definition == JobFile(job="etl/a.py", source="./a.py", config=config, remarks="new")
    assert found.beside("./a.py").samefile(tmp_path / "etl" / "a.py")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ".yaml: nothing is defined in it"),
        (
            "workflow: w\n---\nworkflow: v\nqeue: x\n",
            "document 2: /qeue: unknown field 'qeue'; did you mean 'queue'?",
        ),
        ("workflow: w\n---\nworkflow: w\n", "document 2: workflow 'w' is defined in"),
        ("job: a.py\nsuorce: a.py\n", "/suorce: unknown field 'suorce'; did you mean 'source'?"),
        ("job: a.py\nsource: a.py\n", "/source: there is no file"),
        ("job: /a.py\nsource: .\n", "/job: '/a.py' is not a valid path"),
        ('workflow: w\ndescription: "\\ud800"\n', "half of a character"),
        ("workflow: w\nretry_delay: .nan\n", "/retry_delay: must be from 0"),
        ("workflow: w\nschedule: {type: dayz, at: x}\n", "/schedule"),
        ("workflow: w\nschedule: {type: days, at: 1:00}\n", "/schedule/at: expected `str`, got `int`"),
        ("a: 2026-99-99\n", "not YAML: it is no timestamp"),
        ('a: !!int ""\n', "not YAML: it is no int"),
        ("a: !!timestamp soon\n", "not YAML: it is no timestamp"),
        ("!!set &a [*a]\n", "not YAML: expected a mapping node"),
    ],
)
def test_what_a_file_can_t_define_is_told_by_its_place(tmp_path: Path, text: str, told: str) -> None:
    files(tmp_path, bad=text)

    with pytest.raises(BadFile) as raised:
        read_documents([tmp_path])

    assert told in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "bad.yaml"))


PIECES = [
    *("workflow: ", "nodes:\n", "  - name: a\n", "    job: a.sh\n", "job: x.sh\n", "source: ", "schedule: "),
    *(
        "- ",
        "? ",
        ": ",
        "\n",
        "  ",
        "&a ",
        "*a",
        "<<: ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        '"',
        "|\n",
        ">\n",
        "#",
    ),
    *("!!binary ", "!!set ", "!!timestamp ", "!!int ", "!!float ", "!!omap ", "!!pairs ", "!!merge ", "!x "),
    *(
        "!!python/object:os.system ",
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "%TAG ! tag:x\n",
        "&a [*a]",
        "&a {x: *a}",
    ),
    *("2026-13-45", "2026-02-30T25:61:61", "1_000", "0x_", "0o9", "1:60:60", "9" * 5000, ".inf", ".nan", "~"),
    *("\t", "\0", "\x1b", "\ufeff", "\u2028", "\x85", '"\\ud83d"', '"\\x1b"', "retries: ", "-1", "1e999"),
]
"""What YAML is made of, and what has broken readers of it."""

FOREIGN = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from(PIECES), max_size=14)
    .map("".join)
    .flatmap(
        lambda text: st.sampled_from([text.encode(), text.encode("utf-16"), b"workflow: a\n" + text.encode()])
    ),
)


@given(FOREIGN)
def test_whatever_is_in_a_file_it_defines_something_or_is_told_in_words(content: bytes) -> None:
    with TemporaryDirectory() as directory:
        (file := Path(directory) / "x.yaml").write_bytes(content)
        try:
            found = read_documents([file])
        except BadFile as error:
            assert clean_block(str(error)) == str(error)
        else:
            assert found
