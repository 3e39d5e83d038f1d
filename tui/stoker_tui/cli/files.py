"""Files of definitions: YAML to jobs and workflows, with errors that name file, place and nearest name."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
import yaml

from stoker_shared.api import AttachedFile, AttachmentKind, Fault
from stoker_shared.decoding import fault_of
from stoker_shared.definition import attachment_faults, config_faults, faults
from stoker_shared.model import JOB_TYPE_BY_SUFFIX, Definition, JobConfig, WorkflowSpec
from stoker_shared.text import clean, path_problem

MAX_FILE = 8 * 1024 * 1024
"""Bytes a file of definitions may have."""


class BadFile(Exception):
    """A file that is not what it should be; the message names file and place."""


class AttachedSource(Definition, frozen=True):
    """A file that a job is given, under ``name`` (unset: the file's own); ``source`` is where it is."""

    kind: AttachmentKind
    source: str
    name: str = ""

    @property
    def shown_name(self) -> str:
        """The name that the job sees."""
        return self.name or PurePosixPath(self.source).name


class JobFile(Definition, frozen=True):
    """A job as a file defines it; each ``source`` is a path seen from that file."""

    job: str
    source: str
    attachments: tuple[AttachedSource, ...] = ()
    config: JobConfig = JobConfig()
    remarks: str = ""


class Document(NamedTuple):
    """One document of a file: where it stands, as errors say it, and what it defines."""

    file: Path
    place: str
    definition: WorkflowSpec | JobFile

    def beside(self, path: str) -> Path:
        """Give where a path leads, seen from the file."""
        return self.file.parent / path

    @property
    def subject(self) -> str:
        """What it defines: the kind and the name."""
        definition = self.definition
        if isinstance(definition, WorkflowSpec):
            return f"workflow {definition.workflow!r}"
        return f"job {definition.job!r}"


def read_documents(paths: Iterable[Path]) -> list[Document]:
    """Give what YAML files define, and those below directories, in the order of their paths.

    Raises:
        BadFile: one can't be read, is not YAML or defines no such thing, or two define the same.
    """
    documents = [document for path in paths for file in _files(path) for document in _documents(file)]
    seen: dict[str, Document] = {}
    for document in documents:
        first = seen.setdefault(document.subject, document)
        if first is not document:
            raise BadFile(f"{document.place}: {document.subject} is defined in {first.place} already")
    return documents


def read_workflow(path: Path) -> WorkflowSpec:
    """Give the workflow that a YAML file defines; raises `BadFile`."""
    documents = read_documents([path])
    if len(documents) == 1 and isinstance(documents[0].definition, WorkflowSpec):
        return documents[0].definition
    raise BadFile(f"{path}: one workflow is wanted, and nothing else")


def faulty(place: str, found: Iterable[Fault]) -> BadFile:
    """Give the error that says what is wrong at which places of a document."""
    return BadFile("\n".join(f"{place}: {fault.pointer or '/'}: {fault.detail}" for fault in found))


def _files(path: Path) -> list[Path]:
    """Give a file, or those below a directory; what is hidden is nobody's definition."""
    if not path.is_dir():
        return [path]
    below = (file.relative_to(path) for ending in ("*.yaml", "*.yml") for file in path.rglob(ending))
    found = sorted(file for file in below if not any(part.startswith(".") for part in file.parts))
    if not found:
        raise BadFile(f"{path}: there is no .yaml file in it")
    return [path / file for file in found]


def _documents(path: Path) -> Iterator[Document]:
    try:
        if path.stat().st_size > MAX_FILE:
            raise BadFile(f"{path}: a file of definitions has at most {MAX_FILE:,} bytes")
        loaded = list(yaml.load_all(path.read_bytes(), Loader))
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadFile(f"{path}: not YAML: {clean(' '.join(str(error).split()))}") from error
    contents = {number: content for number, content in enumerate(loaded, 1) if content is not None}
    if not contents:
        raise BadFile(f"{path}: nothing is defined in it")
    for number, content in contents.items():
        place = f"{path}: document {number}" if len(loaded) > 1 else str(path)
        yield _checked(Document(path, place, _definition(place, content)))


def _definition(place: str, content: Any) -> WorkflowSpec | JobFile:
    is_job = isinstance(content, dict) and "job" in content and "workflow" not in content
    kind = JobFile if is_job else WorkflowSpec
    try:
        definition = msgspec.convert(content, kind)
        msgspec.json.encode(definition)
    except msgspec.ValidationError as error:
        raise faulty(place, [fault_of(error, kind)]) from error
    except UnicodeEncodeError as error:
        raise BadFile(f"{place}: half of a character, {error.object[error.start]!r}, is in it") from error
    return definition


def _checked(document: Document) -> Document:
    definition = document.definition
    if isinstance(definition, WorkflowSpec):
        found = faults(definition)
    else:
        found = list(_job_faults(definition, document.beside))
    if found:
        raise faulty(document.place, found)
    return document


def _job_faults(job: JobFile, beside: Callable[[str], Path]) -> Iterator[Fault]:
    if problem := path_problem(job.job):
        yield Fault("/job", problem)
    elif PurePosixPath(job.job).suffix not in JOB_TYPE_BY_SUFFIX:
        endings = ", ".join(JOB_TYPE_BY_SUFFIX)
        yield Fault("/job", f"a job's type is told by its path, which must end in one of {endings}")
    sources = {"/source": job.source}
    sources |= {f"/attachments/{index}/source": each.source for index, each in enumerate(job.attachments)}
    for pointer, source in sources.items():
        if not beside(source).is_file():
            yield Fault(pointer, f"there is no file {clean(str(beside(source)))!r}")
    attached = [AttachedFile(kind=each.kind, name=each.shown_name, digest="") for each in job.attachments]
    yield from (Fault(f"/attachments/{field}", problem) for field, problem in attachment_faults(attached))
    yield from (Fault(f"/config/{field}", problem) for field, problem in config_faults(job.config))


def config_of(settings: list[str]) -> JobConfig:
    """Give the configuration of ``--set key=value`` options; ``conf.`` and ``env.`` begin keys of those maps.

    The value of ``args`` is words, quoted as for a shell.

    Raises:
        BadFile: a setting that no job has.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise BadFile(f"--set {setting}: write it as key=value")
        group, dot, name = key.partition(".")
        if dot and group in ("conf", "env"):
            values.setdefault(group, {})[name] = value
        elif key == "args":
            values[key] = _words(value)
        else:
            values[key] = value
    try:
        return msgspec.convert(values, JobConfig, strict=False)
    except msgspec.ValidationError as error:
        fault = fault_of(error, JobConfig)
        raise BadFile(f"--set {fault.pointer.strip('/')}: {fault.detail}") from error


def without(config: JobConfig, keys: Sequence[str]) -> JobConfig:
    """Give a configuration without what ``--unset key`` options name.

    Raises:
        BadFile: what is not set.
    """
    for key in keys:
        group, dot, name = key.partition(".")
        if dot and group in ("conf", "env") and name in getattr(config, group):
            rest = {each: value for each, value in getattr(config, group).items() if each != name}
            config = msgspec.structs.replace(config, **{group: rest})
        elif key in config.__struct_fields__ and getattr(config, key) not in (None, {}):
            config = msgspec.structs.replace(config, **{key: getattr(JobConfig(), key)})
        else:
            raise BadFile(f"--unset {key}: it is not set")
    return config


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError as error:
        raise BadFile(f"--set args: {str(error).lower()}") from error


class Loader(yaml.SafeLoader):
    """YAML without its traps: a key that comes twice is an error, and so is a tag that does not suit."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Give the value of a node; PyYAML fails in many ways where a tag (``!!int x``) is not its own."""
        try:
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"it is no {node.tag.rpartition(':')[2]}", node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Give the mapping of a node, once no key of its own comes twice (YAML 1.2, 3.2.1.1)."""
        seen: set[Hashable] = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else []  # a tag may have led here
        for key_node, _ in pairs:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen and key_node.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    "in a mapping", node.start_mark, f"the key {key!r} comes twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)
