"""Workflows that make sense, with every field there is, for tests that take any."""

from __future__ import annotations

from unicodedata import normalize

from hypothesis import strategies as st

from stoker_shared.definition import RESERVED_TAGS
from stoker_shared.model import (
    CatchUpPolicy,
    Cron,
    Days,
    FailureStrategy,
    GapPolicy,
    Hours,
    JobConfig,
    Keep,
    Minutes,
    NodeSpec,
    NodeState,
    OverlapPolicy,
    RepeatPolicy,
    Subscription,
    WorkflowSpec,
)
from stoker_shared.text import name_problem
from stoker_shared.variables import variable_name_problem

ODD = [
    *("yes", "no", "null", "~", "true", "1e3", "1_000", "0x1F", "0o17", "012", ".5", "-.inf", ".nan", "1:30"),
    *("2026-11-21", "2026-11-21T01:00:00Z", "01:00", "", " ", " a", "a ", "a: b", "a #b", "#", "- a", "? a"),
    *(
        "!tag",
        "&anchor",
        "*alias",
        "%x",
        "@x",
        "`x`",
        "{a}",
        "[a]",
        "${ds}",
        "'",
        '"',
        "a'b\"c",
        "\\n",
        "<<",
        "=",
    ),
    *(
        "---",
        "...",
        "a\nb",
        "a\nb\n",
        "a\n\n\nb\n\n",
        "\na",
        " a\n b",
        "a\n  b\n",
        "a \nb",
        "\n",
        "\t",
        "a\tb",
    ),
    *(
        "\r\n",
        "a\rb",
        "\x85",
        "\u2028",
        "\ufeff",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "漢字",
        "é",
        "e\u0301",
        "😀",
        "\U0001f3fd",
    ),
    *(
        "x" * 300,
        "word " * 60,
        "|",
        ">",
        "a,b",
        "a]",
        "key:",
        ":",
        "::",
        "-",
        "--date",
        "y",
        "N",
        "off",
        "On",
    ),
]
"""Texts that a file of YAML gives back only if they are written with care."""

texts = st.one_of(st.sampled_from(ODD), st.text(max_size=20), st.text(alphabet=" \n\t:#-a'\"\\", max_size=12))
_letters = st.characters(categories=["L", "N", "P", "S"], exclude_characters="/")
_words = st.text(alphabet=_letters, min_size=1, max_size=12).map(lambda text: normalize("NFC", text))
names = st.one_of(st.sampled_from([text for text in ODD if name_problem(text) is None]), _words).filter(
    lambda name: name_problem(name) is None
)
identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: variable_name_problem(name) is None
)
_short = [text for text in ODD if text.isprintable() and len(text) <= 256]
printable = st.sampled_from(_short) | _words
tags = st.dictionaries(names.filter(lambda name: name not in RESERVED_TAGS), printable, max_size=3)
variables = st.dictionaries(identifiers, texts, max_size=3)
addresses = st.sampled_from(["a@example.com", "root@localhost", "1e3@null", "jürgen@例え.jp"])
jobs = st.sampled_from(
    ["etl/a.py", "b.sql", "c d.sh", "漢/字.py", "no.sh", "1.5.py", "x.jar", "n.ipynb", "y.submit"]
)
counts, seconds = st.none() | st.integers(0, 100), st.none() | st.integers(1, 100_000)
times_of_day = st.times().map(lambda time: f"{time:%H:%M}")
keeps = st.builds(Keep, days=counts, failed_days=counts, runs=counts)
deadlines = st.none() | times_of_day | st.sampled_from(["90m", "2h", "1m", "8784h"])

_bounds = {
    "time_zone": st.none() | st.sampled_from(["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"]),
    "start": st.none() | st.sampled_from(["2026-01-01", "2026-01-01T01:00"]),
    "end": st.none() | st.sampled_from(["2027-01-01", "2027-01-01T01:00:00"]),
    "gap": st.sampled_from(GapPolicy),
    "overlap": st.none() | st.sampled_from(RepeatPolicy),
}
_windows = st.tuples(times_of_day, times_of_day).map(sorted)


def _within(kind: type[Hours | Minutes]) -> st.SearchStrategy[Hours | Minutes]:
    return st.builds(
        lambda window, **fields: kind(start_of_day=window[0], end_of_day=window[1], **fields),
        _windows,
        every=st.integers(1, 24),
        **_bounds,
    )


schedules = st.one_of(
    st.builds(Days, at=times_of_day, **_bounds),
    _within(Hours),
    _within(Minutes),
    st.builds(Cron, expression=st.sampled_from(["0 6 * * 1-5", "*/5 * * * *", "0 0 1 JAN sun"]), **_bounds),
)

configs = st.just(JobConfig()) | st.builds(
    JobConfig,
    args=st.none() | st.lists(texts, max_size=3).map(tuple),
    main_class=st.none() | st.just("com.example.Main"),
    driver_cores=st.none() | st.integers(1, 8),
    driver_memory=st.none() | st.just("2g"),
    executor_cores=st.none() | st.integers(1, 8),
    executor_memory=st.none() | st.just("4g"),
    executor_instances=st.none(),
    dynamic_allocation=st.none() | st.booleans(),
    min_executors=st.none() | st.integers(0, 2),
    max_executors=st.none() | st.integers(2, 9),
    memory_overhead=st.none() | st.just("512m"),
    log_level=st.none() | st.just("WARN"),
    conf=st.dictionaries(st.sampled_from(["spark.a", "spark.b-c", "spark.1e3"]), texts, max_size=3),
    env=st.dictionaries(identifiers, texts, max_size=3),
    timeout=seconds,
)

subscriptions = st.builds(
    Subscription,
    addresses=st.lists(addresses, min_size=1, max_size=3).map(tuple),
    states=st.lists(
        st.sampled_from(sorted(set(NodeState) - {NodeState.PENDING})), min_size=1, max_size=3, unique=True
    ).map(tuple),
)


@st.composite
def nodes(draw: st.DrawFn) -> tuple[NodeSpec, ...]:
    """Give nodes that each wait for some of those before them."""
    known = draw(st.lists(names, max_size=5, unique=True))
    return tuple(
        NodeSpec(
            name=name,
            job=draw(jobs),
            upstream=tuple(draw(st.lists(st.sampled_from(known[:index]), unique=True))) if index else (),
            args=draw(st.none() | st.lists(texts, max_size=4).map(tuple)),
            config=draw(configs),
            variables=draw(variables),
            retries=draw(counts),
            timeout=draw(seconds),
            queue=draw(st.none() | names),
            subscription=draw(st.none() | subscriptions),
            tags=draw(tags),
            enabled=draw(st.booleans()),
            priority=draw(st.integers(-1000, 1000)),
        )
        for index, name in enumerate(known)
    )


deadlines = st.none() | times_of_day | st.integers(1, 9999).map(lambda minutes: f"{minutes}m")

workflow_specs = st.builds(
    WorkflowSpec,
    workflow=names,
    nodes=nodes(),
    description=texts,
    queue=st.just("root_queue") | names,
    schedule=st.none() | schedules,
    overlap=st.sampled_from(OverlapPolicy),
    catch_up=st.sampled_from(CatchUpPolicy),
    notify=st.lists(addresses, max_size=3).map(tuple),
    retries=st.integers(0, 100),
    retry_delay=st.one_of(st.integers(0, 1000), st.floats(0, 1000)),
    retry_backoff=st.one_of(st.integers(1, 9), st.floats(1, 9)),
    run_timeout=seconds,
    parallelism=st.none() | st.integers(1, 500),
    failure_strategy=st.sampled_from(FailureStrategy),
    not_started_by=deadlines,
    not_done_by=deadlines,
    keep=st.just(Keep()) | keeps,
    tags=tags,
    variables=variables,
)
"""Any workflow without a fault."""
