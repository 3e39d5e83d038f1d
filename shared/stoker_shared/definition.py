"""What a workflow's definition must be, wherever it comes from. Pure: a definition in, its faults out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Sized

from stoker_shared import dag
from stoker_shared.api import MAX_DESCRIPTION, AttachedFile, AttachmentKind, Fault
from stoker_shared.lateness import deadline_problem
from stoker_shared.model import JobConfig, NodeSpec, NodeState, Subscription, WorkflowSpec
from stoker_shared.schedules import schedule_faults
from stoker_shared.secrecy import secret_problem
from stoker_shared.text import clean, clean_line, fit, name_problem, nearest, path_problem, quoted
from stoker_shared.variables import IDENTIFIER, variable_name_problem

_Wrong = tuple[str, str]
"""A field, as the rest of a pointer, and what is wrong with it."""

MAX_NODES = 10_000
"""Nodes a workflow may have."""

MAX_PARALLELISM = 500
"""Nodes of one run that may be active at once: each costs the daemon a descriptor, of usually 1,024."""

MAX_VARIABLES, MAX_TAGS, MAX_ADDRESSES = 500, 50, 100
"""Entries that a workflow or a node may have of each."""

MAX_TAG, MAX_ADDRESS = 256, 254
"""Characters a tag's value and an address may have."""

MAX_SECONDS = 366 * 24 * 3600
MAX_RETRIES = 100
MAX_BACKOFF = 100
MAX_PRIORITY = 1000
MAX_KEPT_DAYS, MAX_KEPT_RUNS = 36_500, 1_000_000

RESERVED_TAGS = ("workflow_name", "task_name")
"""Tags that Stoker gives every node itself."""

_ADDRESS = re.compile(r"(?!.*=\?)[^\s@,;<>\"()\[\]:\\]+@[^\s@,;<>\"()\[\]:\\]+")
"""Without what means something else in a header or to a mail server than in an address."""

LOG_LEVELS = ("ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")
"""What Spark knows as log levels, in any case of letters."""

_LEAST = {
    "driver_cores": 1,
    "executor_cores": 1,
    "executor_instances": 1,
    "min_executors": 0,
    "max_executors": 1,
    "timeout": 1,
}
_SIZE = re.compile(r"0*[1-9][0-9]{0,11}[kmgt]", re.IGNORECASE)
"""Of memory, as both Spark and the JVM's -Xmx take it."""
_FILE_NAME = re.compile(r"\w[\w.+@=-]{0,127}")
"""Without what separates paths, lists, URIs, or is a pattern to Spark."""
_CLASS = re.compile(r"[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*")


def faults(spec: WorkflowSpec) -> list[Fault]:
    """Give everything that is wrong with a definition by itself; a draft with none can be saved."""
    return [*_workflow_faults(spec), *_node_faults(spec), *graph_faults(spec)]


def _workflow_faults(spec: WorkflowSpec) -> Iterator[Fault]:
    if problem := name_problem(spec.workflow):
        yield Fault("/workflow", problem)
    if len(spec.nodes) > MAX_NODES:
        yield Fault("/nodes", f"{len(spec.nodes)} nodes are more than the {MAX_NODES} a workflow may have")
    for field, problem in (*_own_faults(spec), *_shared_faults(spec)):
        yield Fault(f"/{field}", problem)


def _own_faults(spec: WorkflowSpec) -> Iterator[_Wrong]:
    if len(spec.description) > MAX_DESCRIPTION:
        yield (
            "description",
            f"has {len(spec.description):,} characters, and one has at most {MAX_DESCRIPTION:,}",
        )
    if problem := name_problem(spec.queue):
        yield "queue", problem
    yield from _number_faults("retry_delay", spec.retry_delay, 0, MAX_SECONDS)
    yield from _number_faults("retry_backoff", spec.retry_backoff, 1, MAX_BACKOFF)
    yield from _number_faults("run_timeout", spec.run_timeout, 1, MAX_SECONDS)
    yield from _number_faults("parallelism", spec.parallelism, 1, MAX_PARALLELISM)
    for field in ("not_started_by", "not_done_by"):
        text = getattr(spec, field)
        if text is not None and (problem := deadline_problem(text)):
            yield field, problem
    yield from _number_faults("keep/days", spec.keep.days, 0, MAX_KEPT_DAYS)
    yield from _number_faults("keep/failed_days", spec.keep.failed_days, 0, MAX_KEPT_DAYS)
    yield from _number_faults("keep/runs", spec.keep.runs, 0, MAX_KEPT_RUNS)
    yield from address_faults("notify", spec.notify)
    if spec.schedule:
        yield from ((f"schedule/{field}", problem) for field, problem in schedule_faults(spec.schedule))


def _node_faults(spec: WorkflowSpec) -> Iterator[Fault]:
    for index, node in enumerate(spec.nodes):
        for field, problem in node_faults(node):
            yield Fault(f"/nodes/{index}/{field}", problem)


def node_faults(node: NodeSpec) -> Iterator[_Wrong]:
    """Give the fields of a node that are wrong whatever it is among, each with what would be right."""
    yield from _faults_of(node)
    yield from _shared_faults(node)


def _faults_of(node: NodeSpec) -> Iterator[_Wrong]:
    if problem := name_problem(node.name):
        yield "name", problem
    if problem := path_problem(node.job):
        yield "job", problem
    if node.queue is not None and (problem := name_problem(node.queue)):
        yield "queue", problem
    yield from _number_faults("timeout", node.timeout, 1, MAX_SECONDS)
    yield from _number_faults("priority", node.priority, -MAX_PRIORITY, MAX_PRIORITY)
    yield from ((f"config/{field}", problem) for field, problem in config_faults(node.config))
    if node.subscription:
        yield from _subscription_faults(node.subscription)


def _shared_faults(spec: WorkflowSpec | NodeSpec) -> Iterator[_Wrong]:
    """Give what can be wrong with a workflow and a node alike."""
    yield from _number_faults("retries", spec.retries, 0, MAX_RETRIES)
    yield from _count_faults("variables", spec.variables, MAX_VARIABLES)
    for name in spec.variables:
        if problem := variable_name_problem(name):
            yield f"variables/{escaped(name)}", problem
    yield from _count_faults("tags", spec.tags, MAX_TAGS)
    for key, value in spec.tags.items():
        if problem := _tag_problem(key, value):
            yield f"tags/{escaped(key)}", problem


def _tag_problem(key: str, value: str) -> str | None:
    if key in RESERVED_TAGS:
        return f"{key!r} is a tag that every node has of itself; choose another name"
    if len(value) > MAX_TAG or not value.isprintable():
        return f"the value of a tag is printable and has at most {MAX_TAG} characters"
    return name_problem(key)


def _subscription_faults(subscription: Subscription) -> Iterator[_Wrong]:
    if not subscription.addresses:
        yield "subscription/addresses", "a subscription needs at least one address"
    if not subscription.states:
        yield "subscription/states", "a subscription needs at least one state"
    if NodeState.PENDING in subscription.states:
        yield "subscription/states", "a node begins as pending, which nobody is told of; name what follows"
    yield from address_faults("subscription/addresses", subscription.addresses)


def address_faults(field: str, addresses: tuple[str, ...]) -> Iterator[_Wrong]:
    """Give the addresses that are none, each with what would be right."""
    yield from _count_faults(field, addresses, MAX_ADDRESSES)
    for index, address in enumerate(addresses):
        if len(address) > MAX_ADDRESS or not (_ADDRESS.fullmatch(address) and address.isprintable()):
            shown = quoted(address, 80)
            yield (
                f"{field}/{index}",
                f"{shown} is not an e-mail address; write one such as 'team@example.com'",
            )


def _count_faults(field: str, entries: Sized, most: int) -> Iterator[_Wrong]:
    if len(entries) > most:
        yield field, f"has {len(entries):,} entries, and at most {most} are allowed"


def _number_faults(field: str, value: float | None, least: int, most: int) -> Iterator[_Wrong]:
    # Written so that it holds for what is not a number, too.
    if value is not None and not least <= value <= most:
        yield field, f"must be from {least:,} to {most:,}"


def config_faults(config: JobConfig) -> Iterator[_Wrong]:
    """Give the fields of a configuration that are wrong as it is written, each with what would be right."""
    yield from value_faults(config)
    yield from _secrets_in_sight(config)


def value_faults(config: JobConfig) -> Iterator[_Wrong]:
    """Give the fields that can't be used, also once every variable is replaced."""
    for field, least in _LEAST.items():
        value = getattr(config, field)
        if value is not None and value < least:
            yield field, f"must be {least} or more"
    for field in ("driver_memory", "executor_memory", "memory_overhead"):
        value = getattr(config, field)
        if value is not None and not _SIZE.fullmatch(value):
            yield field, f"{quoted(value, 20)} is not a size: a number and k, m, g or t, such as 4g"
    if config.log_level is not None and config.log_level.upper() not in LOG_LEVELS:
        guess = nearest(config.log_level.upper(), LOG_LEVELS)
        hint = f"did you mean {guess}?" if guess else f"there are {', '.join(LOG_LEVELS)}"
        yield "log_level", f"{quoted(config.log_level, 20)} is not a log level of Spark; {hint}"
    if config.main_class is not None and not _CLASS.fullmatch(config.main_class):
        yield "main_class", f"{quoted(config.main_class, 60)} is not the name of a class"
    yield from _executor_faults(config)
    for name in config.conf:
        if not name.startswith("spark."):
            shown = fit(clean(name), 60)
            yield (
                f"conf/{name}",
                f"Spark ignores the property {shown!r}: its name must begin with `spark.` "
                f"(for a Hadoop property: `spark.hadoop.{shown}`)",
            )
    for name in config.env:
        if not IDENTIFIER.fullmatch(name):
            yield f"env/{name}", "an environment variable's name has letters, digits and _, no digit first"


def _secrets_in_sight(config: JobConfig) -> Iterator[tuple[str, str]]:
    for field in ("conf", "env"):
        for name, value in getattr(config, field).items():
            if problem := secret_problem(name, value):
                yield f"{field}/{name}", problem


def attachment_faults(attachments: Sequence[AttachedFile]) -> Iterator[tuple[str, str]]:
    """Give the attached files that can't be, each with its index and field, and what would be right."""
    counts = Counter(attached.name.partition("#")[0] for attached in attachments)
    for index, attached in enumerate(attachments):
        file_name, mark, alias = attached.name.partition("#")
        if not _FILE_NAME.fullmatch(file_name):
            yield (
                f"{index}/name",
                f"{quoted(attached.name, 60)} can't be a file's name here: letters, digits and _ . + @ = -",
            )
        elif mark and attached.kind is not AttachmentKind.ARCHIVES:
            yield f"{index}/name", f"{quoted(attached.name, 60)}: only archives are unpacked to an #alias"
        elif mark and not _FILE_NAME.fullmatch(alias):
            yield f"{index}/name", f"the alias {quoted(alias, 60)} can't be a directory's name"
        elif counts[file_name] > 1:
            yield f"{index}/name", f"{counts[file_name]} files have the name {file_name!r}"


def _executor_faults(config: JobConfig) -> Iterator[tuple[str, str]]:
    if config.dynamic_allocation and config.executor_instances is not None:
        yield "executor_instances", "fixes the number that dynamic_allocation lets vary; set one of the two"
    least, most = config.min_executors, config.max_executors
    if least is not None and most is not None and least > most:
        yield "min_executors", f"{least} is more than max_executors, which is {most}"


def escaped(key: str) -> str:
    """Give a key as a part of a JSON pointer (RFC 6901) that is safe to print."""
    return clean(key.replace("~", "~0").replace("/", "~1"))


def graph_faults(spec: WorkflowSpec) -> Iterator[Fault]:
    """Give what is wrong with how nodes are named and joined."""
    counts = Counter(node.name for node in spec.nodes)
    for index, node in enumerate(spec.nodes):
        if counts[node.name] > 1:
            yield Fault(f"/nodes/{index}/name", f"{counts[node.name]} nodes have the name {node.name!r}")
        for above, count in Counter(node.upstream).items():
            if count > 1:
                yield Fault(f"/nodes/{index}/upstream", f"names {above!r} {count} times")
    upstream = {node.name: node.upstream for node in spec.nodes}
    dangling = dag.dangling(upstream)
    numbers = {node.name: index for index, node in enumerate(spec.nodes)}
    for name, missing in dangling:
        yield Fault(f"/nodes/{numbers[name]}/upstream", _no_such_node(missing, counts))
    if not dangling and (cycle := dag.find_cycle(upstream)):
        path = " -> ".join(map(clean_line, cycle))
        yield Fault("/nodes", f"the nodes wait for each other in a cycle: {path}")


def _no_such_node(missing: str, known: Counter[str]) -> str:
    guess = nearest(missing, known)
    return f"there is no node {missing!r}" + (f"; did you mean {guess!r}?" if guess else "")
