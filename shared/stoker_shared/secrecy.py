"""What is not shown: which names tell of a secret, and what stands for its value. Pure."""

from __future__ import annotations

import re

MASK = "*****"
"""What stands for a secret's value, whatever its length."""

_TELLING = re.compile(r"secret|password|token|access[.]?key", re.IGNORECASE)
"""The names of Spark properties whose values Spark itself hides (spark.redaction.regex)."""

_REFERENCE = re.compile(r"(?<!\$)\$\{[^{}\n]+\}")


def tells_of_secret(text: str) -> bool:
    """Tell whether a name, or a text with names in it, tells of a secret."""
    return _TELLING.search(text) is not None


def secret_problem(name: str, value: str) -> str | None:
    """Say why a property or an environment variable can't be defined so, or return None where it can.

    Definitions are kept in the run log and shown to whoever asks, so that what its name tells to be secret
    must come in by a variable. A switch is not secret.
    """
    if not tells_of_secret(name) or _REFERENCE.search(value) or value.lower() in ("", "true", "false"):
        return None
    return (
        "its name says that it is secret, and definitions are shown: set a variable with "
        "`stoker variable set NAME --secret` and write ${NAME} here (if it is none, a plain variable will do)"
    )
