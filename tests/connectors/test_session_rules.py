"""What is refused about how a session is held, and what is stored."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.address_spaces import parse
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, Timeouts
from connectors.rules import examine, problems
from connectors.session_rules import STAGES
from connectors.specs import ConnectorSpec

MX = ConnectorSpec(name="Internet", address_spaces=(parse("*"),), source_servers=("E15MB1",))
XOAUTH2 = replace(
    MX,
    delivery=Delivery.SMART_HOST,
    smart_hosts=("smtp.provider.example",),
    auth=SmartHostAuth.XOAUTH2,
    username="relay@contoso.com",
    sealed_password="v1:sealed",
    oauth_token_url="https://login.provider.example/token",
    oauth_client_id="ours",
    oauth_scope="https://provider.example/send",
)


@pytest.mark.parametrize(
    "spec",
    [
        MX,
        XOAUTH2,
        replace(XOAUTH2, oauth_scope=""),
        replace(MX, source_ip_address="192.0.2.1", ip_family=IpFamily.IPV4_ONLY),
        replace(MX, source_ip_address="2001:db8::1", ip_family=IpFamily.PREFER_IPV6),
        replace(MX, tls_certificate_name="relay"),
        replace(MX, tls_certificate_name="<I>CN=Contoso CA, O=Contoso<S>CN=mail.contoso.com"),
        replace(MX, max_connections=1, messages_per_second=Decimal("0.1"), messages_per_day=1),
        replace(MX, messages_per_second=Decimal(10_000)),
        replace(MX, timeouts=Timeouts(**dict.fromkeys(STAGES, timedelta(seconds=1)))),
    ],
)
def test_what_is_right_passes(spec):
    assert problems(spec) == ()


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        *(
            (
                replace(spec, force_helo=True),
                f"ForceHELO True: EHLO cannot be left out while {why}.",
            )
            for spec, why in (
                (replace(MX, require_tls=True), "TLS is required"),
                (XOAUTH2, "the connector signs in"),
                (replace(MX, tls_certificate_name="relay"), "a client certificate is shown"),
                (replace(MX, dane=True), "MTA-STS or DANE is obeyed"),
                (replace(MX, mta_sts=True), "MTA-STS or DANE is obeyed"),
            )
        ),
        (
            replace(MX, source_ip_address="mail.contoso.com"),
            "SourceIPAddress mail.contoso.com: that is no IP address; empty or 0.0.0.0 means any.",
        ),
        (
            replace(MX, source_ip_address="224.0.0.1"),
            "SourceIPAddress 224.0.0.1: no connection can leave from a multicast or scoped address.",
        ),
        (
            replace(MX, source_ip_address="192.0.2.1", ip_family=IpFamily.IPV6_ONLY),
            "SourceIPAddress 192.0.2.1: no connection with IPv6Only can leave from an IPv4 address.",
        ),
        (
            replace(MX, tls_certificate_name="../secret"),
            (
                "TlsCertificateName ../secret: a certificate is named by its file in the certificates "
                "folder, without .pem."
            ),
        ),
        (
            replace(MX, tls_certificate_name="<I>CN=Contoso CA"),
            "TlsCertificateName <I>CN=Contoso CA: it reads <I>issuer<S>subject, both of them given.",
        ),
        (
            replace(MX, tls_certificate_name="relay\x07"),
            "TlsCertificateName relay\\u0007: a certificate is named with at most 1024 printable characters.",
        ),
        (
            replace(MX, tls_certificate_name="relay", ignore_starttls=True),
            "TlsCertificateName relay: no client certificate can be shown while STARTTLS is ignored.",
        ),
        (replace(XOAUTH2, username=""), "User name: XOAUTH2 needs the address of the mailbox that sends."),
        (
            replace(XOAUTH2, sealed_password=""),
            "Password: XOAUTH2 needs the secret of the OAuth client.",
        ),
        (
            replace(XOAUTH2, oauth_client_id=" "),
            "OAuth client ID: XOAUTH2 needs the ID of the OAuth client.",
        ),
        (
            replace(XOAUTH2, ignore_starttls=True),
            (
                "Smart host authentication XOAUTH2: authentication only after starting TLS can never happen "
                "while STARTTLS is ignored."
            ),
        ),
        (
            replace(XOAUTH2, oauth_scope="x" * 1025),
            f"OAuth scope {'x' * 79}…: it has at most 1024 printable characters.",
        ),
        (
            replace(MX, max_connections=0),
            (
                "Connections per next hop 0: 1 to 10000 connections go to one next hop, or as many as the "
                "server allows."
            ),
        ),
        *(
            (
                replace(MX, messages_per_second=Decimal(rate)),
                f"Messages per second {rate}: 0.1 to 10000.0, with one decimal, or unlimited.",
            )
            for rate in ("0", "-1", "0.05", "1.25", "10000.1", "NaN", "Infinity")
        ),
        (replace(MX, messages_per_day=0), "Messages per day 0: 1 to 2000000000, or unlimited."),
        (
            replace(MX, timeouts=Timeouts(dot=timedelta(0))),
            "Time-out of the final dot 00:00:00: a time-out is from 00:00:01 to 1.00:00:00.",
        ),
    ],
)
def test_what_cannot_work_has_one_sentence(spec, sentence):
    assert [str(problem) for problem in problems(spec)] == [sentence]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://login.example/token",
        "https:///token",
        "https://user:secret@login.example/token",
        "https://login.example/token#part",
        "https://login.example:0/token",
        "https://login.example:99999/token",
        "https://[::1/token",
        "https://login.example/a token",
        "ftp://login.example/",
    ],
)
def test_a_token_comes_over_https_only(url):
    (problem,) = problems(replace(XOAUTH2, oauth_token_url=url))

    assert problem.field == "oauth_token_url"
    assert "https address" in problem.rule


def test_any_address_and_unused_oauth_settings_are_stored_as_nothing():
    tidy, found = examine(
        replace(
            XOAUTH2,
            auth=SmartHostAuth.BASIC,
            source_ip_address=" 0.0.0.0 ",
            tls_certificate_name=" relay ",
        )
    )

    assert (tidy.source_ip_address, tidy.tls_certificate_name, found) == ("", "relay", ())
    assert (tidy.oauth_token_url, tidy.oauth_client_id, tidy.oauth_scope) == ("", "", "")
