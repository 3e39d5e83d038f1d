"""What the service manager hands to the daemon and is told by it (sd_listen_fds(3), sd_notify(3)).

Without a service manager there is nothing to hand over, and nobody to tell.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import MutableMapping

FIRST_DESCRIPTOR = 3
"""Where what is handed over begins (SD_LISTEN_FDS_START)."""

_HANDED = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
_ABOUT_THE_SERVICE = (
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "SYSTEMD_EXEC_PID",
)

logger = logging.getLogger(__name__)


class WrongSocket(Exception):
    """What was handed over is not a socket that the daemon can listen on; the message says what to do."""


class Manager:
    """The service manager. ``listening`` is the socket that it handed over, ``watchdog`` how many seconds it
    waits for a sign of progress; None where there is no such thing.
    """

    def __init__(
        self, notify: str = "", listening: socket.socket | None = None, watchdog: float | None = None
    ) -> None:
        self.listening = listening
        self.watchdog = watchdog
        self._address = f"\0{notify[1:]}" if notify.startswith("@") else notify
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if notify else None

    @classmethod
    def of(cls, environment: MutableMapping[str, str], pid: int) -> Manager:
        """Give the manager of the process ``pid``, and take from its environment what no job is to have.

        Raises:
            WrongSocket: something else than one listening Unix socket was handed over.
        """
        handed = {name: environment.pop(name, "") for name in _HANDED}
        for name in _ABOUT_THE_SERVICE:
            environment.pop(name, None)
        watched = handed["WATCHDOG_USEC"] and handed["WATCHDOG_PID"] in ("", str(pid))
        return cls(
            handed["NOTIFY_SOCKET"],
            _listening(int(handed["LISTEN_FDS"] or 0)) if handed["LISTEN_PID"] == str(pid) else None,
            int(handed["WATCHDOG_USEC"]) / 1_000_000 if watched else None,
        )

    def tell(self, *facts: str) -> None:
        """Tell it something; a manager that does not listen is not waited for."""
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(facts).encode(), socket.MSG_DONTWAIT, self._address)
        except OSError as error:
            logger.warning("the service manager could not be told %s: %s", facts[0], error)

    def tell_reloading(self) -> None:
        """Tell it that the configuration is read anew; `tell` it READY=1 when that is done."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def _listening(count: int) -> socket.socket | None:
    if count == 0:
        return None
    if count > 1:
        raise WrongSocket(
            f"{count} sockets were handed over, and stokerd listens on one: see its socket unit"
        )
    listening = socket.socket(fileno=FIRST_DESCRIPTOR)
    kind = (listening.family, listening.type)
    if kind != (socket.AF_UNIX, socket.SOCK_STREAM) or not listening.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    ):
        raise WrongSocket(
            "the socket that was handed over does not listen at a path: its unit needs ListenStream=/... "
            "and Accept=no"
        )
    listening.set_inheritable(False)
    return listening
