"""The daemon's configuration: `stokerd.toml`, under environment variables, under flags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from pathlib import Path

import msgspec

from stoker_shared import paths
from stoker_shared.text import nearest

MIN_OUTPUT_LIMIT = 1024 * 1024
"""Below this what is kept of an attempt's output would be too little to be of use."""


class ConfigError(Exception):
    """The configuration can't be used; the message says what and where."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting there is.

    ``data`` is the data directory, ``socket`` the Unix socket's path, ``spark_home`` the Spark to use where
    the usual places shall not be searched, ``stop_grace`` the seconds between TERM and KILL when an attempt
    is ended, ``output_limit`` the bytes that the output of one attempt may take on disk, stdout and stderr
    together: of more the middle is cut out.
    """

    data: Path
    socket: Path
    spark_home: Path | None = None
    stop_grace: float = 10.0
    output_limit: int = 1024 * MIN_OUTPUT_LIMIT


def read_config(file: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]) -> Config:
    """Give the configuration. A ``file`` that is named must be there; the usual one need not.

    Raises:
        ConfigError: the file can't be read, has an unknown key or a value of a wrong type.
    """
    path = file or paths.config_path(environment)
    named = file is not None or bool(environment.get("STOKER_CONFIG"))
    values = _read(path, required=named)
    values = values | _from_environment(environment) | dict(flags)
    values.setdefault("data", str(paths.data_directory({})))
    values.setdefault("socket", str(paths.socket_path({**environment, "STOKER_DATA": str(values["data"])})))
    try:
        config = msgspec.convert(values, Config, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(f"configuration ({path}, STOKER_* and flags): {_explained(str(error))}") from error
    if not 0 <= config.stop_grace < inf:
        raise ConfigError(f"{path}: stop_grace is a number of seconds, 0 or more")
    if config.output_limit < MIN_OUTPUT_LIMIT:
        raise ConfigError(f"{path}: output_limit is a number of bytes, {MIN_OUTPUT_LIMIT:,} or more")
    return config


def _read(path: Path, *, required: bool) -> dict[str, object]:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, object])
    except FileNotFoundError:
        if required:
            raise ConfigError(f"there is no configuration file {path}") from None
        return {}
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise ConfigError(f"{path} can't be read: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    settings = {name: f"STOKER_{name.upper()}" for name in Config.__struct_fields__}
    return {name: environment[variable] for name, variable in settings.items() if environment.get(variable)}


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser().absolute()
    raise TypeError(f"expected a {kind.__name__}, got {value!r}")


def _explained(message: str) -> str:
    unknown = re.search(r"unknown field `(.*?)`", message)
    guess = nearest(unknown[1], Config.__struct_fields__) if unknown else None
    return message + (f"; did you mean {guess!r}?" if guess else "")
