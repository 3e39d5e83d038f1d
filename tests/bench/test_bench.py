"""The benchmark itself works; how fast anything is is not asserted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.bench import measure
from tests.bench.__main__ import GROUPS, table
from tests.bench.dags import chain, layered, wide
from tests.bench.size import TINY


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """One for all groups, as in the benchmark."""
    with TemporaryDirectory() as directory:
        yield Path(directory)


def test_the_shapes_are_what_they_are_called() -> None:
    assert chain(3) == {"n0": (), "n1": ("n0",), "n2": ("n1",)}
    assert set(wide(2).values()) == {()}
    assert layered(2, 3, 2)["n1-2"] == ("n0-2", "n0-0")


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_measures_something(group: str, place: Path) -> None:
    rows = GROUPS[group](place, TINY)

    assert rows
    assert all(len(row) > 1 for row in rows)


def test_a_table_has_a_heading_wherever_its_columns_change() -> None:
    rows = [{"way": "a", "ms": 1.5}, {"way": "bcd", "ms": 12}, {"ratio": 2}]

    assert table(rows).splitlines() == ["way   ms", "  a  1.5", "bcd   12", "ratio", "    2"]


def test_a_file_system_in_memory_is_refused(tmp_path: Path) -> None:
    mounts = f"/dev/x / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n"

    assert measure.file_system(Path("/nowhere"), mounts) == "ext4"
    with pytest.raises(measure.NotOnDisk, match="is on tmpfs"):
        measure.file_system(tmp_path / "below", mounts)
