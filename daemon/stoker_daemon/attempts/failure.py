"""The failure card: why an attempt failed, from how it ended and what it wrote. Pure."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence

import msgspec

from stoker_daemon.attempts.traces import Chain, Raised, chains
from stoker_shared.api import FailureView, RaisedView, Stream
from stoker_shared.events import Reason
from stoker_shared.model import JobType
from stoker_shared.secrecy import MASK
from stoker_shared.state import Attempt, NodeRun
from stoker_shared.text import clean_line, fit

LAST_LINES = 10
"""How many of the last lines are shown."""

_LONGEST = 400
"""Cells of a line or message that are shown."""

_STATUSES = {
    126: "the command is there and can't be executed",
    127: "a command was not found",
}
_SIGNALS = {
    signal.SIGKILL: "by the system where memory ran out, or by somebody",
    signal.SIGTERM: "by somebody who asked it to end",
    signal.SIGSEGV: "it used memory that is not its own",
    signal.SIGABRT: "it gave up by itself",
}
_REASONS = {
    Reason.STOP: "stopped",
    Reason.TIMEOUT: "took longer than its timeout",
    Reason.RUN_TIMEOUT: "the run took longer than its timeout",
    Reason.FAIL_FAST: "stopped, since another node failed",
    Reason.LOST: "lost: it began, nothing of it is alive, and how it ended can't be known",
    Reason.NEVER_BEGAN: "it never began",
    Reason.REFUSED: "it could not be launched",
}


def failed_attempt(node: NodeRun) -> Attempt | None:
    """Give the newest attempt of a node that has ended otherwise than well."""
    failed = (attempt for attempt in reversed(node.attempts) if attempt.ended_at and not _went_well(attempt))
    return next(failed, None)


def outcome(node: NodeRun, attempt: Attempt | None) -> str:
    """Give in words how a node or its attempt came to its end."""
    ended = attempt or node
    if ended.detail:
        return clean_line(ended.detail)
    if attempt and attempt.reason in (None, Reason.EXIT) and attempt.exit_status is not None:
        return exit_in_words(attempt.exit_status)
    return _REASONS.get(ended.reason, ended.reason.value) if ended.reason else "unknown"


def exit_in_words(status: int) -> str:
    """Give an exit status in words; above 128 it is the shell's way to tell of a signal."""
    if known := _STATUSES.get(status):
        return f"exit status {status}: {known}"
    try:
        number = signal.Signals(status - 128)
    except ValueError:
        return f"exit status {status}"
    why = _SIGNALS.get(number)
    return f"killed by {number.name} (exit status {status}){f': {why}' if why else ''}"


def streams_of(kind: JobType) -> tuple[Stream, Stream]:
    """Give the streams of a job in the order in which they are looked at for why it failed.

    spark-submit passes on all that a Python driver writes on its own stdout, tracebacks too.
    """
    first, second = Stream.STDERR, Stream.STDOUT
    return (second, first) if kind in (JobType.PYSPARK, JobType.NOTEBOOK) else (first, second)


def hide(data: bytes, secrets: Sequence[str]) -> bytes:
    """Give what a job wrote without the secrets that it wrote."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        data = data.replace(secret.encode(), MASK.encode())
    return data


def card(
    node: NodeRun,
    attempt: Attempt | None,
    written: Sequence[tuple[Stream, bytes]],
    directory: str,
    environment: Sequence[str],
) -> FailureView:
    """Give the card of a failed node: ``written`` is what its streams begin and end with, as `streams_of`
    orders them, ``directory`` where it worked, ``environment`` the names of what it was given there."""
    view = FailureView(node=node.name, outcome=outcome(node, attempt))
    if attempt is None:
        return view
    texts = [(stream, data.decode(errors="replace")) for stream, data in written]
    found = [(stream, several) for stream, text in texts if (several := chains(text))]
    if found:
        view.stream, several = found[0]
        _add_exceptions(view, several[-1], first=several[0])
    else:
        view.stream = next((stream for stream, text in texts if text.strip()), Stream.STDERR)
    view.last_lines = _last_lines(dict(texts).get(view.stream, ""))
    view.attempt, view.exit_status = attempt.number, attempt.exit_status
    view.command = " ".join(map(_for_shell, attempt.command))
    view.directory, view.environment = directory, list(environment)
    return view


def _went_well(attempt: Attempt) -> bool:
    return attempt.exit_status == 0 and attempt.reason in (None, Reason.EXIT)


def _add_exceptions(view: FailureView, last: Chain, first: Chain) -> None:
    view.cause = _shown(last.cause)
    if last.ended != last.cause:
        view.ended = _shown(last.ended)
    if first.cause != last.cause:
        view.first = _shown(first.cause)


def _shown(raised: Raised) -> RaisedView:
    return RaisedView(*(fit(clean_line(text), _LONGEST) for text in msgspec.structs.astuple(raised)))


def _for_shell(argument: str) -> str:
    """Quote an argument; what is not printable is spelled as bash and others have it in ``$'...'``."""
    if argument.isprintable():
        return shlex.quote(argument)
    spelled = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}"
        for byte in argument.encode(errors="surrogateescape")
    )
    return f"$'{spelled}'"


def _last_lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\0", "").split("\n")]
    return [fit(clean_line(line[: 4 * _LONGEST]), _LONGEST) for line in lines if line][-LAST_LINES:]
