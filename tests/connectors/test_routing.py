"""Routing on what is stored: current after every change, cheap in between, and no password lying about."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from connectors import credentials, routing, services
from connectors.address_spaces import parse
from connectors.models import SendConnector
from connectors.profiles import (
    Credentials,
    Delivery,
    IpFamily,
    OAuthClient,
    SmartHostAuth,
    Timeouts,
    TlsAuthLevel,
    TlsPolicy,
)
from connectors.selection import Stage, Viewpoint
from connectors.session_rules import STAGES
from connectors.specs import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.state]
HERE = Viewpoint(server="E15MB1", sites={"E15MB1": "Paris"})


def carrier(domain, *, size_bytes=1000):
    return routing.current().table.route(domain, size_bytes=size_bytes, viewpoint=HERE).connector_id


def test_without_a_connector_nothing_is_routed():
    assert carrier("contoso.com") is None
    assert routing.current().generation == 0
    assert routing.profile(1) is None


def test_every_write_is_seen_at_the_next_look(internet, relay, make):
    every, contoso = make(internet), make(relay)
    assert carrier("mail.contoso.com") == contoso.pk

    services.disable([contoso.pk], actor="anna")
    assert carrier("mail.contoso.com") == every.pk

    services.change(
        every.pk, replace(internet, address_spaces=(parse("fabrikam.com"),)), actor="anna", expected_version=1
    )
    assert carrier("mail.contoso.com") is None

    services.enable([contoso.pk], actor="anna")
    services.remove([every.pk], actor="anna")
    assert carrier("mail.contoso.com") == contoso.pk
    assert routing.current().generation == 6


def test_a_look_is_one_small_query_while_nothing_changes(relay, make, django_assert_num_queries):
    make(relay)
    first = routing.current()

    with django_assert_num_queries(1):
        assert routing.current() is first


def test_a_write_that_was_rolled_back_is_forgotten(internet, make):
    with transaction.atomic():
        make(internet)
        assert carrier("contoso.com")
        transaction.set_rollback(True)
    assert carrier("contoso.com") is None

    # The same generation number again, with another content.
    other = make(internet, name="Other", address_spaces=(parse("contoso.com"),))
    assert carrier("contoso.com") == other.pk
    assert carrier("fabrikam.com") is None


@pytest.mark.django_db(transaction=True)
def test_a_reader_never_sees_half_of_a_change(relay, make):
    made = make(relay, smart_hosts=("old.example",), port=1001)
    changed = replace(relay, smart_hosts=("new.example",), port=1002)
    changes = []

    def change():
        changes.append(services.change(made.pk, changed, actor="anna", expected_version=1))
        connection.close()

    def change_before_the_hosts_are_read(execute, sql, *rest):
        if "connectors_smarthost" in sql and not changes:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(change).result()
        return execute(sql, *rest)

    with connection.execute_wrapper(change_before_the_hosts_are_read):
        profile = routing.profile(made.pk)

    assert len(changes) == 1
    assert (profile.smart_hosts, profile.port) == (("new.example",), 1002)


def test_a_profile_is_what_the_attempt_needs(relay, make):
    made = make(
        relay,
        use_external_dns=True,
        port=587,
        fqdn="mail.contoso.com",
        require_tls=True,
        tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION,
        tls_domain="contoso.com",
        max_message_bytes=5000,
        messages_per_connection=3,
        protocol_logging=True,
    )
    profile = routing.profile(made.pk)

    assert profile.delivery is Delivery.SMART_HOST
    assert profile.smart_hosts == ("smart.contoso.com", "192.0.2.1")
    assert profile.tls == TlsPolicy(
        require=True, auth_level=TlsAuthLevel.DOMAIN_VALIDATION, domain="contoso.com"
    )
    assert (profile.connector_id, profile.name, profile.version) == (made.pk, "Relay", 1)
    assert (profile.port, profile.fqdn, profile.use_external_dns) == (587, "mail.contoso.com", True)
    assert (profile.max_message_bytes, profile.messages_per_connection) == (5000, 3)
    assert profile.credentials is None
    assert routing.current().source_servers[made.pk] == ("E15MB1",)


def test_a_profile_says_how_a_session_is_held(internet, make):
    timeouts = Timeouts(**{stage: timedelta(seconds=9 + at) for at, stage in enumerate(STAGES)})
    made = make(
        internet,
        force_helo=True,
        source_ip_address="2001:DB8::7",
        ip_family=IpFamily.PREFER_IPV6,
        max_connections=3,
        messages_per_second=Decimal("0.5"),
        messages_per_day=10,
        timeouts=timeouts,
    )
    profile = routing.profile(made.pk)

    assert (profile.force_helo, profile.source_ip_address) == (True, "2001:db8::7")
    assert (profile.ip_family, profile.tls_certificate_name) == (IpFamily.PREFER_IPV6, "")
    assert routing.profile(make(internet, name="B", tls_certificate_name="b").pk).tls_certificate_name == "b"
    assert (profile.max_connections, profile.messages_per_second) == (3, Decimal("0.5"))
    assert (profile.messages_per_day, profile.timeouts) == (10, timeouts)
    assert profile.oauth is None


def test_an_oauth_client_goes_with_the_secret_that_was_typed_for_it(relay):
    guid = uuid.uuid4()
    spec = replace(
        relay,
        auth=SmartHostAuth.XOAUTH2,
        username="relay@contoso.com",
        sealed_password=credentials.seal("hunter2", guid=guid),
        oauth_token_url="https://login.example/token",
        oauth_client_id="ours",
        oauth_scope="send",
    )
    profile = routing.profile(services.create(spec, guid=guid, actor="anna").pk)

    assert profile.oauth == OAuthClient(
        token_url="https://login.example/token", client_id="ours", scope="send"
    )
    assert profile.credentials == Credentials(username="relay@contoso.com", password="hunter2")


def test_a_profile_tells_which_published_policies_are_obeyed(internet, make):
    plain, both = make(internet), make(internet, name="Both", usage=Usage.INTERNET, mta_sts=True, dane=True)

    assert [(one.mta_sts, one.dane, one.internet) for one in map(routing.profile, (plain.pk, both.pk))] == [
        (False, False, False),
        (True, True, True),
    ]


def test_the_password_is_opened_for_the_attempt_and_for_nobody_else(signed_in):
    profile = routing.profile(signed_in.pk)

    assert profile.auth is SmartHostAuth.BASIC
    assert profile.credentials == Credentials(username="relay", password="hunter2")
    assert "hunter2" not in repr(profile)
    held = routing.current()
    assert held.profiles[signed_in.pk].credentials.password == ""
    assert signed_in.sealed_password not in repr(held)


def test_a_disabled_connector_has_no_profile(signed_in):
    services.disable([signed_in.pk], actor="anna")

    assert routing.profile(signed_in.pk) is None


def test_one_password_that_no_key_opens_stops_that_connector_only(signed_in, internet, make, settings):
    other = make(internet)
    settings.FIELD_KEYS = ["another-key"]

    with pytest.raises(
        routing.UnusableConnector, match=r"Send connector Relay: .* Type the password again"
    ) as caught:
        routing.profile(signed_in.pk)
    assert "hunter2" not in str(caught.value)
    assert routing.profile(other.pk).name == "Internet"
    assert carrier("mail.contoso.com") == signed_in.pk


def test_the_explanation_takes_a_domain_as_people_write_it(internet, make):
    special = make(internet, name="Books", address_spaces=(parse("bücher.example"),))
    every = make(internet)
    choice = routing.explain("BÜCHER.example.", size_bytes=10, viewpoint=HERE)

    assert choice.winner.id == special.pk
    assert [(loser.connector.id, loser.stage) for loser in choice.considered] == [
        (every.pk, Stage.SPECIFICITY)
    ]


def test_rotation_moves_every_password_to_the_newest_key_and_can_be_repeated(signed_in, settings, capsys):
    settings.FIELD_KEYS = ["new-key", *settings.FIELD_KEYS]
    call_command("rotate_field_keys")
    call_command("rotate_field_keys")
    assert capsys.readouterr().out.splitlines() == [
        "1 passwords and private keys sealed with the newest key.",
        "0 passwords and private keys sealed with the newest key.",
    ]

    settings.FIELD_KEYS = ["new-key"]
    assert routing.profile(signed_in.pk).credentials.password == "hunter2"
    signed_in.refresh_from_db()
    assert signed_in.version == 1


@pytest.mark.usefixtures("signed_in")
def test_rotation_names_what_it_cannot_open_and_moves_the_rest(relay, settings):
    settings.FIELD_KEYS = ["new-key"]
    guid = uuid.uuid4()
    sealed = credentials.seal("swordfish", guid=guid)
    services.create(
        replace(relay, name="Second", auth=SmartHostAuth.BASIC, username="x", sealed_password=sealed),
        guid=guid,
        actor="anna",
    )
    settings.FIELD_KEYS = ["newest-key", "new-key"]

    with pytest.raises(CommandError, match="No configured key opens what is stored of: Relay"):
        call_command("rotate_field_keys")
    moved = SendConnector.objects.get(guid=guid)
    assert credentials.is_current(moved.sealed_password)
