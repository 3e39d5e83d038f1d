import os
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.launchers import (
    CannotLaunch,
    NoJava,
    NoSpark,
    SparkHome,
    Task,
    find_java,
    find_spark,
    host,
    launch,
    properties,
)
from stoker_daemon.launchers.shell import shebang
from stoker_shared.events import Attachment
from stoker_shared.model import JOB_TYPE_BY_SUFFIX, JobConfig, JobType, QueueSpec

SPARK = SparkHome(path=Path("/opt/spark"), version="4.0.1")
HERE = Path("/var/attempts/7")
SUFFIX = {kind: suffix for suffix, kind in JOB_TYPE_BY_SUFFIX.items()}


def task(
    kind: JobType = JobType.PYSPARK,
    config: JobConfig | None = None,
    *,
    args: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
    interpreter: tuple[str, ...] = ("/bin/sh",),
    queue: QueueSpec | None = None,
) -> Task:
    return Task(
        type=kind,
        title="daily/ingest #12.1",
        source=HERE / f"job{SUFFIX[kind]}",
        directory=HERE,
        args=args,
        config=config or JobConfig(),
        variables=variables or {},
        interpreter=interpreter,
        queue=queue,
    )


def written(asked: Task, spark: SparkHome = SPARK) -> dict[str, str]:
    """The properties a launch writes, read back."""
    return properties.load(launch(asked, spark).files["spark.properties"].decode("ascii"))


class TestProperties:
    @given(st.dictionaries(st.text(), st.text()))
    def test_any_characters_survive_being_written_and_read(self, pairs: dict[str, str]):
        assert properties.load(properties.dump(pairs).decode("ascii")) == pairs

    def test_what_java_reads_specially_is_escaped_as_its_documentation_says(self):
        assert properties.dump({"a b": "x=y:z\\#!", "é": " \t\n😀"}) == (
            b"a\\ b=x\\=y\\:z\\\\\\#\\!\n\\u00e9=\\ \\u0009\\u000a\\ud83d\\ude00\n"
        )

    @pytest.mark.parametrize(
        ("text", "pairs"),
        [
            # From the documentation of java.util.Properties.load.
            (
                "Truth = Beauty\n  Truth2:Beauty\nTruth3    :Beauty",
                dict.fromkeys(["Truth", "Truth2", "Truth3"], "Beauty"),
            ),
            ("fruits   apple, banana, \\\n          cherry\n", {"fruits": "apple, banana, cherry"}),
            ("cheeses\n", {"cheeses": ""}),
            (
                "# c\n  ! c\n\nspark.master   yarn\r\nk=a\\tb\\u00e9\\q",
                {"spark.master": "yarn", "k": "a\tbéq"},
            ),
            ("k = v\\\\\nl = w", {"k": "v\\", "l": "w"}),
            ("k=1\nk=2", {"k": "2"}),
        ],
    )
    def test_a_file_by_hand_is_read_as_java_reads_it(self, text: str, pairs: dict[str, str]):
        assert properties.load(text) == pairs


class TestShell:
    def test_a_script_runs_with_its_interpreter_its_arguments_and_its_environment(self):
        config = JobConfig(env={"LAKE": "/lake", "STOKER_DS": "mine"})
        asked = task(
            JobType.SHELL,
            config,
            args=("a b", "*"),
            variables={"STOKER_DS": "2013-01-15"},
            interpreter=("/bin/bash", "-e"),
        )
        started = launch(asked)
        assert started.argv == ("/bin/bash", "-e", "/var/attempts/7/job.sh", "a b", "*")
        assert started.env == {"LAKE": "/lake", "STOKER_DS": "2013-01-15"}
        assert started.files == {}

    @pytest.mark.parametrize(
        ("line", "interpreter"),
        [
            (b"#!/bin/bash\n", ("/bin/bash",)),
            (b"#! /usr/bin/env -S bash -eu \r\n", ("/usr/bin/env", "-S bash -eu")),
            (b"echo hello\n", ("/bin/sh",)),
            (b"#!\n", ("/bin/sh",)),
            (b"", ("/bin/sh",)),
        ],
    )
    def test_the_first_line_names_the_interpreter_with_at_most_one_argument(
        self, line: bytes, interpreter: tuple[str, ...]
    ):
        assert shebang(line) == interpreter


class TestSparkCommand:
    def test_pyspark_is_submitted_with_its_properties_in_a_file(self):
        started = launch(task(args=("--date", "2013-01-15", "")), SPARK)
        assert started.argv == (
            "/opt/spark/bin/spark-submit",
            "--properties-file",
            "/var/attempts/7/spark.properties",
            "/var/attempts/7/job.py",
            "--date",
            "2013-01-15",
            "",
        )

    def test_a_secret_in_a_property_stays_off_the_command_line(self):
        secret = JobConfig(conf={"spark.hadoop.fs.s3a.secret.key": "hunter2"})
        assert not any("hunter2" in word for word in launch(task(config=secret), SPARK).argv)
        assert written(task(config=secret))["spark.hadoop.fs.s3a.secret.key"] == "hunter2"

    def test_sql_is_run_from_its_file(self):
        started = launch(task(JobType.SQL, args=("--hivevar", "x=1")), SPARK)
        assert started.argv[0] == "/opt/spark/bin/spark-sql"
        assert started.argv[3:] == ("-f", "/var/attempts/7/job.sql", "--hivevar", "x=1")

    def test_a_jar_is_submitted_with_its_main_class(self):
        started = launch(task(JobType.JAR, JobConfig(main_class="org.example.Main"), args=("x",)), SPARK)
        assert started.argv[3:] == ("--class", "org.example.Main", "/var/attempts/7/job.jar", "x")

    def test_attached_files_are_named_where_they_lie_before_what_runs(self):
        names = {
            "py_files": ["lib.py", "more.zip"],
            "files": ["a b.csv"],
            "jars": ["x.jar"],
            "archives": ["e.zip#env"],
        }
        attached = tuple(Attachment(kind, name, "0" * 64, 1) for kind, each in names.items() for name in each)
        options = (
            *("--py-files", "/var/attempts/7/work/lib.py,/var/attempts/7/work/more.zip"),
            *("--files", "/var/attempts/7/work/a b.csv", "--jars", "/var/attempts/7/work/x.jar"),
            *("--archives", "/var/attempts/7/work/e.zip#env"),
        )
        for kind, rest in (
            (JobType.PYSPARK, ("/var/attempts/7/job.py",)),
            (JobType.SQL, ("-f", "/var/attempts/7/job.sql")),
            (JobType.JAR, ("--class", "Main", "/var/attempts/7/job.jar")),
        ):
            asked = msgspec.structs.replace(task(kind, JobConfig(main_class="Main")), attachments=attached)
            assert launch(asked, SPARK).argv[3:] == (*options, *rest)
        alone = msgspec.structs.replace(task(JobType.SHELL), attachments=attached)
        assert launch(alone).argv == ("/bin/sh", "/var/attempts/7/job.sh")

    def test_raw_arguments_come_behind_the_properties_and_before_the_nodes_own(self):
        asked = msgspec.structs.replace(task(JobType.SUBMIT, args=("x",)), words=("--class", "M", "a.jar"))
        assert launch(asked, SPARK).argv == (
            *("/opt/spark/bin/spark-submit", "--properties-file", "/var/attempts/7/spark.properties"),
            *("--class", "M", "a.jar", "x"),
        )

    def test_a_jar_without_a_main_class_is_refused_with_what_to_do(self):
        with pytest.raises(CannotLaunch, match=r"job\.jar is a JAR without a main class: set main_class"):
            launch(task(JobType.JAR), SPARK)

    def test_a_spark_job_without_spark_is_refused_with_what_to_install(self):
        with pytest.raises(NoSpark, match=r"pip install 'stoker\[spark\]'"):
            launch(task())

    def test_the_python_of_the_installed_pyspark_is_used_unless_the_job_names_another(self):
        spark = SparkHome(path=Path("/opt/spark"), version="4.0.1", python="/venv/bin/python")
        own = JobConfig(env={"PYSPARK_PYTHON": "/opt/python"})
        assert launch(task(), spark).env["PYSPARK_PYTHON"] == "/venv/bin/python"
        assert launch(task(config=own), spark).env["PYSPARK_PYTHON"] == "/opt/python"
        assert "PYSPARK_PYTHON" not in launch(task(), SPARK).env

    def test_spark_home_is_the_one_whose_program_runs(self):
        other = JobConfig(env={"SPARK_HOME": "/elsewhere"})
        assert launch(task(config=other), SPARK).env["SPARK_HOME"] == "/opt/spark"


class TestSparkProperties:
    def test_a_plain_job_runs_on_every_local_core_under_its_title(self):
        assert written(task()) == {"spark.master": "local[*]", "spark.app.name": "daily/ingest #12.1"}

    def test_fields_become_properties(self):
        config = JobConfig(
            driver_cores=2,
            driver_memory="4g",
            executor_cores=3,
            executor_memory="5g",
            executor_instances=6,
            conf={"spark.master": "yarn"},
        )
        assert written(task(config=config)) == {
            "spark.master": "yarn",
            "spark.app.name": "daily/ingest #12.1",
            "spark.driver.cores": "2",
            "spark.driver.memory": "4g",
            "spark.executor.cores": "3",
            "spark.executor.memory": "5g",
            "spark.executor.instances": "6",
        }

    def test_one_memory_overhead_is_that_of_driver_and_executors(self):
        overhead = written(task(config=JobConfig(memory_overhead="1g")))
        assert overhead["spark.driver.memoryOverhead"] == overhead["spark.executor.memoryOverhead"] == "1g"

    def test_dynamic_allocation_tracks_shuffles_where_no_service_keeps_them(self):
        config = JobConfig(dynamic_allocation=True, min_executors=0, max_executors=9)
        on = {
            "spark.dynamicAllocation.enabled": "true",
            "spark.dynamicAllocation.minExecutors": "0",
            "spark.dynamicAllocation.maxExecutors": "9",
        }
        tracked = {"spark.dynamicAllocation.shuffleTracking.enabled": "true"}
        assert (on | tracked).items() <= written(task(config=config)).items()
        host = msgspec.structs.replace(SPARK, defaults={"spark.shuffle.service.enabled": "true"})
        assert on.items() <= written(task(config=config), host).items()
        assert not tracked.keys() & written(task(config=config), host).keys()

    def test_dynamic_allocation_switched_off_is_off_whatever_the_host_says(self):
        host = msgspec.structs.replace(SPARK, defaults={"spark.dynamicAllocation.enabled": "true"})
        off = JobConfig(dynamic_allocation=False, max_executors=9)
        assert written(task(), host)["spark.dynamicAllocation.enabled"] == "true"
        assert written(task(config=off), host)["spark.dynamicAllocation.enabled"] == "false"
        assert "spark.dynamicAllocation.maxExecutors" not in written(task(config=off), host)

    def test_the_log_level_is_spark_s_from_3_5_on(self):
        config = JobConfig(log_level="warn")
        assert written(task(config=config))["spark.log.level"] == "WARN"
        older = msgspec.structs.replace(SPARK, version="3.4.4")
        with pytest.raises(CannotLaunch, match=r"Spark 3\.4\.4 has no log level to set before 3\.5: unset"):
            launch(task(config=config), older)

    def test_what_job_and_node_together_cannot_be_is_refused(self):
        config = JobConfig(max_executors=2).overlaid(JobConfig(min_executors=3))
        with pytest.raises(CannotLaunch, match="min_executors: 3 is more than max_executors, which is 2"):
            launch(task(config=config), SPARK)

    def test_driver_cores_bound_a_local_job(self):
        assert written(task(config=JobConfig(driver_cores=2)))["spark.master"] == "local[2]"

    def test_the_defaults_of_the_host_are_kept_under_what_the_job_asks_for(self):
        spark = SparkHome(
            path=Path("/opt/spark"),
            version="3.5.5",
            defaults={
                "spark.master": "yarn",
                "spark.app.name": "the host's",
                "spark.driver.memory": "1g",
                "spark.executor.memory": "1g",
                "spark.eventLog.enabled": "true",
            },
        )
        config = JobConfig(driver_memory="2g", executor_memory="2g", conf={"spark.executor.memory": "3g"})
        assert written(task(config=config), spark) == {
            "spark.master": "yarn",
            "spark.app.name": "daily/ingest #12.1",
            "spark.driver.memory": "2g",
            "spark.executor.memory": "3g",
            "spark.eventLog.enabled": "true",
        }

    def test_an_explicit_master_wins(self):
        spark = SparkHome(path=Path("/opt/spark"), version="4.0.1", defaults={"spark.master": "yarn"})
        config = JobConfig(driver_cores=2, conf={"spark.master": "local[4]"})
        assert written(task(config=config), spark)["spark.master"] == "local[4]"

    def test_the_target_of_the_queue_wins_over_the_hosts_defaults_and_the_job_over_both(self):
        spark = SparkHome(
            path=Path("/opt/spark"),
            version="4.0.1",
            defaults={"spark.master": "local[*]", "spark.executor.memory": "1g", "spark.kept": "host"},
        )
        queue = QueueSpec(
            master="yarn",
            deploy_mode="cluster",
            conf={"spark.executor.memory": "2g", "spark.yarn.queue": "night", "spark.driver.memory": "2g"},
            env={"WHERE": "queue", "WHO": "queue"},
            proxy_user="etl",
        )
        config = JobConfig(
            executor_memory="3g",
            conf={"spark.driver.memory": "4g"},
            env={"WHO": "job"},
            dynamic_allocation=True,
        )
        asked = task(config=config, queue=queue)
        assert written(asked, spark) == {
            "spark.app.name": "daily/ingest #12.1",
            "spark.master": "yarn",
            "spark.submit.deployMode": "cluster",
            "spark.kept": "host",
            "spark.yarn.queue": "night",
            "spark.executor.memory": "3g",
            "spark.driver.memory": "4g",
            "spark.dynamicAllocation.enabled": "true",
            "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        }
        launched = launch(asked, spark)
        assert launched.argv[3:] == ("--proxy-user", "etl", str(HERE / "job.py"))
        assert (launched.env["WHERE"], launched.env["WHO"]) == ("queue", "job")

    @pytest.mark.parametrize(
        ("config", "master"),
        [
            (JobConfig(), "local[1]"),
            (JobConfig(driver_cores=3), "local[3]"),
            (JobConfig(driver_cores=3, conf={"spark.driver.cores": "2"}), "local[2]"),
            (JobConfig(conf={"spark.master": "local[*,4]"}), "local[1,4]"),
            (JobConfig(driver_cores=3, conf={"spark.master": "local[8]"}), "local[8]"),
        ],
    )
    def test_in_a_queue_a_local_job_has_the_cores_of_its_driver(self, config: JobConfig, master: str):
        assert written(task(config=config, queue=QueueSpec()))["spark.master"] == master

    def test_sql_runs_in_client_mode_whatever_the_queue_says(self):
        queue = QueueSpec(master="yarn", deploy_mode="cluster")
        assert written(task(JobType.SQL, queue=queue))["spark.submit.deployMode"] == "client"

    def test_a_property_that_spark_would_drop_is_refused_with_the_name_it_should_have(self):
        with pytest.raises(CannotLaunch, match=r"'fs\.defaultFS'.*`spark\.hadoop\.fs\.defaultFS`"):
            launch(task(config=JobConfig(conf={"fs.defaultFS": "hdfs://nn"})), SPARK)

    def test_sql_without_a_metastore_uses_the_catalog_in_memory(self):
        assert written(task(JobType.SQL))["spark.sql.catalogImplementation"] == "in-memory"

    @pytest.mark.parametrize(
        ("conf", "spark"),
        [
            ({"spark.sql.catalogImplementation": "hive"}, SPARK),
            ({"spark.hadoop.hive.metastore.uris": "thrift://ms:9083"}, SPARK),
            ({}, SparkHome(path=Path("/s"), version="4.0.1", metastore=True)),
            (
                {},
                SparkHome(
                    path=Path("/s"), version="4.0.1", defaults={"spark.sql.catalogImplementation": "hive"}
                ),
            ),
        ],
    )
    def test_sql_with_a_metastore_keeps_it(self, conf: dict[str, str], spark: SparkHome):
        assert (
            written(task(JobType.SQL, JobConfig(conf=conf)), spark).get("spark.sql.catalogImplementation")
            != "in-memory"
        )


def make_spark(home: Path, version: str = "4.0.1") -> Path:
    """A directory that looks like a Spark installation."""
    (home / "bin").mkdir(parents=True)
    (home / "jars").mkdir()
    (home / "bin" / "spark-submit").touch(mode=0o755)
    (home / "jars" / f"spark-core_2.13-{version}.jar").touch()
    return home


def make_java(home: Path, says: str) -> Path:
    """A program that answers, as java does, on stderr."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def no_pyspark(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host, "installed_pyspark", lambda: None)


class TestFindingSpark:
    def test_configuration_comes_first_then_spark_home_then_path_then_the_installed_pyspark(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        configured, named, on_path, installed = (make_spark(tmp_path / name) for name in "abcd")
        monkeypatch.setattr(host, "installed_pyspark", lambda: installed)
        path = {"PATH": str(on_path / "bin")}
        assert find_spark(configured, path | {"SPARK_HOME": str(named)}).path == configured
        assert find_spark(None, path | {"SPARK_HOME": str(named)}).path == named
        assert find_spark(None, path).path == on_path
        assert find_spark(None, {}).path == installed

    @pytest.mark.usefixtures("no_pyspark")
    def test_a_link_on_path_leads_to_the_home_it_points_into(self, tmp_path: Path):
        home = make_spark(tmp_path / "spark-4")
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "spark-submit").symlink_to(home / "bin" / "spark-submit")
        assert find_spark(None, {"PATH": str(tmp_path / "bin")}).path == home

    @pytest.mark.usefixtures("no_pyspark")
    @pytest.mark.parametrize("place", ["lib/spark", "lib/python3.12/site-packages/pyspark"])
    def test_a_wrapper_on_path_leads_to_the_home_beside_it(self, tmp_path: Path, place: str):
        home = make_spark(tmp_path / place)
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "spark-submit").touch(mode=0o755)
        assert find_spark(None, {"PATH": str(tmp_path / "bin")}).path == home

    @pytest.mark.usefixtures("no_pyspark")
    def test_without_any_spark_the_message_says_what_to_install(self):
        with pytest.raises(NoSpark, match=r"none was found.*pip install 'stoker\[spark\]'.*spark_home"):
            find_spark(None, {})

    def test_a_home_that_is_named_but_wrong_is_an_error_and_not_passed_over(self, tmp_path: Path):
        with pytest.raises(NoSpark, match=f"SPARK_HOME is {tmp_path}, which has no bin/spark-submit"):
            find_spark(None, {"SPARK_HOME": str(tmp_path)})
        with pytest.raises(NoSpark, match="spark_home is"):
            find_spark(tmp_path, {})

    @pytest.mark.parametrize("version", ["4.3.0", "3.5.5"])
    def test_the_version_is_in_the_name_of_a_jar(self, tmp_path: Path, version: str):
        assert find_spark(make_spark(tmp_path / "s", version), {}).version == version

    def test_the_version_is_in_the_release_file_where_the_jars_are_elsewhere(self, tmp_path: Path):
        home = make_spark(tmp_path / "s")
        (home / "jars" / "spark-core_2.13-4.0.1.jar").unlink()
        (home / "RELEASE").write_text("Spark 3.5.1 (git revision fd86f85e181) built for Hadoop 3.3.4\n")
        assert find_spark(home, {}).major == 3

    def test_a_home_that_tells_no_version_is_refused(self, tmp_path: Path):
        home = make_spark(tmp_path / "s")
        (home / "jars" / "spark-core_2.13-4.0.1.jar").unlink()
        with pytest.raises(NoSpark, match="tells its version"):
            find_spark(home, {})

    def test_defaults_and_metastore_come_from_the_configuration_directory(self, tmp_path: Path):
        home = make_spark(tmp_path / "s")
        (home / "conf").mkdir()
        assert find_spark(home, {}).defaults == {}
        assert not find_spark(home, {}).metastore
        (home / "conf" / "spark-defaults.conf").write_text("# ours\nspark.master   yarn\n")
        (home / "conf" / "hive-site.xml").touch()
        assert find_spark(home, {}).defaults == {"spark.master": "yarn"}
        assert find_spark(home, {}).metastore

    def test_another_configuration_directory_takes_the_place_of_conf(self, tmp_path: Path):
        home = make_spark(tmp_path / "s")
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc" / "spark-defaults.conf").write_text("spark.master yarn")
        assert find_spark(home, {"SPARK_CONF_DIR": str(tmp_path / "etc")}).defaults == {
            "spark.master": "yarn"
        }

    def test_a_metastore_may_be_configured_beside_hadoop(self, tmp_path: Path):
        home = make_spark(tmp_path / "s")
        (tmp_path / "hive-site.xml").touch()
        assert find_spark(home, {"HADOOP_CONF_DIR": str(tmp_path)}).metastore

    def test_the_installed_pyspark_runs_with_the_python_it_is_installed_in(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        installed, other = make_spark(tmp_path / "installed"), make_spark(tmp_path / "other")
        monkeypatch.setattr(host, "installed_pyspark", lambda: installed)
        assert find_spark(installed, {}).python == sys.executable
        assert find_spark(installed, {"PYSPARK_PYTHON": "python3.12"}).python is None
        assert find_spark(other, {}).python is None


class TestFindingJava:
    SPARK_3 = SparkHome(path=Path("/opt/spark"), version="3.5.5")

    @pytest.mark.parametrize(
        ("says", "version"),
        [
            ('openjdk version "17.0.15" 2025-04-15', 17),
            ('openjdk version "25" 2025-09-16', 25),
            ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21.0.1" 2023-10-17', 21),
        ],
    )
    def test_the_version_is_what_the_program_says(self, tmp_path: Path, says: str, version: int):
        java = make_java(tmp_path, says)
        found = find_java(SPARK, {"JAVA_HOME": str(tmp_path)})
        assert (found.binary, found.version) == (java, version)

    def test_java_home_comes_before_path(self, tmp_path: Path):
        on_path = make_java(tmp_path / "a", 'openjdk version "21.0.1"')
        home = make_java(tmp_path / "b", 'openjdk version "17.0.1"')
        path = {"PATH": f"{on_path.parent}:{os.environ['PATH']}"}
        assert find_java(SPARK, path).binary == on_path
        assert find_java(SPARK, path | {"JAVA_HOME": str(tmp_path / "b")}).binary == home

    def test_the_java_of_spark_env_is_the_one_that_counts(self, tmp_path: Path):
        home = make_spark(tmp_path / "spark")
        java = make_java(tmp_path / "java", 'openjdk version "17.0.1"')
        (home / "conf").mkdir()
        (home / "conf" / "spark-env.sh").write_text(f"JAVA_HOME={tmp_path / 'java'}\necho hello\n")
        assert find_java(SparkHome(path=home, version="4.0.1"), {"PATH": os.environ["PATH"]}).binary == java

    def test_without_java_the_message_says_what_to_install(self):
        with pytest.raises(
            NoJava,
            match=r"Spark 4 needs Java 17 or newer; found none\. Install it, e\.g\. "
            r"`sudo apt install default-jre-headless`, or set JAVA_HOME\.",
        ):
            find_java(SPARK, {})

    def test_a_java_too_old_is_named_with_its_place(self, tmp_path: Path):
        java = make_java(tmp_path, 'openjdk version "11.0.2"')
        with pytest.raises(NoJava, match=f"found Java 11 at {java}"):
            find_java(SPARK, {"JAVA_HOME": str(tmp_path)})

    def test_a_java_home_without_java_is_an_error_as_it_is_for_spark(self, tmp_path: Path):
        with pytest.raises(NoJava, match=f"found no Java at {tmp_path}/bin/java"):
            find_java(SPARK, os.environ | {"JAVA_HOME": str(tmp_path)})

    @pytest.mark.parametrize(
        ("says", "version"), [('java version "1.8.0_391"', 8), ('openjdk version "11.0.2"', 11)]
    )
    def test_spark_3_runs_on_older_ones(self, tmp_path: Path, says: str, version: int):
        make_java(tmp_path, says)
        assert find_java(self.SPARK_3, {"JAVA_HOME": str(tmp_path)}).version == version

    def test_spark_3_does_not_run_on_newer_ones(self, tmp_path: Path):
        make_java(tmp_path, 'openjdk version "21.0.1"')
        with pytest.raises(NoJava, match="Spark 3 needs Java 8, 11 or 17; found Java 21"):
            find_java(self.SPARK_3, {"JAVA_HOME": str(tmp_path)})
