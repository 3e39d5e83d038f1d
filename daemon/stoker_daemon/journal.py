"""The daemon's own log: one line an entry on stderr, as logfmt, for journald and for people.

What an entry is about stands in fields of its own: ``run``, ``node``, ``attempt``.
"""

from __future__ import annotations

import json
import logging
import sys

from stoker_daemon.attempts import AttemptKey

_FIELDS = ("run", "node", "attempt")


class Formatter(logging.Formatter):
    """Writes ``level=info at=engine msg="..." run=12 node=ingest attempt=1``."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line; a traceback is folded into the field ``error``."""
        fields = {"level": record.levelname.lower(), "at": record.name.removeprefix("stoker_daemon.")}
        fields["msg"] = record.getMessage()
        fields |= {name: str(getattr(record, name)) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


def about(key: AttemptKey) -> dict[str, object]:
    """Give the ``extra`` of an entry about an attempt."""
    return {"run": key.run, "node": key.node, "attempt": key.attempt}


def set_up() -> None:
    """Send the log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("uvicorn", "httpx"):  # httpx tells whole addresses, and the webhook's may be a secret
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _quoted(value: str) -> str:
    plain = value and value.isprintable() and not set(value) & set(' "=\\')
    return value if plain else json.dumps(value)
