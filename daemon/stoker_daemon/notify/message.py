"""A letter as a mail: text and HTML, and headers that nothing foreign can add to. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from html import escape

from stoker_daemon.notify.letters import Letter, threads
from stoker_daemon.notify.wording import Content, Section
from stoker_shared.api import FailureView, RaisedView
from stoker_shared.text import clean_line

_CELL = "padding:0 1em 0 0;vertical-align:top"
_LOUD, _QUIET = "color:#b00020", "color:#666"


def message(
    letter: Letter, said: Content, *, sender: str, host: str, log: str, now: datetime
) -> EmailMessage:
    """Give the mail for a letter. ``log`` is the run log's id, ``host`` this host's name.

    Its id is that of what it tells, to whom: sent again, after a crash or for an answer that got lost, it has
    the same. Mails of one run refer to an id of that run, so that they stand together where they are read;
    that it succeeds again stands with the failure.
    """
    mail = EmailMessage()
    mail["Subject"] = _in_header(said.subject)
    mail["From"] = _from(sender, host)
    mail["To"] = letter.to
    mail["Date"] = format_datetime(now)
    domain = _domain(sender)
    what = sha256(f"{log} {letter.to} {letter.numbers}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{what}@{domain}>"
    about = threads(letter.notices)
    if len(about) == 1:
        first = about[0][0]
        roots = dict.fromkeys(
            [*(one.after for one in about[0] if one.after), first.run or f"B{first.backfill}"]
        )
        mail["References"] = " ".join(f"<{log}.{root}@{domain}>" for root in roots)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content("\n".join(_text(said)) + "\n")
    mail.add_alternative("\n".join(_html(said)) + "\n", subtype="html")
    return mail


def trial(to: str, *, sender: str, host: str, by: str, now: datetime) -> EmailMessage:
    """Give a mail that says that mails arrive."""
    said = Content(
        "[stoker] a test",
        (
            Section(
                "Notifications of Stoker arrive here.", (("host", clean_line(host)), ("by", clean_line(by)))
            ),
        ),
    )
    return message(Letter(to, ()), said, sender=sender, host=host, log=f"test at {now:%FT%T.%f}", now=now)


def _from(sender: str, host: str) -> Address | str:
    try:
        return Address(f"Stoker on {_in_header(host)}", addr_spec=sender)
    except ValueError:
        return sender  # a local part in other than ASCII, which `Address` knows nothing of


def _in_header(text: str) -> str:
    """Give a line without what a header takes for encoded text: it would be decoded, newlines and all."""
    return clean_line(text).replace("=?", "= ?")


def _domain(sender: str) -> str:
    domain = sender.rpartition("@")[2]
    return domain if domain.isascii() else "stoker.invalid"


def _text(said: Content) -> Iterator[str]:
    for section in said.sections:
        yield section.title
        yield ""
        yield from (f"  {name:<9} {value}" for name, value in section.facts)
        for card in section.cards:
            yield ""
            yield from _card(card)
        if section.commands:
            yield ""
            yield from (f"  {name:<9} {command}" for name, command in section.commands)
        yield ""
    yield from (f"- {line}" for line in said.lines)
    if said.more:
        yield f"- and {said.more:,} more"
    if said.footer:
        yield "-- "
        yield said.footer


def _card(card: FailureView) -> Iterator[str]:
    yield f"  {clean_line(card.node)}: {clean_line(card.outcome)}"
    yield from (f"    {line}" for line in _raised(card))
    if card.last_lines:
        yield f"    last lines of {card.stream.value}:"
        yield from (f"      {clean_line(line)}" for line in card.last_lines)


def _raised(card: FailureView) -> Iterator[str]:
    roles: tuple[tuple[str, RaisedView | None], ...] = (
        ("first: ", card.first),
        ("", card.cause),
        ("raised as ", card.ended),
    )
    for role, raised in roles:
        if raised:
            kind = f"{raised.kind}: " if raised.kind else ""
            yield clean_line(f"{role}{kind}{raised.message}")
            if raised.where:
                yield f"  at {clean_line(raised.where)}"


def _html(said: Content) -> Iterator[str]:
    yield '<!doctype html><html><body style="font-family:sans-serif">'
    for section in said.sections:
        yield f"<h3>{escape(section.title)}</h3>"
        yield from _table(section.facts)
        for card in section.cards:
            yield from _html_card(card)
        yield from _table(section.commands, "code")
    if said.lines:
        rows = [*said.lines, *([f"and {said.more:,} more"] if said.more else [])]
        yield f"<ul>{''.join(f'<li>{escape(row)}</li>' for row in rows)}</ul>"
    if said.footer:
        yield f'<p style="{_QUIET}">{escape(said.footer)}</p>'
    yield "</body></html>"


def _table(rows: tuple[tuple[str, str], ...], tag: str = "span") -> Iterator[str]:
    if rows:
        yield "<table>"
        for name, value in rows:
            cells = f'<td style="{_CELL};{_QUIET}">{escape(name)}</td>'
            yield f'<tr>{cells}<td style="{_CELL}"><{tag}>{escape(value)}</{tag}></td></tr>'
        yield "</table>"


def _html_card(card: FailureView) -> Iterator[str]:
    title = f"{clean_line(card.node)}: {clean_line(card.outcome)}"
    yield f'<p style="{_LOUD}"><b>{escape(title)}</b></p>'
    if raised := list(_raised(card)):
        yield f"<pre>{escape(chr(10).join(raised))}</pre>"
    if card.last_lines:
        lines = "\n".join(map(clean_line, card.last_lines))
        yield f'<p style="{_QUIET}">last lines of {card.stream.value}:</p><pre>{escape(lines)}</pre>'
