"""Notebooks as PySpark scripts: their code cells in order, from nbformat 4 or 3.

A cell is known by its number as in Jupyter after "Restart and Run All": 1 for the first that has code. Of the
magics there are ``%sql`` and ``%%sql``. Any other is refused, and so is what a shell would run.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from stoker_daemon.launchers.task import CannotLaunch
from stoker_shared.text import clean, fit

MAX_NOTEBOOK = 64 * 1024 * 1024
"""Bytes a notebook may have, its outputs included."""

_PRELUDE = Path(__file__).with_name("notebook_prelude.py")
_PYTHONS = ("python", "pyspark", "ipython")


class _Cell(msgspec.Struct):
    """``input`` is what nbformat 3 calls the source."""

    cell_type: str
    source: str | list[str] = ""
    input: str | list[str] = ""


class _Sheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Language(msgspec.Struct, frozen=True):
    language: str = ""
    name: str = ""


class _Metadata(msgspec.Struct, frozen=True):
    kernelspec: _Language = _Language()
    language_info: _Language = _Language()


class _Notebook(msgspec.Struct):
    """``worksheets`` is where nbformat 3 has its cells."""

    nbformat: int
    cells: list[_Cell] = []
    worksheets: list[_Sheet] = []
    metadata: _Metadata = _Metadata()


def script(content: bytes, path: str, replaced: Callable[[str, str], str]) -> bytes:
    """Give the script of the notebook published at ``path``.

    ``replaced`` gives SQL text, named by its second argument, with its variables replaced.

    Raises:
        CannotLaunch: it is no Python notebook, or has what only a notebook server can run; cell and line
            are named.
    """
    notebook = _read(content, path)
    sheets = [notebook.cells, *(sheet.cells for sheet in notebook.worksheets)]
    sources = (_source(cell) for cells in sheets for cell in cells if cell.cell_type == "code")
    parts = [_PRELUDE.read_text("utf-8")]
    for number, source in enumerate(filter(str.strip, sources), 1):
        place = f"{path} cell {number}"
        code = _without_magics(source, place, lambda sql, place=place: replaced(sql, place))
        literals = "".join(f"    {line!r}\n" for line in code.splitlines(keepends=True))
        parts.append(f"\n\n# cell {number}\n_stoker_cell(\n    {number},\n{literals})\n")
    return "".join(parts).encode()


def _read(content: bytes, path: str) -> _Notebook:
    try:
        notebook = msgspec.json.decode(content, type=_Notebook)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CannotLaunch(f"{path} is not a notebook that can be read: {clean(str(error))}") from error
    if notebook.nbformat not in (3, 4):
        raise CannotLaunch(f"{path} is of nbformat {notebook.nbformat}; save it as 4")
    metadata = notebook.metadata
    language = (metadata.language_info.name or metadata.kernelspec.language or "python").lower()
    if not language.startswith(_PYTHONS):
        raise CannotLaunch(f"{path} is a notebook in {clean(language)}; only those in Python can be run")
    return notebook


def _source(cell: _Cell) -> str:
    source = cell.source or cell.input
    return source if isinstance(source, str) else "".join(source)


def _without_magics(source: str, place: str, replaced: Callable[[str], str]) -> str:
    if _is_python(source):
        return source
    head, _, rest = source.lstrip().partition("\n")
    if head.startswith("%%"):
        if head.strip() != "%%sql":
            line = source[: source.index("%%")].count("\n") + 1
            raise _no_such(head, f"{place}, line {line}")
        return _sql(rest, replaced)
    return "\n".join(_lines(source, place, replaced))


def _lines(source: str, place: str, replaced: Callable[[str], str]) -> Iterator[str]:
    """Give the lines of a cell that is no Python as it stands, with what SQL they have as calls."""
    for number, line in enumerate(source.split("\n"), 1):
        code = line.lstrip()
        if code.startswith(("%sql ", "%sql\t")):
            yield line.removesuffix(code) + _sql(code.removeprefix("%sql"), replaced)
        elif code.startswith(("%", "!")):
            raise _no_such(code, f"{place}, line {number}")
        else:
            yield line


def _sql(text: str, replaced: Callable[[str], str]) -> str:
    return f"_stoker_sql({replaced(text.strip().removesuffix(';'))!r})"


def _no_such(code: str, place: str) -> CannotLaunch:
    what = f"{fit(clean(code.strip()), 60)!r}"
    if code.startswith("!"):
        return CannotLaunch(f"{place}: {what} is for a shell; make it a shell job of its own, or take it out")
    return CannotLaunch(f"{place}: of magics there are only %sql and %%sql; take {what} out")


def _is_python(source: str) -> bool:
    """Tell whether a cell has no magics. Syntax newer than the daemon's own Python is left to the job's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
