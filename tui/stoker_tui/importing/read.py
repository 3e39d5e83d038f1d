"""The entry to importing: bytes of JSON to workflows."""

from __future__ import annotations

from typing import Any

import msgspec

from stoker_shared import definition
from stoker_shared.text import clean, nearest, path_problem, quoted
from stoker_tui.importing.dolphin import DEFINITIONS, read_export
from stoker_tui.importing.reading import Entry
from stoker_tui.importing.request import TASKS, read_request
from stoker_tui.importing.result import BadImport, Imported
from stoker_tui.importing.task import Batch

MAX_FILE = 64 * 1024 * 1024
"""Bytes an import may have."""


def read(content: bytes, prefix: str = "") -> Imported:
    """Give what the JSON of another scheduler defines; ``prefix`` is the folder of all its jobs.

    Raises:
        BadImport: it is no JSON, of no kind that is known, or contradicts itself.
    """
    if prefix and (problem := path_problem(prefix)):
        raise BadImport("", problem)
    if len(content) > MAX_FILE:
        raise BadImport("", f"an import has at most {MAX_FILE:,} bytes, and this has {len(content):,}")
    batch = Batch(prefix)
    data = _decoded(content)
    for place, value in _each(data):
        _read_one(Entry(value, place), batch)
    if not batch.result.workflows:
        raise BadImport("", "there is no workflow in it")
    return batch.result


def _read_one(entry: Entry, batch: Batch) -> None:
    count = len(batch.result.workflows)
    if any(key in entry for key in DEFINITIONS):
        read_export(entry, batch)
    elif TASKS in entry:
        read_request(entry, batch)
    elif "processDefinitionJson" in entry:
        raise BadImport(
            entry.at("processDefinitionJson"),
            "this is an export of DolphinScheduler 1; import it into version 2 or 3, and export it there",
        )
    else:
        raise BadImport(entry.place, _unknown(entry))
    for spec in batch.result.workflows[count:]:
        for fault in definition.faults(spec):
            raise BadImport(entry.place, f"{quoted(spec.workflow)}: {fault.pointer}: {fault.detail}")


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadImport("", f"it is not JSON: {clean(str(error))}") from error
    except RecursionError:
        raise BadImport("", "it is nested too deeply") from None


def _each(data: Any) -> list[tuple[str, Any]]:
    if isinstance(data, list):
        return [(f"/{index}", value) for index, value in enumerate(data)]
    return [("", data)]


def _unknown(entry: Entry) -> str:
    known = [*DEFINITIONS, TASKS]
    keys = list(entry.everything())
    guess = next((f"; is {key!r} meant to be {near!r}?" for key in keys if (near := nearest(key, known))), "")
    shown = ", ".join(quoted(key, 40) for key in keys[:8]) or "nothing"
    return (
        "this is neither DolphinScheduler's export of workflows nor a request that creates one: "
        f"it has {shown}, and not {' or '.join(map(repr, known))}{guess}"
    )
