"""Workspaces and their variables, over the socket and by the commands."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness import STOKER, StokerDaemon

SPACES = "/v1/workspaces"
VARIABLES = f"{SPACES}/default/variables"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """One daemon for all: each test has names of its own."""
    with StokerDaemon(tmp_path_factory.mktemp("workspaces")) as running:
        running.publish_job("say.sh", 'echo "$@" "$STOKER_REGION" "$STOKER_LIMIT"')
        yield running


def refused(answer: httpx.Response, status: int) -> str:
    """Give why it was refused."""
    assert answer.status_code == status, answer.text
    problem = answer.json()
    return " ".join([problem["detail"], *(fault["detail"] for fault in problem.get("errors", []))])


def set_variable(daemon: StokerDaemon, name: str, value: str, **fields: bool) -> httpx.Response:
    return daemon.http.put(f"{VARIABLES}/{name}", json={"value": value, **fields})


class TestWorkspaces:
    def test_the_default_one_is_there_from_the_start_and_stays(self, daemon: StokerDaemon):
        listed = daemon.http.get(SPACES).json()["items"]

        assert listed[0] == {"name": "default", "jobs": 1}
        assert "it is there from the start" in refused(daemon.http.delete(f"{SPACES}/default"), 409)

    def test_one_that_is_made_has_jobs_and_workflows_of_its_own(self, daemon: StokerDaemon):
        made = daemon.run_stoker("workspace", "create", "marketing", "-d", "campaigns")
        assert (made.stdout, made.returncode) == ("marketing\n", 0), made.stderr
        (daemon.home / "say.sh").write_text("echo marketing")
        (daemon.home / "m.yaml").write_text("workflow: m\nnodes: [{name: a, job: say.sh}]\n")
        for arguments in (
            ["job", "publish", daemon.home / "say.sh", "--as", "say.sh"],
            ["apply", "--publish", daemon.home / "m.yaml"],
            ["run", "m", "--wait"],
        ):
            done = daemon.run_stoker(*arguments, "-w", "marketing")
            assert done.returncode == 0, done.stderr

        listed = daemon.run_stoker("workspace", "list").stdout.splitlines()
        assert [line.split() for line in listed if line.startswith("marketing")] == [
            ["marketing", "1", "1", "0", "0", "campaigns"]
        ]
        assert daemon.run_stoker("workflow", "list", "--json").stdout == ""

    def test_one_that_is_made_again_stays_as_it_is_unless_described_otherwise(self, daemon: StokerDaemon):
        url = f"{SPACES}/described"
        daemon.http.put(url, json={"description": "first"}).raise_for_status()
        before = daemon.http.get("/v1/status").json()["seq"]
        assert daemon.http.put(url, json={}).json() == {"name": "described", "description": "first"}
        assert daemon.http.get("/v1/status").json()["seq"] == before
        assert daemon.http.put(url, json={"description": "other"}).json()["description"] == "other"

    def test_one_with_something_in_it_is_not_deleted_and_says_what(self, daemon: StokerDaemon):
        daemon.http.put(f"{SPACES}/full", json={}).raise_for_status()
        for name in ("a", "b"):
            daemon.http.put(f"{SPACES}/full/variables/{name}", json={"value": "x"}).raise_for_status()
        spec = {"workflow": "flow", "nodes": []}
        daemon.http.put(
            f"{SPACES}/full/workflows/flow", json=spec, headers={"If-None-Match": "*"}
        ).raise_for_status()

        told = daemon.run_stoker("workspace", "delete", "full")

        assert told.returncode == 4
        assert told.stderr == ("stoker: workspace 'full' can't be deleted: it has 1 workflow, 2 variables\n")

    def test_one_that_is_deleted_is_gone_over_a_restart(self, daemon: StokerDaemon):
        daemon.http.put(f"{SPACES}/gone", json={}).raise_for_status()
        daemon.http.put(f"{SPACES}/stays", json={}).raise_for_status()
        assert daemon.run_stoker("workspace", "delete", "gone").returncode == 0
        daemon.kill()
        daemon.start()

        names = [workspace["name"] for workspace in daemon.http.get(SPACES).json()["items"]]
        assert "stays" in names
        assert "gone" not in names

    def test_one_that_is_not_there_is_never_made_in_silence(self, daemon: StokerDaemon):
        why = "there is no workspace 'defualt'; did you mean 'default'?"
        digest = "0" * 64
        (daemon.home / "x.sh").write_text("true")
        published = daemon.run_stoker("job", "publish", daemon.home / "x.sh", "--as", "x.sh", "-w", "defualt")
        assert (published.returncode, published.stderr) == (4, f"stoker: {why}\n")
        space, spec = f"{SPACES}/defualt", {"workflow": "flow", "nodes": []}
        for method, url, body in [
            ("GET", f"{space}/jobs", None),
            ("GET", f"{space}/jobs/say.sh", None),
            ("GET", f"{space}/workflows", None),
            ("GET", f"{space}/workflows/flow", None),
            ("PUT", f"{space}/workflows/flow", spec),
            ("POST", f"{space}/workflows/flow/publish", {}),
            ("POST", f"{space}/runs", {"workflow": "flow"}),
            ("GET", f"{space}/variables", None),
            ("PUT", f"{space}/variables/a", {"value": "x"}),
            ("PUT", f"{space}/variables/a", {"value": digest, "secret": True}),
            ("DELETE", f"{space}/variables/a", None),
            ("DELETE", space, None),
        ]:
            answer = daemon.http.request(method, url, json=body, headers={"If-None-Match": "*"})
            assert refused(answer, 404) == why, url
        assert "defualt" not in daemon.http.get(SPACES).text

    @pytest.mark.parametrize("name", ["n" * 65, "a%2Fb", " x", "%1b%5b2J", "%2E%2E"])
    def test_a_name_that_can_be_none_is_refused(self, daemon: StokerDaemon, name: str):
        assert daemon.http.put(f"{SPACES}/{name}", json={}).status_code in (404, 422)


class TestVariables:
    def test_reach_every_run_that_is_made_from_then_on_and_stay_in_it(
        self, daemon: StokerDaemon, tmp_path: Path
    ):
        gate = tmp_path / "gate"
        daemon.publish_job("wait.sh", f"while [ ! -e {gate} ]; do sleep 0.02; done")
        nodes = [
            {"name": "wait", "job": "wait.sh"},
            {"name": "say", "job": "say.sh", "upstream": ["wait"], "args": ["${region}/${limit}"]},
        ]
        for name, value in {"region": "eu", "limit": "of the workspace"}.items():
            assert daemon.run_stoker("variable", "set", name, value).returncode == 0
        daemon.publish_workflow("frozen", nodes, variables={"limit": "of the workflow"})
        run = daemon.start_run("frozen")
        assert daemon.run_stoker("variable", "set", "region", "us").returncode == 0
        gate.touch()

        daemon.finished(run)
        assert daemon.output(run, "say") == "eu/of the workflow eu of the workflow\n"
        launch = daemon.output(run, "say", stream="launch")
        assert "STOKER_REGION='eu'   (workspace)\n" in launch
        assert "STOKER_LIMIT='of the workflow'   (workflow)\n" in launch
        again = daemon.start_run("frozen")
        daemon.finished(again)
        assert daemon.output(again, "say").startswith("us/")

    def test_are_listed_with_who_set_them_and_unset(self, daemon: StokerDaemon):
        set_variable(daemon, "listed", "a value").raise_for_status()
        rows = [
            json.loads(line) for line in daemon.run_stoker("variable", "list", "--json").stdout.splitlines()
        ]
        row = next(row for row in rows if row["name"] == "listed")
        assert (row["value"], "secret" in row, bool(row["by"]), row["at"][-1]) == (
            "a value",
            False,
            True,
            "Z",
        )

        assert daemon.run_stoker("variable", "unset", "listed").returncode == 0

        told = daemon.run_stoker("variable", "unset", "listed")
        assert told.returncode == 4
        assert "there is no variable 'listed' in 'default'" in told.stderr
        set_variable(daemon, "listed", "").raise_for_status()
        assert "'listedd' in 'default'; did you mean 'listed'?" in refused(
            daemon.http.delete(f"{VARIABLES}/listedd"), 404
        )

    @pytest.mark.parametrize(
        ("name", "body", "why"),
        [
            ("ds", {"value": "x"}, "'ds' is built in"),
            ("a-b", {"value": "x"}, "is not a name: letters, digits and _"),
            ("n" * 65, {"value": "x"}, "the name has 65 characters"),
            ("a", {"value": "x" * 30_001}, "length <= 30000"),
            ("a", {"value": "a\0b"}, "it has a NUL"),
            ("a", {"value": "", "secret": True}, "a secret is not empty"),
            ("a", {"value": 1}, "expected `str`"),
        ],
    )
    def test_that_can_not_be_set_so_are_refused(
        self, daemon: StokerDaemon, name: str, body: dict[str, object], why: str
    ):
        assert why in refused(daemon.http.put(f"{VARIABLES}/{name}", json=body), 422)

    def test_are_at_most_100_in_a_workspace(self, daemon: StokerDaemon):
        space = f"{SPACES}/many"
        daemon.http.put(space, json={}).raise_for_status()
        for number in range(100):
            daemon.http.put(f"{space}/variables/v{number}", json={"value": ""}).raise_for_status()

        assert "has 100 variables, the most" in refused(
            daemon.http.put(f"{space}/variables/one_more", json={"value": ""}), 409
        )
        daemon.http.put(f"{space}/variables/v7", json={"value": "other"}).raise_for_status()

    def test_are_replaced_in_the_tags_of_a_run_when_it_is_made(self, daemon: StokerDaemon):
        set_variable(daemon, "team", "sales").raise_for_status()
        set_variable(daemon, "hidden", "hunter2", secret=True).raise_for_status()
        nodes = [{"name": "say", "job": "say.sh"}]
        for name, tag in {"fine": "${team} ${ds} ${run_id}", "wrong": "${teem}", "told": "${hidden}"}.items():
            daemon.publish_workflow(name, nodes, tags={"for": tag})

        run = daemon.start_run("fine", cycle="2026-11-21")

        log = "".join(path.read_text() for path in (daemon.data / "runlog").iterdir())
        assert f'"tags":{{"for":"sales 2026-11-21 {run}"}}' in log
        start = f"{SPACES}/default/runs"
        assert "unknown variable 'teem'; did you mean 'team'?" in refused(
            daemon.http.post(start, json={"workflow": "wrong"}), 422
        )
        assert "tags.for:1:1: 'hidden' is secret, and tags are shown" in refused(
            daemon.http.post(start, json={"workflow": "told"}), 422
        )


class TestSecretsAtTheCommandLine:
    def test_one_that_is_piped_in_is_used_by_jobs_and_shown_to_nobody(self, daemon: StokerDaemon):
        done = subprocess.run(
            [STOKER, "variable", "set", "piped", "--secret"],
            env=daemon.environment,
            input="two\nlines\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "piped\n", "")
        daemon.publish_job("lines.sh", 'printf "%s" "$STOKER_PIPED" | wc -l -c')
        daemon.publish_workflow("piped", [{"name": "lines", "job": "lines.sh"}])
        run = daemon.start_run("piped")

        daemon.finished(run)
        assert daemon.output(run, "lines").split() == ["1", "9"]
        listed = daemon.run_stoker("variable", "list").stdout
        assert next(line for line in listed.splitlines() if line.startswith("piped")).split()[1] == "*****"

    def test_one_that_is_typed_is_not_echoed(self, daemon: StokerDaemon):
        ours, its = pty.openpty()
        asking = subprocess.Popen(
            [STOKER, "variable", "set", "typed", "--secret"],
            env=daemon.environment,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        shown = b""
        while b"value of typed (not shown): " not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, b"hunter2\n")

        assert asking.wait(timeout=60) == 0
        assert b"hunter2" not in shown + os.read(ours, 1000)
        assert "hunter2" in (daemon.data / "secrets").read_text()
        os.close(ours)
        os.close(its)

    def test_one_is_not_given_as_an_argument(self, daemon: StokerDaemon):
        told = daemon.run_stoker("variable", "set", "argued", "hunter2", "--secret")

        assert told.returncode == 2
        assert "is not given as an argument, which `ps` and the shell's history show" in told.stderr
        assert "argued" not in daemon.http.get(VARIABLES).text


def test_a_secret_is_changed_made_plain_and_removed_and_nothing_of_it_is_left(daemon: StokerDaemon):
    kept = daemon.data / "secrets"
    for value in ("tiger1", "tiger2"):
        answer = set_variable(daemon, "changing", value, secret=True)
        assert answer.json()["secret"] is True
        assert "value" not in answer.json()
    assert "tiger1" not in kept.read_text()
    assert "tiger2" in kept.read_text()

    assert set_variable(daemon, "changing", "plain").json()["value"] == "plain"
    assert "tiger2" not in kept.read_text()

    set_variable(daemon, "changing", "tiger3", secret=True).raise_for_status()
    assert "value" not in daemon.http.delete(f"{VARIABLES}/changing").json()
    assert "tiger3" not in kept.read_text()
