"""Stack traces in what a job wrote: of Python, of the JVM, and Spark's own messages of what is wrong. Pure.

Exceptions come in chains: one is raised because of another, across the border of the two languages too (a
PySpark job that failed in a task has a Python exception, from a Java one, from a Python one). Lines of a log
below ERROR are not looked at for the beginning of a chain: what a warning tells of was got over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

LONGEST_LINE = 2000
"""Characters of a line that are looked at."""

_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'\s+File "([^"]+)", line (\d+), in (.+)')
_PYTHON = re.compile(r"((?:[A-Za-z_]\w*+\.)*+[A-Za-z_]\w*+)(?::\s?(.*))?")
_BECAUSE = "The above exception was the direct cause of the following exception:"
_MEANWHILE = "During handling of the above exception, another exception occurred:"

_JVM = re.compile(
    r"(?<![\w$.])((?:[a-zA-Z_][\w$]*+\.)++[A-Z][\w$]*+)(?:(?<=Exception)|(?<=Error)|(?<=Throwable))"
    r"(?::\s?(.*))?$"
)
_AT = re.compile(r"\s+at ([\w$.<>/]+)\(([^()]*)\)")
_CAUSED_BY = "Caused by: "
_MORE = re.compile(r"\s+\.\.\. \d+ more")

_CONDITION = re.compile(r"(?:Error in query: )?(\[[A-Z][A-Z0-9_.]+\] .+)")
_PLACE = re.compile(r"\(?line (\d+),? pos(?:ition)? (\d+)\)?")

_LOG_LINE = re.compile(r"\S+ \S+ (?:TRACE|DEBUG|INFO|WARN) ")

_FOREIGN = re.compile(r"/site-packages/|\.zip/|/lib/python\d|^<frozen |^<string>")
"""Python files that are not the job's own."""

_FOREIGN_CLASSES = ("java.", "javax.", "jdk.", "sun.", "scala.", "org.apache.", "py4j.", "java.base/")


class Raised(msgspec.Struct):
    """One exception: its class (none for a bare message of Spark's), what it says, and where it came up."""

    kind: str
    message: str
    where: str = ""


class Chain(msgspec.Struct):
    """Exceptions that led from one to the other: the ``cause`` of all, and the one that ended it."""

    ended: Raised
    cause: Raised


def chains(text: str) -> list[Chain]:
    """Give the chains of exceptions in a text, in their order."""
    return _Reader([line[:LONGEST_LINE] for line in text.split("\n")]).read()


class _Reader:
    """Goes through lines once."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._chains: list[Chain] = []
        self._next = 0
        self._open = False
        """Whether what comes next may belong to the last chain."""

    def read(self) -> list[Chain]:
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if _TRACEBACK in line:
                self._read_python(line)
            elif line.startswith(_CAUSED_BY) and (found := _JVM.search(line)):
                self._read_jvm(found, deeper=self._open)
            elif (found := _JVM.search(line)) and not _LOG_LINE.match(line) and self._has_frames():
                self._read_jvm(found, deeper=self._open and line.startswith(":"))
            elif found := _CONDITION.fullmatch(line):
                self._read_condition(found[1])
            else:
                self._next += 1
                self._open = self._open and _goes_on(line)
        return self._chains

    def _read_python(self, line: str) -> None:
        """Read a traceback: frames, each with the line of code, then what was raised."""
        before = line[: line.index(_TRACEBACK)]
        because = self._follows_from_the_last()
        if head := None if _LOG_LINE.match(before) else _JVM.search(before.rstrip()):
            self._add(Raised(head[1], head[2] or ""), deeper=False)
        nested = bool(head) or (self._open and not because)
        self._next += 1
        where, own = "", False
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if frame := _FRAME.match(line):
                if not own or not _FOREIGN.search(frame[1]):
                    own = not _FOREIGN.search(frame[1])
                    where = f"{frame[1]}, line {frame[2]}, in {frame[3]}"
            elif not line.startswith((" ", "\t")) and line:
                break
            self._next += 1
        if self._next < len(self._lines) and (found := _PYTHON.fullmatch(line.rstrip())):
            self._next += 1
            self._add(Raised(found[1], found[2] or "", where), deeper=nested, because=because)

    def _follows_from_the_last(self) -> bool:
        before = [line for line in self._lines[max(self._next - 3, 0) : self._next] if line]
        return self._open and bool(before) and before[-1] in (_BECAUSE, _MEANWHILE)

    def _has_frames(self) -> bool:
        """Tell whether frames of the JVM follow, within the lines that a message may have."""
        for line in self._lines[self._next + 1 : self._next + 40]:
            if _AT.match(line):
                return True
            if _JVM.search(line) or _TRACEBACK in line:
                return False
        return False

    def _read_jvm(self, head: re.Match[str], *, deeper: bool) -> None:
        """Read what a line says was thrown, with its frames."""
        self._next += 1
        where = ""
        begun = False
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if frame := _AT.match(line):
                begun = True
                if not where and not frame[1].startswith(_FOREIGN_CLASSES):
                    where = f"{frame[1]}({frame[2]})"
            elif begun or line.startswith(_CAUSED_BY) or _TRACEBACK in line:
                break
            self._next += 1
        self._add(Raised(head[1], head[2] or "", where), deeper=deeper)

    def _read_condition(self, message: str) -> None:
        """Read a message that spark-sql prints without a trace; where in the statement stands in it."""
        self._next += 1
        lines = [message, *self._lines[self._next : self._next + 5]]
        place = next(filter(None, map(_PLACE.search, lines)), None)
        where = f"line {place[1]}, position {place[2]} of the statement" if place else ""
        self._add(Raised("", message, where), deeper=False)

    def _add(self, raised: Raised, *, deeper: bool, because: bool = False) -> None:
        if because:
            self._chains[-1].ended = raised
        elif deeper and self._chains:
            self._chains[-1].cause = raised
        else:
            self._chains.append(Chain(raised, raised))
        self._open = True


def _goes_on(line: str) -> bool:
    """Tell whether a line between two exceptions may stand inside a chain."""
    return not line or line in (_BECAUSE, _MEANWHILE) or bool(_MORE.match(line) or _AT.match(line))
