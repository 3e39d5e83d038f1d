"""The lists of what is set: the workspace's variables, and the workspaces."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from stoker_shared import api
from stoker_tui.actions import Kind
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.filtering import Fields
from stoker_tui.mirror import Topic
from stoker_tui.screens import cells
from stoker_tui.screens.lists import ListPage
from stoker_tui.widgets.line_table import Column


class VariablesPage(ListPage[api.VariableView]):
    """The variables of the workspace."""

    crumb = "variables"
    kind = Kind.VARIABLE
    nothing = "no variables yet; n makes one"

    @property
    def topics(self) -> Sequence[Topic]:
        """The variables."""
        return (self.stoker.variables,)

    def columns(self) -> Sequence[Column[api.VariableView]]:
        """Give the columns."""
        now = self.stoker.now
        return [
            Column(Shape("NAME", text=True), lambda row: cells.plain(row.name), lambda row: row.name),
            Column(
                Shape("VALUE", text=True),
                lambda row: cells.dim("secret") if row.secret else cells.plain(row.value),
            ),
            Column(
                Shape("SET", spare=1),
                lambda row: cells.plain(cells.ago(row.at, now())),
                lambda row: row.at.timestamp(),
            ),
            Column(Shape("USER", text=True, spare=2), lambda row: cells.dim(row.by), lambda row: row.by),
        ]

    def key(self, row: api.VariableView) -> Hashable:
        """A variable is known by its name."""
        return row.name

    def fields(self) -> Fields[api.VariableView]:
        """Give what a filter can ask of a row."""
        return {"name": lambda row: [row.name], "user": lambda row: [row.by]}

    def rows(self) -> Sequence[api.VariableView] | None:
        """Give the variables."""
        return self.stoker.variables.value

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the variables chosen, and that there can be more."""
        return {Kind.VARIABLES: [None], **super().things()}

    def open(self) -> None:
        """Give it another value."""
        if self.table and self.table.current:
            self.stoker.do_variable_edit(self.table.current)


class WorkspacesPage(ListPage[api.WorkspaceView]):
    """The workspaces, with how much is in each."""

    crumb = "workspaces"
    kind = Kind.WORKSPACE

    @property
    def topics(self) -> Sequence[Topic]:
        """The workspaces."""
        return (self.stoker.workspaces,)

    def columns(self) -> Sequence[Column[api.WorkspaceView]]:
        """Give the columns."""
        counts = ("jobs", "workflows", "variables", "active_runs")
        return [
            Column(Shape("NAME", text=True), lambda row: cells.plain(row.name), lambda row: row.name),
            *(
                Column(
                    Shape(name.replace("_", " ").upper(), right=True, spare=index),
                    lambda row, name=name: cells.plain(getattr(row, name)),
                    lambda row, name=name: getattr(row, name),
                )
                for index, name in enumerate(counts, 1)
            ),
            Column(Shape("DESCRIPTION", text=True), lambda row: cells.dim(row.description)),
        ]

    def key(self, row: api.WorkspaceView) -> Hashable:
        """A workspace is known by its name."""
        return row.name

    def fields(self) -> Fields[api.WorkspaceView]:
        """Give what a filter can ask of a row."""
        return {"name": lambda row: [row.name]}

    def rows(self) -> Sequence[api.WorkspaceView] | None:
        """Give the workspaces."""
        return self.stoker.workspaces.value

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the workspaces chosen, and that there can be more."""
        return {Kind.WORKSPACES: [None], **super().things()}

    def open(self) -> None:
        """Describe it otherwise."""
        if self.table and self.table.current:
            self.stoker.do_workspace_edit(self.table.current)
