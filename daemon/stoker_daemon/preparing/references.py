"""Whether what a definition refers to by ``${name}`` will have a value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from stoker_daemon.preparing.variables import Facts, Scope, VariableError
from stoker_shared.api import Fault
from stoker_shared.definition import escaped
from stoker_shared.model import NodeSpec, WorkflowSpec

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def reference_faults(spec: WorkflowSpec, workspace: Mapping[str, str]) -> list[Fault]:
    """Give the references that mean nothing, with the variables of the workspace, the workflow and the node.

    What a job's own configuration and its source file refer to is seen when a run is prepared.
    """
    found = (
        fault for index, node in enumerate(spec.nodes) for fault in _node_faults(index, node, spec, workspace)
    )
    # A fault of a variable that is not the node's own is the same for every node.
    return list(dict.fromkeys(found))


def _node_faults(
    index: int, node: NodeSpec, spec: WorkflowSpec, workspace: Mapping[str, str]
) -> Iterator[Fault]:
    place = f"/nodes/{index}"
    facts = Facts(_SOME_DAY, spec.workflow, node.name, 1, 1)
    custom = {"workspace": workspace, "workflow": spec.variables, "node": node.variables}
    try:
        scope = Scope(facts, custom)
    except VariableError as error:
        own = error.source.startswith("node ")
        yield Fault(f"{place}/variables" if own else "/variables", str(error))
        return
    for field, text in _texts(node):
        try:
            scope.replace(text, field.replace("/", "."))
        except VariableError as error:
            yield Fault(f"{place}/{field}", str(error))


def _texts(node: NodeSpec) -> Iterator[tuple[str, str]]:
    """Give the texts of a node that variables are replaced in, each under the rest of its pointer."""
    yield from ((f"args/{index}", text) for index, text in enumerate(node.args or ()))
    yield from ((f"config/args/{index}", text) for index, text in enumerate(node.config.args or ()))
    for group, texts in (("conf", node.config.conf), ("env", node.config.env)):
        yield from ((f"config/{group}/{escaped(key)}", text) for key, text in texts.items())
    yield from ((f"tags/{escaped(key)}", text) for key, text in node.tags.items())
