"""What the database itself refuses, whoever writes."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, models, transaction

from connectors.models import AddressSpaceRow, Configuration, SendConnector, SmartHost, SourceServer
from connectors.session_rules import STAGES

pytestmark = [pytest.mark.django_db, pytest.mark.state]
BASIC = {"delivery": "smart_host", "auth": "BasicAuth", "username": "relay", "sealed_password": "v1:k:x"}
XOAUTH2 = {"auth": "XOAUTH2", "oauth_token_url": "https://login.example/token", "oauth_client_id": "ours"}
DOMAIN = {"require_tls": True, "tls_auth_level": "DomainValidation"}


def row(**fields):
    plain = {"name": "Internet", "name_key": "internet", "usage": "Custom", "delivery": "mx"}
    return SendConnector.objects.create(**(plain | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        BASIC,
        DOMAIN,
        DOMAIN | {"delivery": "smart_host", "tls_domain": "contoso.com"},
        {"max_message_bytes": None},
        {"mta_sts": True, "dane": True},
        BASIC | XOAUTH2,
        {"messages_per_second": Decimal("0.1"), "messages_per_day": 1, "max_connections": 1},
        {"messages_per_second": Decimal("10000.0"), "tls_certificate_name": "<I>CN=a<S>CN=b"},
    ],
)
def test_a_right_row_is_stored(fields):
    assert row(**fields).pk


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("connector_has_a_name", {"name": ""}),
        ("connector_usage_is_known", {"usage": "Edge"}),
        ("connector_delivery_is_known", {"delivery": "pigeon"}),
        ("connector_auth_is_known", {"delivery": "smart_host", "auth": "ExchangeServer"}),
        ("connector_tls_level_is_known", {"require_tls": True, "tls_auth_level": "None"}),
        ("connector_auth_needs_smart_hosts", {"auth": "ExternalAuthoritative"}),
        ("connector_credential_is_for_login", BASIC | {"username": ""}),
        ("connector_credential_is_for_login", BASIC | {"sealed_password": ""}),
        ("connector_credential_is_for_login", BASIC | {"auth": "None"}),
        (
            "connector_auth_after_tls_needs_tls",
            BASIC | {"auth": "BasicAuthRequireTLS", "ignore_starttls": True},
        ),
        ("connector_requires_or_ignores_tls", {"require_tls": True, "ignore_starttls": True}),
        ("connector_tls_level_needs_tls", {"tls_auth_level": "EncryptionOnly"}),
        ("connector_tls_domain_needs_level", {"tls_domain": "contoso.com"}),
        ("connector_smart_host_domain_is_named", DOMAIN | {"delivery": "smart_host"}),
        ("connector_published_policies_need_mx_and_tls", {"mta_sts": True, "delivery": "smart_host"}),
        ("connector_published_policies_need_mx_and_tls", {"dane": True, "delivery": "smart_host"}),
        ("connector_published_policies_need_mx_and_tls", {"dane": True, "ignore_starttls": True}),
        ("connector_port_is_a_port", {"port": 0}),
        ("connector_port_is_a_port", {"port": 65_536}),
        ("connector_size_is_positive", {"max_message_bytes": 0}),
        ("connector_connection_carries_mail", {"messages_per_connection": 0}),
        (
            "connector_ip_family_is_known",
            {"ip_family": "IPX"},
        ),
        ("connector_helo_offers_nothing", BASIC | {"force_helo": True}),
        ("connector_helo_offers_nothing", {"force_helo": True, "dane": True}),
        ("connector_oauth_is_for_xoauth2", BASIC | {"oauth_token_url": "https://login.example/token"}),
        ("connector_oauth_is_for_xoauth2", BASIC | {"auth": "XOAUTH2", "oauth_client_id": "ours"}),
        ("connector_certificate_needs_tls", {"tls_certificate_name": "relay", "ignore_starttls": True}),
        ("connector_connections_are_bounded", {"max_connections": 0}),
        ("connector_rate_is_bounded", {"messages_per_second": Decimal(0)}),
        ("connector_day_is_bounded", {"messages_per_day": 0}),
        *(
            (f"connector_{stage}_timeout_is_bounded", {f"{stage}_timeout": timedelta(milliseconds=1)})
            for stage in STAGES
        ),
        (
            "connector_timeout_is_bounded",
            {"inactivity_timeout": models.DurationField().to_python("2 00:00:00")},
        ),
    ],
)
def test_a_wrong_row_is_refused_by_name(constraint, fields):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        row(**fields)


def test_every_check_of_the_connector_has_a_row_here_that_breaks_it():
    marks = test_a_wrong_row_is_refused_by_name.pytestmark
    tried = {case[0] for mark in marks if mark.name == "parametrize" for case in mark.args[1]}

    assert tried == {constraint.name for constraint in SendConnector._meta.constraints}


@pytest.mark.parametrize("twice", [{"guid": uuid.UUID(int=1)}, {"name_key": "same"}])
def test_a_draft_and_a_name_stand_for_one_connector(twice):
    row(**twice)

    with pytest.raises(IntegrityError), transaction.atomic():
        row(**({"name_key": "other"} | twice))


@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [
        (AddressSpaceRow, {"type": "SMTP", "pattern": "*"}, {"type": "SMTP", "pattern": "*", "cost": 2}),
        (AddressSpaceRow, {"type": "SMTP", "pattern": "*"}, {"type": "SMTP", "pattern": "com", "cost": 101}),
        (AddressSpaceRow, {"type": "SMTP", "pattern": "*"}, {"type": "SMTP", "pattern": "com", "cost": 0}),
        (AddressSpaceRow, {"type": "SMTP", "pattern": "*"}, {"type": "SMTP", "pattern": ""}),
        (SmartHost, {"position": 0, "host": "a.example"}, {"position": 1, "host": "a.example"}),
        (SmartHost, {"position": 0, "host": "a.example"}, {"position": 0, "host": "b.example"}),
        (SmartHost, {"position": 0, "host": "a.example"}, {"position": 1, "host": ""}),
        (SourceServer, {"server_name": "E15MB1"}, {"server_name": "E15MB1"}),
        (SourceServer, {"server_name": "E15MB1"}, {"server_name": ""}),
    ],
)
def test_parts_are_checked_too(model, good, bad):
    connector = row()
    model.objects.create(connector=connector, **good)

    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.create(connector=connector, **bad)


def test_there_is_one_configuration():
    with pytest.raises(IntegrityError), transaction.atomic():
        Configuration.objects.create(id=2)
