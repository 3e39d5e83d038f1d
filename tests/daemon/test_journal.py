from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from stoker_daemon import journal
from stoker_daemon.attempts.directory import AttemptKey


def line(level: int, message: str, **about: object) -> str:
    record = logging.makeLogRecord(
        {"levelno": level, "levelname": logging.getLevelName(level), "name": "stoker_daemon.engine"}
        | {"msg": message}
        | about
    )
    return journal.Formatter().format(record)


def test_a_line_says_what_it_is_about_in_fields():
    about = journal.about(AttemptKey(12, 1, "in gest", 2))

    said = line(logging.INFO, "attempt started", **about)

    assert said == 'level=info at=engine msg="attempt started" run=12 node="in gest" attempt=2'


def test_what_is_foreign_in_it_stays_one_line_and_does_nothing_to_a_terminal():
    said = line(logging.WARNING, "\x1b[31mred\nlevel=critical", node="a\u202eb")

    assert said.isprintable()
    assert said.startswith("level=warning ")


@pytest.mark.parametrize(
    ("level", "begins"),
    [(logging.CRITICAL, "<2>"), (logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (logging.INFO, "<6>")],
)
def test_for_journald_it_begins_with_its_priority(monkeypatch: pytest.MonkeyPatch, level: int, begins: str):
    monkeypatch.setattr(journal, "_is_read_by_journald", lambda: True)

    assert line(level, "x").startswith(f"{begins}level=")


def test_journald_reads_only_the_stream_that_it_handed_over(tmp_path: Path):
    with (tmp_path / "log").open("wb") as log:
        found = os.fstat(log.fileno())

        assert journal.is_stream(f"{found.st_dev}:{found.st_ino}", log.fileno())
        assert not journal.is_stream(f"{found.st_dev}:{found.st_ino + 1}", log.fileno())
        assert not journal.is_stream("", log.fileno())
    assert not journal.is_stream("1:2", 9999)
