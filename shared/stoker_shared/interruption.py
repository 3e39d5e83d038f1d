"""Signals that end a command: it dies of them, as a shell expects, once it has put in order what needs it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Interrupted(BaseException):
    """A signal came that ends the process, once what is under way has been put in order."""

    def __init__(self, number: int) -> None:
        self.number = number


def die_of_interrupts() -> None:
    """Die of SIGINT as any program does, where Python would raise an exception."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def interruptible() -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP raise `Interrupted` within, where there is much to put in order."""
    raising = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_DFL  # `nohup` and `&` in a script have some ignored
    ]
    for number in raising:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in raising:
            signal.signal(number, signal.SIG_DFL)


def die_of(number: int) -> NoReturn:
    """End the process by a signal."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # not reached, unless the signal is blocked


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupted(number)
