"""Jobs over the interface and by command: drafts, versions, attached files, differences, deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness import StokerDaemon

SPACE = "/v1/workspaces/default"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """One daemon for all; each test has jobs of its own."""
    with StokerDaemon(tmp_path_factory.mktemp("jobs")) as running:
        yield running


def sent(daemon: StokerDaemon, content: bytes | str) -> str:
    data = content.encode() if isinstance(content, str) else content
    digest = sha256(data).hexdigest()
    daemon.http.put(f"/v1/objects/{digest}", content=data).raise_for_status()
    return digest


def save(
    daemon: StokerDaemon, path: str, content: str, condition: dict[str, str], **fields: Any
) -> httpx.Response:
    body = {"digest": sent(daemon, content), **fields}
    return daemon.http.put(f"{SPACE}/jobs/{path}", json=body, headers=condition)


def post(daemon: StokerDaemon, what: str, **body: Any) -> dict[str, Any]:
    answer = daemon.http.post(f"{SPACE}/jobs/{what}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def show(daemon: StokerDaemon, path: str) -> dict[str, Any]:
    return daemon.http.get(f"{SPACE}/jobs/{path}").json()


NEW = {"If-None-Match": "*"}


def test_a_draft_is_no_version_until_it_is_published(daemon: StokerDaemon):
    saved = save(daemon, "draft.sh", "echo 1", NEW, config={"timeout": 5})
    assert saved.headers["etag"] == '"1"'
    assert (saved.json()["version"], saved.json()["has_changes"], saved.json().get("latest")) == (
        0,
        True,
        None,
    )
    nodes = [{"name": "a", "job": "draft.sh"}]
    flow = f"{SPACE}/workflows/of-draft"
    daemon.http.put(flow, json={"workflow": "of-draft", "nodes": nodes}, headers=NEW).raise_for_status()
    unpublished = daemon.http.post(f"{flow}/publish", json={})
    assert (unpublished.status_code, unpublished.json()["errors"][0]["detail"]) == (
        422,
        "job 'draft.sh' is not published",
    )

    published = post(daemon, "draft.sh/publish", remarks="out")

    assert (published["version"], published["config"], published["remarks"]) == (1, {"timeout": 5}, "out")
    assert show(daemon, "draft.sh")["has_changes"] is False


def test_of_two_writers_on_one_draft_the_second_gets_what_the_first_saved(daemon: StokerDaemon):
    save(daemon, "two.sh", "echo 1", NEW).raise_for_status()
    save(daemon, "two.sh", "echo first", {"If-Match": '"1"'}).raise_for_status()

    second = save(daemon, "two.sh", "echo second", {"If-Match": '"1"'})

    assert (second.status_code, second.json()["type"]) == (412, "stale")
    assert "is at revision 2, saved by" in second.json()["detail"]
    assert second.json()["current_job"] == show(daemon, "two.sh")
    assert save(daemon, "two.sh", "echo second", {}).status_code == 428
    assert save(daemon, "two.sh", "echo second", NEW).status_code == 412


def test_publishing_content_takes_what_is_not_said_from_the_version_and_leaves_a_draft_alone(
    daemon: StokerDaemon,
):
    library = {"kind": "files", "name": "lib.sh", "digest": sent(daemon, "true")}
    first = sent(daemon, "echo 1")
    post(daemon, "kept.sh/publish", digest=first, config={"timeout": 5}, attachments=[library])
    tag = daemon.http.get(f"{SPACE}/jobs/kept.sh").headers["etag"]
    save(daemon, "kept.sh", "echo draft", {"If-Match": tag}, config={"timeout": 9}).raise_for_status()

    second = post(daemon, "kept.sh/publish", digest=sent(daemon, "echo 2"))

    assert (second["config"], [each["name"] for each in second["attachments"]]) == (
        {"timeout": 5},
        ["lib.sh"],
    )
    job = show(daemon, "kept.sh")
    assert (job["has_changes"], job["draft"]["config"]) == (True, {"timeout": 9})


def test_the_command_publishes_a_file_on_what_was_changed_in_the_draft(daemon: StokerDaemon):
    library = {"kind": "files", "name": "lib.sh", "digest": sent(daemon, "true")}
    post(daemon, "on.sh/publish", digest=sent(daemon, "echo 1"), config={"timeout": 5})
    tag = daemon.http.get(f"{SPACE}/jobs/on.sh").headers["etag"]
    draft = {"config": {"timeout": 9}, "attachments": [library]}
    save(daemon, "on.sh", "echo draft", {"If-Match": tag}, **draft).raise_for_status()
    file = daemon.home / "on.sh"
    file.write_text("echo 2")

    daemon.run_stoker("job", "publish", file, "--as", "on.sh", "--set", "env.A=1")
    job = show(daemon, "on.sh")
    assert job["latest"]["config"] == {"timeout": 9, "env": {"A": "1"}}
    assert [each["name"] for each in job["latest"]["attachments"]] == ["lib.sh"]
    assert not job["has_changes"]

    daemon.run_stoker("job", "publish", file, "--as", "on.sh", "--no-attachments")
    latest = show(daemon, "on.sh")["latest"]
    assert (latest["config"], latest.get("attachments")) == ({"timeout": 9, "env": {"A": "1"}}, None)


def test_a_rollback_is_a_new_version_and_what_differs_is_shown(daemon: StokerDaemon):
    digests = [sent(daemon, f"echo {number}\n") for number in (1, 2)]
    post(daemon, "back.sh/publish", digest=digests[0], config={"env": {"A": "1"}})
    post(daemon, "back.sh/publish", digest=digests[1], config={})
    url = f"{SPACE}/jobs/back.sh/diff"

    between = daemon.http.get(url, params={"from": "1", "to": "2"}).json()
    third = post(daemon, "back.sh/rollback", version=1)

    assert between["content"]["text"] == "--- 1\n+++ 2\n@@ -1 +1 @@\n-echo 1\n+echo 2\n"
    assert between["config"] == [{"field": "env.A", "before": "1"}]
    assert (third["version"], third["digest"], third["remarks"]) == (3, digests[0], "version 1 again")
    same = daemon.http.get(url, params={"from": "1", "to": "3"}).json()
    assert same == {"path": "back.sh", "before": "1", "after": "3"}
    missing = daemon.http.post(f"{SPACE}/jobs/back.sh/rollback", json={"version": 9})
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        "job 'back.sh' has no version 9; its latest is 3",
    )


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("x.sh", {"config": {"driver_memory": "4gb"}}, "/config/driver_memory"),
        ("x.sh", {"attachments": [{"kind": "files", "name": "../x"}]}, "/attachments/0/name"),
        ("x.sh", {"attachments": [{"kind": "file", "name": "x"}]}, "unknown value 'file'; did you mean"),
        ("x.submit", {}, "x.submit:1: no closing quotation"),
        ("x.ipynb", {}, "x.ipynb is not a notebook that can be read"),
        ("x.sh", {"digest": None}, "config is published with the digest it belongs to"),
    ],
)
def test_what_could_not_run_is_refused_when_it_is_published(
    daemon: StokerDaemon, path: str, body: dict[str, Any], why: str
):
    digest = sent(daemon, "'")
    attachments = [{"digest": digest, **each} for each in body.get("attachments", [])]

    answer = daemon.http.post(
        f"{SPACE}/jobs/{path}/publish",
        json={"digest": digest, "config": {}, **body, "attachments": attachments},
    )

    assert answer.status_code == 422
    assert why in answer.text
    assert daemon.http.get(f"{SPACE}/jobs/{path}").status_code == 404


def test_a_job_is_deleted_once_no_draft_and_no_latest_version_uses_it(daemon: StokerDaemon):
    daemon.publish_job("gone.sh", "true")
    daemon.publish_job("other.sh", "true")
    daemon.publish_workflow("user", [{"name": "a", "job": "gone.sh"}])
    url = f"{SPACE}/workflows/user"
    other = {"workflow": "user", "nodes": [{"name": "a", "job": "other.sh"}]}

    refusals = [daemon.http.delete(f"{SPACE}/jobs/gone.sh")]
    daemon.http.put(url, json=other, headers={"If-Match": daemon.http.get(url).headers["etag"]})
    refusals.append(daemon.http.delete(f"{SPACE}/jobs/gone.sh"))
    daemon.http.post(f"{url}/publish", json={}).raise_for_status()

    for refusal in refusals:
        assert refusal.status_code == 409
        assert refusal.json()["detail"].endswith("workflow 'user' uses it; take it out there first")
    assert daemon.http.delete(f"{SPACE}/jobs/gone.sh").status_code == 200
    assert daemon.http.get(f"{SPACE}/jobs/gone.sh").status_code == 404
    assert post(daemon, "gone.sh/publish", digest=sent(daemon, "true"))["version"] == 1


def test_attached_files_lie_in_the_working_directory_as_they_were_published(
    daemon: StokerDaemon, tmp_path: Path
):
    script, names = tmp_path / "reads.sh", tmp_path / "names.txt"
    script.write_text("cat names.txt\n")
    names.write_text("published\n")
    done = daemon.run_stoker("job", "publish", script, "--as", "etl/reads.sh", "--files", names)
    assert done.stdout == "etl/reads.sh version 1 (shell)\n  --files names.txt\n", done.stderr
    names.write_text("edited later\n")
    daemon.publish_workflow("reads", [{"name": "a", "job": "etl/reads.sh", "timeout": 77}])
    run = daemon.start_run("reads")

    assert daemon.finished(run)["row"]["state"] == "succeeded"
    assert daemon.output(run, "a") == "published\n"
    assert daemon.output(run, "a", stream="launch").endswith("attached:\n  names.txt (10 bytes)\n")


def test_content_is_read_back_whole_and_in_ranges(daemon: StokerDaemon):
    url = f"/v1/objects/{sent(daemon, '0123456789')}"

    assert daemon.http.get(url).text == "0123456789"
    assert daemon.http.head(url).headers["content-length"] == "10"
    for asked, given in (("2-4", "234"), ("7-", "789"), ("-2", "89"), ("8-99", "89")):
        part = daemon.http.get(url, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.text) == (206, given)
    beyond = daemon.http.get(url, headers={"Range": "bytes=10-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */10")
    assert daemon.http.get(f"/v1/objects/{'0' * 64}").status_code == 404
    assert daemon.http.head(f"/v1/objects/{'0' * 64}").status_code == 404


def test_the_commands_configure_show_compare_roll_back_and_delete(daemon: StokerDaemon, tmp_path: Path):
    def stoker(*words: str | Path) -> str:
        done = daemon.run_stoker("job", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "say.sh").write_text('echo "$@"\n')
    stoker("publish", tmp_path / "say.sh", "--as", "c/say.sh", "--set", "args=a 'b c'", "--set", "timeout=9")
    assert stoker("config", "c/say.sh", "--unset", "timeout", "--set", "env.A=1") == "args=a 'b c'\nenv.A=1\n"
    assert "draft 2, saved" in stoker("show", "c/say.sh")
    assert stoker("diff", "c/say.sh") == "-timeout=9\n+env.A=1\n"
    assert stoker("config", "c/say.sh", "--publish") == "c/say.sh version 2 (shell)\n"
    assert stoker("rollback", "c/say.sh", "1") == "c/say.sh version 3 (shell)\n"
    assert [line.split()[0] for line in stoker("versions", "c/say.sh").splitlines()] == ["VERSION", *"321"]
    assert stoker("show", "c/say.sh").endswith("args=a 'b c'\ntimeout=9\n")
    for words in (["show"], ["versions"], ["diff"], ["config"]):
        printed = stoker(*words, "c/say.sh", "--json").splitlines()
        assert printed
        assert all(json.loads(line) for line in printed)
    assert stoker("delete", "c/say.sh") == "c/say.sh deleted\n"


def test_a_setting_that_is_not_there_is_not_unset(daemon: StokerDaemon):
    daemon.publish_job("plain.sh", "true")

    done = daemon.run_stoker("job", "config", "plain.sh", "--unset", "timeout")

    assert (done.returncode, done.stderr) == (2, "stoker: --unset timeout: it is not set\n")
