"""What a world ends with that shows a fault."""

from __future__ import annotations


class Broken(BaseException):
    """Something that must be so is not. Nothing in the daemon takes this for a fault of its own."""


def must(holds: object, *what: object) -> None:
    """Raise `Broken` unless something holds; only then is it put into words, which costs more than to look."""
    if not holds:
        raise Broken(" ".join(map(str, what)))
