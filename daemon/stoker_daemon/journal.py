"""The daemon's own log: one line an entry on stderr, as logfmt, for journald and for people.

What an entry is about stands in fields of its own: ``run``, ``node``, ``attempt``. Where journald reads it, a
line begins with its priority (sd-daemon(3)), so that `journalctl -p warning` finds it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from functools import cache

from stoker_daemon.attempts.directory import AttemptKey

_FIELDS = ("run", "node", "attempt")
_STDERR = 2
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class Formatter(logging.Formatter):
    """Writes ``level=info at=engine msg="..." run=12 node=ingest attempt=1``."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line; a traceback is folded into the field ``error``."""
        fields = {"level": record.levelname.lower(), "at": record.name.removeprefix("stoker_daemon.")}
        fields["msg"] = record.getMessage()
        fields |= {name: str(getattr(record, name)) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return priority(record.levelno) + " ".join(
            f"{name}={_quoted(value)}" for name, value in fields.items()
        )


def about(key: AttemptKey) -> dict[str, object]:
    """Give the ``extra`` of an entry about an attempt."""
    return {"run": key.run, "node": key.node, "attempt": key.attempt}


def is_stream(journal: str, descriptor: int) -> bool:
    """Tell whether a descriptor is the stream to journald that JOURNAL_STREAM names (systemd.exec(5))."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return journal == f"{found.st_dev}:{found.st_ino}"


def priority(level: int) -> str:
    """Give what a line of that level begins with."""
    return f"<{_PRIORITIES.get(level, 6)}>" if _is_read_by_journald() else ""


@cache
def _is_read_by_journald() -> bool:
    # Once, since the daemon takes the variable out of its environment: no job is to have it.
    return is_stream(os.environ.get("JOURNAL_STREAM", ""), _STDERR)


def set_up() -> None:
    """Send the log to stderr."""
    _is_read_by_journald()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("uvicorn", "httpx"):  # httpx tells whole addresses, and the webhook's may be a secret
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _quoted(value: str) -> str:
    plain = value and value.isprintable() and not set(value) & set(' "=\\')
    return value if plain else json.dumps(value)
