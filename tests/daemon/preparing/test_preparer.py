from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from stoker_daemon.attempts.executor import Order
from stoker_daemon.launchers import CannotLaunch, SparkHome, properties
from stoker_daemon.objects import Objects
from stoker_daemon.preparing.plan import Plan, PlanNode, type_of
from stoker_daemon.preparing.preparer import Preparer
from stoker_daemon.preparing.variables import DATES, FACTS
from stoker_shared import events as ev
from stoker_shared.model import JobConfig
from stoker_shared.state import Attempt, NodeRun, Queue, Run

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CYCLE = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
"""In Berlin it is the 21st."""


class Prepared:
    """A node of a run, as prepared for launch: the order, or why there is none."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.objects = Objects(home / "objects")
        self.queues: dict[str, Queue] = {}
        self.secrets: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.preparer = Preparer(self.objects, home / "logs", None, self.queues, lambda _: self.secrets)
        spark = SparkHome(path=Path("/opt/spark"), version="4.0.1")
        monkeypatch.setattr(self.preparer, "find_spark", lambda own, home: spark)
        self.variables: dict[str, dict[str, str]] = {"workflow": {}, "node": {}, "run": {}}

    def node(
        self, job: str, content: bytes = b"", args: tuple[str, ...] = (), config: JobConfig | None = None
    ) -> tuple[Run, NodeRun]:
        """Give the only node of a run over this job."""
        node = PlanNode(
            name="ingest",
            job=job,
            type=type_of(job),
            version=1,
            digest=self.objects.put(content),
            config=config or JobConfig(main_class="Main" if job.endswith(".jar") else None),
            args=args,
            variables=self.variables["node"],
            tags=self.tags,
        )
        plan = Plan("daily", [node], self.variables["workflow"], self.variables.get("workspace", {}))
        run = Run(
            id=12,
            workspace="default",
            workflow=1,
            name="daily",
            version=1,
            trigger=ev.Trigger.MANUAL,
            cycle=CYCLE,
            time_zone="Europe/Berlin",
            plan=self.objects.put(msgspec.json.encode(plan)),
            created_at=NOW,
            by="alice",
            parallelism=1,
            variables=self.variables["run"],
            nodes=[NodeRun(1, "ingest")],
            numbers={"ingest": 1},
        )
        return run, run.nodes[0]

    def order(
        self, job: str, content: bytes = b"", args: tuple[str, ...] = (), config: JobConfig | None = None
    ) -> Order:
        return self.preparer.order(*self.node(job, content, args, config))

    def refusal(
        self, job: str, content: bytes = b"", args: tuple[str, ...] = (), config: JobConfig | None = None
    ) -> str:
        with pytest.raises(CannotLaunch) as caught:
            self.order(job, content, args, config)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1000
        return str(caught.value)

    def launch_log(self, config: JobConfig | None = None, command: tuple[str, ...] = ()) -> list[str]:
        run, node = self.node("say.sh", config=config)
        attempt = Attempt(1, "tag", "boot", command, NOW, pid=77)
        return self.preparer.describe(run, node, attempt).splitlines()


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return Prepared(tmp_path, monkeypatch)


class TestVariables:
    @pytest.mark.parametrize("job", ["etl/a.py", "etl/a.jar", "etl/a.sh", "etl/a.sql"])
    def test_reach_a_job_of_every_type_in_its_environment(self, prepared: Prepared, job: str):
        prepared.variables["workflow"] = {"region": "eu", "day": "${ds-1d}"}
        prepared.variables["run"] = {"Limit": "5"}

        env = prepared.order(job).launch.env

        assert {name for name in env if name.startswith("STOKER_")} == {
            *(f"STOKER_{name.upper()}" for name in [*DATES, *FACTS]),
            "STOKER_REGION",
            "STOKER_DAY",
            "STOKER_LIMIT",
        }
        assert (env["STOKER_DS"], env["STOKER_TS"]) == ("2026-11-21", "2026-11-21T00:30:00")
        assert (env["STOKER_DAY"], env["STOKER_REGION"], env["STOKER_LIMIT"]) == ("2026-11-20", "eu", "5")
        assert (env["STOKER_WORKFLOW_NAME"], env["STOKER_NODE_NAME"]) == ("daily", "ingest")
        assert (env["STOKER_RUN_ID"], env["STOKER_ATTEMPT"]) == ("12", "1")
        assert env["STOKER_SCHEDULED_AT"] == ""

    def test_are_replaced_in_arguments_properties_environment_and_sql(self, prepared: Prepared):
        config = JobConfig(conf={"spark.x": "<${ds}>", "spark.own": "${spark.x}"}, env={"DAY": "d ${ds}"})

        launch = prepared.order("a.sql", b"select '${ds}', '${spark.x}'", ("${ds_nodash}",), config).launch

        written = properties.load(launch.files["spark.properties"].decode("ascii"))
        assert (written["spark.x"], written["spark.own"]) == ("<2026-11-21>", "${spark.x}")
        assert launch.env["DAY"] == "d 2026-11-21"
        assert launch.argv[-1] == "20261121"
        assert launch.files["a.sql"] == b"select '2026-11-21', '${spark.x}'"

    def test_are_replaced_in_no_job_but_sql(self, prepared: Prepared):
        order = prepared.order("a.sh", b"echo ${nope}")

        assert order.sources == (("a.sh", prepared.objects.path(prepared.objects.put(b"echo ${nope}"))),)

    def test_are_replaced_in_the_sql_of_a_notebook_which_becomes_a_script(self, prepared: Prepared):
        cell = {"cell_type": "code", "source": "%sql select '${ds}'"}
        notebook = msgspec.json.encode({"nbformat": 4, "cells": [cell]})

        order = prepared.order("a.ipynb", notebook)

        assert order.launch.argv[-1].endswith("/a.ipynb.py")
        assert b"2026-11-21" in order.launch.files["a.ipynb.py"]
        assert order.sources == ()
        unknown = notebook.replace(b"ds", b"dss")
        assert prepared.refusal("a.ipynb", unknown).startswith("a.ipynb cell 1:1:9: unknown variable 'dss'")

    def test_are_replaced_in_raw_arguments_a_word_staying_a_word(self, prepared: Prepared):
        prepared.variables["run"] = {"who": "a 'b"}

        order = prepared.order("a.submit", b"main.py --who ${who}\n# ${nope}\n", args=("${ds}",))

        assert order.launch.argv[-4:] == ("main.py", "--who", "a 'b", "2026-11-21")
        refusal = prepared.refusal("a.submit", b"main.py\n  --who ${whom}\n")
        assert refusal.startswith("a.submit:2:9: unknown variable 'whom'")

    def test_leave_every_other_byte_of_sql_alone(self, prepared: Prepared):
        every_byte = bytes(range(256)) + "é\u2028\r\n".encode() + b"\xff\xfe"

        assert (
            prepared.order("a.sql", every_byte + b"${ds}").launch.files["a.sql"] == every_byte + b"2026-11-21"
        )

    def test_of_the_run_win_over_the_nodes_those_over_the_workflows_and_those_over_the_workspaces(
        self, prepared: Prepared
    ):
        prepared.variables = {
            "workspace": dict.fromkeys("abcd", "workspace"),
            "workflow": dict.fromkeys("bcd", "workflow"),
            "node": dict.fromkeys("cd", "node"),
            "run": {"d": "run"},
        }

        launch = prepared.order("a.sh", args=("${a} ${b} ${c} ${d}",)).launch

        assert launch.argv[-1] == "workspace workflow node run"

    def test_that_mean_nothing_are_named_by_file_line_and_column(self, prepared: Prepared):
        sql = "select 1\r\n\tfrom '漢${ds}' where x = ${dss}".encode()

        assert prepared.refusal("etl/a.sql", sql).startswith("etl/a.sql:2:26: unknown variable 'dss'")
        assert prepared.refusal("a.sh", args=("", "${dss}")).startswith("args[1]:1:1: ")
        assert prepared.refusal("a.py", config=JobConfig(conf={"spark.x": "${}"})).startswith(
            "conf.spark.x:1:1"
        )
        assert prepared.refusal("a.sh", config=JobConfig(env={"A": " ${x}"})).startswith("env.A:1:2: ")


class TestSecrets:
    @pytest.fixture(autouse=True)
    def defined(self, prepared: Prepared):
        prepared.secrets = {"token": "hunter2"}
        prepared.variables["workflow"] = {"url": "jdbc:x?password=${token}"}

    @pytest.mark.parametrize("job", ["a.py", "a.jar", "a.sh", "a.sql"])
    def test_reach_a_job_of_every_type_by_its_environment_and_no_argument(self, prepared: Prepared, job: str):
        config = JobConfig(main_class="Main", env={"DB": "<${url}>"})

        launch = prepared.order(job, config=config).launch

        assert (launch.env["STOKER_TOKEN"], launch.env["DB"]) == ("hunter2", "<jdbc:x?password=hunter2>")
        assert "hunter2" not in "".join(launch.argv)

    def test_reach_properties_and_sql_by_files_that_only_the_owner_may_read(self, prepared: Prepared):
        config = JobConfig(conf={"spark.hadoop.fs.s3a.secret.key": "${token}"})

        launch = prepared.order("a.sql", b"select '${url}'", config=config).launch

        written = properties.load(launch.files["spark.properties"].decode("ascii"))
        assert written["spark.hadoop.fs.s3a.secret.key"] == "hunter2"
        assert launch.files["a.sql"] == b"select 'jdbc:x?password=hunter2'"
        assert "hunter2" not in "".join(launch.argv)

    @pytest.mark.parametrize("name", ["token", "url"])
    def test_in_arguments_are_refused_with_why_and_what_to_do(self, prepared: Prepared, name: str):
        told = prepared.refusal("a.sh", args=("", f"--by ${{{name}}}"))

        assert told == (
            f"args[1]:1:6: {name!r} is secret, and `ps` shows arguments to everybody; "
            f"the job can read it from its environment, as STOKER_{name.upper()}"
        )

    @pytest.mark.parametrize(
        "config",
        [
            JobConfig(conf={"spark.driver.extraJavaOptions": "-Dpassword=${token}"}),
            JobConfig(conf={"spark.executor.defaultJavaOptions": "-Dpassword=${token}"}),
            JobConfig(conf={"spark.driver.extraClassPath": "${token}"}),
            JobConfig(env={"SPARK_SUBMIT_OPTS": "-Dpassword=${url}"}),
        ],
        ids=str,
    )
    def test_in_what_spark_makes_arguments_of_are_refused(self, prepared: Prepared, config: JobConfig):
        told = prepared.refusal("a.py", config=config)

        assert "is secret, and Spark puts it on a command line, which `ps` shows to everybody" in told

    def test_in_tags_are_refused(self, prepared: Prepared):
        prepared.tags = {"by": "${token}"}

        assert prepared.refusal("a.py").startswith("tags.by:1:1: 'token' is secret, and tags are shown")

    def test_are_masked_in_the_launch_log_with_where_they_come_from(self, prepared: Prepared):
        log = prepared.launch_log(JobConfig(env={"DB": "${url}"}))

        assert "  STOKER_TOKEN=*****   (workspace, secret)" in log
        assert "  STOKER_URL=*****   (workflow, secret)" in log
        assert "hunter2" not in "\n".join(log)

    def test_that_are_gone_since_are_told_in_the_launch_log_and_nothing_else_is(self, prepared: Prepared):
        prepared.secrets = {}

        log = prepared.launch_log()

        assert "  none: workflow variable url:1:17: unknown variable 'token'" in "\n".join(log)
        assert not any("STOKER_URL" in line for line in log)


class TestTags:
    def test_of_a_node_are_on_its_spark_application_with_its_names(self, prepared: Prepared):
        prepared.tags = {"day": "d ${ds}"}

        launch = prepared.order("a.py").launch

        written = properties.load(launch.files["spark.properties"].decode("ascii"))
        assert {key: value for key, value in written.items() if ".tags." in key} == {
            "spark.stoker.tags.day": "d 2026-11-21",
            "spark.stoker.tags.workflow_name": "daily",
            "spark.stoker.tags.task_name": "ingest",
        }


class TestWhatReachesNoProcess:
    def test_is_a_nul_in_an_argument(self, prepared: Prepared):
        expected = "args[1] has a NUL character, which no argument can hold; take it out."
        assert prepared.refusal("a.sh", args=("", "a\0b")) == expected

    def test_is_a_nul_in_the_main_class_or_the_interpreter(self, prepared: Prepared):
        assert prepared.refusal("a.jar", config=JobConfig(main_class="Ma\0in")).startswith(
            "main_class has a NUL"
        )
        assert prepared.refusal("etl/a.sh", b"#!/bin/b\0ash\n").startswith("the first line of a.sh has a NUL")

    def test_is_a_nul_in_the_environment(self, prepared: Prepared):
        told = prepared.refusal("a.sh", config=JobConfig(env={"A": "", "LAKE": "\0"}))
        assert told == (
            "The environment variable 'LAKE' has a NUL character, which no value can hold; take it out."
        )
        prepared.variables["run"] = {"region": "e\0u"}
        assert prepared.refusal("a.sh").startswith("run variable region:1:2: a value can't have a NUL")

    @pytest.mark.parametrize(
        "name", ["", "A=B", "=", "A\0", "spark.home", "a b", "é", "1A", "\x1b[2J", "x" * 10**6 + "-"]
    )
    def test_is_a_name_that_the_shell_of_the_keeper_would_drop(self, prepared: Prepared, name: str):
        assert "can't have that name: letters, digits and _" in prepared.refusal(
            "a.sh", config=JobConfig(env={name: "x"})
        )

    def test_is_an_environment_variable_longer_than_linux_takes(self, prepared: Prepared):
        longest = 128 * 1024 - 1 - len("LAKE=")
        prepared.order("a.sh", config=JobConfig(env={"LAKE": "x" * longest}))
        for value in ("x" * (longest + 1), "é" * (longest // 2) + "x"):
            told = prepared.refusal("a.sh", config=JobConfig(env={"LAKE": value}))
            assert told == (
                "The environment variable 'LAKE' has 131,072 bytes with its name, "
                "and one has at most 131,071; use a file."
            )

    def test_is_a_variable_with_a_name_too_long(self, prepared: Prepared):
        prepared.variables["node"] = {"x" * 200_000: ""}
        assert "STOKER_XXX" in prepared.refusal("a.sh")

    def test_is_a_megabyte_in_an_argument(self, prepared: Prepared):
        assert "one has at most 131,072" in prepared.refusal("a.sh", args=("x" * 1_000_000,))

    def test_is_what_variables_would_fill_the_memory_with(self, prepared: Prepared):
        prepared.variables["workflow"] = {"v": "x" * 30_000}
        assert "put in more than" in prepared.refusal("a.sh", args=("${v}",) * 100_000)
        assert "put in more than" in prepared.refusal("a.sql", b"${v}" * 100_000)

    def test_is_a_property_that_spark_drops_however_it_is_named(self, prepared: Prepared):
        for name in ("\x1b]0;x\x07", "x" * 1_000_000):
            assert "Spark ignores the property" in prepared.refusal("a.py", config=JobConfig(conf={name: ""}))


class TestTheLaunchLog:
    def test_says_where_the_value_of_each_variable_comes_from(self, prepared: Prepared):
        prepared.variables = {
            "workflow": {"region": "eu", "path": "/lake/${region}"},
            "node": {"region": "us", "limit": "5"},
            "run": {"limit": "7"},
        }

        log = prepared.launch_log()

        assert "  STOKER_REGION='us'   (node)" in log
        assert "  STOKER_PATH='/lake/us'   (workflow)" in log
        assert "  STOKER_LIMIT='7'   (run)" in log
        assert "  STOKER_DS='2026-11-21'   (built in)" in log
        assert "  STOKER_NODE_NAME='ingest'   (built in)" in log

    def test_lists_exactly_what_the_job_got(self, prepared: Prepared):
        prepared.variables["workflow"] = {"Region": "us", "region": "eu"}

        shown = [line for line in prepared.launch_log() if line.startswith("  STOKER_")]

        env = prepared.order("say.sh").launch.env
        assert [line.rpartition("   (")[0] for line in shown] == [
            f"  {name}={value!r}" for name, value in env.items()
        ]

    def test_has_only_the_names_of_what_the_configuration_gives(self, prepared: Prepared):
        log = prepared.launch_log(JobConfig(env={"TOKEN": "hunter2"}, conf={"spark.password": "hunter2"}))

        assert "  TOKEN" in log
        assert "hunter2" not in "\n".join(log)

    def test_is_one_printable_line_for_each_thing_whatever_is_in_it(self, prepared: Prepared):
        prepared.variables["run"] = {"odd": "a\nb\x1b[2J\u2028\u202e"}

        log = prepared.launch_log(JobConfig(env={"A\n\x1b": ""}), ("a\nb\x1b",))

        assert all(line.isprintable() for line in log)
        assert "  STOKER_ODD='a\\nb\\x1b[2J\\u2028\\u202e'   (run)" in log

    def test_of_an_attempt_with_variables_that_are_refused_today_says_so(self, prepared: Prepared):
        prepared.variables["run"] = {"odd": "\0"}

        assert any(line.startswith("  none: run variable odd:1:1: ") for line in prepared.launch_log())
