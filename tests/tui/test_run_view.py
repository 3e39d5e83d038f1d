"""A run as the command prints it."""

from __future__ import annotations

import msgspec
import pytest

from stoker_shared import api
from stoker_tui.cli.runs import print_run
from tests.tui.fake import FAILED_RUN


def test_what_attempts_took_is_shown_where_it_is_known(capsys: pytest.CaptureFixture[str]):
    print_run(FAILED_RUN)
    assert "MEMORY" not in capsys.readouterr().out

    ingest, *others = FAILED_RUN.nodes
    measured = msgspec.structs.replace(ingest.attempts[0], cpu_seconds=75.2, memory_peak=3 * 1024**3 // 2)
    ingest: api.NodeView = msgspec.structs.replace(ingest, attempts=[measured])
    print_run(msgspec.structs.replace(FAILED_RUN, nodes=[ingest, *others]))

    lines = capsys.readouterr().out.splitlines()
    heading = next(line for line in lines if "MEMORY" in line)
    assert heading.split()[-3:] == ["CPU", "MEMORY", "JOB"]
    assert "  1m15s  1.5 GiB  etl/ingest.py" in next(line for line in lines if line.startswith("ingest"))
    assert "      -        -  etl/report.py" in next(line for line in lines if line.startswith("report"))
