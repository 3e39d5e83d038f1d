r"""Java's properties format (java.util.Properties.load), in which Spark reads its configuration.

Spark itself strips white space from both ends of a value after that, escaped or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_BLANK = " \t\f"
_LINE = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.)|$)", re.DOTALL)
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def dump(properties: Mapping[str, str]) -> bytes:
    """Write ``properties``, one a line, in ASCII, so that no reader's charset matters."""
    return "".join(f"{_escaped(key)}={_escaped(value)}\n" for key, value in properties.items()).encode(
        "ascii"
    )


def load(text: str) -> dict[str, str]:
    """Read properties; of a key that comes twice the later counts."""
    pairs: dict[str, str] = {}
    for line in _logical_lines(text):
        if match := _LINE.fullmatch(line):
            pairs[_unescaped(match[1])] = _unescaped(match[2])
    return pairs


def _escaped(text: str) -> str:
    return "".join(_escaped_character(character) for character in text)


def _escaped_character(character: str) -> str:
    if character in "\\=:#! ":
        return "\\" + character
    if " " < character <= "~":
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _logical_lines(text: str) -> Iterator[str]:
    """Give the lines without comments and blank ones; a backslash at a line's end joins it to the next."""
    begun = ""
    for line in re.split(r"\r\n|\r|\n", text):
        rest = line.lstrip(_BLANK)
        if not begun and (not rest or rest[0] in "#!"):
            continue
        begun += rest
        if (len(rest) - len(rest.rstrip("\\"))) % 2:
            begun = begun[:-1]
        else:
            yield begun
            begun = ""
    if begun:
        yield begun


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(_unescaped_match, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _unescaped_match(match: re.Match[str]) -> str:
    code, character = match.groups(default="")
    return chr(int(code, 16)) if code else _LETTERS.get(character, character)
