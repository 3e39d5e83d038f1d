"""The terminal lent to another program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual.app import App

from stoker_tui.suspending import lent


class Suspending(App[Any]):
    """It is suspended as Textual does it: what is raised meanwhile keeps it from going on."""

    shown = True

    @contextmanager
    def suspend(self) -> Iterator[None]:
        self.shown = False
        yield
        self.shown = True


def test_the_terminal_is_taken_back_though_the_other_program_can_not_be_started() -> None:
    app = Suspending()
    with pytest.raises(OSError, match="no such editor"), lent(app):
        assert not app.shown
        raise OSError("no such editor")
    assert app.shown
