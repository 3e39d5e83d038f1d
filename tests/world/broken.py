"""What a world ends with that shows a fault."""

from __future__ import annotations


class Broken(BaseException):
    """Something that must be so is not. Nothing in the daemon takes this for a fault of its own."""


def must(holds: object, *what: object) -> None:
    """Raise `Broken`, in these words, unless something holds."""
    if not holds:
        raise Broken(" ".join(map(str, what)))
