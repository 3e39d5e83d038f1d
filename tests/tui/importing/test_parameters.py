"""Parameters and names, read as variables and names that can be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.preparing import variables
from stoker_shared.text import name_problem, path_problem
from stoker_tui.importing.naming import Names
from tests.tui.importing.exports import export, imported, prop, task, workflow


def test_parameters_of_workflow_and_node_become_variables_under_names_that_are_free() -> None:
    spec = workflow(
        task("a", params={"rawScript": "true", "localParams": [prop("dt", "${region}/$[yyyyMMdd-1]")]}),
        globalParamList=[prop("region", "eu"), prop("my-key", "$${x}"), prop("my.key", "${dt}")],
    )

    assert spec.variables == {"region": "eu", "my_key": "$$${x}", "my_key_2": "${p_dt}"}
    assert spec.nodes[0].variables == {"p_dt": "${region}/${yyyyMMdd}"}


def test_a_parameter_that_names_itself_means_the_global_one() -> None:
    local = [prop("day", "${day}"), prop("month", "m${month}"), prop("alone", "${alone}")]
    spec = workflow(
        task("a", params={"rawScript": "true", "localParams": local}),
        globalParamList=[prop("day", "$[dd]"), prop("month", "$[MM]")],
    )

    assert spec.nodes[0].variables == {"month": "m${MM+1d}", "alone": "$${alone}"}


def test_what_a_node_hands_on_is_a_variable_of_the_workflow() -> None:
    hand_on = {"rawScript": "echo '${setValue(n=1)}'", "localParams": [prop("n", "0", direct="OUT")]}
    first, second = task("a", params=hand_on, code=1), task("b", params={"rawScript": "echo ${n}"}, code=2)
    found = imported(export(first, second))

    assert found.workflows[0].variables == {"n": "0"}
    assert found.sources[1].text.endswith("echo ${STOKER_N}")
    assert "is handed on to what follows" in found.findings[0].what


@given(
    st.text(max_size=80),
    st.lists(st.sampled_from(["ds", "DT", "MM", "yyyyMM", "attempt", "9", "", "a b", "_"])),
)
def test_any_parameter_gets_a_name_that_a_variable_can_have(wanted: str, others: list[str]) -> None:
    names = Names()
    given_out = [names.variable(one) for one in [wanted, *others, wanted]]

    assert not [problem for name in given_out if (problem := variables.variable_name_problem(name))]
    assert len({name.lower() for name in given_out}) == len(given_out)


@given(
    st.lists(st.text(max_size=80) | st.sampled_from(["a/b", "..", "🧹" * 70, "e\u0301", "\u202e", "تقرير"]))
)
def test_any_name_becomes_one_that_is_valid_and_free(wanted: list[str]) -> None:
    names, paths = Names(), Names()
    nodes = [names.name(one) for one in wanted]
    jobs = [paths.path("folder/x", one, ".sql") for one in wanted]

    assert not [problem for name in nodes if (problem := name_problem(name))]
    assert not [problem for path in jobs if (problem := path_problem(path))]
    assert len(set(nodes)) == len(set(jobs)) == len(wanted)
    assert all(path.endswith(".sql") for path in jobs)
