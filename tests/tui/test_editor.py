"""Definitions in the person's own editor: what it is given, what is made of what it leaves."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from stoker_shared.definition import faults
from stoker_shared.model import JobConfig, NodeSpec, WorkflowSpec
from stoker_tui.documents import BadText, Document, read_text, written_text
from stoker_tui.editor import Edited, NoEditor, edit, editor, run_editor
from stoker_tui.forms.configuration import configuration_document

WORKFLOW = Document("The workflow sales", WorkflowSpec, faults)
SALES = WorkflowSpec(
    workflow="sales",
    nodes=(NodeSpec(name="ingest", job="etl/ingest.py"), NodeSpec(name="report", job="etl/report.py")),
)


def typing(*texts: Callable[[str], str]) -> Callable[[str], str]:
    """Give an editor in which a person does one thing after the other."""
    rest = iter(texts)

    def run(text: str) -> str:
        return next(rest)(text)

    return run


def as_it_is(text: str) -> str:
    return text


def changed(before: str, after: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert before in text
        return text.replace(before, after)

    return change


def test_what_is_left_as_it_is_changes_nothing() -> None:
    assert edit(WORKFLOW, SALES, "", as_it_is) == Edited(told="nothing is changed")


def test_what_is_emptied_changes_nothing() -> None:
    assert edit(WORKFLOW, SALES, "", lambda _: "# nothing\n\n") == Edited(told="nothing is changed")


def test_what_is_written_is_taken_over() -> None:
    done = edit(WORKFLOW, SALES, "", changed("job: etl/report.py", "job: etl/report.py, retries: 2"))

    assert isinstance(done.value, WorkflowSpec)
    assert done.value.nodes[1].retries == 2


@pytest.mark.parametrize(
    ("before", "after", "told", "line"),
    [
        (
            "job: etl/report.py",
            "job: etl/report.py, timeout: soon",
            "expected `int | null`, got `str`",
            "report",
        ),
        ("job: etl/report.py", "job: etl/report.py, retrys: 2", "did you mean 'retries'?", "report"),
        (
            "report, job: etl/report",
            "ingest, job: etl/report",
            "2 nodes have the name 'ingest'",
            "name: ingest",
        ),
        ("workflow: sales", "workflow: sales\nworkflow: x", "the key 'workflow' comes twice", "workflow: x"),
        ("workflow: sales", "workflow: [sales", "not YAML", "nodes:"),
    ],
)
def test_an_error_is_shown_above_the_text_with_its_line(
    before: str, after: str, told: str, line: str
) -> None:
    seen: list[str] = []

    def mend(text: str) -> str:
        seen.append(text)
        return text.replace(after, before, 1) if after in text else text

    done = edit(WORKFLOW, SALES, "", typing(changed(before, after), mend, as_it_is))

    shown = next(each for each in seen[0].splitlines() if told in each)
    number = int(shown.partition("line ")[2].partition(":")[0])
    assert line in seen[0].splitlines()[number - 1]
    assert done.value == SALES


def test_a_text_that_is_given_up_is_offered_again() -> None:
    given_up = edit(WORKFLOW, SALES, "", typing(changed("etl/report.py", "/report.py"), as_it_is))
    assert given_up.value is None
    assert "line 10: /nodes/1/job" in given_up.told

    def mend(text: str) -> str:
        assert "# It can't be taken over like this:" in text
        return text.replace("/report.py", "report.py")

    mended = edit(WORKFLOW, SALES, given_up.text, typing(mend))
    assert isinstance(mended.value, WorkflowSpec)
    assert mended.value.nodes[1].job == "report.py"


def test_errors_do_not_pile_up() -> None:
    seen: list[str] = []

    def break_otherwise(text: str) -> str:
        seen.append(text)
        return text.replace("/report.py", "x//y.py")

    def look(text: str) -> str:
        seen.append(text)
        return text

    edit(WORKFLOW, SALES, "", typing(changed("etl/report.py", "/report.py"), break_otherwise, look))

    assert seen[1].count("can't be taken over") == 1
    assert "begins with '/'" not in seen[1]


def test_an_empty_configuration_is_offered_with_the_names_of_its_fields() -> None:
    text = written_text(configuration_document("etl/ingest.py"), JobConfig())

    assert "driver_memory" in text
    assert read_text(configuration_document("etl/ingest.py"), text + "driver_memory: 4g\n") == JobConfig(
        driver_memory="4g"
    )


def test_what_is_no_text_is_refused_with_the_reason() -> None:
    with pytest.raises(BadText, match="half of a character"):
        read_text(WORKFLOW, 'workflow: "\\ud800"\n')


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ["vi"]),
        ({"EDITOR": "nano"}, ["nano"]),
        ({"EDITOR": "nano", "VISUAL": "code --wait '/a b'"}, ["code", "--wait", "/a b"]),
        ({"EDITOR": "nano", "VISUAL": "  "}, ["nano"]),
    ],
)
def test_the_persons_editor(environment: dict[str, str], command: list[str]) -> None:
    assert editor(environment) == command


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "an editor"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_the_file_is_the_persons_alone_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    program = script(tmp_path, f"stat -c '%a %n' \"$1\" > '{there}'; echo more >> \"$1\"")
    monkeypatch.setenv("VISUAL", f"'{program}'")

    assert run_editor("text\n") == "text\nmore\n"

    mode, _, name = there.read_text().strip().partition(" ")
    assert int(mode, 8) == stat.S_IRUSR | stat.S_IWUSR
    assert not Path(name).exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exit 3", "ended with status 3: nothing is changed"),
        ("printf '\\377' > \"$1\"", "not UTF-8"),
        ('rm "$1"', "nothing is changed"),
    ],
)
def test_an_editor_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setenv("VISUAL", f"'{script(tmp_path, text)}'")

    with pytest.raises(NoEditor, match=told):
        run_editor("text\n")


@pytest.mark.parametrize(
    ("words", "told"), [("'x", "no closing quotation"), ("/no/such/editor", "can't be started")]
)
def test_an_editor_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, words: str, told: str) -> None:
    monkeypatch.setenv("VISUAL", words)

    with pytest.raises(NoEditor, match=told):
        run_editor("text\n")
