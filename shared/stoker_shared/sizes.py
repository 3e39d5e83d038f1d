"""Sizes of memory as Spark writes them: ``4g``, ``512m``, ``2048k``, ``1t``, or plain bytes."""

from __future__ import annotations

import re

from stoker_shared.text import quoted

KIB, MIB, GIB = 2**10, 2**20, 2**30

_SIZE = re.compile(r"([0-9]{1,15})([kmgtp]?)b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": KIB, "m": MIB, "g": GIB, "t": 2**40, "p": 2**50}


def memory_bytes(text: str, plain: int = 1) -> int:
    """Give a size in bytes; one without a unit is in ``plain`` bytes.

    Raises:
        ValueError: it is not a size, or none that memory can have; the message says what would be.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{quoted(text, 20)} is not a size of memory; write it as 4g or 512m")
    unit = match[2].lower()
    size = int(match[1]) * (_FACTORS[unit] if unit or text.strip()[-1] in "bB" else plain)
    if size < MIB:
        raise ValueError(f"{quoted(text, 20)} is less than 1 MiB; write it with its unit, as 4g or 512m")
    return size
