"""All settings of a send connector survive as JSON, and none of them is its secret."""

import json
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors import spec_json
from connectors.address_spaces import parse
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, Timeouts, TlsAuthLevel
from connectors.specs import ConnectorSpec, Usage

UNUSUAL = ConnectorSpec(
    name="Relay “1”",
    usage=Usage.PARTNER,
    enabled=False,
    comment="to\r\nthe relay",
    delivery=Delivery.SMART_HOST,
    smart_hosts=("smart.contoso.com", "2001:db8::1"),
    use_external_dns=True,
    auth=SmartHostAuth.XOAUTH2,
    username="relay",
    sealed_password="canary",
    oauth_token_url="https://login.example/token",
    oauth_client_id="ours",
    oauth_scope="send",
    address_spaces=(parse("*.contoso.com;10"), parse("X400:o=MySite;p=MyOrg;a=adatum;c=us;7")),
    scoped=True,
    source_servers=("E15MB2", "E15MB1"),
    fqdn="mail.contoso.com",
    force_helo=True,
    source_ip_address="192.0.2.7",
    ip_family=IpFamily.PREFER_IPV4,
    port=587,
    max_message_bytes=None,
    protocol_logging=True,
    require_tls=True,
    ignore_starttls=True,
    tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION,
    tls_domain="contoso.com",
    tls_certificate_name="relay",
    mta_sts=True,
    dane=True,
    messages_per_connection=7,
    max_connections=3,
    messages_per_second=Decimal("0.5"),
    messages_per_day=500,
    inactivity_timeout=timedelta(minutes=3),
    timeouts=replace(Timeouts(), dot=timedelta(minutes=20)),
)


def test_the_example_sets_every_field():
    usual = ConnectorSpec(name="")

    same = [one.name for one in fields(usual) if getattr(usual, one.name) == getattr(UNUSUAL, one.name)]

    assert same == []


@pytest.mark.parametrize("spec", [UNUSUAL, ConnectorSpec(name="Internet")])
def test_what_was_written_is_read_the_same_without_the_password(spec):
    stored = json.loads(json.dumps(spec_json.written(spec)))

    assert spec_json.read(stored) == replace(spec, sealed_password="")
    assert "canary" not in json.dumps(stored)


def test_what_an_older_release_did_not_know_is_as_usual_and_what_this_one_forgot_is_left_out():
    stored = spec_json.written(UNUSUAL)
    del stored["dane"], stored["timeouts"]["quit"]

    read = spec_json.read(stored | {"pigeons": 3})

    assert (read.dane, read.timeouts.quit, read.port) == (False, Timeouts().quit, 587)
