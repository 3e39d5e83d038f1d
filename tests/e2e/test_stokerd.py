"""How `stokerd` starts, and why it does not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from zlib import crc32

import pytest

from tests.harness import PATIENCE, STOKERD, StokerDaemon


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a daemon that has ended; three jobs were published, each in a group of the log."""
    with StokerDaemon(tmp_path_factory.mktemp("written")) as daemon:
        for name in ("one", "two", "three"):
            daemon.publish_job(f"{name}.sh", "exit 0")
    return daemon.data


@pytest.fixture
def stopped(written: Path, tmp_path: Path) -> Iterator[StokerDaemon]:
    """A daemon that has that data, and has not been started."""
    daemon = StokerDaemon(tmp_path, wide_queues=False)
    shutil.copytree(written, daemon.data)
    yield daemon
    daemon.close()


def stokerd(
    home: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `stokerd` on the data in ``home`` until it ends by itself; `check` and `config` in this process."""
    nobody = StokerDaemon(home, environment)
    if {"check", "config"} & set(arguments):
        return nobody.run_stokerd(*arguments)
    return subprocess.run(
        [STOKERD, *arguments],
        env=nobody.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def segment(daemon: StokerDaemon) -> Path:
    """Give the one file of a small log."""
    (path,) = (daemon.data / "runlog").glob("*.jsonl")
    return path


def runlog_files(daemon: StokerDaemon) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (daemon.data / "runlog").iterdir()}


def published(daemon: StokerDaemon) -> list[str]:
    return [job["path"] for job in daemon.http.get("/v1/workspaces/default/jobs").json()["items"]]


def test_a_second_daemon_on_the_same_data_is_refused_and_told_of_the_first(
    daemon: StokerDaemon, tmp_path: Path
):
    second = stokerd(tmp_path, "--socket", str(tmp_path / "other"))
    assert second.returncode == 4
    assert f"another stokerd (pid {daemon.pid}) has the data directory {daemon.data}" in second.stderr
    assert not (tmp_path / "other").exists()
    assert daemon.http.get("/v1/status").json()["pid"] == daemon.pid


def test_a_second_daemon_on_the_same_socket_is_refused(daemon: StokerDaemon, tmp_path: Path):
    second = stokerd(tmp_path, "--data", str(tmp_path / "other"))
    assert second.returncode == 4
    assert f"another stokerd listens on {daemon.socket}" in second.stderr
    assert daemon.http.get("/v1/status").json()["pid"] == daemon.pid


def test_a_socket_that_a_killed_daemon_left_is_replaced(daemon: StokerDaemon):
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    assert daemon.http.get("/v1/status").json()["pid"] == daemon.pid


def test_a_socket_path_that_is_too_long_is_refused_with_what_to_do(tmp_path: Path):
    path = tmp_path / ("s" * 120)
    done = stokerd(tmp_path, environment={"STOKER_SOCKET": str(path)})
    assert done.returncode == 4
    assert f"has {len(str(path))} bytes, and Linux takes 107: {path}. Set STOKER_SOCKET" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stop_grance = 5", "did you mean 'stop_grace'?"),
        ("stop_grace = 'soon'", "stop_grace"),
        ("stop_grace = -1", "stop_grace is -1, and must be a number from 0"),
        ("stop_grace =", "can't be read"),
    ],
)
def test_a_faulty_configuration_is_refused_with_its_place(tmp_path: Path, text: str, words: str):
    file = tmp_path / "stokerd.toml"
    file.write_text(text)
    done = stokerd(tmp_path, "--config", str(file))
    assert done.returncode == 2
    assert words in done.stderr
    assert str(file) in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_configuration_file_that_is_named_must_be_there(tmp_path: Path):
    done = stokerd(tmp_path, "--config", str(tmp_path / "none.toml"))
    assert (done.returncode, f"no configuration file {tmp_path}/none.toml" in done.stderr) == (2, True)


def test_check_tells_what_is_there_and_changes_nothing(stopped: StokerDaemon, tmp_path: Path):
    before = runlog_files(stopped)
    done = stokerd(tmp_path, "check", "--verify-log")
    assert "ok  config   /dev/null sets nothing; STOKER_DATA sets data; STOKER_SOCKET" in done.stdout
    assert re.search(
        rf"ok  data     {stopped.data} \(mode 0700, owner \w+\), [\d.,]+ [GM]iB free\n", done.stdout
    )
    assert f"ok  socket   {stopped.socket}, where no daemon answers yet\n" in done.stdout
    assert "ok  run log  whole: 7 records in 1 segments, to seq 7\n" in done.stdout
    assert "ok  history  stoker.db, " in done.stdout
    assert runlog_files(stopped) == before


def test_check_while_a_daemon_runs_leaves_it_alone(daemon: StokerDaemon, tmp_path: Path):
    daemon.publish_job("one.sh", "exit 0")
    done = stokerd(tmp_path, "check", "--verify-log")
    assert f"ok  socket   {daemon.socket}, where a daemon answers\n" in done.stdout
    assert "ok  run log  whole: 5 records" in done.stdout
    assert daemon.http.get("/v1/status").json()["pid"] == daemon.pid


def test_check_works_where_nothing_is_yet_and_makes_nothing(tmp_path: Path):
    done = stokerd(tmp_path, "check", "--verify-log")
    assert f"ok  data     {tmp_path}/data will be made; " in done.stdout
    assert not (tmp_path / "data").exists()


def test_check_says_what_is_wrong_and_what_to_do(tmp_path: Path):
    (tmp_path / "data").write_text("a file")
    (tmp_path / "s").write_text("a file")
    empty = {"PATH": str(tmp_path), "SPARK_HOME": str(tmp_path), "JAVA_HOME": str(tmp_path)}
    done = stokerd(tmp_path, "check", "--json", environment=empty)
    bad = {
        entry["name"]: entry["found"]
        for entry in map(json.loads, done.stdout.splitlines())
        if not entry["ok"]
    }
    assert done.returncode == 4
    assert bad["data"] == f"{tmp_path}/data is not a directory; set data to one, or to a path that is free"
    assert bad["socket"] == f"{tmp_path}/s is not a socket; move it away, or set socket to another path"
    assert f"SPARK_HOME is {tmp_path}, which has no bin/spark-submit" in bad["spark"]


def test_check_says_what_clients_need_where_they_would_look_elsewhere(tmp_path: Path):
    done = stokerd(tmp_path, "--socket", str(tmp_path / "other"), "check")
    assert f"; clients need STOKER_SOCKET={tmp_path}/other, else they try {tmp_path}/s\n" in done.stdout


def test_a_file_where_the_socket_should_be_is_not_replaced(tmp_path: Path):
    (tmp_path / "s").write_text("precious")
    done = stokerd(tmp_path)
    assert (done.returncode, "is not a socket" in done.stderr) == (1, True)
    assert (tmp_path / "s").read_text() == "precious"


def test_config_prints_a_file_that_is_a_good_start(tmp_path: Path):
    printed = stokerd(tmp_path, "--stop-grace", "3", "config")
    (tmp_path / "stokerd.toml").write_text(printed.stdout)
    again = stokerd(tmp_path, "--config", str(tmp_path / "stokerd.toml"), "config")
    assert "stop_grace = 3.0\n" in again.stdout
    assert (again.returncode, f"# from {tmp_path}/stokerd.toml\n" in again.stdout) == (0, True)


def test_a_damaged_log_is_refused_with_file_and_offset_and_left_as_it_is(
    stopped: StokerDaemon, tmp_path: Path
):
    path = segment(stopped)
    whole = path.read_bytes()
    offset = whole.index(b'{"seq":2,')
    path.write_bytes(whole[: offset + 40] + b"X" + whole[offset + 41 :])
    before = runlog_files(stopped)
    started, checked = stokerd(tmp_path), stokerd(tmp_path, "check", "--verify-log")
    assert (started.returncode, checked.returncode) == (4, 4)
    for said in (started.stderr, checked.stdout):
        assert f"{path}: damaged at byte {offset}: its checksum does not match its content" in said
    assert "BAD run log" in checked.stdout
    assert runlog_files(stopped) == before
    assert not stopped.socket.exists()
    path.write_bytes(whole)
    stopped.start()
    assert len(published(stopped)) == 3


def test_another_machines_data_is_refused_with_both_named_until_it_is_taken_over(
    stopped: StokerDaemon, tmp_path: Path
):
    path = segment(stopped)
    header, rest = path.read_bytes().split(b"\n", 1)
    ours = re.search(rb'"machine":"(.*?)"', header)
    assert ours
    there = header[: -len(',"crc":"00000000"}')].replace(ours[0], b'"machine":"0123abcd"')
    path.write_bytes(b'%b,"crc":"%08x"}\n' % (there, crc32(there)) + rest)
    before = runlog_files(stopped)

    refused = stokerd(tmp_path)

    assert refused.returncode == 4
    assert f"written by the machine 0123abcd, and this is {ours[1].decode() or 'one'}" in refused.stderr
    assert "stokerd --take-over" in refused.stderr
    assert runlog_files(stopped) == before
    stopped.arguments = ["--take-over"]
    stopped.start()
    assert published(stopped) == ["one.sh", "three.sh", "two.sh"]
    stopped.terminate()
    stopped.arguments = []
    stopped.start()
    stopped.publish_job("four.sh", "exit 0")
    assert "whole: 8 records in 2 segments, to seq 8" in stopped.check_log()


def test_a_newer_format_of_the_log_is_refused(stopped: StokerDaemon, tmp_path: Path):
    path = segment(stopped)
    whole = path.read_bytes()
    header, rest = whole.split(b"\n", 1)
    body = header[: -len(',"crc":"00000000"}')].replace(b'"format":1', b'"format":2')
    path.write_bytes(b'%b,"crc":"%08x"}\n' % (body, crc32(body)) + rest)
    done = stokerd(tmp_path)
    path.write_bytes(whole)
    assert done.returncode == 4
    assert "written in format 2, and this version reads up to 1" in done.stderr


@pytest.mark.parametrize(
    "torn",
    [b'{"seq":8,"group":8,"at":"20', b"\0" * 300, b'{"seq":8}\n'],
    ids=["half a line", "zeros", "no record"],
)
def test_a_torn_end_is_cut_after_a_copy_and_work_goes_on(stopped: StokerDaemon, tmp_path: Path, torn: bytes):
    path = segment(stopped)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    checked = stokerd(tmp_path, "check", "--verify-log")
    assert f"a torn end at byte {len(whole)} of {path.name} will be cut, after a copy" in checked.stdout
    stopped.start()
    copy = path.with_name(f"{path.name}.torn-at-{len(whole)}")
    assert copy.read_bytes() == torn
    assert copy.name in stopped.journal.read_text()
    stopped.publish_job("four.sh", "exit 0")
    assert published(stopped) == ["four.sh", "one.sh", "three.sh", "two.sh"]
    assert path.read_bytes().startswith(whole)
    assert "whole: 8 records in 1 segments, to seq 8" in stopped.check_log()
