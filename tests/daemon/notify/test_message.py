from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.notify.letters import Letter
from stoker_daemon.notify.message import message, trial
from stoker_daemon.notify.wording import MOST_LINES, MOST_SECTIONS, content
from stoker_shared import events as ev
from stoker_shared.api import FailureView, RaisedView
from stoker_shared.model import NodeState
from stoker_shared.state import About, Notice
from tests.daemon.notify.test_letters import LEAD, ONCALL, notice
from tests.strategies import T0, texts

HEADERS = [
    "Subject",
    "From",
    "To",
    "Date",
    "Message-ID",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]
FACTS: dict[str, Any] = {
    "version": 3,
    "trigger": ev.Trigger.SCHEDULE,
    "by": "stoker",
    "cycle": T0 - timedelta(days=1),
    "time_zone": "Europe/Berlin",
}
CARD = FailureView(
    "report",
    "exit status 3",
    attempt=2,
    exit_status=3,
    cause=RaisedView("ValueError", "no rows for 2026-11-21", "etl/report.py:12"),
    last_lines=["reading", "ValueError: no rows for 2026-11-21"],
)


def mail(
    *notices: Notice, cards: dict[int, list[FailureView]] | None = None, to: str = ONCALL
) -> EmailMessage:
    """The mail, as whoever gets it reads it."""
    letter = Letter(to, notices)
    said = content(letter, cards or {}, "edge1")
    made = message(letter, said, sender="stoker@example.com", host="edge1", log="a" * 32, now=T0)
    return received(made)


def received(made: EmailMessage) -> EmailMessage:
    data = made.as_bytes(policy=email.policy.SMTP)
    assert max(map(len, data.split(b"\r\n"))) <= 998
    read = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(read: EmailMessage, kind: str) -> str:
    body = read.get_body((kind,))
    assert body
    return body.get_content().replace("\r\n", "\n")


def text(*notices: Notice, **options: Any) -> str:
    return part(mail(*notices, **options), "plain")


class TestAFailure:
    def test_is_told_with_all_that_is_needed_to_look_into_it(self):
        read = mail(notice(12, **FACTS), cards={12: [CARD]})

        assert read["Subject"] == "[stoker] daily: run #12 failed"
        assert part(read, "plain") == FAILED

    def test_is_told_in_html_alike(self):
        html = part(mail(notice(12, **FACTS), cards={12: [CARD]}), "html")

        for told in ("run #12 failed", "ValueError: no rows", "stoker logs 12 report", "2026-11-21 02:00:00"):
            assert told in html

    def test_says_once_what_is_told_of_a_node_of_it_too(self):
        node = notice(1, run=12, about=About.NODE, node="report", state=NodeState.FAILED, **FACTS)

        read = mail(node, notice(2, run=12, **FACTS))

        assert read["Subject"] == "[stoker] daily: run #12 failed"
        assert "besides   daily: node report of run #12 failed" in part(read, "plain")


FAILED = """\
daily: run #12 failed

  workflow  daily, version 3
  run       #12, by its schedule
  cycle     2026-11-21 02:00:00 Europe/Berlin
  at        2026-11-22 02:00:00 Europe/Berlin

  report: exit status 3
    ValueError: no rows for 2026-11-21
      at etl/report.py:12
    last lines of stderr:
      reading
      ValueError: no rows for 2026-11-21

  look      stoker show 12
  read      stoker logs 12 report --stream stderr --attempt 2
  again     stoker rerun 12 --failed

--\x20
Sent by Stoker on edge1 to oncall@example.com, who is to be notified.
"""


def test_lateness_is_told_with_what_is_late_and_since_when():
    late = notice(1, about=About.RUN_LATE, late=ev.Lateness.START, due=T0, **FACTS)

    subject = mail(late)["Subject"].strip()
    assert subject == "[stoker] daily: run #1 has not started by 2026-11-22 02:00:00 Europe/Berlin"


def test_a_recovery_stands_with_the_failure_that_it_is_after():
    failed = mail(notice(1, run=12, **FACTS))
    again = mail(notice(2, run=13, about=About.RUN_RECOVERED, after=12, **FACTS))

    assert again["Subject"] == "[stoker] daily: succeeds again, run #13 after #12 had failed"
    assert failed["References"] in again["References"].split()


def test_a_paused_backfill_is_told_with_why_and_how_to_go_on():
    paused = notice(
        1,
        run=0,
        about=About.BACKFILL_PAUSED,
        backfill=3,
        detail="2 runs failed",
        counts=(5, 2, 30),
        by="alice",
    )

    said = text(paused)

    assert "daily: backfill B3 paused, 2 runs failed" in said
    assert "5 succeeded, 2 failed, of 30 intervals" in said
    assert "stoker backfill resume B3" in said


class TestADigest:
    def test_counts_and_lists_what_it_tells(self):
        late = notice(4, about=About.RUN_LATE, late=ev.Lateness.END, due=T0, **FACTS)
        read = mail(notice(1, **FACTS), notice(2, **FACTS), notice(3, **FACTS), late)

        assert read["Subject"] == "[stoker] 3 failed, 1 late: daily"
        assert [f"run #{number} " in part(read, "plain") for number in range(1, 5)] == [True] * 4
        assert "References" not in read

    def test_of_very_many_has_an_end(self):
        count = MOST_SECTIONS + MOST_LINES + 1234

        said = text(*(notice(number, **FACTS) for number in range(1, count + 1)))

        assert "- and 1,234 more" in said
        assert said.count("stoker show") == MOST_SECTIONS


class TestTheHeaders:
    def test_get_no_company_from_a_name_that_decodes_to_a_header(self):
        name = "=?utf-8?q?=0d=0aBcc:_victim@example.com=0d=0a?="

        read = mail(msgspec.structs.replace(notice(1, **FACTS), name=name))

        assert "Bcc" not in read
        assert "Bcc:_victim@example.com" in read["Subject"]

    def test_say_that_no_person_wrote_it(self):
        assert mail(notice(1))["Auto-Submitted"] == "auto-generated"

    def test_have_the_same_id_whenever_the_same_is_told_to_the_same_and_another_else(self):
        one, other = notice(1, **FACTS), notice(2, **FACTS)
        first = mail(one)["Message-ID"]

        assert mail(one, cards={1: [CARD]})["Message-ID"] == first
        others = [mail(other), mail(one, other), mail(one, to=LEAD)]
        assert len({first, *(read["Message-ID"] for read in others)}) == 4

    def test_bring_the_mails_of_a_run_together(self):
        late = mail(notice(1, run=7, about=About.RUN_LATE, late=ev.Lateness.START, due=T0, **FACTS))
        failed, other = mail(notice(2, run=7, **FACTS)), mail(notice(3, run=8, **FACTS))

        assert late["References"] == failed["References"] != other["References"]

    def test_of_an_address_in_other_than_ascii_are_as_such_mail_has_them(self):
        letter = Letter("jürgen@exämple.com", (notice(1, **FACTS),))
        said = content(letter, {}, "edge1")

        made = message(letter, said, sender="stökér@exämple.com", host="edge1", log="a", now=T0)

        data = made.as_bytes(policy=email.policy.SMTPUTF8).decode()
        assert "To: jürgen@exämple.com\r\n" in data
        assert "From: stökér@exämple.com\r\n" in data


hostile = st.one_of(
    texts,
    st.text(max_size=40),
    st.sampled_from(
        [
            "a\r\nBcc: x@y",
            "\r\n\r\n<script>",
            "x\nSubject: y",
            "=?utf-8?q?=0d=0aBcc:_x?=",
            "\x1b]0;x\x07",
            "\ud800",
            "é" * 400,
        ]
    ),
)
hostile_notices = st.lists(
    st.builds(
        notice,
        st.integers(1, 9),
        about=st.sampled_from(About),
        run=st.integers(1, 3),
        node=hostile,
        detail=hostile,
        by=hostile,
        state=st.none() | st.sampled_from(NodeState),
        reason=st.none() | st.sampled_from(ev.Reason),
        late=st.none() | st.sampled_from(ev.Lateness),
        due=st.none() | st.just(T0),
        backfill=st.integers(0, 2),
    ),
    min_size=1,
    max_size=6,
)


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        assert {name for name, _ in attrs} <= {"style"}


@settings(max_examples=40)
@given(hostile_notices, hostile, hostile, hostile)
def test_nothing_foreign_adds_a_header_or_an_element_or_commands_a_terminal(
    notices: list[Notice], name: str, line: str, host: str
):
    told = [msgspec.structs.replace(one, name=name, workspace=name) for one in notices]
    card = FailureView(name, line, 1, 1, RaisedView(line, line, name), last_lines=[line, name])
    letter = Letter(ONCALL, tuple(told))
    said = content(letter, {number: [card] for number in range(1, 4)}, host)

    read = received(message(letter, said, sender="stoker@example.com", host=host, log="a" * 32, now=T0))

    assert set(read.keys()) <= set(HEADERS)
    assert len(read.keys()) == len(set(read.keys()))
    assert read["To"] == ONCALL
    assert len(read["Subject"]) <= 170
    body, html = part(read, "plain"), part(read, "html")
    assert not {character for character in body + html if ord(character) < 0x20} - {"\n"}
    known = {"html", "body", "h3", "table", "tr", "td", "span", "code", "p", "b", "pre", "ul", "li"}
    assert Tags(html).found <= known


def test_a_trial_says_from_where_and_by_whom_it_comes():
    read = received(trial(ONCALL, sender="stoker@example.com", host="edge1", by="alice", now=T0))

    assert (read["Subject"], read["To"]) == ("[stoker] a test", ONCALL)
    assert "by        alice" in part(read, "plain")
