"""The benchmark itself works; how fast anything is is not asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import floor, measure
from tests.bench.dags import chain, layered, wide
from tests.harness import StokerDaemon


def test_the_shapes_are_what_they_are_called() -> None:
    assert chain(3) == {"n0": (), "n1": ("n0",), "n2": ("n1",)}
    assert set(wide(2).values()) == {()}
    assert layered(2, 3, 2)["n1-2"] == ("n0-2", "n0-0")


def test_floor_and_daemon_run_the_same_shape(daemon: StokerDaemon, tmp_path: Path) -> None:
    shape = layered(3, 2, 2)
    measure.define(daemon, "layered", shape, 2)

    assert floor.run(shape, 2, tmp_path) > 0
    assert measure.run(daemon, "layered") > 0
    assert all(seconds > 0 for seconds in measure.start_latencies(daemon, 2))


def test_a_file_system_in_memory_is_refused(tmp_path: Path) -> None:
    mounts = f"/dev/x / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n"

    assert measure.file_system(Path("/nowhere"), mounts) == "ext4"
    with pytest.raises(measure.NotOnDisk, match="is on tmpfs"):
        measure.file_system(tmp_path / "below", mounts)
