"""The forms of a workspace and of its variables. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stoker_shared.api import MAX_DESCRIPTION, MAX_VALUE, Fault
from stoker_shared.text import MAX_NAME, name_problem, quoted
from stoker_shared.variables import variable_name_problem
from stoker_tui.forms.form import Field, Form, Values, default
from stoker_tui.forms.kinds import Text, Toggle
from stoker_tui.forms.known import Taken


class NamedWorkspace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workspace, as a person describes it."""

    name: str
    description: str = ""


class WorkspaceForm(Form[NamedWorkspace]):
    """A workspace; one that is there keeps its name, and a new one has none that is ``taken``."""

    def __init__(self, value: NamedWorkspace | None, taken: Taken = tuple) -> None:
        self._taken = taken
        fields = (
            Field("name", "name", Text(), "it stays as it is", "marketing"),
            Field("description", "description", Text(), "for people"),
        )
        super().__init__(NamedWorkspace, fields[1:] if value else fields, value)

    def faults(self, value: NamedWorkspace) -> Iterable[Fault]:
        """Give what is wrong with it."""
        if problem := name_problem(value.name):
            yield Fault("/name", problem)
        if self.is_new and value.name in self._taken():
            yield Fault("/name", f"there is a workspace {quoted(value.name)} already")
        if len(value.description) > MAX_DESCRIPTION:
            yield Fault("/description", f"has at most {MAX_DESCRIPTION:,} characters")


class NamedVariable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workspace's variable."""

    name: str
    secret: bool = False
    value: str = ""


class VariableForm(Form[NamedVariable]):
    """A variable; one that is there keeps its name, and a new one has none that is ``taken``.

    A secret's value is typed anew, and not shown.
    """

    def __init__(self, value: NamedVariable | None, taken: Taken = tuple) -> None:
        self._taken = taken
        fields = (
            Field("name", "name", Text(), "for ${name} in jobs and workflows", "region"),
            Field(
                "secret", "secret", Toggle(), "yes: no answer, log or screen has its value",
                inherited=default("no"),
            ),
            Field("value", "value", Text(), "what it is replaced by", hidden=_is_secret),
        )  # fmt: skip
        super().__init__(NamedVariable, fields[1:] if value else fields, value)

    def faults(self, value: NamedVariable) -> Iterable[Fault]:
        """Give what is wrong with it."""
        if problem := variable_name_problem(value.name):
            yield Fault("/name", problem)
        elif len(value.name) > MAX_NAME:
            yield Fault("/name", f"has {len(value.name)} characters, and one has at most {MAX_NAME}")
        if self.is_new and value.name in self._taken():
            yield Fault("/name", f"there is a variable {quoted(value.name)} already")
        if value.secret and not value.value:
            yield Fault("/value", "a secret is not empty")
        if len(value.value) > MAX_VALUE:
            yield Fault("/value", f"has {len(value.value):,} characters, and one has at most {MAX_VALUE:,}")
        if "\0" in value.value:
            yield Fault("/value", "it has a NUL, which no environment variable can hold")


def _is_secret(values: Values) -> bool:
    return bool(values.get("secret"))
