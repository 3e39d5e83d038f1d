"""Forms: what fields have and inherit, what is kept of what is typed, what may be meant by it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_shared.api import AttachmentKind, JobView
from stoker_shared.events import Attachment
from stoker_shared.model import Cron, Days, Hours, JobConfig, NodeSpec, Subscription, WorkflowSpec
from stoker_tui.forms.completing import completion
from stoker_tui.forms.configuration import ConfigurationForm
from stoker_tui.forms.form import Inherited
from stoker_tui.forms.kinds import Pairs, Text, Words
from stoker_tui.forms.known import Known
from stoker_tui.forms.node import NodeForm, with_node
from stoker_tui.forms.publishing import PublishForm, files_like
from stoker_tui.forms.typing import TypedLine
from stoker_tui.forms.workflow import ScheduleForm, WorkflowForm
from tests.definitions import workflow_specs
from tests.tui.fake import JOB
from tests.tui.forms.test_bad_values import KNOWN, WORKFLOW, node, workflow

WORD = st.text("ab ='\"\\$ü売", max_size=8)


@given(st.lists(WORD))
def test_words_are_read_as_they_were_written(words: list[str]) -> None:
    assert Words().read(Words().write(words)) == words


@given(st.dictionaries(WORD.filter(lambda name: name and "=" not in name), WORD))
def test_pairs_are_read_as_they_were_written(pairs: dict[str, str]) -> None:
    assert Pairs().read(Pairs().write(pairs)) == pairs


KEYS = [
    "left",
    "right",
    "ctrl+w",
    "delete",
    "home",
    "end",
    "backspace",
    "ctrl+u",
    "ctrl+k",
    "ctrl+left",
    "ctrl+right",
    "x",
]


@given(st.text(max_size=5), st.lists(st.sampled_from(KEYS)))
def test_the_cursor_stays_in_the_line(text: str, keys: list[str]) -> None:
    line = TypedLine.at_end(text)
    for key in keys:
        line = line.pressed(key) or line.inserted(key)
        assert 0 <= line.cursor <= len(line.text)
        assert line.before + line.after == line.text


@settings(max_examples=15)
@given(workflow_specs)
def test_a_form_that_nobody_touches_gives_what_it_was_given(spec: WorkflowSpec) -> None:
    assert WorkflowForm(spec, KNOWN).value == spec
    for each in spec.nodes:
        assert NodeForm(spec, each.name, KNOWN).value == each


def test_a_field_that_is_emptied_inherits_and_says_from_where() -> None:
    within = WorkflowSpec(workflow="sales", retries=2, nodes=(NodeSpec(name="a", job="a.py", retries=5),))
    form = NodeForm(within, "a", KNOWN)
    assert form.is_set("retries")

    form.type("retries", "")

    assert form.value == NodeSpec(name="a", job="a.py")
    assert form.inherited("retries") == Inherited("2", "from the workflow")


def test_what_a_job_is_run_with_is_what_its_node_inherits() -> None:
    job = KNOWN.jobs()["etl/ingest.py"]
    assert job.latest
    config = JobConfig(executor_memory="4g", args=("--all",), conf={"spark.x": "1 2"})

    latest = msgspec.structs.replace(job.latest, config=config)
    jobs = {job.path: msgspec.structs.replace(job, latest=latest)}
    form = NodeForm(WORKFLOW, "ingest", KNOWN._replace(jobs=lambda: jobs))

    assert form.inherited("config/executor_memory") == Inherited("4g", "from the job")
    assert form.inherited("args") == Inherited("--all", "from the job")
    assert form.inherited("config/conf") == Inherited("spark.x='1 2'", "from the job")
    assert form.inherited("config/driver_memory") == Inherited("as Spark has it", "")


def test_what_a_line_can_not_have_stays_and_can_not_be_typed() -> None:
    form = NodeForm(
        WorkflowSpec(workflow="w", nodes=(NodeSpec(name="a", job="a.py", args=("two\nlines",)),)), "a", KNOWN
    )

    assert not form.is_typable("args")
    form.type("retries", "1")

    assert form.value == NodeSpec(name="a", job="a.py", args=("two\nlines",), retries=1)


def test_arguments_that_are_none_stay_none() -> None:
    form = NodeForm(WorkflowSpec(workflow="w", nodes=(NodeSpec(name="a", job="a.py", args=()),)), "a", KNOWN)
    form.type("retries", "1")

    assert form.value
    assert form.value.args == ()


def test_a_schedule_has_only_the_fields_of_its_type() -> None:
    form = ScheduleForm(WorkflowSpec(workflow="sales"), KNOWN)
    places = {type: set() for type in ("none", "days", "hours", "minutes", "cron")}
    for type in places:
        form.type("schedule/type", type)
        places[type] = {field.place for field in form.shown()} & {
            f"schedule/{name}" for name in ("at", "every", "from", "to", "expression", "time_zone", "start")
        }
    always = {"schedule/time_zone", "schedule/start"}
    window = {"schedule/every", "schedule/from", "schedule/to"}
    assert places == {
        "none": set(),
        "days": {"schedule/at"} | always,
        "hours": window | always,
        "minutes": window | always,
        "cron": {"schedule/expression"} | always,
    }


def test_what_was_typed_for_one_type_of_schedule_is_there_when_it_comes_back() -> None:
    form = workflow("days")
    form.type("schedule/at", "01:00")
    form.turn("schedule/type")
    form.type("schedule/every", "2")
    assert form.value
    assert form.value.schedule == Hours(every=2)

    form.turn("schedule/type", -1)

    assert form.value.schedule == Days(at="01:00")
    form.type("schedule/type", "cron")
    form.type("schedule/expression", "0 6 * * 1-5")
    assert form.value.schedule == Cron(expression="0 6 * * 1-5")
    form.type("schedule/type", "")
    assert form.value.schedule is None


def test_a_path_names_the_node_until_a_person_does() -> None:
    form = NodeForm(WORKFLOW, None, KNOWN, ("report",))
    form.type("job", "etl/ingest.py")
    assert form.value == NodeSpec(name="ingest_2", job="etl/ingest.py", upstream=("report",))

    form.type("name", "first")
    form.type("job", "etl/other.py")

    assert form.text("name") == "first"


def test_a_node_that_is_there_keeps_its_name_whatever_its_path() -> None:
    form = NodeForm(WORKFLOW, "ingest", KNOWN)
    form.type("job", "etl/other.py")

    assert form.text("name") == "ingest"


def test_a_renamed_node_is_upstream_under_its_new_name() -> None:
    form = NodeForm(WORKFLOW, "ingest", KNOWN)
    form.type("name", "read")

    assert form.value
    assert with_node(WORKFLOW, "ingest", form.value).nodes[1].upstream == ("read",)


def test_a_subscription_is_made_and_taken_away() -> None:
    form = node()
    form.type("subscription/addresses", "a@b.example, c@d.example")
    assert form.value
    assert form.value.subscription == Subscription(addresses=("a@b.example", "c@d.example"))

    form.type("subscription/addresses", "")

    assert form.value.subscription is None


def test_a_configuration_has_what_its_type_of_job_has_a_use_for() -> None:
    shown = {field.place for field in ConfigurationForm(JobConfig(driver_cores=2), "a.sh").shown()}

    assert shown == {"args", "driver_cores", "env", "timeout"}


def test_what_begins_with_what_is_typed_is_meant_before_what_only_has_it() -> None:
    assert completion(Text(), "in", ["main", "ingest", "etl/in.py"]).words == ("ingest", "main", "etl/in.py")


def test_of_a_list_the_last_word_is_completed_and_none_twice() -> None:
    found = completion(Words(), "ingest in", ["ingest", "inspect", "in side"])

    assert (found.start, found.words) == (7, ("inspect", "'in side'"))


def test_files_are_found_by_their_name_one_directory_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("etl/ingest.sh", "etl/lib/dates.py", ".git/x.py", "etl/notes.txt", "run.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)

    assert list(files_like("", (".sh", ".py"))) == ["etl/", "run.py", "etl/ingest.sh"]
    assert completion(Text(), "ing", files_like("ing", (".sh",))).words == ("etl/ingest.sh",)
    assert list(files_like("etl/", ("",))) == [
        "etl/ingest.sh",
        "etl/lib/",
        "etl/notes.txt",
        "etl/lib/dates.py",
    ]


def test_a_known_word_means_nothing_else() -> None:
    assert completion(Text(), "ingest", ["ingest", "ingest_2"]).words == ()


def attaching(job: JobView | None = None) -> PublishForm:
    form = PublishForm(Known(lambda: {job.path: job} if job else {}, list))
    form.type("source", "etl/ingest.py")
    return form


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etl").mkdir()
    for name in ("etl/ingest.py", "lib.py", "model.zip"):
        (tmp_path / name).touch()


@pytest.mark.usefixtures("files")
def test_files_are_attached_by_their_kind_and_an_archive_to_the_directory_it_names() -> None:
    form = attaching()
    form.type("py_files", "./lib.py")
    form.type("archives", "model.zip#model")

    assert form.value is not None
    assert form.value.attached == {
        AttachmentKind.PY_FILES: ((Path("lib.py"), "lib.py"),),
        AttachmentKind.ARCHIVES: ((Path("model.zip"), "model.zip#model"),),
    }


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("place", "typed", "told"),
    [
        ("files", "names.csv", "'names.csv' is not there; name files of this host"),
        ("files", "etl", "'etl' is a directory; name files of this host"),
        ("files", "lib.py#x", "'lib.py#x': only archives are unpacked to an #alias"),
        ("files", "lib.py ./lib.py", "2 files have the name 'lib.py'"),
        ("archives", "model.zip#a/b", "the alias 'a/b' can't be a directory's name"),
    ],
)
def test_a_file_that_can_not_be_attached_is_told(place: str, typed: str, told: str) -> None:
    form = attaching()
    form.type(place, typed)

    assert form.problem(place) == told


@pytest.mark.usefixtures("files")
def test_what_is_attached_to_a_job_stays_attached_unless_that_is_not_wanted() -> None:
    attached = (Attachment("py_files", "lib.py", "1" * 64, 3),)
    form = attaching(
        msgspec.structs.replace(JOB, draft=msgspec.structs.replace(JOB.draft, attachments=attached))
    )

    assert form.inherited("py_files") == Inherited("lib.py", "from the job")
    form.type("keep", "no")
    assert form.inherited("py_files") is None
    assert "keep" not in [field.place for field in attaching().shown()]
