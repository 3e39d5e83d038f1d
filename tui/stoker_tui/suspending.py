"""The terminal lent to another program: an editor, or a pager while the UI goes on unseen."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textual.app import App


@contextmanager
def lent(app: App[Any]) -> Iterator[None]:
    """Leave the terminal to others, and take it back whatever is raised meanwhile, unlike Textual itself."""
    raised = None
    with app.suspend():
        try:
            yield
        except BaseException as error:
            raised = error
    if raised is not None:
        raise raised


@contextmanager
def suspended(app: App[Any]) -> Iterator[None]:
    """Leave the terminal to others; the event stream goes on, and nothing is drawn until it is back.

    What is done meanwhile must not hold up the loop. Ctrl-C is for the other program, which gets it itself.
    """
    before = signal.signal(signal.SIGINT, _leave_it)
    try:
        with app.batch_update(), lent(app):
            yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def _leave_it(*_: object) -> None:
    """Do nothing. Unlike being ignored, that is not handed down to the program that is started."""
