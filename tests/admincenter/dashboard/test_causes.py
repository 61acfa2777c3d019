"""Many queues, few causes: which errors are the same, and what is said about each."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admincenter.dashboard.causes import PATTERN_LIMIT, Ailment, Trouble, group, pattern
from admincenter.dashboard.remedies import remedy
from admincenter.filtering.wildcards import matches

NINE = datetime(2026, 11, 27, 9, 14, tzinfo=UTC)


def trouble(error="421 4.4.1 Connection refused", **fields):
    usual = {"ailment": Ailment.ERROR, "host": "mx.example 192.0.2.1:25", "message_count": 1, "since": NINE}
    return Trouble(error=error, **{**usual, **fields})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("421 4.4.1 Connection refused", "421 4.4.1 Connection refused"),
        ("Connection refused", "Connection refused"),
        ("", ""),
        ("451", "451"),
        ("450 4.2.0 <bob@a.example>: Recipient refused: Greylisted, see http://postgrey.example/help/a.html",
         "450 4.2.0 *: Recipient refused: Greylisted, see *"),
        ("421 4.7.0 [192.0.2.1 15] Our system has detected an unusual rate",
         "421 4.7.0 * Our system has detected an unusual rate"),
        ("451 4.7.1 Try again in 299 seconds", "451 4.7.1 Try again in * seconds"),
        ("451 4.3.0 4XyZ12Kq9w queued for review", "451 4.3.0 * queued for review"),
        ("451 4.7.1 Blocked 2001:db8::25 by list", "451 4.7.1 Blocked * by list"),
        ("451 4.4.0 DNS query failed. The error was: SMTPSEND.DNS.ErrorRetry; no answer from 192.0.2.53",
         "451 4.4.0 DNS query failed. The error was: SMTPSEND.DNS.ErrorRetry; no answer from *"),
        ("451 4.4.4 SMTPSEND.DNS.NoUsableHost; mx1.a.example, mx2.a.example have no address",
         "451 4.4.4 SMTPSEND.DNS.NoUsableHost; * have no address"),
        ("454 4.7.5 The certificate is not valid for mx.a.example",
         "454 4.7.5 The certificate is not valid for *"),
    ],
)  # fmt: skip
def test_what_differs_from_case_to_case_is_left_out(error, expected):
    assert pattern(error) == expected


@given(st.text(max_size=1100))
def test_a_pattern_is_bounded_and_finds_the_error_it_was_made_of(text):
    made = pattern(text)

    assert len(made) <= PATTERN_LIMIT
    assert pattern(made) == made or "*" in made
    if text.isascii() and text.isprintable() and "*" not in text:
        assert matches(" ".join(text.split(" ")).strip()[:1024], f"*{made}*")


def test_one_cause_for_the_same_error_at_many_hosts():
    (cause,) = group(
        trouble(
            host=f"mx{number}.example 192.0.2.{number}:25",
            message_count=number,
            since=NINE + timedelta(hours=number),
        )
        for number in range(1, 6)
    )

    assert (cause.title, cause.queue_count, cause.message_count) == ("Connection refused", 5, 15)
    assert (cause.hosts, cause.more_hosts) == (("mx5.example", "mx4.example", "mx3.example"), 2)
    assert cause.since == NINE + timedelta(hours=1)
    assert cause.pattern == "421 4.4.1 Connection refused"


def test_a_host_with_several_addresses_is_one():
    (cause,) = group([trouble(host="mx.example 192.0.2.1:25"), trouble(host="mx.example [2001:db8::1]:25")])

    assert (cause.hosts, cause.more_hosts, cause.queue_count) == (("mx.example",), 0, 2)


def test_what_holds_up_the_most_messages_comes_first():
    causes = group(
        [
            trouble("451 4.7.1 Greylisted", message_count=5),
            trouble("421 4.4.1 Connection timed out", message_count=4),
            trouble("421 4.4.1 Connection timed out", message_count=4),
            trouble("", ailment=Ailment.SUSPENDED, message_count=1),
            trouble("451 4.7.1 Greylisted", ailment=Ailment.SUSPENDED, message_count=1),
            trouble("", ailment=Ailment.POISON, message_count=20, since=None, host=""),
            trouble("A matching connector cannot be found", ailment=Ailment.UNROUTED, message_count=3),
        ]
    )

    assert [(cause.title, cause.message_count) for cause in causes] == [
        ("Poison messages", 20),
        ("Connection timed out", 8),
        ("Greylisted", 5),
        ("No send connector", 3),
        ("Suspended", 2),
    ]
    assert "Create a send connector" in causes[3].remedy.advice
    assert len({cause.key for cause in causes}) == 5
    assert (causes[0].since, causes[0].hosts) == (None, ())


def test_a_title_keeps_what_is_the_same_and_is_never_long():
    again = "451 4.7.1 Try again in {} seconds"
    (cause,) = group([trouble(again.format(number)) for number in (10, 20)])
    (alone,) = group([trouble(again.format(10))])
    (long,) = group([trouble("451 " + "word " * 200)])
    (bare,) = group([trouble("451 4.7.1")])
    (named,) = group([trouble(f"450 4.2.0 <{name}@b.test>: Recipient refused: try later") for name in "ab"])

    assert cause.title == "Try again in … seconds"
    assert alone.title == "Try again in 10 seconds"
    assert len(long.title) <= 140
    assert long.title.endswith("…")
    assert bare.title == "Reply 451 4.7.1"
    assert named.title == "Recipient refused: try later"


def test_foreign_text_is_cleaned():
    (cause,) = group([trouble("451 4.7.1 no\x01\u202e\x1b[31mthing", host="\x00\u202emx")])

    assert not set("\x01\u202e\x1b\x00") & set(cause.title + cause.pattern + "".join(cause.hosts))


@pytest.mark.parametrize(
    ("error", "happened", "advice"),
    [
        ("421 4.4.1 Connection refused", "refused the connection", "port of the send connector"),
        ("421 4.4.1 Connection timed out", "could not be reached", "blocks port 25"),
        ("421 4.4.2 Connection dropped: the host closed it", "broke off", "protocol log"),
        ("421 4.4.2 Timed out: the host did not answer in time", "broke off", "protocol log"),
        ("451 4.4.0 DNS query failed. The error was: SMTPSEND.DNS.ErrorRetry; SERVFAIL",
         "could not be looked up", "DNS servers"),
        ("454 4.7.5 Certificate validation failed: expired", "could not be protected", "demands of TLS"),
        ("454 4.7.0 Authentication failed at relay.example (535 5.7.8 Bad password)",
         "does not accept our login", "Type user name and password"),
        ("450 4.2.0 Greylisted", "put the message off", "Mostly nothing"),
        ("421 4.7.0 Too many connections from you", "takes no more messages", "Limit connections"),
        ("554 5.7.1 Client host blocked using zen.spamhaus.org", "does not take mail from our mail server",
         "reverse DNS"),
        ("452 4.2.2 Mailbox full", "mailbox is full", "Read the reply"),
        ("452 4.3.1 Insufficient system resources", "had no room", "Read the reply"),
        ("451 Something of our own", "put the messages off", "Read the reply"),
        ("words without a code", "put the messages off", "Read the reply"),
        ("", "put the messages off", "Read the reply"),
    ],
)  # fmt: skip
def test_every_error_is_explained_to_who_runs_the_server(error, happened, advice):
    told = remedy(error)

    assert happened in told.happened
    assert advice in told.advice
    assert told.means


@given(st.text(max_size=300))
def test_no_error_is_left_without_words(error):
    assert all(remedy(error))
