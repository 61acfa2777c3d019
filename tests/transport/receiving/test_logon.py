"""AUTH: who signs in, who is turned away and how slowly, and what a login may send (R32, R37, A6, A10)."""

import base64
import time
from datetime import timedelta
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.application_passwords import Login, Logins, digest
from transport.receiving.limits import Limits
from transport.receiving.peer import TlsFacts
from transport.receiving.site import LogonWhen, Registry, Rights
from transport.receiving.throttles import FAILURES_BEFORE_LOCK, LOCKED_FOR, LogonGuard

SECRET = "correct-horse"
FAILED = b"535 5.7.8 Authentication unsuccessful\r\n"
SIGNED_IN = b"235 2.7.0 Authentication successful\r\n"
ALWAYS = Rights(logon=LogonWhen.ALWAYS)


def encoded(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


def plain(user_name="scanner", password=SECRET, *, acting_as=""):
    return b"AUTH PLAIN " + encoded(f"{acting_as}\0{user_name}\0{password}") + b"\r\n"


@pytest.fixture
def make_client(make_peer):
    """A client that may sign in as `scanner`, and said EHLO."""

    def make(*, senders=("*",), expires_at=None, **fields):
        login = Login(
            login_id=7, user_name="scanner", digest=digest(SECRET), senders=senders, expires_at=expires_at
        )
        registry = Registry(logins=Logins([login]))
        return make_peer(**{"rights": ALWAYS, "registry": registry} | fields).hello()

    return make


@pytest.fixture
def client(make_client):
    return make_client()


def test_plain_signs_in_and_the_trace_and_the_envelope_say_so(client):
    assert client.send(plain()) == SIGNED_IN
    client.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    client.send(b"Subject: x\r\n\r\nbody\r\n.\r\n")

    (envelope,) = client.envelopes
    assert (envelope.login, envelope.trusted_sender) == ("scanner", True)
    assert b" with ESMTPA id token;" in envelope.content


def test_under_tls_the_trace_says_both(make_client):
    client = make_client(rights=Rights(logon=LogonWhen.UNDER_TLS))
    client.session.secured(TlsFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384"))
    client.hello()

    assert client.send(plain()) == SIGNED_IN
    client.send(b"MAIL FROM:<a@example.com> SMTPUTF8\r\nRCPT TO:<b@example.org>\r\nDATA\r\n\r\n.\r\n")
    assert (
        b" with UTF8SMTPSA (version=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384) id token;"
        in client.envelopes[0].content
    )


@pytest.mark.parametrize(
    "lines",
    [
        [b"AUTH PLAIN", encoded(f"\0scanner\0{SECRET}")],
        [
            b"auth plain",
            encoded(f"scanner\0SCANNER\0{SECRET}".replace("scanner\0SCANNER", "scanner\0scanner")),
        ],
        [b"AUTH LOGIN", encoded("scanner"), encoded(SECRET)],
        [b"AUTH LOGIN " + encoded("Scanner"), encoded(SECRET)],
    ],
)
def test_every_way_of_saying_it_signs_in(client, lines):
    *asked, last = [client.send(line + b"\r\n") for line in lines]

    assert all(reply.startswith(b"334 ") for reply in asked)
    assert last == SIGNED_IN


def test_login_asks_for_user_name_and_password(client):
    asked = [client.send(line + b"\r\n") for line in (b"AUTH LOGIN", encoded("scanner"))]

    assert [base64.b64decode(reply[4:]) for reply in asked] == [b"Username:", b"Password:"]


@pytest.mark.parametrize(
    "line",
    [
        plain(password="wrong"),
        plain(password=""),
        plain(user_name="nobody"),
        plain(user_name=""),
        plain(acting_as="admin"),
        plain(user_name="scanner2"),
    ],
)
def test_every_wrong_answer_is_the_same(client, line):
    assert client.send(line) == FAILED
    assert client.send(b"MAIL FROM:<a@example.com>\r\n") == b"530 5.7.1 Client was not authenticated\r\n"


def test_an_unknown_user_takes_as_long_as_a_wrong_password(make_client):
    client = make_client(limits=Limits(max_logon_failures=0), logon_guard=LogonGuard())

    def lasted(line):
        times = []
        for _ in range(300):
            began = time.perf_counter()
            client.send(line)
            times.append(time.perf_counter() - began)
        return median(times)

    known, unknown = lasted(plain(password="wrong")), lasted(plain(user_name="nobody12"))

    assert 0.5 < known / unknown < 2


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"AUTH", b"504 5.5.4"),
        (b"AUTH CRAM-MD5", b"504 5.5.4"),
        (b"AUTH PLAIN !!!!", b"501 5.5.2 Cannot decode"),
        (b"AUTH PLAIN " + encoded("no separators"), b"501 5.5.2 PLAIN needs"),
        (b"AUTH PLAIN " + encoded(b"\0scanner\0\xff\xfe"), b"501 5.5.2 Cannot decode"),
        (b"AUTH PLAIN =", b"501 5.5.2 PLAIN needs"),
        (b"AUTH PLAIN " + b"A" * 2000, b"500 5.5.2"),
    ],
)
def test_a_garbled_exchange_is_refused_and_the_session_goes_on(client, line, reply):
    assert client.send(line + b"\r\n").startswith(reply)
    assert client.send(plain()) == SIGNED_IN


@pytest.mark.parametrize("line", [b"*", b"", b"MAIL FROM:<a@example.com>", b"QUIT", b"\0"])
def test_a_line_within_an_exchange_is_never_a_command(client, line):
    client.send(b"AUTH LOGIN\r\n")

    assert client.send(line + b"\r\n")[:3] in (b"501", b"334")
    assert not client.closed


def test_signing_in_twice_or_during_mail_or_before_ehlo_is_out_of_order(make_client, client):
    client.send(plain())
    second = client.send(plain())
    other = make_client()
    other.session.secured(TlsFacts(version="TLSv1.3", cipher="x"))
    before_hello = other.send(plain())
    relaying = make_client(rights=Rights(logon=LogonWhen.ALWAYS, relay=True))
    relaying.send(b"MAIL FROM:<a@example.com>\r\n")

    assert second.startswith(b"503 5.5.1 Already")
    assert before_hello.startswith(b"503 5.5.1 Send EHLO")
    assert relaying.send(plain()).startswith(b"503 5.5.1 Not during")


def test_the_fourth_failure_ends_the_session(client):
    replies = [client.send(plain(password="wrong")) for _ in range(4)]

    assert replies[:3] == [FAILED] * 3
    assert replies[3].startswith(b"421 4.7.0 Too many failed logons")
    assert client.closed


def test_a_source_that_fails_on_and_on_is_locked_out_for_a_while(make_client, at):
    moments = [at]
    fields = {"logon_guard": LogonGuard(), "now": lambda: moments[-1]}

    def knock(line, address="192.0.2.7"):
        return make_client(client_address=address, **fields).send(line)

    failures = [knock(plain(password=f"wrong{number}")) for number in range(FAILURES_BEFORE_LOCK)]
    locked, elsewhere = knock(plain()), knock(plain(), "192.0.2.8")
    moments.append(at + LOCKED_FOR)

    assert set(failures) == {FAILED}
    assert locked.startswith(b"454 4.7.0 Too many failed logons from your address")
    assert elsewhere == knock(plain()) == SIGNED_IN


def test_the_addresses_of_one_ipv6_subscriber_are_one_source(at):
    guard = LogonGuard()
    for number in range(FAILURES_BEFORE_LOCK):
        guard.failed(f"2001:db8::{number:x}", now=at)

    assert guard.is_locked("2001:db8::ffff", now=at)
    assert not guard.is_locked("2001:db8:0:1::1", now=at)


def test_a_login_that_is_revoked_sends_nothing_more_in_an_open_session(client):
    client.send(plain())
    client.site.registry.logins = Logins([])

    assert client.send(b"MAIL FROM:<a@example.com>\r\n").startswith(b"535 5.7.8 The application password")


def test_a_login_that_runs_out_sends_nothing_more(make_client, at):
    moments = [at]
    client = make_client(expires_at=at + timedelta(minutes=1), now=lambda: moments[-1])
    assert client.send(plain()) == SIGNED_IN
    moments.append(at + timedelta(minutes=1))

    assert client.send(b"MAIL FROM:<a@example.com>\r\n").startswith(b"535 5.7.8 ")


def test_the_use_of_a_login_is_noted(client, at):
    client.send(plain())

    assert client.site.registry.used == {7: at}


@pytest.mark.parametrize(
    ("sender", "code"),
    [(b"Anna@contoso.com", b"250"), (b"bob@fabrikam.com", b"550"), (b"", b"250")],
)
def test_a_login_sends_as_its_own_senders_only(make_client, sender, code):
    client = make_client(senders=("anna@contoso.com",))
    client.send(plain())

    reply = client.send(b"MAIL FROM:<%s>\r\n" % sender)

    assert reply[:3] == code
    if code == b"550":
        assert reply == b"550 5.7.60 scanner is not permitted to send as bob@fabrikam.com\r\n"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (b"From: Anna <anna@contoso.com>", True),
        (b"From: ANNA@CONTOSO.COM", True),
        (b"From: =?utf-8?q?The_Boss?= <anna@contoso.com>", True),
        (b"Subject: nobody says", True),
        (b"From: boss@contoso.com", False),
        (b"From: anna@contoso.com, boss@contoso.com", False),
        (b'From: "anna@contoso.com" <boss@contoso.com>', False),
        (b"From: anna@contoso.com\r\nFrom: boss@contoso.com", False),
        (b"from : boss@contoso.com", False),
        (b"From: (((((", False),
        (b"From:\r\n boss@contoso.com", False),
        (b"From: \xff@contoso.com", False),
    ],
)
def test_the_from_that_people_read_must_be_the_logins_too(make_client, header, accepted):
    client = make_client(senders=("anna@contoso.com",))
    client.send(plain() + b"MAIL FROM:<anna@contoso.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")

    reply = client.send(header + b"\r\nTo: b@example.org\r\n\r\nbody\r\n.\r\n")

    assert reply.startswith(b"250 2.6.0 " if accepted else b"550 5.7.60 scanner is not permitted")
    assert len(client.envelopes) == accepted


def test_the_null_sender_needs_a_from_of_the_login(make_client):
    client = make_client(senders=("anna@contoso.com",))
    client.send(plain() + b"MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")

    assert client.send(b"Subject: read\r\n\r\n.\r\n").startswith(b"550 5.7.60 ")


def submitted(client, content):
    client.send(b"MAIL FROM:<anna@contoso.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    client.send(content + b".\r\n")
    return client.envelopes[-1].content.partition(b"+0000\r\n")[2]


def test_a_submitted_message_gets_what_is_missing_and_loses_its_bcc(client):
    client.send(plain())

    passed_on = submitted(
        client,
        b"Subject: x\r\nBCC: secret@example.org,\r\n other@example.org\r\n"
        b"To: b@example.org\r\n\r\nBcc: body\r\n",
    )

    assert passed_on == (
        b"Date: Mon, 23 Nov 2026 16:00:00 +0000\r\nMessage-ID: <token@e15mb1.admincenter.test>\r\n"
        b"Subject: x\r\nTo: b@example.org\r\n\r\nBcc: body\r\n"
    )


def test_a_submitted_message_that_has_all_of_it_stays_as_it_is(client):
    client.send(plain())
    whole = b"Message-Id: <1@x>\r\nDate: today\r\nFrom: a@b.c\r\n\r\nbody\r\n"

    assert submitted(client, whole) == whole


def test_a_message_that_is_all_header_gets_its_blank_line(client):
    client.send(plain())

    assert submitted(client, b"Message-Id: <1@x>\r\nDate: today\r\n").endswith(b"Date: today\r\n\r\n")


def test_relayed_mail_stays_byte_for_byte_as_it_came(peer):
    content = b"Subject: x\r\nBcc: secret@example.org\r\nFrom: boss@contoso.com\r\n\r\nbody\r\n"
    peer.hello()

    assert submitted(peer, content) == content


def test_who_is_not_signed_in_may_not_begin_where_only_logins_may(client):
    assert client.send(b"MAIL FROM:<a@example.com>\r\n") == b"530 5.7.1 Client was not authenticated\r\n"


def test_the_submitter_may_be_named_and_is_not_believed(client):
    client.send(plain())

    assert client.send(b"MAIL FROM:<a@example.com> AUTH=<>\r\n").startswith(b"250 ")
    client.send(b"RSET\r\n")
    assert client.send(b"MAIL FROM:<a@example.com> AUTH\r\n").startswith(b"501 ")


def test_the_next_line_is_known_to_be_a_secret(client):
    client.send(b"AUTH PLAIN\r\n")
    assert client.session._dialogue.in_logon
    client.send(encoded(f"\0scanner\0{SECRET}") + b"\r\n")
    assert not client.session._dialogue.in_logon


@pytest.mark.parametrize(
    "fake_end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n"]
)
def test_a_fake_end_of_data_is_refused_after_signing_in_too(client, fake_end):
    client.send(plain() + b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")

    verdict = client.send(b"Subject: x\r\n\r\nfirst" + fake_end + b"RSET\r\n\r\n.\r\n")

    assert verdict.startswith(b"550 5.6.11 ")
    assert not client.envelopes


@pytest.mark.parametrize("injected", [b"\r", b"\n", b"\0", b"\x80"])
def test_an_injected_character_begins_no_transaction_after_signing_in(client, injected):
    client.send(plain())
    client.send(b"MAIL FROM:<a%sb@example.com>\r\n" % injected)

    assert client.send(b"RCPT TO:<b@example.org>\r\n").endswith(b"503 5.5.1 Send MAIL first\r\n")


SCRIPT = b"\r\n".join(
    [
        *(b"AUTH LOGIN", encoded("scanner"), encoded("wrong"), b"AUTH PLAIN", b"MAIL FROM:<a@b.c>"),
        *(b"AUTH LOGIN", b"*", plain().strip(), b"MAIL FROM:<a@b.c> AUTH=<>", b"RCPT TO:<d@e.f>"),
        *(b"DATA", b"Subject: x", b"", b".", b"QUIT", b""),
    ]
)


@given(cuts=st.lists(st.integers(0, len(SCRIPT)), max_size=30))
def test_splitting_an_exchange_anywhere_changes_nothing(make_peer_class, cuts):
    login = Login(login_id=7, user_name="scanner", digest=digest(SECRET))
    fields = {"rights": ALWAYS, "registry": Registry(logins=Logins([login]))}
    whole, split = make_peer_class(**fields).hello(), make_peer_class(**fields).hello()
    whole.send(SCRIPT)
    edges = [0, *sorted(cuts), len(SCRIPT)]

    for start, end in pairwise(edges):
        split.send(SCRIPT[start:end])

    assert (split.output, split.envelopes, split.closed) == (whole.output, whole.envelopes, True)
    assert len(whole.envelopes) == 1


@given(lines=st.lists(st.binary(max_size=80), min_size=1, max_size=5))
def test_noise_in_an_exchange_gets_clean_replies_and_signs_nobody_in(make_peer_class, lines):
    login = Login(login_id=7, user_name="scanner", digest=digest(SECRET))
    peer = make_peer_class(rights=ALWAYS, registry=Registry(logins=Logins([login]))).hello()

    for line in lines:
        peer.send(b"AUTH LOGIN\r\n" + line + b"\r\n" + line + b"\r\n")

    assert b"235" not in peer.output
    assert not peer.envelopes
    assert all(32 <= byte < 127 or byte in (10, 13) for byte in peer.output)
