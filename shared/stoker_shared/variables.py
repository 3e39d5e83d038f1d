"""The names of variables: which Stoker gives a value itself, and which people may use. Pure."""

from __future__ import annotations

import re

from stoker_shared.text import quoted

DATES = {
    "data_date": "yyyy-MM-dd",
    "ds": "yyyy-MM-dd",
    "dt": "yyyy-MM-dd",
    "data_date_nodash": "yyyyMMdd",
    "ds_nodash": "yyyyMMdd",
    "dt_nodash": "yyyyMMdd",
    "ts": "yyyy-MM-ddTHH:mm:ss",
    "ts_nodash": "yyyyMMddHHmmss",
}
"""The built-in dates, each with the pattern that spells it."""

FACTS = ("workflow_name", "node_name", "run_id", "attempt", "scheduled_at")
"""The other built-in variables; they take no offset."""

TAKEN = "attempt_tag"
"""A name no custom variable can have: as STOKER_ATTEMPT_TAG it marks an attempt's processes."""

LETTERS = {
    "yyyy": "{0.year:04}",
    "MM": "{0.month:02}",
    "dd": "{0.day:02}",
    "HH": "{0.hour:02}",
    "mm": "{0.minute:02}",
    "ss": "{0.second:02}",
}
"""The parts of a date pattern, each with how it is spelled."""

LETTER = re.compile("|".join(LETTERS))
PATTERN = re.compile(rf"(?:{LETTER.pattern})(?:[-/_.T :]*(?:{LETTER.pattern}))*")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a variable of ours may be called, and one of the environment that every ``sh`` hands on."""


def is_builtin(name: str) -> bool:
    """Say whether Stoker itself gives ``name`` a value; a date pattern such as ``MM`` is built in too."""
    return name in DATES or name in FACTS or PATTERN.fullmatch(name) is not None


def variable_name_problem(name: str) -> str | None:
    """Say why ``name`` cannot name a custom variable, or return None where it can."""
    if not IDENTIFIER.fullmatch(name):
        return f"{shown(name)} is not a name: letters, digits and _, no digit first"
    if is_builtin(name):
        return f"{shown(name)} is built in and cannot be set"
    if is_builtin(name.lower()):
        return f"{shown(name)} differs from the built-in {shown(name.lower())} only in case"
    if name.lower() == TAKEN:
        return f"{shown(name)} cannot be set: STOKER_{name.upper()} marks the processes of an attempt"
    return None


def shown(name: str) -> str:
    """Give a name in quotes for a message, cut where it is long."""
    return quoted(name, 60)
