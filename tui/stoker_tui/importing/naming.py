"""Names of elsewhere made into names that Stoker takes: each once, and as near to the old one as can be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from unicodedata import normalize

from stoker_shared.model import JOB_TYPE_BY_SUFFIX
from stoker_shared.text import MAX_NAME, MAX_PATH

_BUILT_IN = {
    *("data_date", "data_date_nodash", "ds", "ds_nodash", "dt", "dt_nodash", "ts", "ts_nodash"),
    *("workflow_name", "node_name", "run_id", "attempt", "scheduled_at", "attempt_tag"),
    *("yyyy", "mm", "dd", "hh", "ss"),
}
"""What no custom variable can be named, in lower case."""


class Names:
    """The names given out so far in one scope."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def name(self, wanted: str) -> str:
        """Give a name of a workflow or node."""
        return self._unique(lambda mark: _fitted(wanted, mark))

    def variable(self, wanted: str) -> str:
        """Give a variable's name; no two differ only in case, since they share a name in the environment."""
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", wanted) or "_"
        if plain[0].isdecimal() or plain.strip("_") == "" or _is_built_in(plain):
            plain = f"p_{plain}"
        return self._unique(lambda mark: plain[:MAX_NAME] + mark.replace(" ", "_"), str.lower)

    def path(self, folder: str, wanted: str, suffix: str) -> str:
        """Give a job's path: a file in a folder, which may be none."""
        return self._unique(lambda mark: _joined(folder, _fitted(wanted, mark + suffix)))

    def _unique(self, make: Callable[[str], str], key: Callable[[str], str] = str) -> str:
        name = wanted = make("")
        while key(name) in self._taken:
            number = self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            name = make(f" {number}")
        self._taken.add(key(name))
        return name


def resource_path(prefix: str, resource: str, suffixes: tuple[str, ...]) -> str:
    """Give the job's path of a file in a resource centre, with the first of ``suffixes`` if it has none."""
    parts = [
        _fitted(part, "")
        for part in PurePosixPath(re.sub(r"^[a-z0-9]+:/*", "", resource)).parts
        if part != "/"
    ]
    path = "/".join(parts) or "unnamed"
    if PurePosixPath(path).suffix not in suffixes:
        path += suffixes[0]
    return _joined(prefix, path)


def suffix_of(name: str) -> str | None:
    """Give the suffix of a job that a name ends with, if it does."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in JOB_TYPE_BY_SUFFIX else None


def _joined(folder: str, path: str) -> str:
    joined = f"{folder}/{path}" if folder else path
    return joined if len(joined) <= MAX_PATH else path[-MAX_NAME:]


def _fitted(wanted: str, end: str) -> str:
    """Give ``wanted`` as a name that ends with ``end``."""
    plain = "".join(character if character.isprintable() else " " for character in wanted.replace("/", "-"))
    # Composing may lengthen a text, and cutting it may part what composes.
    name = " ".join(normalize("NFC", plain).split())[: MAX_NAME - len(end)].strip()
    name = normalize("NFC", name + end)
    return f"unnamed{end}" if name in ("", ".", "..", end) or len(name) > MAX_NAME else name


def _is_built_in(name: str) -> bool:
    return (
        name.lower() in _BUILT_IN
        or re.fullmatch(r"(?i:yyyy|mm|dd|hh|ss)(?:_*(?i:yyyy|mm|dd|hh|ss|t))*", name) is not None
    )
