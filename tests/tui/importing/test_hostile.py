"""What is no definition, or a strange one, or a very large one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.definition import faults
from stoker_shared.text import clean, path_problem
from stoker_tui.importing.read import read
from stoker_tui.importing.result import BadImport
from tests.tui.importing.exports import DAILY, EXAMPLE, REQUEST, export, refusal, task, workflow


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "/: it is not JSON"),
        (b"\xff\xfe", "/: it is not JSON"),
        (b'["\\ud800"]', "/: it is not JSON"),
        (b"[" * 100_000, "/: it is nested too deeply"),
        ([], "/: there is no workflow in it"),
        (3, "/: here should be an object, and is 3"),
        ([None], "/0: here should be an object, and is null"),
        ([{"procesDefinition": {}}], "is 'procesDefinition' meant to be 'processDefinition'?"),
        ([{"processDefinitionJson": "{}"}], "this is an export of DolphinScheduler 1"),
        (export(), "/taskDefinitionList: here should be the tasks, and is none"),
        (export(task("a"), name=" "), "/processDefinition/name: here should be a text, and is none"),
        (export(task("a"), name=["a"]), '/processDefinition/name: here should be a text, and is ["a"]'),
        (
            export(task("a", code=5), task("b", code=5)),
            "/taskDefinitionList/1/code: the code 5 is also that of /taskDefinitionList/0",
        ),
        (export(task("a", code=0)), "/taskDefinitionList/0/code: a task needs a code other than 0"),
        (export(task("a", code=10**30)), "is no number of any use"),
        (
            export(task("a"), edges=[(7, 1)]),
            "/processTaskRelationList/0/preTaskCode: there is no task with the code 7",
        ),
        (
            export(task("a"), edges=[(1, 0)]),
            "/processTaskRelationList/0/postTaskCode: a relation leads to a task",
        ),
        (
            export(task("a", code=1), task("b", code=2), edges=[(1, 2), (2, 1)]),
            "the nodes wait for each other in a cycle: a -> b -> a",
        ),
        (export(task("a"), edges=[(1, 1)]), "in a cycle: a -> a"),
        (export(task("a", params="{")), "/taskDefinitionList/0/taskParams: here should be JSON in a text"),
        (export(task("a", params="[" * 100_000)), "/taskDefinitionList/0/taskParams: here should be JSON"),
        (export(task("a", params={"rawScript": 1.5})), None),
        (export(task("a", params={})), "/taskDefinitionList/0/taskParams/rawScript: here should be a text"),
        (export(task("a", timeout="soon")), "/taskDefinitionList/0/timeout: here should be a whole number"),
        (export(task("a", flag="PERHAPS")), "/taskDefinitionList/0/flag: here should be true or false"),
        (
            export(task("a"), schedule=DAILY | {"endTime": "never"}),
            "/schedule/endTime: 'never' is not a time",
        ),
        (export(task("a"), globalParams="{}"), "/processDefinition/globalParams: here should be a list"),
        (
            export(task("\x1b[31m\u202e", code=1, kind="")),
            "/taskDefinitionList/0/taskType: here should be a text",
        ),
    ],
)
def test_what_is_no_definition_is_refused_with_its_place(content: Any, why: str | None) -> None:
    if why is None:
        assert read(json.dumps(content).encode()).workflows
        return
    said = refusal(content)
    assert why in said
    assert said.isprintable()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Give every place of a JSON value, as its container and key."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in list(inside) for place in [(value, key), *_places(one)]]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(st.data(), json_values, st.booleans())
def test_a_definition_with_anything_anywhere_is_read_or_refused(
    data: st.DataObject, value: Any, cloud: bool
) -> None:
    whole = copy.deepcopy([REQUEST]) if cloud else json.loads(EXAMPLE.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(whole)
        if places:
            container, key = places[data.draw(st.integers(0, len(places) - 1))]
            container[key] = copy.deepcopy(value)  # else it may come to lie within itself
    try:
        found = read(json.dumps(whole).encode())
    except BadImport as error:
        assert str(error) == clean(str(error))
    else:
        assert not [fault for spec in found.workflows for fault in faults(spec)]
        assert not [one.path for one in found.sources if path_problem(one.path)]


def test_ten_thousand_tasks_of_one_name_are_read() -> None:
    tasks = [task("same", code=code) for code in range(1, 10_001)]
    edges = [(code, code + 1) for code in range(1, 10_000)]

    spec = workflow(*tasks, edges=edges)

    assert len({node.name for node in spec.nodes}) == 10_000
