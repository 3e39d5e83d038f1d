"""How a run is to be started: queue, cycle time, version, variables, remarks."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from stoker_shared import api
from stoker_shared.text import clean, quoted
from stoker_tui.cli.common import with_faults
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.screens.dialogs import words

if TYPE_CHECKING:
    from stoker_tui.app import StokerApp

Start = Callable[[api.StartRun], Awaitable[int]]


class BadField(ValueError):
    """What was typed can't be what it is to be."""


class StartRun(ModalScreen[int | None]):
    """A form that keeps what was typed until a run is started, whose number it gives, or is given up."""

    DEFAULT_CSS = """
    StartRun .row { height: 1; }
    StartRun .label { width: 11; color: $text-muted; }
    StartRun .row Input { width: 1fr; }
    """

    def __init__(
        self, row: api.WorkflowRow, *, debug: bool, queues: Sequence[str], zone: str, start: Start
    ) -> None:
        super().__init__()
        self._row = row
        self._debug = debug
        self._queues = queues
        self._zone = zone
        self._start = start
        self._starting = False

    def compose(self) -> ComposeResult:
        """Give the fields, in the order in which they are likely to be wanted."""
        what = "Debug the draft of" if self._debug else "Run"
        queue = "a development queue" if self._debug else f"{self._row.queue}, the workflow's"
        with Vertical(classes="dialog"):
            yield self._words(f"{what} {self._row.name}", "title")
            yield from self._field("cycle", f"2026-11-21, 2026-11-21T01:00 {self._zone}; or the usual")
            yield from self._field("queue", queue, self._queues)
            yield from self._field("variables", "region=eu name='two words'")
            if not self._debug:
                yield from self._field("version", f"{self._row.version}, the latest")
            yield from self._field("remarks", "why")
            yield self._words("", "problem")
            yield self._words("enter start   tab next field   esc give up", "hint")

    def on_key(self, event: Key) -> None:
        """Go from field to field, or give up."""
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("down", "up"):
            event.stop()
            self.focus_next() if event.key == "down" else self.focus_previous()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Start it, or say what is wrong and keep what was typed."""
        event.stop()
        if self._starting:
            return
        self._starting = True
        self._say("starting ...")
        try:
            self.dismiss(await self._start(self._request()))
        except Refused as error:
            self._say(with_faults(error.problem.detail, error.problem.errors))
        except (BadField, Unreachable, NotStoker) as error:
            self._say(clean(str(error)))
        finally:
            self._starting = False

    def _request(self) -> api.StartRun:
        version = "" if self._debug else self._typed("version")
        if version and not version.isdecimal():
            raise BadField(
                f"{quoted(version, 20)} is not a version; write its number, or nothing for the latest"
            )
        return api.StartRun(
            workflow=self._row.name,
            cycle=self._typed("cycle") or None,
            version=int(version) if version else None,
            debug=self._debug,
            queue=self._typed("queue"),
            variables=variables_in(self._typed("variables")),
            remarks=self._typed("remarks"),
        )

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _field(self, name: str, hint: str, known: Sequence[str] = ()) -> ComposeResult:
        with Horizontal(classes="row"):
            yield self._words(name, "label")
            yield Input(
                placeholder=hint,
                id=name,
                compact=True,
                suggester=SuggestFromList(known) if known else None,
            )

    def _words(self, text: str, role: str) -> Static:
        return Static(words(text, ascii_only=cast("StokerApp", self.app).ascii_only), classes=role)

    def _say(self, text: str) -> None:
        ascii_only = cast("StokerApp", self.app).ascii_only
        self.query_one(".problem", Static).update(words(text, ascii_only=ascii_only))


def variables_in(text: str) -> dict[str, str]:
    """Read variables as they are typed, ``name=value``, quoted as for a shell. Raises `BadField`."""
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise BadField(f"variables: {error}; quote a value with spaces: name='two words'") from error
    found = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise BadField(f"variables: {quoted(part, 40)} is not NAME=VALUE")
        found[name] = value
    return found
