"""`stokerd check`: what the daemon would find, and whether its run log is whole. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from stoker_daemon.config import Config
from stoker_daemon.launchers import CannotLaunch, find_java, find_spark
from stoker_daemon.runlog import segments
from stoker_daemon.runlog.segments import LogError
from stoker_daemon.volumes import NetworkFileSystem, check_local
from stoker_shared.paths import SocketPathTooLong, check_socket_path

Finding = tuple[bool, str, str]
"""Whether it is well, what was looked at, and what was found."""


def findings(config: Config, *, verify_log: bool) -> Iterator[Finding]:
    """Look at everything in turn."""
    yield _directory(config.data)
    yield _socket(config.socket)
    yield from _spark(config.spark_home)
    yield _verified(config.data / "runlog") if verify_log else _log(config.data / "runlog")


def _directory(data: Path) -> Finding:
    nearest = next(path for path in (data, *data.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        return False, "data", f"{data} can't be written"
    try:
        check_local(data)
    except NetworkFileSystem as error:
        return False, "data", str(error)
    return True, "data", f"{data}" + ("" if data.exists() else " (will be made)")


def _socket(path: Path) -> Finding:
    try:
        check_socket_path(path)
    except SocketPathTooLong as error:
        return False, "socket", str(error)
    return True, "socket", str(path)


def _spark(configured: Path | None) -> Iterator[Finding]:
    try:
        spark = find_spark(configured, os.environ)
    except CannotLaunch as error:
        yield False, "spark", str(error)
        return
    yield True, "spark", f"{spark.version} at {spark.path}"
    try:
        java = find_java(spark, os.environ)
    except CannotLaunch as error:
        yield False, "java", str(error)
        return
    yield True, "java", f"{java.version} at {java.binary}"


def _log(directory: Path) -> Finding:
    kept = segments.paths(directory)
    size = sum(path.stat().st_size for path in kept)
    return True, "run log", f"{len(kept)} segments, {size:,} bytes (--verify-log reads them)"


def _verified(directory: Path) -> Finding:
    try:
        loaded = segments.load(directory)
        records = sum(record is not None for record, _ in segments.replay(directory, whole=loaded))
    except LogError as error:
        return False, "run log", str(error)
    found = (
        f"whole: {records:,} records in {len(segments.paths(directory))} segments, to seq {loaded.state.seq}"
    )
    for tail in loaded.torn:
        found += (
            f"; a torn end at byte {tail.offset} of {tail.path.name} will be cut, after a copy, at the start"
        )
    return True, "run log", found
