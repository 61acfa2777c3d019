"""Writes: exactly one connector per draft, nothing half done, nobody overwritten, no password leaked."""

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from connectors import credentials, services
from connectors.address_spaces import parse
from connectors.errors import Conflict, ConnectorError
from connectors.models import AddressSpaceRow, Configuration, SendConnector, SmartHost, SourceServer
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, Timeouts, TlsAuthLevel
from connectors.session_rules import STAGES
from connectors.specs import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.state]


def generation():
    return Configuration.objects.values_list("generation", flat=True).first() or 0


def in_threads(*calls):
    """Run all calls at the same moment, each on a database connection of its own."""
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except ConnectorError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_every_setting_comes_back_as_it_was_given(relay, make):
    spec = replace(
        relay,
        usage=Usage.PARTNER,
        enabled=False,
        comment="to\r\nthe relay",
        use_external_dns=True,
        auth=SmartHostAuth.EXTERNAL,
        scoped=True,
        source_servers=("E15MB2", "E15MB1"),
        fqdn="mail.contoso.com",
        port=587,
        max_message_bytes=None,
        protocol_logging=True,
        require_tls=True,
        tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION,
        tls_domain="contoso.com",
        messages_per_connection=7,
        tls_certificate_name="<I>CN=Contoso CA<S>CN=mail.contoso.com",
        source_ip_address="192.0.2.7",
        ip_family=IpFamily.IPV4_ONLY,
        max_connections=3,
        messages_per_second=Decimal("2.5"),
        messages_per_day=500,
        timeouts=Timeouts(
            **{stage: timedelta(seconds=number) for number, stage in enumerate(STAGES, start=11)}
        ),
        inactivity_timeout=relay.inactivity_timeout * 2,
    )
    made = make(spec)

    assert services.spec_of(SendConnector.objects.get(pk=made.pk)) == spec
    assert (made.version, made.created_by, made.changed_by) == (1, "anna", "anna")


def test_helo_comes_back_as_it_was_given(internet, make):
    spec = replace(internet, force_helo=True)

    assert services.spec_of(SendConnector.objects.get(pk=make(spec).pk)) == spec


def test_one_draft_makes_one_connector_however_often_finish_is_clicked(internet):
    guid = uuid.uuid4()
    first = services.create(internet, guid=guid, actor="anna")
    again = services.create(internet, guid=guid, actor="anna")

    assert again.pk == first.pk
    assert SendConnector.objects.count() == 1
    assert generation() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("earlier", [False, True], ids=["the very first", "a later one"])
def test_two_clicks_at_the_same_moment_make_one_connector(internet, make, earlier):
    before = int(earlier and bool(make(internet, name="Earlier")))
    guid = uuid.uuid4()
    made = in_threads(*[lambda: services.create(internet, guid=guid, actor="anna")] * 4)

    assert len({connector.pk for connector in made}) == 1
    assert SendConnector.objects.count() == SourceServer.objects.count() == generation() == before + 1


@pytest.mark.django_db(transaction=True)
def test_of_two_that_take_one_name_at_the_same_moment_one_is_told(internet, make):
    make(internet, name="Earlier")
    made = in_threads(*[lambda: services.create(internet, guid=uuid.uuid4(), actor="anna")] * 3)

    assert sorted(type(one).__name__ for one in made) == ["InvalidConnector"] * 2 + ["SendConnector"]


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_of_one_version_the_second_is_told(internet, make):
    made = make(internet)
    results = in_threads(
        *[
            lambda port=port: services.change(
                made.pk, replace(internet, port=port), actor=f"editor {port}", expected_version=1
            )
            for port in (26, 27)
        ]
    )
    lost = next(one for one in results if isinstance(one, Conflict))
    stored = SendConnector.objects.get()

    assert stored.version == 2
    assert f"Internet was changed by {stored.changed_by} at" in str(lost)
    assert stored.changed_by == f"editor {stored.port}"


def test_a_name_is_taken_whatever_its_case(internet, make):
    make(internet, name="Zürich")

    with pytest.raises(services.InvalidConnector, match="Name ZÜRICH: another send connector has this name"):
        make(internet, name="ZÜRICH")


def test_a_refused_connector_leaves_nothing_behind(internet, make):
    with pytest.raises(services.InvalidConnector) as caught:
        make(internet, source_servers=(), port=0)

    assert [problem.field for problem in caught.value.problems] == ["port", "source_servers"]
    assert not SendConnector.objects.exists()
    assert generation() == 0


def test_a_change_replaces_the_lists_and_keeps_their_order(relay, make):
    made = make(relay)
    wanted = replace(
        relay,
        name="relay",
        smart_hosts=("192.0.2.1", "new.contoso.com", "smart.contoso.com"),
        address_spaces=(parse("fabrikam.com;5"),),
    )
    changed = services.change(made.pk, wanted, actor="ben", expected_version=1)

    assert services.spec_of(SendConnector.objects.with_parts().get()) == wanted
    assert (changed.version, changed.changed_by, changed.created_by) == (2, "ben", "anna")
    assert generation() == 2


def test_saving_without_a_change_writes_nothing(signed_in):
    same = services.change(signed_in.pk, services.spec_of(signed_in), actor="ben", expected_version=1)

    assert same.version == 1
    assert generation() == 1


def test_a_stale_edit_is_refused_and_nothing_saved(internet, make):
    made = make(internet)
    services.change(made.pk, replace(internet, port=26), actor="ben", expected_version=1)

    with pytest.raises(Conflict, match=r"Internet was changed by ben at .* \(version 2\)"):
        services.change(made.pk, replace(internet, port=27), actor="anna", expected_version=1)
    assert SendConnector.objects.get().port == 26

    services.change(made.pk, replace(internet, port=28), actor="shell", expected_version=None)
    assert SendConnector.objects.get().port == 28


def test_a_removed_connector_cannot_be_changed(internet):
    with pytest.raises(services.NoSuchConnector, match="does not exist any more"):
        services.change(4711, internet, actor="anna", expected_version=None)


def test_the_type_is_set_once(internet, make):
    made = make(internet, usage=Usage.INTERNET)

    with pytest.raises(services.InvalidConnector, match="the type is set once"):
        services.change(made.pk, internet, actor="anna", expected_version=1)


def password_of(connector):
    stored = SendConnector.objects.get(pk=connector.pk)
    return credentials.open_sealed(stored.sealed_password, guid=stored.guid) if stored.sealed_password else ""


def test_an_empty_password_keeps_the_stored_one(signed_in):
    spec = services.spec_of(signed_in)
    assert spec.sealed_password == ""

    reordered = replace(spec, comment="new", smart_hosts=spec.smart_hosts[::-1], fqdn="mail.contoso.com")
    services.change(signed_in.pk, reordered, actor="anna", expected_version=1)

    assert password_of(signed_in) == "hunter2"


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"smart_hosts": ("smart.contoso.com", "192.0.2.1", "evil.example")},
        {"smart_hosts": ("smart.contoso.com",)},
        {"port": 2525},
        {"require_tls": True},
        {"ignore_starttls": True},
        {"auth": SmartHostAuth.BASIC_REQUIRE_TLS},
        {"require_tls": True, "tls_auth_level": TlsAuthLevel.ENCRYPTION_ONLY},
        {
            "auth": SmartHostAuth.XOAUTH2,
            "oauth_token_url": "https://login.example/token",
            "oauth_client_id": "ours",
        },
    ],
)
def test_a_password_is_not_sent_where_nobody_typed_it_for(signed_in, elsewhere):
    spec = replace(services.spec_of(signed_in), **elsewhere)

    with pytest.raises(services.InvalidConnector, match=r"Password: .* clears the stored password") as caught:
        services.change(signed_in.pk, spec, actor="anna", expected_version=1)
    assert len(caught.value.problems) == 1

    typed = replace(spec, sealed_password=credentials.seal("new", guid=signed_in.guid))
    services.change(signed_in.pk, typed, actor="anna", expected_version=1)
    assert password_of(signed_in) == "new"


def test_the_secret_of_an_oauth_client_is_not_sent_to_another_token_url(relay):
    guid = uuid.uuid4()
    spec = replace(
        relay,
        auth=SmartHostAuth.XOAUTH2,
        username="relay@contoso.com",
        oauth_token_url="https://login.example/token",
        oauth_client_id="ours",
        oauth_scope="send",
    )
    sealed = credentials.seal("hunter2", guid=guid)
    made = services.create(replace(spec, sealed_password=sealed), guid=guid, actor="anna")

    elsewhere = replace(spec, oauth_token_url="https://evil.example/token")
    with pytest.raises(services.InvalidConnector, match=r"Password: .*token URL changed, which clears"):
        services.change(made.pk, elsewhere, actor="anna", expected_version=1)
    services.change(made.pk, replace(spec, oauth_scope="other"), actor="anna", expected_version=1)
    assert password_of(made) == "hunter2"
    assert services.spec_of(SendConnector.objects.get()) == replace(spec, oauth_scope="other")


def test_the_same_hosts_written_otherwise_are_the_same_hosts(signed_in):
    spec = replace(
        services.spec_of(signed_in), comment="new", smart_hosts=("SMART.contoso.com.", "[192.0.2.1]")
    )
    services.change(signed_in.pk, spec, actor="anna", expected_version=1)

    assert password_of(signed_in) == "hunter2"


def test_switching_authentication_off_forgets_the_password(signed_in):
    spec = replace(services.spec_of(signed_in), auth=SmartHostAuth.NONE)
    services.change(signed_in.pk, spec, actor="anna", expected_version=1)
    stored = SendConnector.objects.get()

    assert (stored.username, stored.sealed_password) == ("", "")


def test_switching_to_mx_records_forgets_hosts_and_password(signed_in):
    spec = replace(services.spec_of(signed_in), delivery=Delivery.MX, smart_hosts=(), auth=SmartHostAuth.NONE)
    services.change(signed_in.pk, spec, actor="anna", expected_version=1)

    assert not SmartHost.objects.exists()
    assert password_of(signed_in) == ""


def test_a_password_sealed_for_another_connector_is_refused(relay, make):
    borrowed = credentials.seal("hunter2", guid=uuid.uuid4())

    with pytest.raises(services.InvalidConnector, match="Password: type the password again"):
        make(relay, auth=SmartHostAuth.BASIC, username="relay", sealed_password=borrowed)


def test_enabling_and_disabling_count_what_they_changed(internet, make):
    one, two = make(internet), make(internet, name="Second", enabled=False)
    before = generation()

    assert services.disable([one.pk, two.pk, 4711], actor="ben") == 1
    assert services.disable([one.pk, two.pk], actor="ben") == 0
    assert generation() == before + 1
    one.refresh_from_db()
    assert (one.status, one.version, one.changed_by) == ("Disabled", 2, "ben")
    assert services.enable([one.pk, two.pk], actor="ben") == 2


def test_removal_counts_and_takes_everything_along(relay, make):
    made = make(relay)

    assert services.remove([made.pk, 4711], actor="ben") == 1
    assert services.remove([made.pk], actor="ben") == 0
    assert not any(model.objects.exists() for model in (AddressSpaceRow, SmartHost, SourceServer))
    assert generation() == 2


@pytest.mark.django_db(transaction=True)
def test_each_write_is_one_log_line_without_a_secret(signed_in, caplog):
    caplog.set_level(logging.INFO, "connectors")
    renamed = replace(services.spec_of(signed_in), comment="x", name="New [name]")
    services.change(signed_in.pk, renamed, actor="ben\nroot", expected_version=1)
    services.disable([signed_in.pk], actor="ben")
    services.enable([signed_in.pk], actor="ben")
    services.remove([signed_in.pk], actor="ben")

    lines = [(one.getMessage(), one.connector_id, one.version, one.actor) for one in caplog.records]
    assert lines == [
        ("connector_changed", signed_in.pk, 2, "ben\nroot"),
        ("connector_disabled", signed_in.pk, 3, "ben"),
        ("connector_enabled", signed_in.pk, 4, "ben"),
        ("connector_removed", signed_in.pk, 4, "ben"),
    ]
    assert {one.connector for one in caplog.records} == {"New [name]"}


def test_the_list_reads_four_queries_however_many_connectors(relay, make, django_assert_num_queries):
    for number in range(12):
        make(relay, name=f"Relay {number:02}" if number % 2 else f"RELAY {number:02}")

    with django_assert_num_queries(4):
        specs = [services.spec_of(connector) for connector in SendConnector.objects.with_parts().by_name()]
    assert [spec.name.lower() for spec in specs] == [f"relay {number:02}" for number in range(12)]


def test_a_connector_is_found_by_name_guid_or_server_and_name(internet, make):
    made = make(internet, name="To Internet")
    make(internet, name="Other")

    for identity in ("to internet", " TO INTERNET ", str(made.guid), r"E15MB1\To Internet"):
        assert SendConnector.objects.identified(identity).get() == made
    assert not SendConnector.objects.identified("nobody").exists()
