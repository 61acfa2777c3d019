"""What strangers may send where: accepted domains, and no relay whatever the address looks like (R38, A5)."""

import pytest

from connectors.accepted_domains import AcceptedDomain, AcceptedDomains, DomainType
from transport.receiving.peer import TlsFacts
from transport.receiving.site import Registry, Rights

OURS = AcceptedDomain(name="Ours", pattern="contoso.com", type=DomainType.INTERNAL_RELAY, default=True)
DOMAINS = AcceptedDomains(
    [
        OURS,
        AcceptedDomain(name="Below", pattern="*.contoso.com", type=DomainType.INTERNAL_RELAY),
        AcceptedDomain(name="Theirs", pattern="fabrikam.com", type=DomainType.EXTERNAL_RELAY),
        AcceptedDomain(name="Empty", pattern="adatum.com", routable=False),
    ]
)
MAIL = b"MAIL FROM:<a@example.com>\r\n"


@pytest.fixture
def make_client(make_peer):
    def make(**fields):
        return make_peer(**{"relay": False, "registry": Registry(domains=DOMAINS)} | fields).hello()

    return make


@pytest.fixture
def stranger(make_client):
    client = make_client()
    client.send(MAIL)
    return client


def to(client, recipient):
    return client.send(b"RCPT TO:" + recipient + b"\r\n")


@pytest.mark.parametrize(
    "recipient",
    [b"<anna@contoso.com>", b"<Anna@CONTOSO.COM>", b"<x@mail.contoso.com>", b"<bob@fabrikam.com>"],
)
def test_a_stranger_sends_to_accepted_domains(stranger, recipient):
    assert to(stranger, recipient) == b"250 2.1.5 Recipient OK\r\n"
    stranger.send(b"DATA\r\n\r\n.\r\n")
    assert not stranger.envelopes[0].trusted_sender


@pytest.mark.parametrize(
    "recipient",
    [
        b"<b@example.org>",
        b"<b%example.org@contoso.com>",
        b"<b%example.org@mail.contoso.com>",
        b"<example.org!b@contoso.com>",
        b"<b%example.org%contoso.com@contoso.com>",
        b'<"b@example.org"@contoso.com>',
        b'<"b%example.org"@contoso.com>',
        b'<"example.org!b"@contoso.com>',
        b'<"b"@contoso.com>',
        b"<@contoso.com:b@example.org>",
        b"<@contoso.com,@fabrikam.com:b@example.org>",
        b"<b@example.org@contoso.com>",
        b"<b@contoso.com@example.org>",
        b"<b@notcontoso.com>",
        b"<b@contoso.com.example.org>",
        b"<b@com>",
        b"<b@[127.0.0.1]>",
        b"<b@[192.0.2.1]>",
        b"<b@[IPv6:::1]>",
        b"<b@localhost>",
        b"<b@e15mb1.admincenter.test>",
        b"b@contoso.com",
        b"<<b@contoso.com>>",
        b"<b@contoso.com>,<c@example.org>",
        b"<b@contoso.com",
        b"<b@contoso.com >",
        b"<b@@contoso.com>",
        b"<b>",
        b"<b%example.org>",
        b'<"b@example.org">',
        b"<>",
        b"<postmaster@example.org>",
        b"<b@contoso.com..>",
        b"<b@.contoso.com>",
        b"<SMTP:b@example.org>",
    ],
)
def test_a_stranger_gets_no_form_of_address_relayed_through_an_accepted_domain(stranger, recipient):
    assert to(stranger, recipient)[:3] in (b"550", b"501")
    assert stranger.send(b"DATA\r\n").startswith(b"554 ")


@pytest.mark.parametrize("relay", [True, False])
def test_a_recipient_for_whom_no_connector_stands_is_refused_to_everybody(make_client, relay):
    client = make_client(relay=relay)
    client.send(MAIL)

    assert to(client, b"<x@adatum.com>") == b"550 5.1.10 Recipient not found by SMTP address lookup\r\n"


@pytest.mark.parametrize("recipient", [b"<postmaster>", b"<POSTMASTER>", b" <Postmaster>"])
def test_postmaster_without_a_domain_is_the_one_of_the_default_domain(stranger, recipient):
    assert to(stranger, recipient).startswith(b"250 ")
    stranger.send(b"DATA\r\n\r\n.\r\n")

    assert stranger.envelopes[0].recipients[0].lower() == "postmaster@contoso.com"


def test_who_relays_is_trusted_and_sends_anywhere(make_client):
    client = make_client(relay=True)
    client.send(MAIL)

    assert to(client, b"<b@example.org>").startswith(b"250 ")
    client.send(b"DATA\r\n\r\n.\r\n")
    assert client.envelopes[0].trusted_sender


def test_a_partner_sends_under_tls_only(make_client):
    client = make_client(rights=Rights(partners=True, starttls=True))
    in_clear = client.send(MAIL)
    client.session.secured(TlsFacts(version="TLSv1.3", cipher="x"))
    client.hello()

    assert in_clear.startswith(b"530 5.7.1 ")
    assert client.send(MAIL).startswith(b"250 ")
    assert to(client, b"<anna@contoso.com>").startswith(b"250 ")
    assert to(client, b"<b@example.org>") == b"550 5.7.1 Unable to relay\r\n"


def test_a_client_that_no_connector_wants_is_told_and_closed(run, serve):
    async def dial():
        async with serve(closed=b"421 4.3.2 No receive connector\r\n") as served:
            client = await served.dial()
            rest = await client.rest()
            await client.close()
            return client.greeting, rest

    assert run(dial()) == (b"421 4.3.2 No receive connector\r\n", b"")


def test_the_banner_can_be_set(make_peer):
    peer = make_peer(banner="220 mail.contoso.com ready")
    peer._follow(peer.session.greet())

    assert peer.output == b"220 mail.contoso.com ready\r\n"
