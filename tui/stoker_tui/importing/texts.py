"""What DolphinScheduler replaces in texts before it runs them, said in Stoker's way.

In SQL and arguments Stoker replaces references too, so that they are only renamed. A shell script gets its
variables by its environment: a reference becomes the environment variable's, in quotes where the script's
own would hide it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping

import msgspec

from stoker_tui.importing import dates
from stoker_tui.importing.naming import Names
from stoker_tui.importing.quartz import Step

_REFERENCE = re.compile(r"\$\{(?P<name>[^{}\n]*)\}|\$\[(?P<date>[^$\]0-9\n][^$\]\n]*)\]")
_SYSTEM = {
    "system.biz.date": ("yyyyMMdd", -1),
    "system.biz.curdate": ("yyyyMMdd", 0),
    "system.datetime": ("yyyyMMddHHmmss", 0),
}
_SAME = {
    "system.task.definition.name": "node_name",
    "system.workflow.definition.name": "workflow_name",
    "system.workflow.instance.id": "run_id",
}


class Scope(msgspec.Struct):
    """What texts of one node, or of its workflow, can refer to.

    ``names`` maps parameters to variables. ``unknown`` collects what means nothing here. All scopes of a
    workflow share ``made``, the variables that scripts need for what has no name, and ``dated``, the
    references to dates.
    """

    names: Mapping[str, str]
    step: Step
    taken: Names
    unknown: list[str] = msgspec.field(default_factory=list)
    made: dict[str, str] = msgspec.field(default_factory=dict)
    dated: list[str] = msgspec.field(default_factory=list)

    def text(self, text: str) -> str:
        """Give a text in which Stoker replaces references: SQL, arguments, values."""
        return _REFERENCE.sub(self._replaced, text)

    def script(self, text: str) -> str:
        """Give a shell script that reads its variables from its environment."""
        parts, end = [], 0
        for match, quoting in _quoted(text):
            parts.append(text[end : match.start()])
            end = match.end()
            variable = self._variable(match)
            if variable is None:
                parts.append(match[0])
            elif quoting == _LITERAL:
                self.unknown.append(match[0])
                parts.append(match[0])
            else:
                exported = f"${{STOKER_{variable.upper()}}}"
                parts.append(f"""'"{exported}"'""" if quoting == "'" else exported)
        return "".join([*parts, text[end:]])

    def knows(self, name: str) -> bool:
        """Tell whether a name has a value at run time."""
        return name in self.names or name in _SYSTEM or name in _SAME

    def references(self, text: str) -> list[str]:
        """Give what DolphinScheduler would replace in a text."""
        found = (match[0] for match in _REFERENCE.finditer(text) if self._meaning(match) or match["date"])
        return list(dict.fromkeys(found))

    def _replaced(self, match: re.Match[str]) -> str:
        if meaning := self._meaning(match):
            return meaning
        self.unknown.append(match[0])
        if match["date"]:
            return match[0]
        # Stoker too leaves names with a dot or a colon alone; any other would fail the node.
        return match[0] if re.search("[.:]", match["name"]) else f"${match[0]}"

    def _meaning(self, match: re.Match[str]) -> str | None:
        name = match["name"]
        if name in self.names:
            return f"${{{self.names[name]}}}"
        if name in _SYSTEM or match["date"]:
            self.dated.append(match[0])
        if match["date"]:
            return dates.reference(match["date"], self.step)
        if name in _SYSTEM:
            spelling, days = _SYSTEM[name]
            return dates.biz_date(spelling, self.step, days)
        return f"${{{_SAME[name]}}}" if name in _SAME else None

    def _variable(self, match: re.Match[str]) -> str | None:
        """Give the variable that has what is referred to; None for what is the shell's own."""
        if own := self.names.get(match["name"] or "") or _SAME.get(match["name"] or ""):
            return own
        meaning = self._meaning(match)
        if meaning is None:
            if match["date"] or match["name"].startswith("system."):
                self.unknown.append(match[0])
            return None
        made = next((variable for variable, value in self.made.items() if value == meaning), None)
        if made is None:
            made = self.taken.variable(match["name"] or f"date_{match['date']}")
            self.made[made] = meaning
        return made


_LITERAL = "literal"
"""The quoting of a here-document whose end is quoted: no shell replaces anything there."""

_CODE = re.compile(
    r"""\\.|(?<![^\s;&|()])\#[^\n]*|<<<|<<-?[ \t]*(?P<quote>['"\\]?)(?P<word>[A-Za-z_]\w*)['"]?"""
    rf"""|(?P<mark>['"`\n()]|\$\()|{_REFERENCE.pattern}""",
    re.DOTALL,
)
_INSIDE = {
    "'": re.compile(rf"(?P<mark>')|{_REFERENCE.pattern}"),
    '"': re.compile(rf"""\\.|(?P<mark>["`]|\$\()|{_REFERENCE.pattern}""", re.DOTALL),
}
_END = {"'": "'", '"': '"', "`": "`", "(": ")", "$(": ")"}


def _quoted(script: str) -> Iterator[tuple[re.Match[str], str]]:
    """Give each reference of a shell script with what it is in: ``'``, `_LITERAL`, or something else."""
    inside, position = [""], 0
    words = _lone_words(script)
    documents: list[re.Match[str]] = []
    while match := _INSIDE.get(inside[-1], _CODE).search(script, position):
        position = match.end()
        found = match.groupdict()
        mark = found["mark"]
        if found["name"] is not None or found["date"] is not None:
            yield match, inside[-1]
        elif found.get("word"):
            documents.append(match)
        elif mark == "\n":
            for start in documents:
                ends = words.get(start["word"], [])
                end = next(iter(ends[bisect_left(ends, position) :]), position)
                for reference in _REFERENCE.finditer(script, position, end):
                    yield reference, _LITERAL if start["quote"] else ""
                position = end
            documents = []
        elif mark and mark == _END.get(inside[-1]):
            inside.pop()
        elif mark and mark != ")":
            inside.append(mark)


def _lone_words(script: str) -> dict[str, list[int]]:
    """Give the ends of the lines that are one word, such as end a here-document."""
    ends: dict[str, list[int]] = {}
    for line in re.finditer(r"^\t*(\w+)$", script, re.MULTILINE):
        ends.setdefault(line[1], []).append(line.end())
    return ends
