from __future__ import annotations

import pytest

from stoker_daemon.commands.settings import differences, read_settings
from stoker_daemon.problems import Refused
from stoker_shared.model import JobConfig

NODES = ["ingest", "sum", "sum.daily"]


def test_a_setting_is_of_one_node_or_of_all_that_are_rerun_and_that_of_one_wins():
    found = read_settings(
        {"config.executor_memory": "4g", "ingest.config.executor_memory": "8g", "ingest.retries": "2"},
        ["ingest", "sum"],
        NODES,
    )

    assert found["ingest"].config.executor_memory == "8g"
    assert found["ingest"].retries == 2
    assert found["sum"].config.executor_memory == "4g"
    assert list(found) == ["ingest", "sum"]


def test_a_node_with_dots_in_its_name_can_be_told_apart():
    found = read_settings({"sum.daily.timeout": "60", "sum.config.timeout": "30"}, NODES, NODES)

    assert {name: of.config.timeout for name, of in found.items()} == {"sum.daily": 60, "sum": 30}


def test_values_are_of_the_type_of_their_field():
    found = read_settings(
        {
            "args": '["--date", "${ds}"]',
            "config.executor_cores": "4",
            "config.dynamic_allocation": "true",
            "config.conf.spark.sql.shuffle.partitions": "8",
            "config.env.REGION": "x=y",
        },
        ["ingest"],
        NODES,
    )

    assert found["ingest"].config == JobConfig(
        args=("--date", "${ds}"),
        executor_cores=4,
        dynamic_allocation=True,
        conf={"spark.sql.shuffle.partitions": "8"},
        env={"REGION": "x=y"},
    )


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("ingest.config.executor_memry", "8g", "did you mean 'ingest.config.executor_memory'?"),
        ("ingst.config.executor_memory", "8g", "did you mean 'ingest.config.executor_memory'?"),
        ("retry", "1", "did you mean 'retries'?"),
        ("config.conf.", "1", "there is no such setting"),
        ("sum.retries", "1", "node 'sum' is not rerun"),
        ("ingest.retries", "many", "expected `int`"),
        ("ingest.retries", "-1", "must be 0 or more"),
        ("ingest.timeout", "0", "must be 1 or more"),
        ("ingest.args", "--date", "a JSON array of texts"),
        ("ingest.args", "[1]", "expected `str`"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_by_its_key_with_what_would_be_right(
    key: str, value: str, why: str
):
    with pytest.raises(Refused) as refused:
        read_settings({key: value}, ["ingest"], NODES)

    (fault,) = refused.value.problem.errors
    assert fault.pointer == f"/settings/{key}"
    assert why in fault.detail


def test_differences_are_told_in_words_and_values_of_the_environment_are_not():
    before = JobConfig(executor_memory="4g", conf={"spark.a": "1"}, env={"TOKEN": "old"})
    after = JobConfig(executor_memory="8g", args=("x",), env={"TOKEN": "new"})

    assert differences("ingest", before, after, (0, 2)) == {
        "ingest.config.executor_memory": "4g -> 8g",
        "ingest.args": 'unset -> ["x"]',
        "ingest.config.conf.spark.a": "1 -> unset",
        "ingest.config.env.TOKEN": "changed",
        "ingest.retries": "0 -> 2",
    }
    assert differences("ingest", before, before, (1, 1)) == {}
