from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_shared.api import Fault, StartRun
from stoker_shared.decoding import fault_of
from stoker_shared.model import JobConfig, WorkflowSpec
from stoker_shared.text import clean

WORKFLOW = {
    "workflow": "daily",
    "retries": 1,
    "tags": {"team": "sales"},
    "nodes": [
        {"name": "a", "job": "etl/a.py"},
        {
            "name": "b",
            "job": "etl/b.sql",
            "upstream": ["a"],
            "config": {"executor_memory": "4g", "conf": {"spark.x": "8"}},
        },
    ],
}


def fault(body: Any, kind: Any = WorkflowSpec) -> Fault:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(body, kind)
    return fault_of(error.value, kind)


def with_changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The workflow with one value put in at a path."""
    body = msgspec.json.decode(msgspec.json.encode(WORKFLOW))
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return body


PLACES: list[tuple[str | int, ...]] = [
    (),
    ("nodes", 0),
    ("nodes", 1),
    ("nodes", 1, "config"),
]


class TestAFault:
    @pytest.mark.parametrize(
        ("path", "value", "pointer", "detail"),
        [
            (("retries",), "2", "/retries", "expected `int`, got `str`"),
            (("nodes",), {}, "/nodes", "expected `array`, got `object`"),
            (("nodes", 0), "a", "/nodes/0", "expected `object`, got `str`"),
            (("nodes", 1, "upstream", 0), 7, "/nodes/1/upstream/0", "expected `str`, got `int`"),
            (("nodes", 1, "config", "timeout"), "1h", "/nodes/1/config/timeout", "expected `int | null`"),
            (("nodes", 1, "config", "conf", "spark.x"), 8, "/nodes/1/config/conf/...", "expected `str`"),
            (("tags", "team"), None, "/tags/...", "expected `str`, got `null`"),
            (
                ("failure_strategy",),
                "panic",
                "/failure_strategy",
                "unknown value 'panic'; known are",
            ),
        ],
    )
    def test_names_the_place_and_what_is_expected(
        self, path: tuple[str | int, ...], value: object, pointer: str, detail: str
    ):
        found = fault(with_changed(path, value))

        assert found.pointer == pointer
        assert found.detail.startswith(detail)

    def test_of_a_missing_field_names_the_object(self):
        assert fault({"nodes": []}) == Fault("", "object missing required field `workflow`")
        assert fault(with_changed(("nodes", 0), {"name": "a"})) == Fault(
            "/nodes/0", "object missing required field `job`"
        )

    def test_of_the_whole_has_an_empty_pointer(self):
        assert fault([]) == Fault("", "expected `object`, got `array`")

    def test_of_a_key_names_the_object_that_has_it(self):
        assert fault(with_changed(("tags",), {1: "x"})) == Fault(
            "/tags", "of a key: expected `str`, got `int`"
        )
        assert fault(with_changed(("nodes", 1, "config", "conf"), {True: "x"})).pointer == (
            "/nodes/1/config/conf"
        )

    @given(st.text(max_size=12))
    @example("\x1b[31m")
    def test_is_safe_to_print(self, word: str):
        found = fault(with_changed(("failure_strategy",), f"never {word}"))

        assert found.detail == clean(found.detail)


class TestAnUnknownField:
    @pytest.mark.parametrize(
        ("path", "pointer", "guess"),
        [
            (("retires",), "/retires", "retries"),
            (("nodes", 1, "upstreams"), "/nodes/1/upstreams", "upstream"),
            (("nodes", 0, "confg"), "/nodes/0/confg", "config"),
            (("nodes", 1, "config", "tiemout"), "/nodes/1/config/tiemout", "timeout"),
        ],
    )
    def test_is_named_with_its_place_and_the_nearest_known_one(
        self, path: tuple[str | int, ...], pointer: str, guess: str
    ):
        name = path[-1]

        assert fault(with_changed(path, 1)) == Fault(
            pointer, f"unknown field {name!r}; did you mean {guess!r}?"
        )

    def test_that_is_like_none_is_named_with_all_that_are_known(self):
        found = fault({"workflow": "daily", "zzz": 1}, StartRun)

        known = ", ".join(StartRun.__struct_fields__)
        assert found == Fault("/zzz", f"unknown field 'zzz'; known are {known}")

    def test_of_a_configuration_by_itself_is_named_too(self):
        assert fault({"executer_memory": "4g"}, JobConfig).detail == (
            "unknown field 'executer_memory'; did you mean 'executor_memory'?"
        )

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: "/".join(map(str, place)))
    @pytest.mark.parametrize("kind", [WorkflowSpec])
    def test_of_any_name_is_reported_and_never_breaks_the_report(
        self, place: tuple[str | int, ...], kind: Any
    ):
        @given(st.one_of(st.text(min_size=1, max_size=10), st.text(alphabet="a`$.[]0 -t", min_size=1)))
        @example("a` - at `$.zzz")
        @example("a` - at `$.nodes[0].zzz")
        @example("a - at `key` in `$")
        @example("a\nb")
        def reported(name: str) -> None:
            body = with_changed((*place, f"?{name}"), 1)

            found = fault(body, kind)

            assert "unknown field" in found.detail
            assert found == Fault(clean(found.pointer), clean(found.detail))

        reported()
