from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.attempts.failure import (
    LAST_LINES,
    card,
    exit_in_words,
    failed_attempt,
    hide,
    outcome,
    streams_of,
)
from stoker_daemon.attempts.traces import Raised, chains
from stoker_daemon.output.ends import HEAD, TAIL, ends
from stoker_shared.api import FailureView, Stream
from stoker_shared.events import Reason
from stoker_shared.model import AttemptState, JobType
from stoker_shared.state import Attempt, NodeRun
from stoker_shared.text import clean_line, width
from tests.strategies import T0

TRACES = Path(__file__).parents[2] / "data" / "traces"
"""What PySpark, spark-sql, spark-submit and Python really wrote, shortened."""


def attempt(**fields: object) -> Attempt:
    known = {"number": 1, "tag": "t", "boot_id": "b", "command": ("/bin/sh", "a.sh"), "starting_at": T0}
    ended = {"state": AttemptState.ENDED, "ended_at": T0, "exit_status": 1, "reason": Reason.EXIT}
    return Attempt(**(known | ended | fields))  # type: ignore[arg-type]


def failed(*attempts: Attempt, **fields: object) -> NodeRun:
    return NodeRun(number=1, name="a", attempts=list(attempts), **fields)  # type: ignore[arg-type]


def carded(stderr: bytes | str, stdout: bytes | str = b"", **fields: object) -> FailureView:
    streams = [(Stream.STDERR, stderr), (Stream.STDOUT, stdout)]
    written = [(stream, text.encode() if isinstance(text, str) else text) for stream, text in streams]
    one = attempt(**fields)
    return card(failed(one), one, written, "/data/logs/1/1/1/work", ["STOKER_DS"])


class TestTheChainOfExceptions:
    @pytest.mark.parametrize(
        ("file", "ended", "cause"),
        [
            (
                "chained.python",
                Raised(
                    "ValueError",
                    "the day has no sales",
                    "/data/logs/12/1/1/chained.py, line 7, in <module>",
                ),
                Raised(
                    "FileNotFoundError",
                    "[Errno 2] No such file or directory: '/nowhere/sales.csv'",
                    "/data/logs/12/1/1/chained.py, line 2, in read",
                ),
            ),
            (
                "worker.pyspark",
                Raised(
                    "pyspark.errors.exceptions.captured.PythonException",
                    "An exception was thrown from the Python worker:",
                    "/data/logs/12/1/1/udf2.py, line 6, in share",
                ),
                Raised(
                    "ZeroDivisionError",
                    "integer division or modulo by zero",
                    "/data/logs/12/1/1/udf2.py, line 6, in share",
                ),
            ),
            (
                "worker.log",
                Raised(
                    "org.apache.spark.api.python.PythonException",
                    "[PYTHON_EXCEPTION] An exception was thrown from the Python worker:",
                ),
                Raised(
                    "ZeroDivisionError",
                    "integer division or modulo by zero",
                    "/data/logs/12/1/1/udf2.py, line 6, in share",
                ),
            ),
            (
                "py4j.pyspark",
                Raised(
                    "py4j.protocol.Py4JJavaError",
                    "An error occurred while calling "
                    "z:org.apache.spark.api.python.PythonRDD.collectAndServe.",
                    "/data/logs/12/1/1/path.py, line 5, in <module>",
                ),
                Raised("java.io.IOException", "Input path does not exist: file:/nowhere/sales.csv"),
            ),
            (
                "caused_by.jvm",
                Raised(
                    "java.lang.IllegalStateException", "the count can't be read", "Fail.rows(Fail.java:6)"
                ),
                Raised(
                    "java.lang.NumberFormatException", 'For input string: "twelve"', "Fail.rows(Fail.java:4)"
                ),
            ),
        ],
    )
    def test_goes_from_what_ended_it_to_its_root(self, file: str, ended: Raised, cause: Raised):
        (chain,) = chains((TRACES / file).read_text())

        assert (chain.ended, chain.cause) == (ended, cause)

    @pytest.mark.parametrize(
        ("file", "begins", "where"),
        [
            ("analysis.pyspark", "[TABLE_OR_VIEW_NOT_FOUND] The table or view `sales`", "line 5, in main"),
            (
                "missing.sql-cli",
                "[TABLE_OR_VIEW_NOT_FOUND] The table",
                "line 1, position 14 of the statement",
            ),
            (
                "parse.sql-cli",
                "[PARSE_SYNTAX_ERROR] Syntax",
                "line 3, position 0 of the statement",
            ),
        ],
    )
    def test_has_spark_s_own_condition_and_the_place(self, file: str, begins: str, where: str):
        (chain,) = chains((TRACES / file).read_text())

        assert chain.cause == chain.ended
        assert chain.cause.message.startswith(begins)
        assert chain.cause.where.endswith(where)

    def test_is_looked_for_again_after_each_that_was_got_over(self):
        found = chains("\n".join(["Traceback (most recent call last):", "KeyError: 'a'", "goes on"] * 2))

        assert [chain.cause.kind for chain in found] == ["KeyError", "KeyError"]

    def test_does_not_begin_with_a_warning_s_trace(self):
        log = "26/11/25 14:30:29 WARN Utils: got over it: java.io.IOException: slow\n\tat a.B.c(B.java:1)\n"

        assert chains(log) == []


class TestTheCard:
    def test_has_the_root_what_ended_it_and_the_first_that_was_raised(self):
        first = "Traceback (most recent call last):\nKeyError: 'early'\nwent on\n"

        view = carded(first + (TRACES / "chained.python").read_text())

        assert view.cause
        assert view.ended
        assert view.first
        kinds = (view.cause.kind, view.ended.kind, view.first.kind)
        assert kinds == ("FileNotFoundError", "ValueError", "KeyError")
        assert view.stream is Stream.STDERR

    def test_reads_a_python_driver_s_traceback_where_spark_submit_puts_it(self):
        assert streams_of(JobType.PYSPARK)[0] is Stream.STDOUT
        assert streams_of(JobType.SHELL)[0] is Stream.STDERR

    def test_of_a_shell_job_has_what_it_wrote_last(self):
        view = carded("".join(f"line {number}\n" for number in range(100)), exit_status=3)

        assert view.last_lines == [f"line {number}" for number in range(100 - LAST_LINES, 100)]
        assert (view.outcome, view.cause) == ("exit status 3", None)

    def test_falls_back_to_the_stream_that_has_something(self):
        assert carded("", "said on stdout\n").last_lines == ["said on stdout"]

    def test_shows_no_secret_that_the_job_wrote(self):
        assert (
            hide(b"at jdbc:s3cret-longer, s3cret", ["s3cret", "s3cret-longer", ""]) == b"at jdbc:*****, *****"
        )

    def test_of_what_could_not_be_launched_has_only_why(self):
        node = failed(detail="no Spark was found", reason=Reason.REFUSED)

        assert card(node, None, (), "", ()) == FailureView(node="a", outcome="no Spark was found")

    @given(
        st.lists(
            st.text()
            | st.sampled_from(
                [
                    *(line for file in sorted(TRACES.iterdir()) for line in file.read_text().splitlines()),
                    "The above exception was the direct cause of the following exception:",
                    "\x1b]0;title\x07",
                    "a." * 5000,
                    "x" * 5000,
                ]
            ),
            max_size=30,
        ),
        st.binary(max_size=50),
    )
    def test_is_bounded_and_clean_whatever_was_written(self, lines: list[str], rest: bytes):
        view = carded("\n".join(lines).encode(errors="surrogatepass") + rest)

        raised = [shown for shown in (view.cause, view.ended, view.first) if shown]
        shown = [*view.last_lines, *(text for one in raised for text in (one.kind, one.message, one.where))]
        assert len(view.last_lines) <= LAST_LINES
        assert all(width(text) <= 400 and clean_line(text) == text for text in shown)


class TestTheCommand:
    def test_is_the_one_that_ran_word_for_word(self):
        words = ("/bin/sh", "it's", "$HOME \\ *", "two\nlines\t\x1b[31m", "Überstunden", "\udcff", "")

        view = carded("", command=words)

        assert view.command.isprintable()
        told = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {view.command}"], capture_output=True, check=True
        ).stdout
        assert told.decode(errors="surrogateescape").split("\0")[:-1] == list(words)

    @given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0"))))
    def test_is_read_by_a_shell_as_it_was_meant(self, words: list[str]):
        printable = [word for word in words if word.isprintable()]

        assert shlex.split(carded("", command=tuple(printable)).command) == printable


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (1, "exit status 1"),
        (126, "exit status 126: the command is there and can't be executed"),
        (127, "exit status 127: a command was not found"),
        (137, "killed by SIGKILL (exit status 137): by the system where memory ran out, or by somebody"),
        (143, "killed by SIGTERM (exit status 143): by somebody who asked it to end"),
        (130, "killed by SIGINT (exit status 130)"),
        (255, "exit status 255"),
    ],
)
def test_an_exit_status_is_told_in_words(status: int, words: str):
    assert exit_in_words(status) == words


@pytest.mark.parametrize(("reason", "words"), [(Reason.TIMEOUT, "took longer than"), (Reason.LOST, "lost: ")])
def test_another_end_is_told_by_its_reason(reason: Reason, words: str):
    one = attempt(reason=reason, exit_status=None)

    assert words in outcome(failed(one), one)


def test_the_newest_attempt_that_failed_is_the_one_told_of():
    first, second, third = (
        attempt(number=1),
        attempt(number=2, exit_status=137),
        attempt(number=3, exit_status=0),
    )

    assert failed_attempt(failed(first, second, third)) == second
    assert failed_attempt(failed(third)) is None


def test_of_a_file_of_gigabytes_only_its_ends_are_read(tmp_path: Path):
    with (tmp_path / "stderr").open("wb") as file:
        file.write(b"begins\n")
        file.truncate(3 * 1024**3)
        file.seek(0, 2)
        file.write(b"ends\n")

    read = ends(tmp_path, Stream.STDERR)

    assert len(read) == HEAD + 1 + TAIL
    assert read.startswith(b"begins\n")
    assert read.endswith(b"ends\n")
