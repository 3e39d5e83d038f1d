"""The daemon's configuration: `stokerd.toml`, under environment variables, under flags."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, inspect

from stoker_daemon.access.rules import Access
from stoker_shared import paths
from stoker_shared.decoding import fault_of
from stoker_shared.definition import MAX_KEPT_DAYS, MAX_KEPT_RUNS
from stoker_shared.text import clean, nearest

MIN_OUTPUT_LIMIT = 1024 * 1024
"""Below this what is kept of an attempt's output would be too little to be of use."""


_BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A key that TOML takes as it is."""


class Security(StrEnum):
    """How the connection to the mail server is secured."""

    STARTTLS = "starttls"
    TLS = "tls"
    PLAIN = "plain"


class ConfigError(Exception):
    """The configuration can't be used; the message says what and where, a line for each fault."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting there is. What is said here is all that flags, variables, file and errors say of it."""

    data: Annotated[
        Path, Meta(description="Data directory: run log, published content, history, output of jobs.")
    ]
    socket: Annotated[
        Path, Meta(description="Unix socket to listen on; clients find another by STOKER_SOCKET.")
    ]
    spark_home: Annotated[
        Path | None,
        Meta(description="Spark to run jobs with, instead of SPARK_HOME, spark-submit on PATH, or pyspark."),
    ] = None
    stop_grace: Annotated[
        float, Meta(ge=0, le=86_400, description="Seconds from TERM to KILL when an attempt is ended.")
    ] = 10.0
    output_limit: Annotated[
        int,
        Meta(
            ge=MIN_OUTPUT_LIMIT,
            description="Bytes of an attempt's output kept on disk; of more the middle is cut out.",
        ),
    ] = 1024 * MIN_OUTPUT_LIMIT
    socket_group: Annotated[
        str | None,
        Meta(description="Unix group that may connect, those with a role by [access]; unset: nobody else."),
    ] = None
    keep_days: Annotated[
        int,
        Meta(
            ge=0,
            le=MAX_KEPT_DAYS,
            description="Days after its end that a run which succeeded is kept, output and all; 0: no limit.",
        ),
    ] = 90
    keep_failed_days: Annotated[
        int, Meta(ge=0, le=MAX_KEPT_DAYS, description="The same for a run that did not succeed.")
    ] = 180
    keep_runs: Annotated[
        int,
        Meta(
            ge=0,
            le=MAX_KEPT_RUNS,
            description="Runs of a workflow that succeeded, and again of those that did not, kept at most; "
            "0: no limit.",
        ),
    ] = 0
    keep_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Bytes the output of finished runs may take; of more the oldest goes; 0: no limit.",
        ),
    ] = 0
    low_space: Annotated[
        int, Meta(ge=0, description="Free bytes on the disk with the data below which stokerd warns.")
    ] = 2 * 1024**3
    smtp_host: Annotated[
        str, Meta(description="Mail server that notifications are sent by; without one no mail is sent.")
    ] = ""
    smtp_port: Annotated[
        int,
        Meta(
            ge=0, le=65_535, description="Its port; 0 is the usual one: 587 for starttls, 465 tls, 25 plain."
        ),
    ] = 0
    smtp_security: Annotated[
        Security, Meta(description="How the connection to it is secured; plain is for this very host.")
    ] = Security.STARTTLS
    smtp_user: Annotated[str, Meta(description="User to log in to it as; without one nobody logs in.")] = ""
    smtp_password_file: Annotated[
        Path | None, Meta(description="File with that user's password, which only its owner may read.")
    ] = None
    mail_from: Annotated[
        str,
        Meta(
            pattern=r"^$|^[^\s@,;<>\"]+@[^\s@,;<>\"]+$",
            title="an e-mail address",
            description="Whom notifications are from; without it stoker@ and the host's name.",
        ),
    ] = ""
    webhook_url: Annotated[
        str,
        Meta(
            pattern=r"^$|^https?://[!-~]+$",
            title="an http or https address",
            description="Where every notification is posted to as JSON; without it none is.",
        ),
    ] = ""
    webhook_secret_file: Annotated[
        Path | None, Meta(description="File with the secret that posts are signed with, for its owner only.")
    ] = None
    access: Annotated[
        Access,
        Meta(description="Roles by Unix group (name or number). The daemon's own user and root are admins."),
    ] = Access()


FIXED = frozenset(
    {"data", "socket", "socket_group"}
    | {name for name in Config.__struct_fields__ if name.startswith(("smtp_", "mail_", "webhook_"))}
)
"""Settings that only a start takes up; the others change while the daemon runs, at SIGHUP."""


class Setting(msgspec.Struct, frozen=True):
    """A setting that has one value, as people meet it. ``allowed`` says in words what its value may be."""

    name: str
    type: Any
    description: str
    allowed: str

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"STOKER_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """Its flag."""
        return f"--{self.name.replace('_', '-')}"


class Configured(NamedTuple):
    """A configuration, the file for it, and where each value that is no default comes from."""

    config: Config
    file: Path
    found: bool
    origins: dict[str, str]


class _Given(NamedTuple):
    """A value that somebody gave, where, and what a path in it is relative to."""

    value: object
    where: str
    base: Path


def _fields(kind: type) -> dict[str, inspect.Metadata]:
    """Give the fields of a table by name, each with its type and what is said of it."""
    return {field.name: field.type for field in inspect.type_info(kind).fields}  # type: ignore[attr-defined]


def _description(field: inspect.Metadata) -> str:
    return (field.extra_json_schema or {})["description"]


def _settings() -> Iterator[Setting]:
    hints = get_type_hints(Config, include_extras=True)
    for name, field in _fields(Config).items():
        if not isinstance(field.type, inspect.StructType):
            allowed = (field.extra_json_schema or {}).get("title") or _allowed(field.type)
            yield Setting(name, hints[name], _description(field), allowed)


def _allowed(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.FloatType | inspect.IntType):
        what = "a number" if isinstance(kind, inspect.FloatType) else "a whole number"
        bounds = [f"from {kind.ge:,}"] if kind.ge is not None else []
        bounds += [f"to {kind.le:,}"] if kind.le is not None else []
        return " ".join([what, *bounds])
    if isinstance(kind, inspect.EnumType):
        return f"one of {', '.join(member.value for member in kind.cls)}"
    if isinstance(kind, inspect.StrType):
        return "a text"
    is_name = isinstance(kind, inspect.UnionType) and isinstance(kind.types[0], inspect.StrType)
    return "a name" if is_name else "a path"


SETTINGS = tuple(_settings())
TABLES = {
    name: field.type.cls
    for name, field in _fields(Config).items()
    if isinstance(field.type, inspect.StructType)
}
"""Settings that are tables in the file, and nowhere else."""


def read_config(
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, str],
    usual: Path | None = None,
) -> Configured:
    """Give the configuration. A ``file`` that is named must be there; the ``usual`` one need not.

    A path in the file is relative to the file's directory, any other to the working directory. An empty value
    says nothing.

    Raises:
        ConfigError: the file can't be read, has an unknown key, or a value is not what it may be.
    """
    named = file is not None or bool(environment.get("STOKER_CONFIG"))
    path = file or (paths.config_path(environment) if named or usual is None else usual)
    path = path.absolute()
    in_file, found = _read(path, required=named)
    faults = [f"{path}: {_unknown(name)}" for name in in_file if name not in Config.__struct_fields__]
    given = {setting: _given(setting, path, in_file, environment, flags) for setting in SETTINGS}
    values: dict[str, Any] = {}
    for setting, one in given.items():
        if one is not None:
            try:
                values[setting.name] = _converted(setting, one)
            except (msgspec.ValidationError, ValueError):
                faults.append(f"{one.where}: {_fault(setting, one.value)}")
    for name in TABLES.keys() & in_file.keys():
        try:
            values[name] = msgspec.convert(in_file[name], TABLES[name])
        except msgspec.ValidationError as error:
            fault = fault_of(error, TABLES[name])
            place = fault.pointer.replace("...", "NAME").replace("/", ".")
            faults.append(f"{path}: {name}{place}: {fault.detail}")
    if faults:
        raise ConfigError("\n".join(faults))
    values.setdefault("data", paths.data_directory({}))
    values.setdefault("socket", paths.socket_path({**environment, "STOKER_DATA": str(values["data"])}))
    origins = {setting.name: one.where for setting, one in given.items() if one is not None}
    origins |= dict.fromkeys(TABLES.keys() & in_file.keys(), str(path))
    return Configured(Config(**values), path, found, origins)


def as_toml(configured: Configured) -> str:
    """Give a file of every setting: what it is, its value, where that comes from; defaults as comments."""
    lines = ["# The settings of stokerd. STOKER_* variables override this file, and flags those."]
    for setting in SETTINGS:
        origin = configured.origins.get(setting.name)
        value = getattr(configured.config, setting.name)
        line = f"{setting.name} = {_toml(value)}"
        by = f"# {setting.variable}, {setting.flag}: {setting.allowed}"
        lines += ["", f"# {setting.description}", by + "; only a start takes it up" * (setting.name in FIXED)]
        lines += [f"# from {clean(origin)}", line] if origin else ["# default", f"# {line}"]
    for name in TABLES:
        lines += _table_as_toml(configured, name)
    return "\n".join(lines) + "\n"


def _table_as_toml(configured: Configured, name: str) -> Iterator[str]:
    """Give a table, and the tables in it after it; where nobody set it, as comments."""
    table, origin = getattr(configured.config, name), configured.origins.get(name)
    off = "" if origin else "# "
    yield from (
        "",
        f"# {_description(_fields(Config)[name])}",
        f"# from {clean(origin)}" if origin else "# default",
    )
    yield f"{off}[{name}]"
    fields = _fields(type(table))
    for key, field in fields.items():
        yield f"# {_description(field)}"
        if not isinstance(field.type, inspect.DictType):
            yield f"{off}{key} = {_toml(getattr(table, key))}"
    for key, field in fields.items():
        if isinstance(field.type, inspect.DictType):
            yield from _dictionary_as_toml(f"{name}.{key}", getattr(table, key))


def _dictionary_as_toml(place: str, entries: Mapping[str, object]) -> Iterator[str]:
    """Give a table whose keys are names of things: values, or tables themselves."""
    tables = {key: value for key, value in entries.items() if isinstance(value, msgspec.Struct)}
    if entries and not tables:
        yield from ("", f"[{place}]", *(f"{_key(key)} = {_toml(value)}" for key, value in entries.items()))
    for key, table in tables.items():
        yield from ("", f"[{place}.{_key(key)}]")
        yield from (f"{name} = {_toml(value)}" for name, value in msgspec.structs.asdict(table).items())


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _toml(name)


def _toml(value: object) -> str:
    return json.dumps(str(value or "") if isinstance(value, Path | None) else value, ensure_ascii=False)


def _read(path: Path, *, required: bool) -> tuple[dict[str, object], bool]:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, object]), True
    except FileNotFoundError:
        if required:
            raise ConfigError(f"there is no configuration file {path}") from None
        return {}, False
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise ConfigError(f"{path} can't be read as TOML: {error}") from error


def _given(
    setting: Setting,
    path: Path,
    in_file: Mapping[str, object],
    environment: Mapping[str, str],
    flags: Mapping[str, str],
) -> _Given | None:
    if setting.name in flags:
        return _Given(flags[setting.name], setting.flag, Path.cwd())
    if value := environment.get(setting.variable):
        return _Given(value, setting.variable, Path.cwd())
    if in_file.get(setting.name, "") != "":
        return _Given(in_file[setting.name], str(path), path.parent)
    return None


def _converted(setting: Setting, given: _Given) -> object:
    def path(kind: type, value: object) -> object:
        if kind is not Path or not isinstance(value, str) or not value:
            raise ValueError
        try:
            return given.base / Path(value).expanduser()
        except RuntimeError as error:  # nobody's home is known
            raise ValueError from error

    value = msgspec.convert(given.value, setting.type, strict=False, dec_hook=path)
    if setting.name == "webhook_url":
        _check_address(value)
    return value


def _fault(setting: Setting, value: object) -> str:
    """Say what is wrong with a value, which for the webhook's address may be a secret."""
    told = "" if setting.name == "webhook_url" else f"is {value!r}, and "
    return f"{setting.name} {told}must be {setting.allowed}"


def _check_address(address: str) -> None:
    """Raise `ValueError` where an address has no host, or a port that none can be."""
    parts = urlsplit(address)
    if not parts.hostname or parts.port == 0:
        raise ValueError


def _unknown(name: str) -> str:
    guess = nearest(name, Config.__struct_fields__)
    hint = f"did you mean {guess!r}?" if guess else f"known are {', '.join(Config.__struct_fields__)}"
    return f"unknown setting {clean(name)!r}; {hint}"
