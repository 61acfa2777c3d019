"""Signed mail, delivered by our own client and verified by programs of others."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import dkim_keys, signing_keys
from connectors.dkim_keys import DkimKeySpec
from connectors.models import DkimKey
from connectors.signing_keys import Algorithm
from tests.support import corpus, dkim_verifiers
from tests.support.engine import accept, connector, server
from tests.support.smtp_peer import Peer
from transport import delivery
from transport.models import Content, Message, Queue, QueuedMessage
from transport.signing.fields import author_domain, fields_of, header_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
MESSAGE = (
    b"Received: from client.test\r\n\tby e15mb1.test; now\r\n"
    b"From: Anna <anna@contoso.test>\r\nTo: bob@fabrikam.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Fri, 27 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@contoso.test>\r\n\r\n"
    b"Hello  \t Bob, \r\n\r\n.dots\r\n..more\r\n\r\n\r\n"
)


def sign_with(domain="contoso.test", *, pem="", **fields):
    """Make a key that signs."""
    spec = DkimKeySpec(domain=domain, **fields)
    key = dkim_keys.create(spec, actor="tests", now=timezone.now(), pem=pem)
    dkim_keys.enable(key.pk, actor="tests", now=timezone.now())
    return DkimKey.objects.get(pk=key.pk)


def zones(*keys):
    published = {}
    for key in keys:
        published[key.domain] = f"{published.get(key.domain, '')}{key.record.zone_line}\n"
    return published


def stored(**fields):
    """The content of a message after it was accepted."""
    number = accept(**{"content": MESSAGE, "trusted_sender": True, **fields})
    return b"".join(
        bytes(chunk.data) for chunk in Content.objects.filter(message=number).order_by("position")
    )


def delivered(engine, *contents, **fields):
    """What a recording host got of messages that were accepted, dots no longer stuffed."""
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for content in contents:
            accept(content=content, trusted_sender=True, **fields)
        while QueuedMessage.objects.exists():
            for queue in Queue.objects.all():
                delivery.deliver(queue.pk, engine=engine)
        return [content.replace(b"\r\n.", b"\r\n") for content in peer.contents]


def signatures(content):
    return content.count(b"\r\nDKIM-Signature: ") + content.startswith(b"DKIM-Signature: ")


def is_proper(content):
    """Whether OpenDKIM looks at a message at all: it has a date, and no field twice that may stand once."""
    names = [field.name for field in fields_of(header_of(content))]
    return b"date" in names and names.count(b"cc") <= 1


@pytest.fixture
def rsa_pem():
    return signing_keys.generate(Algorithm.RSA).pem


def test_signatures_over_the_corpus_verify_in_two_other_programs_after_delivery(engine, rsa_pem):
    mail = corpus.messages()
    authors = {author_domain(header_of(one)).decode("ascii", "replace") for one in mail}
    keys = [sign_with(domain, selector="s1", pem=rsa_pem) for domain in sorted(authors) if "." in domain]
    signed = [one for one in delivered(engine, *mail) if signatures(one)]
    proper = [one for one in signed if is_proper(one)]

    assert len(mail) >= 40
    assert len(signed) >= 30
    assert len(proper) >= 25
    assert dkim_verifiers.mail_dkim(signed, zones(*keys)) == ["pass"] * len(signed)
    assert dkim_verifiers.opendkim(proper, zones(*keys)) == [""] * len(proper)


def test_both_kinds_of_key_sign_side_by_side_and_every_tampered_copy_is_rejected(engine):
    keys = [sign_with(selector="r"), sign_with(selector="e", algorithm=Algorithm.ED25519)]
    (good,) = delivered(engine, MESSAGE)
    tampered = [
        good.replace(b"Bob,", b"Eve,"),
        good.replace(b"To: bob@", b"To: eve@"),
        good.replace(b"\r\nTo:", b"\r\nTo: eve@fabrikam.test\r\nTo:"),
        good.replace(b"\r\nFrom:", b"\r\nSubject: You have won\r\nFrom:"),
        good.replace(b"\r\n\r\nHello", b"\r\nFrom: eve@evil.test\r\n\r\nHello"),
        good.replace(b"..more\r\n", b"..more\r\nmore\r\n"),
    ]

    assert signatures(good) == 2
    assert dkim_verifiers.opendkim([good], zones(*keys)) == [""]
    assert dkim_verifiers.mail_dkim([good], zones(*keys)) == ["pass"]
    assert all(dkim_verifiers.opendkim(tampered, zones(*keys)))
    assert dkim_verifiers.mail_dkim(tampered, zones(*keys)) == ["fail"] * len(tampered)


def test_an_ed25519_signature_alone_is_verified_and_its_tampered_copy_is_not(engine):
    key = sign_with(algorithm=Algorithm.ED25519)
    (good,) = delivered(engine, MESSAGE)
    found = dkim_verifiers.opendkim([good, good.replace(b"Bob,", b"Eve,")], zones(key))

    assert found[0] == ""
    assert "Bad signature" in found[1]


def test_eight_bit_mail_and_internationalized_authors_are_signed(engine):
    content = MESSAGE.replace(b"contoso.test>\r\nTo", "bücher.test>\r\nTo".encode()).replace(
        b"Bob,", b"B\xf6b,"
    )
    key = sign_with("bücher.test")
    (good,) = delivered(engine, content, smtputf8=True, eight_bit=True)

    assert b"d=xn--bcher-kva.test;" in good
    assert dkim_verifiers.mail_dkim([good], zones(key)) == ["pass"]


def test_the_signature_stands_below_our_received_line_and_above_the_message():
    server()
    sign_with()
    before, after = MESSAGE.split(b"From:", 1)
    content = stored()

    assert content.startswith(before + b"DKIM-Signature: v=1;")
    assert content.endswith(b"\r\nFrom:" + after)
    assert Message.objects.get().size_bytes == len(content)


def test_a_retry_sends_the_same_bytes_again(engine):
    sign_with()
    with Peer({"DOT": ["451 4.3.0 not now", "250 2.0.0 ok"]}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept(content=MESSAGE, trusted_sender=True)
        delivery.deliver(Queue.objects.get().pk, engine=engine)
        QueuedMessage.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        delivery.deliver(Queue.objects.get().pk, engine=engine)

        first, second = peer.contents
    assert first == second
    assert signatures(first) == 1


@pytest.mark.parametrize(
    ("content", "fields", "count"),
    [
        (MESSAGE, {}, 1),
        (MESSAGE, {"trusted_sender": False}, 0),
        (MESSAGE, {"mail_from": "", "source": "DSN"}, 1),
        (MESSAGE.replace(b"anna@contoso.test", b"anna@fabrikam.test"), {}, 0),
        (MESSAGE.replace(b"anna@contoso.test", b"anna@mail.contoso.test"), {}, 0),
        (MESSAGE.replace(b"Subject:", b"From: eve@evil.test\r\nSubject:"), {}, 0),
        (MESSAGE.replace(b"From:", b"DKIM-Signature: v=1; d=contoso.test; b=x\r\nFrom:"), {}, 1),
        (MESSAGE.replace(b"From:", b"DKIM-Signature: v=1; d=other.test; b=x\r\nFrom:"), {}, 2),
    ],
    ids=[
        *("a client of ours", "a stranger", "a report of ours", "no key", "subdomain", "two authors"),
        *("signed already", "signed by another"),
    ],
)
def test_mail_of_our_domains_that_came_from_our_clients_is_signed_once(content, fields, count):
    server()
    sign_with()

    assert signatures(stored(content=content, **fields)) == count


def test_a_key_that_takes_subdomains_signs_for_them_in_its_own_name():
    server()
    key = sign_with()
    dkim_keys.include_subdomains(key.pk, included=True, actor="tests", now=timezone.now())
    content = stored(content=MESSAGE.replace(b"anna@contoso.test", b"anna@mail.contoso.test"))

    assert b"d=contoso.test;" in content


UNSIGNABLE = {
    "bare LF": (MESSAGE.replace(b"Bob, \r\n", b"Bob, \n"), "lone CR or LF"),
    "bare CR": (MESSAGE.replace(b"Bob, \r\n", b"Bob, \r"), "lone CR or LF"),
    "NUL": (MESSAGE.replace(b"Bob", b"B\0b"), "NUL"),
    "no field": (MESSAGE.replace(b"Subject:", b"Subject"), "no field"),
    "vertical tab": (MESSAGE.replace(b"Subject:", b"Subject:\x0b"), "control character"),
    "many fields": (MESSAGE.replace(b"To:", b"To: x\r\n" * 200 + b"To:"), "more than 100 fields"),
}


@pytest.mark.parametrize("name", UNSIGNABLE)
def test_what_cannot_be_signed_is_sent_unsigned_and_the_log_says_why(name, caplog):
    content, reason = UNSIGNABLE[name]
    server()
    sign_with()
    with caplog.at_level(logging.WARNING):
        kept = stored(content=content)
    (record,) = [record for record in caplog.records if record.message == "dkim_not_signed"]

    assert kept == content
    assert reason in record.reason
    assert (record.domain, record.internet_message_id) == ("contoso.test", "<1@contoso.test>")


def test_a_key_that_cannot_be_opened_stops_no_mail_and_no_other_key(caplog):
    server()
    sign_with(selector="r")
    broken = sign_with(selector="e", algorithm=Algorithm.ED25519)
    DkimKey.objects.filter(pk=broken.pk).update(sealed_private_key="v1:gone:AAAA")
    dkim_keys.include_subdomains(broken.pk, included=True, actor="tests", now=timezone.now())
    content = stored()
    (record,) = [record for record in caplog.records if record.message == "dkim_not_signed"]

    assert signatures(content) == 1
    assert (record.selector, record.reason) == ("e", "no configured field key opens the stored private key")


def test_the_report_about_a_message_is_signed_in_the_name_of_its_author(engine):
    key = sign_with("admincenter.test", include_subdomains=True)
    with Peer({"RCPT": "550 5.1.1 no such user"}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept(content=MESSAGE, trusted_sender=True)
        delivery.deliver(Queue.objects.get().pk, engine=engine)
    report = Message.objects.get(mail_from="")
    content = b"".join(bytes(chunk.data) for chunk in Content.objects.filter(message=report))

    assert dkim_verifiers.mail_dkim([content], zones(key)) == ["pass"]
    assert dkim_verifiers.opendkim([content], zones(key)) == [""]
