"""What a letter says: of each run or backfill the facts, why it failed, and what to type. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from shlex import quote
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.notify.letters import Letter, threads
from stoker_shared.api import DEFAULT_WORKSPACE, FailureView
from stoker_shared.events import Lateness, Trigger
from stoker_shared.model import NodeState
from stoker_shared.state import About, GivenUp, Notice
from stoker_shared.text import clean_line, fit

MOST_SECTIONS = 20
"""Runs that a letter tells of in full; of more it has a line each, and of yet more their number."""

MOST_LINES = 100

_LONGEST_NAME, _LONGEST_SUBJECT = 60, 150

_BECAME = {
    NodeState.RUNNING: "runs",
    NodeState.RETRYING: "is retried",
    NodeState.SUCCEEDED: "succeeded",
    NodeState.FAILED: "failed",
    NodeState.STOPPED: "was stopped",
    NodeState.SKIPPED: "was skipped",
}
_NOT_DONE = {Lateness.START: "started", Lateness.END: "ended"}
_COUNTED = {
    About.RUN_FAILED: "failed",
    About.RUN_LATE: "late",
    About.RUN_RECOVERED: "recovered",
    About.NODE: "about nodes",
    About.BACKFILL_FAILED: "backfills failed",
    About.BACKFILL_PAUSED: "backfills paused",
}
_LOST = {
    About.RUN_FAILED: "that it failed",
    About.RUN_LATE: "that it was late",
    About.RUN_RECOVERED: "that it succeeded again",
    About.NODE: "what became of a node",
    About.BACKFILL_FAILED: "that it failed",
    About.BACKFILL_PAUSED: "that it paused",
}
_WEIGHT = (
    About.RUN_FAILED,
    About.BACKFILL_FAILED,
    About.BACKFILL_PAUSED,
    About.RUN_RECOVERED,
    About.RUN_LATE,
    About.NODE,
)
"""Of several things about one run, which one it is headed by."""


class Section(msgspec.Struct, frozen=True):
    """What is told of one run or backfill. ``commands`` are what to type, each with what it is for."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    cards: tuple[FailureView, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()


class Content(msgspec.Struct, frozen=True):
    """What a letter says. ``lines`` are what it says in short, ``more`` how many things not at all."""

    subject: str
    sections: tuple[Section, ...]
    lines: tuple[str, ...] = ()
    more: int = 0
    footer: str = ""


def content(letter: Letter, cards: Mapping[int, Sequence[FailureView]], host: str) -> Content:
    """Give what a letter says; ``cards`` are those of runs that failed, by their number."""
    about = threads(letter.notices)
    full, brief = about[:MOST_SECTIONS], about[MOST_SECTIONS:]
    why = "is subscribed to a node of it" if _is_of_nodes(letter) else "is to be notified"
    return Content(
        subject=f"[stoker] {_subject(letter, about)}",
        sections=tuple(_section(some, cards.get(some[0].run, ())) for some in full),
        lines=tuple(in_words(_main(some)) for some in brief[:MOST_LINES]),
        more=max(len(brief) - MOST_LINES, 0),
        footer=f"Sent by Stoker on {clean_line(host)} to {clean_line(letter.to)}, who {why}.",
    )


def in_words(notice: Notice) -> str:
    """Say in a line what happened."""
    name, run = _name(notice.name), f"run #{notice.run}"
    match notice.about:
        case About.RUN_FAILED:
            return f"{name}: {run} failed"
        case About.RUN_LATE:
            done = _NOT_DONE.get(notice.late or Lateness.END)
            return f"{name}: {run} has not {done} by {_moment(notice.due, notice.time_zone)}"
        case About.RUN_RECOVERED:
            before = "it" if notice.after == notice.run else f"#{notice.after}"
            return f"{name}: succeeds again, {run} after {before} had failed"
        case About.NODE:
            became = _BECAME.get(notice.state or NodeState.FAILED, str(notice.state))
            return f"{name}: node {_name(notice.node)} of {run} {became}"
        case About.BACKFILL_FAILED:
            return f"{name}: backfill B{notice.backfill} failed"
        case About.BACKFILL_PAUSED:
            why = fit(clean_line(notice.detail), _LONGEST_SUBJECT)
            return f"{name}: backfill B{notice.backfill} paused, {why}"


def lost_in_words(lost: GivenUp) -> str:
    """Say in a line what somebody was not told."""
    what = f"backfill B{lost.backfill}" if lost.backfill else f"run #{lost.run}"
    return f"{_name(lost.name)}: {what}, {_LOST[lost.about]}"


def _subject(letter: Letter, about: Sequence[Sequence[Notice]]) -> str:
    if len(about) == 1:
        return fit(in_words(_main(about[0])), _LONGEST_SUBJECT)
    counts = Counter(_main(some).about for some in about)
    told = ", ".join(f"{counts[kind]} {words}" for kind, words in _COUNTED.items() if counts[kind])
    names = list(dict.fromkeys(_name(notice.name) for notice in letter.notices))
    others = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return fit(f"{told}: {', '.join(names[:3])}{others}", _LONGEST_SUBJECT)


def _section(notices: Sequence[Notice], cards: Sequence[FailureView]) -> Section:
    main = _main(notices)
    others = [("besides", in_words(notice)) for notice in notices if notice is not main]
    if main.backfill:
        return Section(in_words(main), (*_facts_of_backfill(main), *others), (), _on_backfill(main))
    cards = () if main.about is About.RUN_RECOVERED else cards
    return Section(in_words(main), (*_facts_of_run(main), *others), tuple(cards), _on_run(main, cards))


def _facts_of_run(notice: Notice) -> list[tuple[str, str]]:
    by = "its schedule" if notice.trigger is Trigger.SCHEDULE else clean_line(notice.by)
    facts = [
        *_common(notice),
        ("run", f"#{notice.run}, by {by}"),
        ("cycle", _moment(notice.cycle, notice.time_zone)),
    ]
    if notice.reason and notice.about is About.RUN_FAILED:
        facts.append(("reason", notice.reason.value.replace("_", " ")))
    return [*facts, ("at", _moment(notice.at, notice.time_zone))]


def _facts_of_backfill(notice: Notice) -> list[tuple[str, str]]:
    facts = [*_common(notice), ("backfill", f"B{notice.backfill}, by {clean_line(notice.by)}")]
    if notice.counts:
        succeeded, failed, total = notice.counts
        facts.append(("runs", f"{succeeded:,} succeeded, {failed:,} failed, of {total:,} intervals"))
    return [*facts, ("at", _moment(notice.at, notice.time_zone))]


def _common(notice: Notice) -> list[tuple[str, str]]:
    version = f", version {notice.version}" if notice.version else ""
    facts = [("workflow", f"{clean_line(notice.name)}{version}")]
    if notice.workspace != DEFAULT_WORKSPACE:
        facts.append(("workspace", clean_line(notice.workspace)))
    if notice.about is About.NODE:
        facts.append(("node", clean_line(notice.node)))
    if notice.detail:
        facts.append(("detail", clean_line(notice.detail)))
    return facts


def _on_run(notice: Notice, cards: Sequence[FailureView]) -> tuple[tuple[str, str], ...]:
    commands = [("look", f"stoker show {notice.run}")]
    for card in cards:
        if card.attempt is not None:
            node = quote(clean_line(card.node))
            read = f"stoker logs {notice.run} {node} --stream {card.stream.value} --attempt {card.attempt}"
            commands.append(("read", read))
    if notice.about is About.RUN_FAILED:
        commands.append(("again", f"stoker rerun {notice.run} --failed"))
    return tuple(commands)


def _on_backfill(notice: Notice) -> tuple[tuple[str, str], ...]:
    number = f"B{notice.backfill}"
    paused = notice.about is About.BACKFILL_PAUSED
    then = (
        ("go on", f"stoker backfill resume {number}")
        if paused
        else ("again", f"stoker backfill retry {number}")
    )
    return ("look", f"stoker backfill show {number}"), ("runs", f"stoker runs --backfill {number}"), then


def _main(notices: Sequence[Notice]) -> Notice:
    """Give the weightiest, of several of that kind the last."""
    return min(reversed(notices), key=lambda notice: _WEIGHT.index(notice.about))


def _is_of_nodes(letter: Letter) -> bool:
    return all(notice.about is About.NODE for notice in letter.notices)


def _name(text: str) -> str:
    return fit(clean_line(text), _LONGEST_NAME)


def _moment(at: datetime | None, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%F %T} {zone}" if at else "-"
