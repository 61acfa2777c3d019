"""Postfix's smtp-sink fails in every way it can, at every stage: what the shell shows, and what arrives.

SMTP client ──▶ program ──▶ one smtp-sink for each row of the table, each behind a connector of its own
                        ──▶ home: the reports

First every sink fails. Then good ones take their places and all queues are retried: nothing is lost, and only
what the failing sink had taken without a good answer to the final dot is double.
"""

import contextlib
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
from dataclasses import dataclass

import pytest

from tests.flows.conftest import ems, ems_rows
from tests.support.program import Program
from tests.support.receiving_server import ReceivingServer
from tests.support.smtp_sink import SmtpSink
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
LAST_LINE = b"the last line"
MESSAGE = b"From: anna@contoso.test\r\nSubject: %s\r\n\r\n%s\r\n" + LAST_LINE + b"\r\n"
DELIVERED, FAILED = "delivered", "failed"
MESSAGE_WAITS = "message waits"
"""The message has its own time; the queue is open for others: what broke may be about this message alone."""
QUEUE_WAITS = "queue in Retry"
"""The next hop cannot be used; the whole queue waits."""

SOFT, HARD = "450 4.3.0 Error: command failed", "500 5.3.0 Error: command failed"
DROPPED, CLOSING = "421 4.4.2 Connection dropped", "421 4.0.0 Server closing connection"
TIMED_OUT = "421 4.4.2 Timed out"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One failing sink."""

    options: tuple[str, ...]
    outcome: str
    error: str = ""
    """How LastError, or the status in the report, begins."""
    doubt: bool = False
    """The final dot was sent and not answered: the attempt says so."""
    copies: int = 1
    """In the end, the one in the failing sink counted in."""
    bytes_of_body: int = 10
    content: bytes = b"plain"


def hang(stage, outcome, **fields):
    """A sink that waits goes on reading: commands that were pipelined would be answered out of turn."""
    return Row(options=("-p", "-W", f"{stage}:30"), outcome=outcome, error=TIMED_OUT, **fields)


def at(option, stage, outcome, error="", **fields):
    return Row(options=(option, stage), outcome=outcome, error=error, **fields)


TABLE = {
    "4xx at CONNECT": at("-r", "CONNECT", QUEUE_WAITS, SOFT),
    "4xx at EHLO": at("-r", "EHLO", QUEUE_WAITS, SOFT),
    "4xx at MAIL": at("-r", "MAIL", MESSAGE_WAITS, SOFT),
    "4xx at RCPT": at("-r", "RCPT", MESSAGE_WAITS, SOFT),
    "4xx at DATA": at("-r", "DATA", MESSAGE_WAITS, SOFT),
    "4xx at dot": at("-r", ".", MESSAGE_WAITS, SOFT, copies=2),
    "4xx at QUIT": at("-r", "QUIT", DELIVERED),
    "5xx at CONNECT": at("-f", "CONNECT", QUEUE_WAITS, HARD),
    "5xx at EHLO": at("-f", "EHLO", DELIVERED),
    "5xx at EHLO and HELO": at("-f", "EHLO,HELO", QUEUE_WAITS, HARD),
    "5xx at MAIL": at("-f", "MAIL", FAILED, HARD, copies=0),
    "5xx at RCPT": at("-f", "RCPT", FAILED, HARD, copies=0),
    "5xx at DATA": at("-f", "DATA", FAILED, HARD, copies=0),
    "5xx at dot": at("-f", ".", FAILED, HARD),
    "5xx at QUIT": at("-f", "QUIT", DELIVERED),
    "drop at CONNECT": at("-q", "CONNECT", QUEUE_WAITS, DROPPED),
    "drop at EHLO": at("-q", "EHLO", QUEUE_WAITS, DROPPED),
    "drop at MAIL": at("-q", "MAIL", QUEUE_WAITS, DROPPED),
    "drop at RCPT": at("-q", "RCPT", MESSAGE_WAITS, DROPPED),
    "drop at DATA": at("-q", "DATA", MESSAGE_WAITS, DROPPED),
    "drop at dot": at("-q", ".", MESSAGE_WAITS, DROPPED, doubt=True, copies=2),
    "drop at QUIT": at("-q", "QUIT", DELIVERED),
    "421 at CONNECT": at("-Q", "CONNECT", QUEUE_WAITS, CLOSING),
    "421 at EHLO": at("-Q", "EHLO", QUEUE_WAITS, CLOSING),
    "421 at MAIL": at("-Q", "MAIL", QUEUE_WAITS, CLOSING),
    "421 at RCPT": at("-Q", "RCPT", MESSAGE_WAITS, CLOSING),
    "421 at DATA": at("-Q", "DATA", MESSAGE_WAITS, CLOSING),
    "421 at dot": at("-Q", ".", MESSAGE_WAITS, CLOSING, copies=2),
    "421 at QUIT": at("-Q", "QUIT", DELIVERED),
    "hang at CONNECT": hang("CONNECT", QUEUE_WAITS),
    "hang at EHLO": hang("EHLO", QUEUE_WAITS),
    "hang at MAIL": hang("MAIL", QUEUE_WAITS),
    "hang at RCPT": hang("RCPT", MESSAGE_WAITS),
    "hang at DATA": hang("DATA", MESSAGE_WAITS),
    "hang at dot": hang(".", MESSAGE_WAITS, doubt=True, copies=2),
    "hang at QUIT": Row(options=("-p", "-W", "QUIT:30"), outcome=DELIVERED),
    "late answer to the dot": at("-W", ".:1", DELIVERED),
    "late first read": at("-H", "1", DELIVERED, bytes_of_body=300_000),
    "tiny window": at("-T", "100", DELIVERED, bytes_of_body=20_000),
    "550 in the content": at("-A", "0", FAILED, "550", copies=0),
    "no ESMTP": Row(options=("-e",), outcome=DELIVERED),
    "no PIPELINING": Row(options=("-p",), outcome=DELIVERED),
    "no ENHANCEDSTATUSCODES": Row(options=("-E",), outcome=DELIVERED),
    "no DSN": Row(options=("-N",), outcome=DELIVERED),
    "a PIX banner": Row(options=("-P",), outcome=DELIVERED),
    "8-bit without 8BITMIME": Row(
        options=("-8",), outcome=FAILED, error="554 5.6.3", copies=0, content="Grüße".encode()
    ),
    "7-bit without 8BITMIME": Row(options=("-8",), outcome=DELIVERED),
}
NAMES = list(TABLE)


def domain_of(name):
    return f"row{NAMES.index(name)}.test"


@dataclass(frozen=True)
class Seen:
    """What the management shell shows."""

    queues: dict
    messages: dict
    tracked: list


class Story:
    """The program, the failing sinks and home, shared by all tests of this file."""

    def __init__(self, program, sinks, home):
        self.program, self.sinks, self.home = program, sinks, home
        self.copies = {}

    def tell(self):
        """Connectors, one message to each sink, and a look at what became of it."""
        for sink in self.sinks.values():
            sink.wait_listening()
        ems(self.program, "; ".join([self._connector("Home", "contoso.test", self.home.port), *self._rows()]))
        self._hand_in()
        wait_until(lambda: self._tried() == set(NAMES), what="every sink was tried", seconds=60)
        waiting = sum(row.outcome in {MESSAGE_WAITS, QUEUE_WAITS} for row in TABLE.values())
        wait_until(lambda: len(self._messages()) == waiting, what=f"{waiting} messages wait", seconds=60)
        failed = sum(row.outcome == FAILED for row in TABLE.values())
        wait_until(lambda: len(self.home.mails) == failed, what=f"{failed} reports came home", seconds=60)
        self.first = Seen(
            queues={one["NextHopConnector"]: one for one in ems_rows(self.program, "Get-Queue")},
            messages=self._messages(),
            tracked=self._tracked(),
        )

    def _connector(self, name, domain, port):
        return (
            f'New-SendConnector -Name "{name}" -AddressSpaces {domain} -DNSRoutingEnabled $false'
            f" -SmartHosts 127.0.0.1 -Port {port} -ConnectionInactivityTimeOut 00:00:03"
            " -BannerTimeOut 00:00:03 -EhloTimeOut 00:00:03"
        )

    def _rows(self):
        return [self._connector(name, domain_of(name), self.sinks[name].port) for name in NAMES]

    def _hand_in(self):
        with smtplib.SMTP(*self.program.smtp, timeout=60) as client:
            client.ehlo()
            for name, row in TABLE.items():
                body = row.content + b"\r\n" + b"x" * 70 + b"\r\n" * (row.bytes_of_body // 72)
                content = MESSAGE % (name.encode(), body)
                client.sendmail("anna@contoso.test", [f"bob@{domain_of(name)}"], content, ["BODY=8BITMIME"])

    def _messages(self):
        rows = ems_rows(self.program, 'Get-Message -ResultSize unlimited -Filter "Size -gt 0"')
        return {one["Subject"]: one for one in rows if one["Subject"] in TABLE and one["Status"] == "Retry"}

    def _tracked(self):
        return ems_rows(self.program, "Get-MessageTrackingLog -ResultSize unlimited")

    def _tried(self):
        ends = {"SEND", "DEFER", "FAIL"}
        return {one["MessageSubject"] for one in self._tracked() if one["EventId"] in ends} & set(NAMES)

    def mend(self):
        """Good sinks on the same ports, all queues retried; counts the copies of every message."""
        with contextlib.ExitStack() as stack:
            good = {}
            for name, sink in self.sinks.items():
                sink.stop()
                good[name] = stack.enter_context(SmtpSink(port=sink.port))
            for sink in good.values():
                sink.wait_listening()
            ems(self.program, "Get-Queue | Retry-Queue")
            wait_until(lambda: not self._messages(), what="everything that waited is gone", seconds=60)
            self.copies = {
                name: self.sinks[name].taken(LAST_LINE) + good[name].taken(LAST_LINE) for name in NAMES
            }


@pytest.fixture(scope="module")
def story():
    with contextlib.ExitStack() as stack:
        sinks = {name: stack.enter_context(SmtpSink(*row.options)) for name, row in TABLE.items()}
        home = stack.enter_context(ReceivingServer())
        told = Story(stack.enter_context(Program()), sinks, home)
        told.tell()
        yield told


@pytest.fixture(scope="module")
def mended(story):
    story.mend()
    return story


@pytest.mark.parametrize("name", NAMES)
def test_the_outcome_is_the_one_that_the_table_states(story, name):
    row, queue, message = TABLE[name], story.first.queues[name], story.first.messages.get(name)
    waits = row.outcome in {MESSAGE_WAITS, QUEUE_WAITS}
    reports = [mail.content for mail in story.home.mails if domain_of(name).encode() in mail.content]

    assert (message is not None) == waits
    assert (queue["Status"] == "Retry") == (row.outcome == QUEUE_WAITS)
    assert len(reports) == (row.outcome == FAILED)
    if waits:
        assert message["LastError"].startswith(row.error)
        assert message["RetryCount"] == 1
    if row.outcome == QUEUE_WAITS:
        assert queue["LastError"].startswith(row.error)
    if row.outcome == FAILED:
        assert row.error.encode() in reports[0].replace(b"\r\n ", b" ")


@pytest.mark.parametrize("name", NAMES)
def test_a_final_dot_without_an_answer_is_noted_on_the_attempt(story, name):
    events = [one for one in story.first.tracked if one["MessageSubject"] == name]
    doubted = [one for one in events if "InDoubt" in str(one["EventData"])]

    assert [one["EventId"] for one in doubted] == ["DEFER"] * TABLE[name].doubt


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_and_only_a_dot_without_a_good_answer_makes_a_second_copy(mended, name):
    assert mended.copies[name] == TABLE[name].copies
