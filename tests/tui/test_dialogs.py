"""What a person chooses among."""

from __future__ import annotations

from stoker_tui.screens.dialogs import Choice, found


def test_a_name_that_begins_with_what_is_typed_comes_first() -> None:
    choices = [Choice(path, path, "shell") for path in ("etl/ingest.sh", "etl/report.sh", "etl/transform.sh")]

    assert [choice.value for choice in found(choices, "t")] == [
        "etl/transform.sh", "etl/ingest.sh", "etl/report.sh",
    ]  # fmt: skip
    assert [choice.value for choice in found(choices, "shell rep")] == ["etl/report.sh"]
    assert found(choices, "") == choices


def test_what_is_not_shown_of_a_choice_can_be_found_too() -> None:
    choices = [Choice("Stop the whole run.", 1, "x", also="run.stop"), Choice("Go up.", 2, also="list.up")]

    assert [choice.value for choice in found(choices, "run.s")] == [1]
