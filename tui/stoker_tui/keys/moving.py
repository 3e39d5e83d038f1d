"""Keys that move about in what is shown: its list, graph, output, form and tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stoker_tui.graph.walking import Way
from stoker_tui.keys.keyboard import OrderlyApp
from stoker_tui.screens.dialogs import Choice, Choose
from stoker_tui.screens.page import Page
from stoker_tui.widgets.dag_view import DagView
from stoker_tui.widgets.form import FormView
from stoker_tui.widgets.line_table import Sorting
from stoker_tui.widgets.log_view import LogView

PAN_COLUMNS, PAN_ROWS = 16, 6
"""How far to look further in a graph."""


class MovingApp(OrderlyApp):
    """An application that does what `stoker_tui.actions` lists for lists, graphs, outputs, forms and tabs."""

    @property
    def page(self) -> Page | None:
        """The screen that is shown, whatever dialog is before it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def do_list_open(self) -> None:
        """Open what is under the cursor."""
        if self.page:
            self.page.open()

    def do_list_filter(self) -> None:
        """Let a filter be typed."""
        if self.page:
            self.page.ask_filter()

    def do_list_sort(self) -> None:
        """Choose the column to sort by."""
        table = self.page.table if self.page else None
        if table is None:
            return

        def chosen(index: int | None) -> None:
            if index is None or table is None:
                return
            again = table.sorting is not None and table.sorting.column == index
            backwards = again and table.sorting is not None and not table.sorting.reverse
            table.sort_by(None if index < 0 else Sorting(index, backwards))

        choices = [
            Choice(column.shape.head, index) for index, column in enumerate(table.columns) if column.sort
        ]
        self.push_screen(Choose("Sort by", [Choice("as it comes", -1), *choices]), chosen)

    def do_list_mark(self) -> None:
        """Mark the row."""
        self._on_table(lambda table: table.mark())

    def do_list_mark_all(self) -> None:
        """Mark all rows, or none."""
        self._on_table(lambda table: table.mark_all())

    def do_list_down(self) -> None:
        """Go down."""
        self._on_table(lambda table: table.move(1))

    def do_list_up(self) -> None:
        """Go up."""
        self._on_table(lambda table: table.move(-1))

    def do_list_page_down(self) -> None:
        """Go down a page."""
        self._on_table(lambda table: table.page(1))

    def do_list_page_up(self) -> None:
        """Go up a page."""
        self._on_table(lambda table: table.page(-1))

    def do_list_top(self) -> None:
        """Go to the first row."""
        self._on_table(lambda table: table.go(0))

    def do_list_bottom(self) -> None:
        """Go to the last row."""
        self._on_table(lambda table: table.go(len(table.rows) - 1))

    def do_graph_open(self) -> None:
        """Open the node."""
        if self.page:
            self.page.open()

    def do_graph_up(self) -> None:
        """Go to a node upstream."""
        self._on_graph(lambda graph: graph.go(Way.UP))

    def do_graph_down(self) -> None:
        """Go to a node downstream."""
        self._on_graph(lambda graph: graph.go(Way.DOWN))

    def do_graph_left(self) -> None:
        """Go to the node at the left."""
        self._on_graph(lambda graph: graph.go(Way.LEFT))

    def do_graph_right(self) -> None:
        """Go to the node at the right."""
        self._on_graph(lambda graph: graph.go(Way.RIGHT))

    def do_graph_jump(self) -> None:
        """Let a name be typed."""
        self._on_graph(lambda graph: graph.jump())

    def do_graph_zoom(self) -> None:
        """Draw it smaller, and large again."""
        self._on_graph(lambda graph: graph.next_zoom())

    def do_graph_zoom_in(self) -> None:
        """Draw it larger."""
        self._on_graph(lambda graph: graph.zoom_in())

    def do_graph_zoom_out(self) -> None:
        """Draw it smaller."""
        self._on_graph(lambda graph: graph.zoom_out())

    def do_graph_pan_up(self) -> None:
        """Look further up."""
        self._on_graph(lambda graph: graph.pan(0, -PAN_ROWS))

    def do_graph_pan_down(self) -> None:
        """Look further down."""
        self._on_graph(lambda graph: graph.pan(0, PAN_ROWS))

    def do_graph_pan_left(self) -> None:
        """Look further left."""
        self._on_graph(lambda graph: graph.pan(-PAN_COLUMNS, 0))

    def do_graph_pan_right(self) -> None:
        """Look further right."""
        self._on_graph(lambda graph: graph.pan(PAN_COLUMNS, 0))

    def do_output_follow(self) -> None:
        """Follow what is written, or stay."""
        self._on_output(lambda output: output.follow())

    def do_output_search(self) -> None:
        """Let something to look for be typed."""
        self._on_output(lambda output: output.ask_search())

    def do_output_next(self) -> None:
        """Go to the next place of what is looked for."""
        self._on_output(lambda output: output.find_next())

    def do_output_previous(self) -> None:
        """Go to the place before."""
        self._on_output(lambda output: output.find_previous())

    def do_output_error(self) -> None:
        """Go to the next error."""
        self._on_output(lambda output: output.next_error())

    def do_output_error_before(self) -> None:
        """Go to the error before."""
        self._on_output(lambda output: output.previous_error())

    def do_output_stream(self) -> None:
        """Show the next stream."""
        self._on_output(lambda output: output.next_stream())

    def do_output_attempt_before(self) -> None:
        """Show the attempt before."""
        self._on_output(lambda output: output.other_attempt(-1))

    def do_output_attempt_after(self) -> None:
        """Show the attempt after."""
        self._on_output(lambda output: output.other_attempt(1))

    def do_output_wrap(self) -> None:
        """Fold long lines, or not."""
        self._on_output(lambda output: output.wrap())

    def do_output_pager(self) -> None:
        """Read it in $PAGER."""
        self._on_output(lambda output: output.page_out())

    def do_output_save(self) -> None:
        """Let the name of a file be typed."""
        self._on_output(lambda output: output.ask_save())

    def do_output_down(self) -> None:
        """Go down."""
        self._on_output(lambda output: output.scroll_rows(1))

    def do_output_up(self) -> None:
        """Go up."""
        self._on_output(lambda output: output.scroll_rows(-1))

    def do_output_page_down(self) -> None:
        """Go down a page."""
        self._on_output(lambda output: output.scroll_pages(1))

    def do_output_page_up(self) -> None:
        """Go up a page."""
        self._on_output(lambda output: output.scroll_pages(-1))

    def do_output_top(self) -> None:
        """Go to the beginning."""
        self._on_output(lambda output: output.to_start())

    def do_output_bottom(self) -> None:
        """Go to the end."""
        self._on_output(lambda output: output.to_end())

    def do_output_left(self) -> None:
        """Look further left."""
        self._on_output(lambda output: output.scroll_sideways(-1))

    def do_output_right(self) -> None:
        """Look further right."""
        self._on_output(lambda output: output.scroll_sideways(1))

    def do_facts_down(self) -> None:
        """Read on."""
        self._on_facts(1)

    def do_facts_up(self) -> None:
        """Read back."""
        self._on_facts(-1)

    def do_form_edit(self) -> None:
        """Fill in the field."""
        if self.page and self.page.form is not None and (why := self.page.form.edit()):
            self.page.say(why)

    def do_form_turn(self) -> None:
        """Choose the next word."""
        self._on_form(lambda form: form.turn(1))

    def do_form_turn_back(self) -> None:
        """Choose the word before."""
        self._on_form(lambda form: form.turn(-1))

    def do_form_inherit(self) -> None:
        """Empty the field."""
        self._on_form(lambda form: form.inherit())

    def do_form_down(self) -> None:
        """Go to the next field."""
        self._on_form(lambda form: form.move(1))

    def do_form_up(self) -> None:
        """Go to the field before."""
        self._on_form(lambda form: form.move(-1))

    def do_form_page_down(self) -> None:
        """Go down a page."""
        self._on_form(lambda form: form.move(form.size.height - 2))

    def do_form_page_up(self) -> None:
        """Go up a page."""
        self._on_form(lambda form: form.move(2 - form.size.height))

    def do_form_first(self) -> None:
        """Go to the first field."""
        self._on_form(lambda form: form.first())

    def do_form_last(self) -> None:
        """Go to the last field."""
        self._on_form(lambda form: form.last())

    def do_tabs_next(self) -> None:
        """Go to the next tab."""
        if self.page:
            self.page.turn(1)

    def do_tabs_previous(self) -> None:
        """Go to the tab before."""
        if self.page:
            self.page.turn(-1)

    def _on_facts(self, pages: int) -> None:
        if self.page and (facts := self.page.facts) is not None:
            facts.scroll_relative(y=pages * max(facts.size.height - 2, 1), animate=False)

    def _on_graph(self, do: Callable[[DagView], None]) -> None:
        if self.page and self.page.graph is not None:
            do(self.page.graph)

    def _on_form(self, do: Callable[[FormView], None]) -> None:
        if self.page and self.page.form is not None:
            do(self.page.form)

    def _on_output(self, do: Callable[[LogView], None]) -> None:
        if self.page and self.page.output is not None:
            do(self.page.output)

    def _on_table(self, do: Callable[[Any], None]) -> None:
        if self.page and self.page.table is not None:
            do(self.page.table)
            self.page.draw_frame()
