"""Foreign output made safe for a terminal while it comes, in bounded memory."""

from __future__ import annotations

import codecs
import re

from stoker_shared.text import clean_block

_OBEYED = re.compile(r"\x1b\[[0-9;:]{0,64}m|\x1b\[[0-9;]{0,4}K|\r+\n?")
"""Colours and the like (SGR); erasing in a line, which comes with colours and bars; carriage returns."""

_UNFINISHED = re.compile(r"\x1b(\[[0-9;:]{0,64})?\Z")


class TerminalCleaner:
    """Cleans bytes that come in chunks; where they are split makes no difference.

    Colours, newlines and tabs stay. A carriage return stays as well, so that a progress bar is one line, and
    is left out before a newline. Erasing in a line is left out. All else that would command a terminal is
    shown as `clean_block` does, and what is not UTF-8 as U+FFFD.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._coloured = False

    def feed(self, data: bytes) -> str:
        """Give what is safe to print of the bytes so far and was not given yet."""
        text = self._rest + self._decoder.decode(data)
        whole = text.rstrip("\r")
        self._rest = "\r" if len(whole) < len(text) else ""
        if unfinished := None if self._rest else _UNFINISHED.search(text):
            whole, self._rest = text[: unfinished.start()], unfinished[0]
        return self._cleaned(whole)

    def finish(self) -> str:
        """Give what is left at the end; colours end with it."""
        text = self._cleaned((self._rest + self._decoder.decode(b"", final=True)).removesuffix("\r"))
        return text + ("\x1b[0m" if self._coloured else "")

    def _cleaned(self, text: str) -> str:
        pieces, end = [], 0
        for match in _OBEYED.finditer(text):
            pieces += [clean_block(text[end : match.start()]), self._obeyed(match[0])]
            end = match.end()
        return "".join([*pieces, clean_block(text[end:])])

    def _obeyed(self, sequence: str) -> str:
        if sequence.endswith("m"):
            self._coloured = True
            return sequence
        if sequence.endswith("K"):
            return ""
        return "\n" if sequence.endswith("\n") else "\r"
