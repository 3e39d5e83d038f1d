"""`stokerd check`: what the daemon would find, whether that is well, and what to do where it is not.

Changes nothing, whoever runs it, and whether a daemon runs meanwhile or not.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from stoker_daemon.access.lookups import known_groups
from stoker_daemon.access.peers import user_name
from stoker_daemon.config import Config, ConfigError, Configured
from stoker_daemon.launchers import CannotLaunch, SparkHome, find_java, find_spark
from stoker_daemon.notify.checking import mail_found, webhook_found
from stoker_daemon.output.holes import CANNOT_CUT, can_punch
from stoker_daemon.runlog import segments
from stoker_daemon.runlog.segments import LogError
from stoker_daemon.secrets import Secrets, SecretsError
from stoker_daemon.server import answers
from stoker_daemon.volumes import NetworkFileSystem, check_local
from stoker_shared.paths import HOST_CONFIG, SocketPathTooLong, check_socket_path, socket_path

Finding = tuple[bool, str, str]
"""Whether it is well, what was looked at, and what was found."""


def findings(read: Callable[[], Configured], *, verify_log: bool) -> Iterator[Finding]:
    """Look at everything in turn; of a configuration that can't be used nothing further follows."""
    try:
        configured = read()
    except ConfigError as error:
        yield False, "config", "; ".join(str(error).splitlines())
        return
    config = configured.config
    runlog = config.data / "runlog"
    yield True, "config", _config(configured)
    yield from _looked("data", lambda: _data(config.data, config.low_space))
    yield from _looked("socket", lambda: _socket(config.socket))
    yield from _looked("access", lambda: _access(config))
    yield from _looked("output", lambda: _output(config))
    yield from _spark(config.spark_home)
    yield from _looked("run log", lambda: _verified(runlog) if verify_log else _log(runlog))
    yield from _looked("history", lambda: _history(config.data / "stoker.db"))
    yield from _looked("secrets", lambda: _secrets(config.data / "secrets"))
    yield from _looked("mail", lambda: mail_found(config))
    yield from _looked("webhook", lambda: webhook_found(config))


def _looked(name: str, look: Callable[[], tuple[bool, str]]) -> Iterator[Finding]:
    """Give a finding; what can't even be looked at is a bad one."""
    try:
        ok, found = look()
    except OSError as error:
        ok, found = (
            False,
            f"{error.filename} can't be read: {error.strerror}; {_run_as_its_owner(error.filename)}",
        )
    yield ok, name, found


def _config(configured: Configured) -> str:
    by: dict[str, list[str]] = {}
    for name, where in configured.origins.items():
        by.setdefault(where, []).append(name)
    in_file = by.pop(str(configured.file), [])
    sets = f"sets {', '.join(in_file)}" if in_file else "sets nothing"
    host = f" (the host's daemon has {HOST_CONFIG}: --config)" if HOST_CONFIG.exists() else ""
    parts = [f"{configured.file} {sets}" if configured.found else f"no file {configured.file}{host}"]
    parts += [f"{where} sets {', '.join(names)}" for where, names in by.items()]
    return "; ".join(parts) + "; all else by default (`stokerd config` prints it)"


def _data(data: Path, low_space: int) -> tuple[bool, str]:
    there = _nearest(data)
    if not there.is_dir():
        return False, f"{there} is not a directory; set data to one, or to a path that is free"
    if not os.access(there, os.W_OK | os.X_OK):
        return (
            False,
            f"{there} can't be written; {_run_as_its_owner(there)}, or set data to another directory",
        )
    try:
        check_local(data)
    except NetworkFileSystem as error:
        return False, str(error)
    free = shutil.disk_usage(there).free
    if free < low_space:
        return False, f"{data} has {_size(free)} free; make room, or set data to a directory on another disk"
    if there != data:
        return True, f"{data} will be made; {_size(free)} free"
    status = data.stat()
    mode = stat.S_IMODE(status.st_mode)
    open_to_others = f"; others may look in: `chmod 700 {data}`" if mode & 0o077 else ""
    return (
        True,
        f"{data} (mode {mode:04o}, owner {user_name(status.st_uid)}), {_size(free)} free{open_to_others}",
    )


def _socket(path: Path) -> tuple[bool, str]:
    try:
        check_socket_path(path)
    except SocketPathTooLong as error:
        return False, str(error)
    there = _nearest(path.parent)
    if path.exists() and not path.is_socket():
        return False, f"{path} is not a socket; move it away, or set socket to another path"
    if answers(path):
        return True, f"{path}, where a daemon answers" + _for_clients(path)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return False, f"{there} can't be written; {_run_as_its_owner(there)}, or set socket to another path"
    return True, f"{path}, where no daemon answers yet" + _for_clients(path)


def _access(config: Config) -> tuple[bool, str]:
    """Tell who else may use the daemon, and whether they get as far as its socket."""
    group, access = config.socket_group, config.access
    try:
        numbers = asyncio.run(known_groups({*access.named, *([group] if group else [])}))
    except TimeoutError as error:
        return False, f"groups can't be looked up: {error}; write their numbers to do without"
    if unknown := sorted(name for name, number in numbers.items() if number is None):
        return False, f"there is no group {', '.join(unknown)}; mend socket_group or [access]"
    if not access.named:
        if group:
            return (
                False,
                f"socket_group is {group}, and [access] gives nobody a role: its members are turned away",
            )
        return True, "the daemon's own user and root, nobody else"
    return _connecting(config, numbers[group] if group else None)


def _connecting(config: Config, gid: int | None) -> tuple[bool, str]:
    """Tell whether those who have roles get as far as the socket."""
    group = config.socket_group
    roles = f"roles for members of {', '.join(sorted(config.access.named))}"
    if gid is None:
        return (
            True,
            f"{roles}, who can connect only where systemd hands the socket over: socket_group is unset",
        )
    if closed := next((path for path in config.socket.parents if _is_closed_to(path, gid)), None):
        return (
            False,
            f"members of {group} can't enter {closed}; open it to them, or set socket to another path",
        )
    return True, f"{roles}, of whom those of {group} can connect"


def _is_closed_to(directory: Path, gid: int) -> bool:
    if not directory.exists():
        return False
    status = directory.stat()
    return not (status.st_mode & 0o001 or (status.st_gid == gid and status.st_mode & 0o010))


def _output(config: Config) -> tuple[bool, str]:
    """Tell whether output can be cut. Where it can't a daemon runs as well, and warns."""
    can = can_punch(_nearest(config.data))
    return True, f"at most {config.output_limit:,} bytes an attempt" if can else CANNOT_CUT


def _for_clients(path: Path) -> str:
    """Say where clients look, if that is elsewhere: they do not read the daemon's configuration."""
    looked_for = socket_path(os.environ).absolute()
    return "" if looked_for == path else f"; clients need STOKER_SOCKET={path}, else they try {looked_for}"


def _spark(configured: Path | None) -> Iterator[Finding]:
    try:
        spark = find_spark(configured, os.environ)
    except CannotLaunch as error:
        yield False, "spark", str(error)
        return
    except OSError as error:
        yield False, "spark", f"{error.filename} can't be read: {error.strerror}"
        return
    settings = f"{len(spark.defaults)} properties" if spark.defaults else "none"
    yield True, "spark", f"{spark.version} at {spark.path} ({spark.by}); spark-defaults.conf: {settings}"
    try:
        java = find_java(spark, os.environ)
    except CannotLaunch as error:
        yield False, "java", str(error)
    else:
        yield True, "java", f"{java.version} at {java.binary}, which suits Spark {spark.major}"
    yield _python(spark, os.environ)


def _python(spark: SparkHome, environment: Mapping[str, str]) -> Finding:
    """Tell which Python runs PySpark jobs: Spark itself takes python3 where nobody says."""
    chosen = spark.python or environment.get("PYSPARK_PYTHON") or "python3"
    by = "pyspark's own" if spark.python else "PYSPARK_PYTHON" if chosen != "python3" else "on PATH"
    binary = shutil.which(chosen)
    if binary is None:
        return False, "python", f"there is no {chosen} ({by}); PySpark jobs need one: set PYSPARK_PYTHON"
    try:
        told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, "python", f"{binary} does not run ({error}); set PYSPARK_PYTHON to one that does"
    return True, "python", f"{told.stdout.strip().removeprefix('Python ')} at {binary} ({by})"


def _log(directory: Path) -> tuple[bool, str]:
    if not directory.exists():
        return True, "none yet"
    os.scandir(directory).close()  # a directory that can't be read is not one without segments
    kept = segments.paths(directory)
    size = sum(path.stat().st_size for path in kept)
    return True, f"{len(kept)} segments, {size:,} bytes (--verify-log reads them)"


def _verified(directory: Path) -> tuple[bool, str]:
    try:
        loaded = segments.load(directory)
        records = sum(record is not None for record, _ in segments.replay(directory, whole=loaded))
    except LogError as error:
        return False, str(error)
    found = (
        f"whole: {records:,} records in {len(segments.paths(directory))} segments, to seq {loaded.state.seq}"
    )
    for tail in loaded.torn:
        found += (
            f"; a torn end at byte {tail.offset} of {tail.path.name} will be cut, after a copy, at the start"
        )
    return True, found


def _history(database: Path) -> tuple[bool, str]:
    if not database.exists():
        return True, "no stoker.db yet; it is made from the run log"
    return True, f"{database.name}, {database.stat().st_size:,} bytes"


def _secrets(path: Path) -> tuple[bool, str]:
    try:
        count = len(Secrets(path))
    except SecretsError as error:
        return False, str(error)
    return True, f"{count} values in {path}" if path.exists() else "none yet"


def _nearest(path: Path) -> Path:
    """Give what is there of a path: itself, or the directory it would be made in."""
    return next(one for one in (path, *path.parents) if one.exists())


def _run_as_its_owner(path: str | Path) -> str:
    try:
        return f"run as its owner {user_name(Path(path).stat().st_uid)}"
    except OSError:
        return "run as its owner"


def _size(count: int) -> str:
    return f"{count / 1024**3:,.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:,.0f} MiB"
