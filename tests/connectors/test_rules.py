"""Combinations of settings: what Exchange takes, and what it refuses with which sentence."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.address_spaces import AddressSpace, parse
from connectors.profiles import Delivery, SmartHostAuth, TlsAuthLevel
from connectors.rules import examine, problems
from connectors.specs import ConnectorSpec, Usage, default_max_message_bytes, ruled_out

MX = ConnectorSpec(name="Internet", address_spaces=(parse("*"),), source_servers=("E15MB1",))
RELAY = replace(MX, delivery=Delivery.SMART_HOST, smart_hosts=("smart.contoso.com", "192.0.2.1"))
LOGIN = replace(RELAY, auth=SmartHostAuth.BASIC, username="relay", sealed_password="v1:sealed")
SECURE = replace(MX, require_tls=True)
DOMAIN = TlsAuthLevel.DOMAIN_VALIDATION


@pytest.mark.parametrize(
    "spec",
    [
        MX,
        RELAY,
        LOGIN,
        replace(LOGIN, auth=SmartHostAuth.BASIC_REQUIRE_TLS),
        replace(RELAY, auth=SmartHostAuth.EXTERNAL),
        replace(RELAY, address_spaces=(parse("X400:c=us"), parse("*"))),
        replace(MX, port=587, fqdn="mail.contoso.com", max_message_bytes=None, ignore_starttls=True),
        SECURE,
        *(replace(SECURE, tls_auth_level=level) for level in TlsAuthLevel),
        replace(SECURE, tls_auth_level=DOMAIN, tls_domain="contoso.com"),
        replace(RELAY, require_tls=True, tls_auth_level=DOMAIN, tls_domain="contoso.com"),
        *(replace(MX, usage=usage) for usage in Usage),
    ],
)
def test_what_exchange_takes_has_no_problems(spec):
    assert problems(spec) == ()


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            replace(MX, smart_hosts=("smart.contoso.com",)),
            "Smart host smart.contoso.com: smart hosts are not used while mail goes to MX records.",
        ),
        (
            replace(RELAY, smart_hosts=()),
            "Smart host: at least one smart host is needed to route mail through smart hosts.",
        ),
        (
            replace(RELAY, smart_hosts=("A.example", "a.example.")),
            "Smart host a.example: a smart host is listed once.",
        ),
        (
            replace(RELAY, smart_hosts=tuple(f"{number}.example" for number in range(51))),
            "Smart host: a connector has at most 50 smart hosts.",
        ),
        (
            replace(RELAY, smart_hosts=tuple(f"{'x' * 60}.{number}.example" for number in range(20))),
            "Smart host: all smart hosts together have at most 1000 characters.",
        ),
        (
            replace(MX, auth=SmartHostAuth.EXTERNAL),
            (
                "Smart host authentication ExternalAuthoritative: "
                "authentication is possible with smart hosts only."
            ),
        ),
        (replace(LOGIN, username=""), "User name: basic authentication needs a user name."),
        (replace(LOGIN, sealed_password=""), "Password: basic authentication needs a password."),
        (
            replace(LOGIN, auth=SmartHostAuth.BASIC_REQUIRE_TLS, ignore_starttls=True),
            (
                "Smart host authentication BasicAuthRequireTLS: authentication only after starting TLS "
                "can never happen while STARTTLS is ignored."
            ),
        ),
        (
            replace(MX, address_spaces=()),
            "Address space: at least one address space is needed, such as * for every domain.",
        ),
        (
            replace(MX, address_spaces=(parse("contoso.com;1"), parse("Contoso.com;2"))),
            "Address space SMTP:contoso.com: an address space is listed once, with one cost.",
        ),
        (
            replace(MX, address_spaces=(parse("X400:c=us"),)),
            "Address space X400:c=us;1: mail for X400 addresses has no MX records and needs a smart host.",
        ),
        (
            replace(MX, address_spaces=(AddressSpace("SMTP", "*contoso.com", 1),)),
            "Address space *contoso.com: a wildcard needs a dot after it.",
        ),
        (
            replace(MX, address_spaces=(AddressSpace("SMTP", "contoso.com", 101),)),
            "Cost 101: a cost is a whole number from 1 to 100.",
        ),
        (
            replace(MX, source_servers=()),
            "Source server: at least one source server is needed to send the mail.",
        ),
        (
            replace(MX, source_servers=("e15mb1", "E15MB1")),
            "Source server E15MB1: a source server is listed once.",
        ),
        (
            replace(MX, ignore_starttls=True, mta_sts=True),
            "IgnoreSTARTTLS True: STARTTLS cannot be ignored while MTA-STS or DANE is obeyed.",
        ),
        (
            replace(MX, ignore_starttls=True, dane=True),
            "IgnoreSTARTTLS True: STARTTLS cannot be ignored while MTA-STS or DANE is obeyed.",
        ),
        (
            replace(SECURE, ignore_starttls=True),
            "IgnoreSTARTTLS True: STARTTLS cannot be ignored while TLS is required.",
        ),
        (
            replace(MX, tls_auth_level=TlsAuthLevel.ENCRYPTION_ONLY),
            "TlsAuthLevel EncryptionOnly: the certificate is checked only when TLS is required.",
        ),
        (
            replace(SECURE, tls_auth_level=TlsAuthLevel.CERTIFICATE_VALIDATION, tls_domain="contoso.com"),
            "TlsDomain contoso.com: a TLS domain is used by the level DomainValidation only.",
        ),
        (
            replace(RELAY, require_tls=True, tls_auth_level=DOMAIN),
            "TlsDomain: DomainValidation with smart hosts needs the domain that the certificate must name.",
        ),
        (replace(MX, name=" "), "Name: a name has 1 to 64 characters."),
        (replace(MX, fqdn="relay"), "FQDN relay: a fully qualified domain name has at least one dot."),
        (replace(MX, port=0), "Port 0: a port is a whole number from 1 to 65535."),
        (
            replace(MX, max_message_bytes=0),
            "Maximum message size 0: a size is from 1 to 2147483647 bytes, or unlimited.",
        ),
        (
            replace(MX, messages_per_connection=0),
            "Messages per connection 0: one connection carries 1 to 100000 messages.",
        ),
        (
            replace(MX, inactivity_timeout=timedelta(days=2)),
            "Connection inactivity time-out 2.00:00:00: a time-out is from 00:00:01 to 1.00:00:00.",
        ),
    ],
)
def test_what_exchange_refuses_has_one_sentence(spec, sentence):
    assert [str(problem) for problem in problems(spec)] == [sentence]


def test_a_level_while_starttls_is_ignored_breaks_both_rules():
    spec = replace(MX, tls_auth_level=TlsAuthLevel.ENCRYPTION_ONLY, ignore_starttls=True)

    assert [problem.field for problem in problems(spec)] == ["tls_auth_level", "tls_auth_level"]


def test_everything_wrong_is_told_at_once():
    spec = ConnectorSpec(name="", port=0)

    assert {problem.field for problem in problems(spec)} == {
        "name",
        "port",
        "address_spaces",
        "source_servers",
    }


def test_a_connector_is_stored_tidy():
    tidy, _ = examine(
        replace(
            RELAY,
            name=" Relay ",
            smart_hosts=("[192.0.2.1]", "Bücher.example"),
            source_servers=("e15mb1",),
            fqdn=" Mail.Contoso.com. ",
        )
    )

    assert tidy.name == "Relay"
    assert tidy.smart_hosts == ("192.0.2.1", "xn--bcher-kva.example")
    assert tidy.source_servers == ("E15MB1",)
    assert tidy.fqdn == "mail.contoso.com"


def test_a_credential_that_nothing_would_use_is_not_kept():
    tidy, found = examine(replace(LOGIN, auth=SmartHostAuth.NONE))

    assert (tidy.username, tidy.sealed_password, found) == ("", "", ())


def test_a_sealed_password_is_not_in_the_printed_form():
    assert "v1:sealed" not in repr(LOGIN)


def test_the_wizard_rules_out_what_exchange_rules_out_with_a_reason():
    assert set(ruled_out(Usage.INTERNAL)) == {Delivery.MX}
    assert set(ruled_out(Usage.PARTNER)) == {Delivery.SMART_HOST}
    assert not ruled_out(Usage.CUSTOM)
    assert not ruled_out(Usage.INTERNET)
    assert "smart hosts" in ruled_out(Usage.INTERNAL)[Delivery.MX]


def test_only_internal_connectors_start_without_a_limit():
    assert default_max_message_bytes(Usage.INTERNAL) is None
    assert default_max_message_bytes(Usage.INTERNET) == 35 * 2**20


def test_mta_sts_and_dane_are_for_mx_delivery_and_dropped_without_it():
    assert examine(replace(MX, mta_sts=True, dane=True))[0].dane
    tidy, found = examine(replace(RELAY, mta_sts=True, dane=True))

    assert (tidy.mta_sts, tidy.dane, found) == (False, False, ())
