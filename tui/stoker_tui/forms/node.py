"""The form of a node: the fields of the service's panel in its order, then Stoker's own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import msgspec

from stoker_shared.api import Fault
from stoker_shared.definition import graph_faults, node_faults
from stoker_shared.model import JOB_TYPE_BY_SUFFIX, NodeSpec, NodeState, WorkflowSpec
from stoker_tui.editing.edits import free_name
from stoker_tui.forms.configuration import configuration_fields
from stoker_tui.forms.form import Field, Form, Inherited, Values, default
from stoker_tui.forms.kinds import Number, Pairs, Text, Toggle, Words
from stoker_tui.forms.known import Known

CONFIGURATION = "task configuration"


class NodeForm(Form[NodeSpec]):
    """A node of a workflow; ``name`` None makes another one, below ``upstream``.

    Its name follows its path until a person gives it one.
    """

    def __init__(
        self, workflow: WorkflowSpec, name: str | None, known: Known, upstream: tuple[str, ...] = ()
    ) -> None:
        self._workflow = workflow
        self._name = name
        self._known = known
        node = next((node for node in workflow.nodes if node.name == name), None)
        self._is_named = node is not None
        super().__init__(NodeSpec, self._fields(), node)
        if node is None and upstream:
            self.type("upstream", Words().write(upstream))

    def type(self, place: str, text: str) -> None:
        """Take what a field has now; a path gives the node its name."""
        super().type(place, text)
        if place == "name":
            self._is_named = bool(text.strip())
        if place == "job" and not self._is_named and text.strip():
            super().type("name", free_name(text.strip(), [node.name for node in self._others()]))

    def faults(self, value: NodeSpec) -> Iterable[Fault]:
        """Give what is wrong with it in its workflow."""
        yield from (Fault(f"/{field}", problem) for field, problem in node_faults(value))
        within = with_node(self._workflow, self._name, value)
        index = next(index for index, node in enumerate(within.nodes) if node is value)
        for fault in graph_faults(within):
            if fault.pointer.startswith(f"/nodes/{index}/"):
                yield Fault(fault.pointer.removeprefix(f"/nodes/{index}"), fault.detail)
            elif fault.pointer == "/nodes":
                yield Fault("/upstream", fault.detail)

    def _others(self) -> list[NodeSpec]:
        return [node for node in self._workflow.nodes if node.name != self._name]

    def _upstream(self) -> list[str]:
        return [node.name for node in self._others()]

    def _fields(self) -> list[Field]:
        workflow, known = self._workflow, self._known
        config = configuration_fields(_path, below="config/", job=known.job_config)
        own = {"config/args", "config/timeout"}
        return [
            Field(
                "job", "source file path", Text(), "of a published job", "etl/ingest.py",
                known=known.published, warn=known.why_no_job,
                told=_type,
            ),
            Field("name", "node name", Text(), "unique in the workflow", "ingest"),
            Field(
                "upstream", "upstream nodes", Words(), "which nodes it waits for, with spaces between",
                inherited=lambda _: Inherited("none, it is a first node", ""), known=self._upstream,
            ),
            Field(
                "retries", "number of retries", Number(), "attempts after the first",
                inherited=lambda _: Inherited(str(workflow.retries), "from the workflow"),
            ),
            Field(
                "timeout", "timeout", Number(), "seconds that one attempt may take", inherited=self._timeout,
            ),
            Field(
                "subscription/addresses", "subscription", Words(commas=True), "who is told by e-mail",
                inherited=lambda _: Inherited("nobody", ""),
            ),
            Field(
                "subscription/states", "told when it is", Words(commas=True),
                "states: " + ", ".join(NodeState), inherited=default(NodeState.FAILED.value),
                known=lambda: list(NodeState), shown=_is_subscribed,
            ),
            Field(
                "tags", "tags", Pairs(), "team=sales; workflow_name and task_name are there of themselves",
            ),
            Field(
                "queue", "resource queue", Text(), "once set it stays, whatever the workflow's becomes",
                inherited=lambda _: Inherited(workflow.queue, "from the workflow"),
                known=known.queues, warn=known.why_no_queue,
            ),
            Field(
                "args", "arguments", Words(), "behind the source file: --date ${ds} 'two words'",
                inherited=self._arguments,
            ),
            Field("variables", "variables", Pairs(), "over the workflow's: region=eu name='two words'"),
            Field(
                "enabled", "enabled", Toggle(), "no: it is passed through, as if it had succeeded",
                inherited=default("yes"),
            ),
            Field(
                "priority", "priority", Number(), "the greater begins first in its queue",
                inherited=default("0"),
            ),
            *(
                field._replace(
                    section=CONFIGURATION,
                    shown=(lambda values, place=field.place: place in values)
                    if field.place in own
                    else field.shown,
                )
                for field in config
            ),
        ]  # fmt: skip

    def _timeout(self, values: Values) -> Inherited:
        timeout = values.get("config/timeout") or self._known.job_config(_path(values)).timeout
        return Inherited(str(timeout), "from the job") if timeout else Inherited("no limit", "")

    def _arguments(self, values: Values) -> Inherited | None:
        args = values.get("config/args") or self._known.job_config(_path(values)).args
        return Inherited(Words().write(args), "from the job") if args else None


def with_node(workflow: WorkflowSpec, name: str | None, node: NodeSpec) -> WorkflowSpec:
    """Give a workflow with a node in place of that of a name, behind all where that is None.

    The nodes that have it upstream have it so under its new name.
    """
    if name is None:
        return msgspec.structs.replace(workflow, nodes=(*workflow.nodes, node))
    nodes = (
        node if each.name == name else _renamed_upstream(each, name, node.name) for each in workflow.nodes
    )
    return msgspec.structs.replace(workflow, nodes=tuple(nodes))


def _renamed_upstream(node: NodeSpec, old: str, new: str) -> NodeSpec:
    if old == new or old not in node.upstream:
        return node
    upstream = tuple(new if name == old else name for name in node.upstream)
    return msgspec.structs.replace(node, upstream=upstream)


def _type(path: str) -> str:
    """Say of which type the job at a path is."""
    kind = JOB_TYPE_BY_SUFFIX.get(PurePosixPath(path).suffix)
    return kind.value if kind else ""


def _path(values: Values) -> str:
    return values.get("job", "")


def _is_subscribed(values: Values) -> bool:
    return "subscription/addresses" in values or "subscription/states" in values
