"""What publishing comes to, before it is done: what keeps it from being done, what it changes, remarks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from stoker_shared.api import Fault
from stoker_shared.difference import Difference
from stoker_shared.text import clean, clean_line
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.looks import style
from stoker_tui.screens.dialogs import words
from stoker_tui.screens.diff import change_lines, show_graphs
from stoker_tui.widgets.dag_view import DagView
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Pieces

if TYPE_CHECKING:
    from rich.style import Style

    from stoker_tui.app import StokerApp


class Remarks(NamedTuple):
    """What was typed before, and what keeps what is typed."""

    typed: str
    keep: Callable[[str], None]


class Publish(ModalScreen[int | None]):
    """Asks for remarks, and gives the version that was made; what is typed is kept until it is published."""

    CSS = """
    Publish .dialog { width: 98%; max-width: 98%; height: 90%; }
    Publish .dialog DagView { height: 2fr; }
    Publish .dialog Pane { height: 1fr; max-height: 100%; border-top: solid $panel; }
    """

    def __init__(
        self,
        title: str,
        difference: Difference,
        faults: Sequence[str],
        publish: Callable[[str], Awaitable[int]],
        remarks: Remarks,
        *,
        default: str = "remarks: what is new",
    ) -> None:
        super().__init__()
        self._title = title
        self._difference = difference
        self._faults = faults
        self._publish = publish
        self._remarks = remarks
        self._default = default
        self._publishing = False

    def compose(self) -> ComposeResult:
        """Give the graph with its marks, the fields that differ, and where to type."""
        ascii_only = cast("StokerApp", self.app).ascii_only
        with Vertical(classes="dialog"):
            yield Static(words(self._title, ascii_only=ascii_only), classes="title")
            yield DagView(self._style, ascii_only=ascii_only)
            yield Pane(self._style, ascii_only=ascii_only)
            if not self._faults:
                yield Input(
                    self._remarks.typed, placeholder=self._default, compact=True, select_on_focus=False
                )
            yield Static("", classes="problem")
            keys = "esc back" if self._faults else "enter publish   PgUp PgDn scroll   esc not yet"
            yield Static(words(keys, ascii_only=ascii_only), classes="hint")

    def on_mount(self) -> None:
        """Show what there is to know."""
        graph, pane = self.query_one(DagView), self.query_one(Pane)
        graph.empty = "It has no nodes."
        show_graphs(graph, self._difference)
        graph.select(next((node.name for node in self._difference.nodes if node.mark), None))
        pane.set_lines(list(self._lines()))
        (pane if self._faults else self.query_one(Input)).focus()

    def on_key(self, event: Key) -> None:
        """Scroll, or leave."""
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("pagedown", "pageup"):
            event.stop()
            pane = self.query_one(Pane)
            pane.scroll_relative(y=pane.size.height * (1 if event.key == "pagedown" else -1), animate=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed."""
        self._remarks.keep(event.value)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Publish it, or say why that can't be."""
        event.stop()
        if self._publishing:
            return
        self._publishing = True
        self._say("publishing ...")
        try:
            self.dismiss(await self._publish(event.value.strip()))
        except Refused as error:
            self._say(error.problem.detail)
        except (Unreachable, NotStoker) as error:
            self._say(str(error))
        finally:
            self._publishing = False

    def _lines(self) -> Iterator[Pieces]:
        yield from ([("✖ ", "failed"), (fault, "failed")] for fault in self._faults)
        if self._difference.changes or not self._faults:
            yield from change_lines(self._difference)

    def _say(self, text: str) -> None:
        ascii_only = cast("StokerApp", self.app).ascii_only
        self.query_one(".problem", Static).update(words(clean(text), ascii_only=ascii_only))

    def _style(self, name: str) -> Style:
        return style(self.app.theme, name)


def fault_words(fault: Fault, names: Sequence[str]) -> str:
    """Say what is wrong and where, a node by its name; safe to print."""
    _, *steps = fault.pointer.split("/")
    if len(steps) > 1 and steps[0] == "nodes" and steps[1].isdecimal() and int(steps[1]) < len(names):
        steps = ["node", names[int(steps[1])], *steps[2:]]
    return clean_line(f"{' '.join(steps)}: {fault.detail}" if steps else fault.detail)
