"""Foreign text made safe to show, how wide text is on a terminal, and the rules for names and paths.

Whatever a person, a file or a job wrote may hold bytes that command a terminal (ESC, CSI and OSC sequences),
turn its writing direction, or cannot be encoded. None of that leaves `clean`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import accumulate, chain
from unicodedata import category, east_asian_width, is_normalized, normalize

MAX_NAME = 64
"""Characters the name of a workflow or node may have."""

MAX_PATH = 256
"""Characters a job's path may have, its slashes included."""

ELLIPSIS = "…"

ASCII = str.maketrans("╭╮╰╯┘┐┤└┌├┴┬╋│┼─▼◌●↻✔✖■–⊘·" + ELLIPSIS, "+++++++++++++||-vo*~Vx#-/..")
"""What stands in for each glyph of drawings and statuses where there is only ASCII."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CONTROL_PICTURES = 0x2400

_HIDDEN = (
    range(0x80, 0xA0),  # C1: CSI, OSC and next line among them
    range(0x061C, 0x061D),  # Arabic letter mark
    range(0x180E, 0x180F),  # Mongolian vowel separator
    range(0x200B, 0x200C),  # zero width space; the two joiners after it are part of scripts and of emoji
    range(0x200E, 0x2010),  # left-to-right and right-to-left marks
    range(0x2028, 0x202F),  # line and paragraph separators, bidi embeddings and overrides
    range(0x2060, 0x2070),  # word joiner, invisible operators, bidi isolates
    range(0xD800, 0xE000),  # lone surrogates: not encodable
    range(0xFEFF, 0xFF00),  # byte order mark
    range(0xFFF9, 0xFFFC),  # interlinear annotation
    range(0xE0000, 0xE0080),  # tags: an invisible copy of ASCII
)

_ONE_LINE = (
    dict.fromkeys(chain.from_iterable(_HIDDEN), _REPLACEMENT)
    | {code: chr(_CONTROL_PICTURES + code) for code in range(0x20)}
    | {0x7F: "\N{SYMBOL FOR DELETE}"}
)
_BLOCK = {code: shown for code, shown in _ONE_LINE.items() if chr(code) not in "\n\t"}


def clean(text: str) -> str:
    """Return ``text`` as one line that is safe to print: what would command a terminal is shown, not obeyed.

    Control characters become their pictures (ESC ``␛``, newline ``␊``); C1 controls, bidi controls, lone
    surrogates, line separators and invisible characters become U+FFFD. All else stays as it is.
    """
    return text.translate(_ONE_LINE)


def clean_line(text: str) -> str:
    """Return ``text`` as `clean` does, with each run of tabs and line breaks read as one space."""
    return clean(re.sub(r"[\t\r\n]+", " ", text))


def clean_block(text: str) -> str:
    """Return ``text`` as `clean` does, keeping its newlines and tabs."""
    return text.translate(_BLOCK)


def width(text: str) -> int:
    """Return how many terminal cells clean ``text`` takes.

    Wide East Asian characters and emoji take 2, combining marks and joiners 0, all else 1. Each character
    counts by itself, as terminals and multiplexers commonly have it.
    """
    return len(text) if text.isascii() else sum(map(_cells, text))


def fit(text: str, cells: int) -> str:
    """Return clean ``text`` in at most ``cells`` terminal cells, an ellipsis for what was cut off."""
    if width(text) <= cells:
        return text
    if cells < 1:
        return ""
    kept = sum(end < cells for end in accumulate(map(_cells, text)))
    return text[:kept].rstrip("\N{ZERO WIDTH JOINER}") + ELLIPSIS


def name_problem(name: str) -> str | None:
    """Return what is wrong with the name of a workflow or node and what is right, or None where it is valid.

    The sentence is safe to print. A name has 1 to `MAX_NAME` printable characters (by `str.isprintable`) in
    NFC, without ``/``, is neither ``.`` nor ``..``, and has no space at either end.
    """
    fault = next(_name_faults(name), None)
    return f"{quoted(name)} is not a valid name: {fault}" if fault else None


def path_problem(path: str) -> str | None:
    """Return what is wrong with the path of a published job and what is right, or None where it is valid.

    The sentence is safe to print. A path is relative, such as ``etl/ingest.py``: names joined by ``/``, at
    most `MAX_PATH` characters in all.
    """
    fault = next(_path_faults(path), None)
    return f"{quoted(path)} is not a valid path: {fault}" if fault else None


def quoted(text: str, most: int = MAX_PATH) -> str:
    """Return ``text`` in quotes, safe to print, with an ellipsis for what is beyond ``most`` characters."""
    # repr escapes whatever is not printable.
    return repr(text if len(text) <= most else text[: most - 1] + ELLIPSIS)


def counted(count: int, what: str) -> str:
    """Return ``count`` with what is counted: ``1 run``, ``2 runs``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that ``word`` is most likely a slip of, or None where none is like it."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def _cells(character: str) -> int:
    kind = category(character)
    # Vowels and finals of Hangul written letter by letter combine with the consonant before them.
    if kind in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff":
        return 0
    # Python before 3.13 calls all unassigned characters wide; among emoji and ideographs they will be.
    if kind == "Cn":
        return 2 if "\U0001f300" <= character <= "\U0003ffff" else 1
    return 2 if east_asian_width(character) in "WF" else 1


def _name_faults(name: str) -> Iterator[str]:
    if not 1 <= len(name) <= MAX_NAME:
        yield f"it has {len(name)} characters, and a name has 1 to {MAX_NAME}"
    if unprintable := next((character for character in name if not character.isprintable()), None):
        yield f"it contains {unprintable!r}, and a name has printable characters only"
    if name != name.strip():
        yield "it begins or ends with a space, and a name does neither"
    if "/" in name:
        yield "it contains '/', which separates the parts of a path"
    if name in (".", ".."):
        yield "it stands for a folder; choose any other name"
    if not is_normalized("NFC", name):
        yield f"it is not in Unicode's composed form (NFC), which is {normalize('NFC', name)!r}"


def _path_faults(path: str) -> Iterator[str]:
    if not 1 <= len(path) <= MAX_PATH:
        yield f"it has {len(path)} characters, and a path has 1 to {MAX_PATH}"
    if path.startswith("/"):
        yield "it begins with '/', and a path is relative, such as 'etl/ingest.py'"
    for part in path.split("/"):
        if not part:
            yield "it has an empty part, and a path is names joined by single slashes: 'etl/ingest.py'"
        yield from (f"of its part {part!r}, {fault}" for fault in _name_faults(part))
