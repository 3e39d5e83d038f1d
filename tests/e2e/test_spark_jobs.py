"""Notebooks, attached files and raw arguments, on real Spark under a real daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness import StokerDaemon

SETTINGS = ("driver_cores=1", "driver_memory=600m", "log_level=error")

CELLS = [
    "import dates\nfrom pyspark import SparkFiles\nfrom pathlib import Path\n",
    "def long_day(number):\n    return dates.day(number)\n\nspark.range(3).createOrReplaceTempView('t')",
    "%%sql\nselect max(id) as most, '${ds}' as day from t;",
    "[Path('names.txt').read_text(), Path(SparkFiles.get('names.txt')).read_text()]",
    "sc.parallelize([1, 2], 1).map(long_day).collect()",
    "'hidden';",
    "def broken(number):\n    raise ValueError(f'no such figure: {number}')",
    "rows = sc.parallelize([1], 1)\nrows.map(broken).collect()",
]

RAW = """\
# its module is given by the arguments, not by Stoker
--name "raw ${ds}" --conf spark.log.level=ERROR \\
  --py-files dates.py
main.py '${ds_nodash}'
"""

MAIN = """\
import sys, dates
from pyspark.sql import SparkSession
conf = SparkSession.builder.getOrCreate().sparkContext.getConf()
print(conf.get("spark.app.name"), conf.get("spark.master"), dates.day(7), sys.argv[1:])
"""


@pytest.mark.spark
def test_a_notebook_and_raw_arguments_run_with_the_files_attached_to_them(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    cells = [{"cell_type": "code", "source": source} for source in CELLS]
    (tmp_path / "book.ipynb").write_text(json.dumps({"nbformat": 4, "cells": cells}))
    (tmp_path / "raw.submit").write_text(RAW)
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "dates.py").write_text("def day(number):\n    return f'day {number}'\n")
    (tmp_path / "names.txt").write_text("Zoë")
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    for name, options in (
        ("book.ipynb", ["--py-files", tmp_path / "dates.py", "--files", tmp_path / "names.txt"]),
        ("raw.submit", ["--py-files", tmp_path / "dates.py", "--files", tmp_path / "main.py"]),
    ):
        published = daemon.run_stoker("job", "publish", tmp_path / name, "--as", name, *options, *settings)
        assert published.returncode == 0, published.stderr
    nodes = [{"name": "book", "job": "book.ipynb"}, {"name": "raw", "job": "raw.submit", "args": ["x"]}]
    daemon.publish_workflow("spark", nodes)

    run = daemon.start_run("spark", cycle="2026-11-21")
    assert daemon.finished(run, 300)["row"]["state"] == "failed"

    # spark-submit gives Python's stderr as stdout, warnings of its libraries among it.
    said = daemon.output(run, "book") + daemon.output(run, "book", stream="stderr")
    assert daemon.node(run, "book")["attempts"][0]["exit_status"] == 1, said
    assert "|most|day       |\n+----+----------+\n|2   |2026-11-21|\n" in said
    assert "\n['Zoë', 'Zoë']\n" in said
    assert "\n['day 1', 'day 2']\n" in said
    assert "\n'hidden'\n" not in said
    assert 'File "cell 8", line 2, in <module>\n    rows.map' in said
    assert "ValueError: no such figure: 1" in said
    raw = daemon.output(run, "raw") + daemon.output(run, "raw", stream="stderr")
    assert "raw 2026-11-21 local[1] day 7 ['20261121', 'x']\n" in raw
