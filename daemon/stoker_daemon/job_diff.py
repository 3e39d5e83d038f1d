"""How two states of a job differ. Pure, but for the text that is handed in."""

from __future__ import annotations

from collections.abc import Callable
from difflib import unified_diff
from itertools import islice

from stoker_shared import api
from stoker_shared.events import Attachment
from stoker_shared.model import JobConfig
from stoker_shared.state import JobDraft, JobVersion

MAX_TEXT = 512 * 1024
"""Bytes a source may have to be compared line by line."""

MAX_LINES = 5000
"""Lines of a diff that are given."""

_State = JobDraft | JobVersion


def job_diff(
    path: str, before: _State, after: _State, text_of: Callable[[_State], str | None]
) -> api.JobDiff:
    """Give what differs; ``text_of`` gives the source of a state where it is text, and not too long."""
    return api.JobDiff(
        path=path,
        before=_name(before),
        after=_name(after),
        content=None if before.digest == after.digest else _content(before, after, text_of),
        config=config_changes(before.config, after.config),
        attachments=_attachments(before.attachments, after.attachments),
    )


def config_changes(before: JobConfig, after: JobConfig) -> list[api.ConfigChange]:
    """Give the fields that differ, properties and environment each by their keys."""
    old, new = before.settings(), after.settings()
    return [
        api.ConfigChange(field, old.get(field), new.get(field))
        for field in dict.fromkeys([*old, *new])
        if old.get(field) != new.get(field)
    ]


def text(content: bytes) -> str | None:
    """Give content as text; None where it is none."""
    try:
        decoded = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in decoded else decoded


def _content(before: _State, after: _State, text_of: Callable[[_State], str | None]) -> api.ContentDiff:
    shown = api.ContentDiff(
        api.StoredObject(before.digest, before.size), api.StoredObject(after.digest, after.size)
    )
    old, new = text_of(before), text_of(after)
    if old is not None and new is not None:
        lines = unified_diff(_lines(old), _lines(new), _name(before), _name(after))
        shown.text = "".join(islice(map(_whole, lines), MAX_LINES))
        shown.cut = sum(1 for _ in lines)
    return shown


def _lines(source: str) -> list[str]:
    # Not by splitlines, which cuts at U+2028 too.
    *lines, rest = source.split("\n")
    return [*(f"{line}\n" for line in lines), *([rest] if rest else [])]


def _whole(line: str) -> str:
    """Give a line of a diff as `diff` writes it where a source does not end in a newline."""
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _name(state: _State) -> str:
    return str(state.version) if isinstance(state, JobVersion) else "draft"


def _attachments(before: tuple[Attachment, ...], after: tuple[Attachment, ...]) -> list[api.AttachmentChange]:
    old = {attached.name: attached for attached in before}
    new = {attached.name: attached for attached in after}
    return [
        api.AttachmentChange(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
