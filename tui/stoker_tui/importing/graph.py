"""The tasks of elsewhere by their codes, and the relations between them as upstream nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stoker_tui.importing.naming import Names
from stoker_tui.importing.reading import Entry
from stoker_tui.importing.result import BadImport
from stoker_tui.importing.task import Batch

ROOT = 0
"""The code that stands for nothing before a task."""


def names_by_code(tasks: Iterable[Entry], batch: Batch) -> dict[int, str]:
    """Give the name of each task's node; raises BadImport for a code that comes twice."""
    names, given = Names(), dict[int, str]()
    places: dict[int, str] = {}
    for task in tasks:
        code = task.number("code")
        if code == ROOT:
            raise BadImport(task.at("code"), "a task needs a code other than 0")
        if code in places:
            raise BadImport(task.at("code"), f"the code {code} is also that of {places[code]}")
        places[code] = task.place
        wanted = task.needed_text("name")
        given[code] = names.name(wanted)
        find_renamed(batch, task, wanted, given[code])
    return given


def find_renamed(batch: Batch, entry: Entry, wanted: str, given: str) -> None:
    """List a name that had to be changed."""
    if wanted != given:
        batch.find(entry.at("name"), f"the name {wanted!r}", f"called {given!r} here")


def upstream_by_code(
    relations: Iterable[Entry], names: Mapping[int, str], batch: Batch
) -> dict[int, list[str]]:
    """Give the upstream nodes of each task; raises BadImport for a code that is no task's."""
    upstream: dict[int, dict[str, None]] = {code: {} for code in names}
    for relation in relations:
        before, after = (_known(relation, key, names) for key in ("preTaskCode", "postTaskCode"))
        if after == ROOT:
            raise BadImport(relation.at("postTaskCode"), "a relation leads to a task, and 0 is none")
        if before != ROOT:
            upstream[after][names[before]] = None
        if (condition := relation.text("conditionType", "NONE")) not in ("NONE", "0", ""):
            batch.find(relation.at("conditionType"), f"the condition {condition!r}", "a plain upstream node")
    return {code: list(above) for code, above in upstream.items()}


def _known(relation: Entry, key: str, names: Mapping[int, str]) -> int:
    code = relation.number(key)
    if code != ROOT and code not in names:
        raise BadImport(relation.at(key), f"there is no task with the code {code}")
    return code
