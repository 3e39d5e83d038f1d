"""A workflow's definition while it is edited: what it was read as, and every step since. Pure."""

from __future__ import annotations

import msgspec

from stoker_shared.model import WorkflowSpec
from stoker_tui.editing.edits import Step


class Document(msgspec.Struct, frozen=True):
    """A definition with its history, a value: what is done to it gives the next one.

    ``saved`` is what the draft of ``revision`` says; a workflow that was never saved has neither.
    ``steps[at]`` is what it is now, what is before can be undone, what is behind can be done again.
    """

    steps: tuple[Step, ...]
    at: int = 0
    saved: WorkflowSpec | None = None
    revision: int | None = None

    @property
    def now(self) -> Step:
        """What it is now."""
        return self.steps[self.at]

    @property
    def spec(self) -> WorkflowSpec:
        """The definition as it is now."""
        return self.now.spec

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.spec.workflow

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost without saving it."""
        return self.spec != self.saved

    @property
    def undoable(self) -> str:
        """What would be undone, in words; nothing where there is nothing."""
        return self.now.what if self.at else ""

    @property
    def redoable(self) -> str:
        """What would be done again, in words; nothing where there is nothing."""
        return self.steps[self.at + 1].what if self.at + 1 < len(self.steps) else ""

    def edited(self, step: Step) -> Document:
        """Give it after another step. One that changes nothing is none."""
        if step.spec == self.spec:
            return self
        steps = (*self.steps[: self.at + 1], step)
        return msgspec.structs.replace(self, steps=steps, at=self.at + 1)

    def revised(self, since: int, step: Step) -> Document:
        """Give it with one step in place of all that was done since it was at step ``since``."""
        return msgspec.structs.replace(self, at=since).edited(step)

    def undone(self) -> Document:
        """Give it as it was a step before."""
        return msgspec.structs.replace(self, at=self.at - 1) if self.undoable else self

    def redone(self) -> Document:
        """Give it with the step that was undone last done again."""
        return msgspec.structs.replace(self, at=self.at + 1) if self.redoable else self

    def based_on(self, saved: WorkflowSpec, revision: int) -> Document:
        """Give it with the draft that there is now; what was edited stays edited."""
        return msgspec.structs.replace(self, saved=saved, revision=revision)

    def renamed(self, old: str, new: str) -> Document:
        """Give it with the workflow's new name, wherever it had the old one."""

        def named(spec: WorkflowSpec) -> WorkflowSpec:
            return msgspec.structs.replace(spec, workflow=new) if spec.workflow == old else spec

        steps = tuple(msgspec.structs.replace(step, spec=named(step.spec)) for step in self.steps)
        return msgspec.structs.replace(self, steps=steps, saved=named(self.saved) if self.saved else None)

    def detached(self) -> Document:
        """Give it as a workflow that is not there yet."""
        return msgspec.structs.replace(self, saved=None, revision=None)


def opened(saved: WorkflowSpec, revision: int) -> Document:
    """Give a draft to be edited."""
    return Document((Step(saved, _first(saved)),), saved=saved, revision=revision)


def new(name: str) -> Document:
    """Give a workflow that is not there yet, to be edited."""
    return Document((Step(WorkflowSpec(workflow=name)),))


def recovered(saved: WorkflowSpec | None, revision: int | None, spec: WorkflowSpec) -> Document:
    """Give what was edited and not saved, to go on with: all of it can be undone in one step."""
    if saved is None or saved == spec:
        return Document((Step(spec, _first(spec)),), saved=saved, revision=revision)
    steps = (Step(saved, _first(saved)), Step(spec, _first(spec), "went on with what was kept"))
    return Document(steps, 1, saved, revision)


def _first(spec: WorkflowSpec) -> str | None:
    return spec.nodes[0].name if spec.nodes else None
