"""A real `stokerd` whose clock is another: ``python -m tests.clock NOW [RATE] -- stokerd [ARGUMENT ...]``.

NOW (ISO 8601, with offset) is the moment at which it begins, and RATE how many of its seconds a second has.
What the daemon hands in as its clock is all that is changed, and that it looks at it so much more often.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta

from stoker_daemon import app, engine
from stoker_daemon.__main__ import main
from stoker_daemon.notify import sender
from stoker_daemon.scheduling import scheduler

ARGUMENTS = (sys.executable, "-m", "tests.clock")


def beginning_at(moment: datetime, rate: float = 1) -> list[str]:
    """Give what a daemon is run by (`tests.harness.StokerDaemon.inside`) for its clock to begin there."""
    return [*ARGUMENTS, moment.isoformat(), str(rate), "--"]


def _run(begin: datetime, rate: float) -> None:
    began = time.monotonic()

    def now() -> datetime:
        return begin + timedelta(seconds=(time.monotonic() - began) * rate)

    app.now = now
    longest = engine.LONGEST_SLEEP / max(rate, 1)
    engine.LONGEST_SLEEP = scheduler.LONGEST_SLEEP = sender.LONGEST_SLEEP = longest
    main()


if __name__ == "__main__":
    split = sys.argv.index("--")
    words, sys.argv = sys.argv[1:split], sys.argv[split + 1 :]
    _run(datetime.fromisoformat(words[0]).astimezone(UTC), float(words[1]))
