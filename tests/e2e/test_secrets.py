"""A secret is nowhere but where it is kept and where the job gets it: all that others can see is searched."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import product
from pathlib import Path

import pytest

from tests.e2e.test_spark import processes_with, tag_of
from tests.harness import StokerDaemon, wait_for

SECRET, PROPERTY = "s3cr3tv4lue", "pr0p3rtyv4lue"
"""Of letters and digits, so that no escaping hides them from these tests."""

VARIABLES = "/v1/workspaces/default/variables"
WAITS = 'while [ ! -e "$GATE" ]; do sleep 0.02; done'

PYSPARK = """
import os, time
from pathlib import Path
from pyspark.sql import SparkSession

session = SparkSession.builder.getOrCreate()
assert os.environ["STOKER_TOKEN"] == "s3cr3tv4" + "lue"
assert session.conf.get("spark.hadoop.fs.s3a.secret.key") == "pr0p3rtyv4" + "lue"
assert session.sparkContext.parallelize([1]).map(lambda _: os.environ["STOKER_URL"]).first().endswith("lue")
Path(os.environ["GATE"] + ".ready").touch()
while not os.path.exists(os.environ["GATE"]):
    time.sleep(0.05)
print("done")
"""


@pytest.fixture
def secretive(daemon: StokerDaemon) -> StokerDaemon:
    """A daemon with two secrets; a workflow's variable holds one of them."""
    for name, value in {"token": SECRET, "lake_key": PROPERTY}.items():
        keep(daemon, name, value)
    return daemon


def keep(daemon: StokerDaemon, name: str, value: str) -> None:
    answer = daemon.http.put(f"{VARIABLES}/{name}", json={"value": value, "secret": True})
    assert answer.is_success, answer.text


def told_in(texts: dict[str, bytes]) -> list[str]:
    """Give the names of the texts that have a secret in them."""
    return [name for name, text in texts.items() if re.search(f"{SECRET}|{PROPERTY}".encode(), text)]


def command_lines() -> dict[str, bytes]:
    """Give what `ps` shows of each process of this machine."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found[process.name] = (process / "cmdline").read_bytes()
        except OSError:
            continue
    return found


def files(daemon: StokerDaemon) -> dict[str, bytes]:
    """Give every file that the daemon keeps or writes."""
    paths = [path for path in daemon.data.rglob("*") if path.is_file()]
    found = {"journal": daemon.journal.read_bytes()}
    for path in paths:
        with suppress(FileNotFoundError):  # what is only there for a moment
            found[str(path.relative_to(daemon.data))] = path.read_bytes()
    return found


def answers(daemon: StokerDaemon, **known: list[str]) -> dict[str, bytes]:
    """Give what every operation that only looks answers, for all that is known to be there."""
    document = daemon.http.get("/v1/openapi.json").json()
    found = {}
    for template, operations in document["paths"].items():
        if "get" in operations and operations["get"]["operationId"] != "follow_events":
            for path in filled(template, known):
                found[path] = daemon.http.get(path).content
    return found


def filled(template: str, known: dict[str, list[str]]) -> Iterator[str]:
    names = re.findall(r"\{(\w+)\}", template)
    for values in product(*(known.get(name, ["1"]) for name in names)):
        path = template
        for name, value in zip(names, values, strict=True):
            path = path.replace(f"{{{name}}}", value)
        yield path


def look_everywhere(daemon: StokerDaemon, run: int, nodes: list[str], jobs: list[str]) -> None:
    """Look for the secrets in all that others can see, and in all that Stoker writes and answers."""
    shown = command_lines()
    assert any(b"keeper.sh" in line for line in shown.values())
    assert told_in(shown) == []
    given = {"secrets"} | {f"logs/{run}/{number}/1/spark.properties" for number in range(1, len(nodes) + 1)}
    written = files(daemon)
    assert set(told_in(written)) <= given
    assert {name for name in written if name.startswith("runlog/")}
    for name in told_in(written):
        assert stat.S_IMODE((daemon.data / name).stat().st_mode) == 0o600, name
    answered = answers(
        daemon,
        workspace=["default"],
        path=jobs,
        name=["flow"],
        run=[str(run)],
        node=nodes,
        stream=["launch", "stdout", "stderr", "both"],
        digest=["0" * 64],
    )
    assert len([path for path in answered if "/logs/launch" in path]) == len(nodes)
    assert told_in(answered) == []
    launch = daemon.output(run, nodes[0], stream="launch")
    assert "  STOKER_TOKEN=*****   (workspace, secret)\n" in launch
    assert "  STOKER_URL=*****   (workflow, secret)\n" in launch


def test_a_shell_job_with_a_secret_shows_it_to_nobody(secretive: StokerDaemon, tmp_path: Path):
    gate = tmp_path / "gate"
    check = f'[ "$STOKER_TOKEN" = {SECRET[:5]}"{SECRET[5:]}" ] && [ "$DB" = "<$STOKER_URL>" ] && echo same'
    secretive.publish_job("wait.sh", f"{check}\n{WAITS}", {"env": {"GATE": str(gate), "DB": "<${url}>"}})
    secretive.publish_job("refused.sh", "true")
    nodes = [
        {"name": "wait", "job": "wait.sh", "args": ["${ds}"]},
        {"name": "refused", "job": "refused.sh", "args": ["--password", "${url}"]},
    ]
    secretive.publish_workflow("flow", nodes, variables={"url": "jdbc:x?password=${token}"}, parallelism=2)
    run = secretive.start_run("flow")
    wait_for(lambda: secretive.node(run, "wait").get("attempts") and secretive.output(run, "wait"), "it runs")

    look_everywhere(secretive, run, ["wait"], ["wait.sh", "refused.sh"])

    gate.touch()
    secretive.finished(run)
    assert secretive.output(run, "wait") == "same\n"
    look = secretive.node(run, "refused")
    assert (look["state"], look["reason"], look.get("attempts")) == ("failed", "refused", None)
    assert look["detail"].startswith("args[1]:1:1: 'url' is secret, and `ps` shows arguments to everybody")
    assert told_in(files(secretive)) == ["secrets"]


@pytest.mark.spark
def test_spark_jobs_with_a_secret_and_a_secret_property_show_neither(secretive: StokerDaemon, tmp_path: Path):
    gate = tmp_path / "gate"
    config = {
        "env": {"GATE": str(gate)},
        "conf": {"spark.hadoop.fs.s3a.secret.key": "${lake_key}"},
    }
    secretive.publish_job("job.py", PYSPARK, config)
    nodes = [{"name": "spark", "job": "job.py"}]
    secretive.publish_workflow("flow", nodes, variables={"url": "jdbc:x?password=${token}"})
    run = secretive.start_run("flow")
    wait_for(lambda: Path(f"{gate}.ready").exists(), "the job has its secrets", 300)

    assert len(processes_with(tag_of(secretive, run, "spark"))) > 2
    look_everywhere(secretive, run, ["spark"], ["job.py"])

    gate.touch()
    assert secretive.finished(run)["row"]["state"] == "succeeded"
    said = secretive.output(run, "spark") + secretive.output(run, "spark", stream="stderr")
    assert "done" in said
    assert told_in({"output": said.encode()}) == []


def test_a_secret_outlives_a_kill_and_what_was_never_acknowledged_does_not(secretive: StokerDaemon):
    kept = secretive.data / "secrets"
    secretive.kill()
    kept.write_text(kept.read_text().replace('"values":{', '"values":{"written-ahead":"never acknowledged",'))
    secretive.start()

    assert "never acknowledged" not in kept.read_text()
    secretive.publish_job("say.sh", 'echo "$STOKER_TOKEN"')
    secretive.publish_workflow("flow", [{"name": "say", "job": "say.sh"}])
    run = secretive.start_run("flow")
    secretive.finished(run)
    assert secretive.output(run, "say") == f"{SECRET}\n"


def test_a_secret_whose_value_was_lost_is_told_by_every_node_until_it_is_set_again(secretive: StokerDaemon):
    secretive.terminate()
    (secretive.data / "secrets").unlink()
    secretive.start()
    secretive.publish_job("say.sh", "echo ran")
    secretive.publish_workflow("flow", [{"name": "say", "job": "say.sh"}])

    run = secretive.start_run("flow")
    secretive.finished(run)
    assert "set it again: `stoker variable set " in secretive.node(run, "say")["detail"]

    keep(secretive, "token", SECRET)
    keep(secretive, "lake_key", PROPERTY)
    run = secretive.start_run("flow")
    assert secretive.finished(run)["row"]["state"] == "succeeded"


def test_secrets_that_others_can_read_are_refused_at_the_start(secretive: StokerDaemon):
    secretive.terminate()
    (secretive.data / "secrets").chmod(0o644)

    with pytest.raises(RuntimeError, match="is open to others"):
        secretive.start()

    (secretive.data / "secrets").chmod(0o600)
    secretive.start()


def test_a_secret_that_is_written_into_a_definition_is_refused_and_kept_nowhere(daemon: StokerDaemon):
    daemon.publish_job("job.py", "pass")
    config = {"conf": {"spark.hadoop.fs.s3a.secret.key": SECRET}, "env": {"DB_PASSWORD": PROPERTY}}
    nodes = [{"name": "a", "job": "job.py", "config": config}]

    for answer in (
        daemon.http.post(
            "/v1/workspaces/default/jobs/job.py/publish",
            json={"digest": sha256(b"pass").hexdigest(), "config": config},
        ),
        daemon.http.put(
            "/v1/workspaces/default/workflows/flow",
            json={"workflow": "flow", "nodes": nodes},
            headers={"If-None-Match": "*"},
        ),
    ):
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) == 2
        assert "set a variable with `stoker variable set NAME --secret`" in answer.text
        assert told_in({"answer": answer.content}) == []
    assert told_in(files(daemon)) == []
