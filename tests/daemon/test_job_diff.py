from datetime import UTC, datetime
from typing import Any

import pytest

from stoker_daemon.job_diff import MAX_LINES, job_diff, text
from stoker_shared.api import AttachmentChange, ConfigChange, JobDiff, StoredObject
from stoker_shared.events import Attachment
from stoker_shared.model import JobConfig
from stoker_shared.state import JobDraft, JobVersion

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OLD, NEW, LIB = (Attachment("py_files", name, name * 8, 1) for name in ("a", "b", "lib"))


def compared(before: str | None, after: str | None, **after_has: Any) -> JobDiff:
    sources = {"d1": before, "d2": after}
    one = JobVersion(1, "d1", 10, NOW, "alice", JobConfig(timeout=5, env={"A": "1"}), "", (OLD, LIB))
    two = JobDraft(2, "d2" if after != before else "d1", 20, NOW, "bob", one.config, (OLD, LIB))
    two = JobDraft(**{name: after_has.get(name, getattr(two, name)) for name in two.__struct_fields__})
    return job_diff("x.py", one, two, lambda state: sources[state.digest])


def test_text_is_compared_line_by_line() -> None:
    content = compared("a\nb\u2028c\n", "a\nb\nno end").content

    assert content
    assert content.text == (
        "--- 1\n+++ draft\n@@ -1,2 +1,3 @@\n a\n-b\u2028c\n+b\n+no end\n\\ No newline at end of file\n"
    )


@pytest.mark.parametrize(("before", "after"), [(None, "a"), ("a", None)])
def test_what_is_no_text_is_told_by_digest_and_size(before: str | None, after: str | None) -> None:
    content = compared(before, after).content

    assert content
    assert (content.before, content.after) == (StoredObject("d1", 10), StoredObject("d2", 20))
    assert content.text is None


def test_of_a_long_diff_the_beginning_is_given_and_how_much_is_left_out() -> None:
    content = compared("", "line\n" * (MAX_LINES + 7)).content

    assert content
    assert content.text
    assert content.text.count("\n") == MAX_LINES
    assert content.cut == 3 + 7


def test_configuration_is_compared_by_field_and_files_by_name() -> None:
    config = JobConfig(args=("a b", "c"), dynamic_allocation=True, env={"A": "2"}, conf={"spark.x": "1"})

    found = compared("same", "same", config=config, attachments=(LIB, NEW))

    assert found.content is None
    assert found.config == [
        ConfigChange("env.A", "1", "2"),
        ConfigChange("timeout", "5", None),
        ConfigChange("args", None, "'a b' c"),
        ConfigChange("dynamic_allocation", None, "true"),
        ConfigChange("conf.spark.x", None, "1"),
    ]
    assert found.attachments == [AttachmentChange("a", OLD, None), AttachmentChange("b", None, NEW)]


def test_text_is_what_is_utf_8_without_nul() -> None:
    assert [text(content) for content in ("é".encode(), b"\xff", b"PK\0")] == ["é", None, None]
