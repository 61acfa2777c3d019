"""The list and the edit dialog at their HTTP border."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from connectors import credentials, services
from connectors.address_spaces import parse
from connectors.models import ConnectorVersion, SendConnector
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, Timeouts
from connectors.services import spec_of
from connectors.session_rules import STAGES
from connectors.validators import format_time_span

pytestmark = pytest.mark.django_db
LIST = "/mail-flow/send-connectors/"
SECRET = "canary-hunter2"


@pytest.fixture
def relay(make):
    """A smart host connector with a stored password."""
    connector = make("Relay", delivery=Delivery.SMART_HOST, smart_hosts=("relay.contoso.com",))
    sealed = credentials.seal(SECRET, guid=connector.guid)
    basic = replace(spec_of(connector), auth=SmartHostAuth.BASIC, username="contoso", sealed_password=sealed)
    return services.change(connector.pk, basic, actor="anna", expected_version=None)


def form_of(connector, **changes):
    """What the edit dialog sends when nothing was typed, and `changes`."""
    spec = spec_of(connector)
    form = {
        "version": connector.version,
        "go": "save",
        "name": spec.name,
        "enabled": "on",
        "comment": spec.comment,
        "protocol_logging": "None",
        "max_message_size": "35 MB",
        "delivery": spec.delivery,
        "smart_hosts": list(spec.smart_hosts),
        "port": spec.port,
        "auth": spec.auth,
        "username": spec.username,
        "password": "",
        "messages_per_connection": spec.messages_per_connection,
        "inactivity_timeout": "00:10:00",
        "space_type": [space.type for space in spec.address_spaces],
        "space_pattern": [space.pattern for space in spec.address_spaces],
        "space_cost": [space.cost for space in spec.address_spaces],
        "source_servers": list(spec.source_servers),
        "fqdn": spec.fqdn,
        "starttls": "opportunistic",
        "tls_auth_level": "",
        "tls_domain": "",
        **{f"{stage}_timeout": format_time_span(getattr(spec.timeouts, stage)) for stage in STAGES},
    }
    return form | changes


def save(client, connector, **changes):
    """Send the edit dialog."""
    return client.post(f"{LIST}{connector.pk}/edit/", form_of(connector, **changes))


def test_no_get_changes_anything(signed_in, relay):
    make_new = signed_in.get(f"{LIST}new/").url
    paths = ["", "?selected=1&sort=-name", f"{relay.pk}/edit/", f"remove/?selected={relay.pk}", "act/"]
    before = list(SendConnector.objects.values()), dict(signed_in.session)

    answers = [signed_in.get(LIST + path).status_code for path in paths] + [
        signed_in.get(make_new).status_code
    ]

    assert answers == [200, 200, 200, 200, 405, 200]
    assert (list(SendConnector.objects.values()), dict(signed_in.session)) == before


@pytest.mark.parametrize(
    "path", ["act/", "remove/", "1/edit/", "new/6f2f5bd2-95f5-4cbb-8f1f-3a3a1f6b7b10/name/"]
)
def test_every_write_wants_the_csrf_token(anna, path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)

    answer = client.post(LIST + path, {"selected": "1", "verb": "disable"})

    assert answer.status_code == 403
    assert b"This form is too old" in answer.content


def test_who_has_no_right_changes_no_connector(relay):
    stranger = Client()
    stranger.force_login(get_user_model().objects.create_user("stranger"))

    answers = [
        save(stranger, relay, smart_hosts="127.0.0.1"),
        *(
            stranger.post(LIST + path, {"selected": relay.pk, "verb": "disable"})
            for path in ("act/", "remove/", "new/6f2f5bd2-95f5-4cbb-8f1f-3a3a1f6b7b10/name/")
        ),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert spec_of(SendConnector.objects.get()) == spec_of(relay)


def test_saving_unchanged_keeps_everything_and_the_password(signed_in, relay):
    before = spec_of(relay)

    answer = save(signed_in, relay)

    assert answer.status_code == 302
    relay.refresh_from_db()
    assert spec_of(relay) == before
    assert credentials.open_sealed(relay.sealed_password, guid=relay.guid) == SECRET


def test_how_a_session_is_held_is_saved_and_shown(signed_in, make):
    connector = make("Internet")
    changes = {
        "max_connections": "3",
        "messages_per_second": "0.5",
        "messages_per_day": "500",
        "source_ip_address": "192.0.2.7",
        "ip_family": "PreferIPv4",
        "tls_certificate_name": "relay",
        "mta_sts": "on",
        "dane": "on",
        "dot_timeout": "00:20:00",
    }
    assert save(signed_in, connector, **changes).status_code == 302
    stored = spec_of(SendConnector.objects.get(pk=connector.pk))

    assert (stored.max_connections, stored.messages_per_second) == (3, Decimal("0.5"))
    assert (stored.messages_per_day, stored.source_ip_address) == (500, "192.0.2.7")
    assert (stored.ip_family, stored.tls_certificate_name) == (IpFamily.PREFER_IPV4, "relay")
    assert (stored.mta_sts, stored.dane) == (True, True)
    assert stored.timeouts == replace(Timeouts(), dot=timedelta(minutes=20))
    page = signed_in.get(f"{LIST}?selected={connector.pk}").content.decode()
    for said in (
        "192.0.2.7",
        "500 messages per day",
        "dot: 00:20:00",
        "With the certificate relay",
        "DANE is",
    ):
        assert said in page
    assert 'value="00:20:00"' in signed_in.get(f"{LIST}{connector.pk}/edit/").content.decode()


def test_a_connector_that_signs_in_with_a_token_is_edited_like_any_other(signed_in, relay):
    oauth = {
        "auth": "XOAUTH2",
        "username": "relay@contoso.com",
        "oauth_token_url": "https://login.example/token",
        "oauth_client_id": "ours",
        "oauth_scope": "send",
    }
    assert "clears the stored password" in save(signed_in, relay, **oauth).content.decode()
    assert save(signed_in, relay, **oauth, password=SECRET).status_code == 302
    relay.refresh_from_db()
    assert (relay.auth, relay.oauth_client_id, relay.oauth_scope) == ("XOAUTH2", "ours", "send")

    assert save(signed_in, relay, **oauth, comment="new").status_code == 302
    relay.refresh_from_db()
    assert credentials.open_sealed(relay.sealed_password, guid=relay.guid) == SECRET
    assert (
        "OAuth 2.0 (XOAUTH2), as relay@contoso.com"
        in signed_in.get(f"{LIST}?selected={relay.pk}").content.decode()
    )


def test_the_stored_password_is_never_shown(signed_in, relay):
    pages = [signed_in.get(LIST + path) for path in (f"?selected={relay.pk}", f"{relay.pk}/edit/")]
    pages.append(save(signed_in, relay, port="0", password=SECRET))

    for page in pages:
        assert SECRET not in page.content.decode()
        assert relay.sealed_password not in page.content.decode()
    assert "stored; leave blank to keep" in pages[1].content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Name: it is needed."),
        ({"name": "a\\b"}, "Name a\\b: a name has no backslash"),
        ({"name": "Other"}, "Name Other: another send connector has this name."),
        ({"delivery": "pigeon"}, "Network settings pigeon: choose MX records or smart hosts."),
        ({"smart_hosts": ["300.1.1.1"]}, "Smart host 300.1.1.1: that is neither a host name nor an IP"),
        ({"smart_hosts": []}, "Smart host: at least one smart host is needed"),
        ({"port": "70000"}, "Port 70000: a port is a whole number from 1 to 65535."),
        ({"auth": "BasicAuth", "username": ""}, "User name: basic authentication needs a user name."),
        ({"space_pattern": ["*contoso.com"]}, "Address space *contoso.com: a wildcard needs a dot after it."),
        ({"space_cost": ["101"]}, "Cost 101: a cost is a whole number from 1 to 100."),
        ({"space_pattern": [""]}, "Address space: at least one address space is needed"),
        ({"source_servers": []}, "Source server: at least one source server is needed"),
        ({"source_servers": ["E15MB9"]}, "Source server E15MB9: no transport server of this name"),
        ({"max_message_size": "big"}, "Maximum message size big: a size is a number"),
        ({"messages_per_connection": "many"}, "Messages per connection many: one connection carries 1 to"),
        ({"name": "a\0b"}, "Name a\\u0000b: a name has printable characters only."),
        ({"name": "x" * 10_000}, "a name has 1 to 64 characters."),
        ({"fqdn": "mail\0.contoso.com"}, "FQDN mail\\u0000.contoso.com: a label is made of letters"),
        ({"auth": "BasicAuth", "username": "u\0"}, "User name: printable characters only."),
        ({"protocol_logging": "Much"}, "Protocol logging level Much: it is neither None nor Verbose."),
        ({"messages_per_connection": "0"}, "Messages per connection 0: one connection carries 1 to"),
        ({"inactivity_timeout": "ten minutes"}, "time-out ten minutes: a time span reads hh:mm:ss"),
        ({"fqdn": "mail"}, "FQDN mail: a fully qualified domain name has at least one dot."),
        ({"starttls": "maybe"}, "STARTTLS maybe: it is none of the three."),
        (
            {"tls_auth_level": "EncryptionOnly"},
            "TlsAuthLevel EncryptionOnly: the certificate is checked only",
        ),
        ({"max_connections": "few"}, "Connections per next hop few: it is a whole number"),
        ({"max_connections": "0"}, "Connections per next hop 0: 1 to 10000 connections"),
        ({"messages_per_second": "1.25"}, "Messages per second 1.25: 0.1 to 10000.0, with one decimal"),
        ({"messages_per_second": "-1"}, "Messages per second -1: it is a number such as 0.5"),
        ({"messages_per_day": "0"}, "Messages per day 0: 1 to 2000000000"),
        ({"dot_timeout": ""}, "Time-out, Final dot: it is needed, as in 00:05:00."),
        ({"ehlo_timeout": "00:00:00"}, "Time-out of EHLO 00:00:00: a time-out is from"),
        ({"source_ip_address": "here"}, "SourceIPAddress here: that is no IP address"),
        ({"ip_family": "IPX"}, "IP family IPX: there is no such choice."),
        ({"force_helo": "on"}, "ForceHELO True: EHLO cannot be left out while the connector signs in."),
        ({"tls_certificate_name": "../x"}, "TlsCertificateName ../x: a certificate is named by its file"),
        ({"auth": "XOAUTH2"}, "OAuth token URL: XOAUTH2 needs the https address"),
        ({"comment": "x" * 1025}, "a comment has at most 1024 characters"),
    ],
)
def test_a_wrong_value_is_named_with_its_field_and_rule(signed_in, make, relay, changes, sentence):
    make("Other")

    answer = save(signed_in, relay, **changes)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    relay.refresh_from_db()
    assert relay.version == 2


@pytest.mark.parametrize("count", [300, 1000])
def test_a_long_list_survives_the_edit_dialog(signed_in, make, count):
    spaces = tuple(parse(f"SMTP:d{number}.example;7") for number in range(count))
    connector = make("Many", address_spaces=spaces)
    page = signed_in.get(f"{LIST}{connector.pk}/edit/").content.decode()
    assert page.count('name="space_pattern"') == count

    assert save(signed_in, connector, comment="only this").status_code == 302

    connector.refresh_from_db()
    assert (connector.comment, set(spec_of(connector).address_spaces)) == ("only this", set(spaces))


def test_too_many_entries_are_refused_and_none_is_cut(signed_in, relay):
    too_many = [f"d{number}.example" for number in range(1100)]
    lists = {"space_type": ["SMTP"] * 1100, "space_pattern": too_many, "space_cost": ["1"] * 1100}

    answer = save(signed_in, relay, **lists)

    assert answer.status_code == 422
    assert "Address space: a connector has at most 1000 address spaces." in answer.content.decode()


def test_a_pasted_novel_does_not_fill_the_page_with_errors(signed_in, relay):
    answer = save(signed_in, relay, smart_hosts=["call_me Ishmael! " * 5000])

    assert answer.status_code == 422
    assert answer.content.decode().count("<li>Smart host ") == 20
    assert "9980 more are wrong too." in answer.content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"delivery": "mx", "smart_hosts": ["http://x"]},
        {"auth": "None", "username": "u\0", "password": "x" * 2000},
        {"tls_domain": "no domain", "password": SECRET},
    ],
)
def test_what_a_choice_hides_cannot_be_wrong(signed_in, relay, changes):
    assert save(signed_in, relay, **changes).status_code == 302


def test_a_password_that_must_be_typed_again_is_not_offered_to_be_kept(signed_in, relay):
    page = save(signed_in, relay, smart_hosts=["other.contoso.com"]).content.decode()

    assert "which clears the stored password: type it again." in page
    assert "leave blank to keep" not in page


def test_mx_records_in_place_of_smart_hosts_end_the_authentication(signed_in, relay):
    assert save(signed_in, relay, delivery="mx").status_code == 302

    relay.refresh_from_db()
    spec = spec_of(relay)
    assert (spec.delivery, spec.auth, spec.username, relay.sealed_password) == ("mx", "None", "", "")


def test_a_server_that_is_gone_may_stay(signed_in, make):
    connector = make("Internet", source_servers=("LOST1",))

    assert b"Not registered" in signed_in.get(f"{LIST}{connector.pk}/edit/").content
    assert save(signed_in, connector, comment="still").status_code == 302


def test_a_reason_goes_into_the_history_and_a_wrong_one_is_refused(signed_in, make):
    connector = make("Internet")

    refused = save(signed_in, connector, comment="x", reason="x" * 501)
    assert refused.status_code == 422
    assert "a reason has at most 500 characters" in refused.content.decode()

    assert save(signed_in, connector, comment="x", reason="Ticket 42").status_code == 302
    newest = ConnectorVersion.objects.of(connector.guid).first()
    assert (newest.reason, newest.author) == ("Ticket 42", "anna")


def test_two_administrators_do_not_overwrite_each_other(signed_in, make):
    connector = make("Internet")
    services.change(
        connector.pk, replace(spec_of(connector), comment="bob's"), actor="bob", expected_version=1
    )

    answer = save(signed_in, connector, comment="anna's")

    assert answer.status_code == 409
    assert "Internet was changed by bob at" in answer.content.decode()
    connector.refresh_from_db()
    assert connector.comment == "bob's"
    again = save(signed_in, connector, version="1", comment="anna's")
    assert again.status_code == 409


def test_what_was_removed_meanwhile_is_said_so(signed_in, make):
    connector = make("Internet")
    connector.delete()

    answer = signed_in.post(f"{LIST}{connector.pk or 1}/edit/", {"go": "save"}, follow=True)

    assert "This send connector was removed meanwhile. Nothing was saved." in answer.content.decode()


@pytest.mark.parametrize("number", ["999", "9" * 18, "9" * 40])
def test_an_unknown_connector_is_404(signed_in, number):
    assert signed_in.get(f"{LIST}{number}/edit/").status_code == 404


@pytest.mark.parametrize("selected", ["999", "9" * 40, "-1", "abc", "²", "1 OR 1=1"])
def test_a_selection_of_nothing_harms_nothing(signed_in, make, selected):
    make("Internet")

    assert signed_in.get(LIST, {"selected": selected}).status_code == 200
    answer = signed_in.post(f"{LIST}remove/", {"selected": selected}, follow=True)
    assert "Nothing was removed" in answer.content.decode()
    assert SendConnector.objects.count() == 1


def test_removing_takes_the_ones_that_were_shown(signed_in, make):
    gone, kept = make("Gone"), make("Kept")
    question = signed_in.get(f"{LIST}remove/", {"selected": gone.pk}).content.decode()
    assert "Delete this send connector?" in question

    signed_in.post(f"{LIST}remove/", {"selected": gone.pk})

    assert list(SendConnector.objects.all()) == [kept]


def test_enabling_and_disabling_say_how_many(signed_in, make):
    ids = [make("A").pk, make("B", enabled=False).pk]

    answer = signed_in.post(f"{LIST}act/", {"selected": ids, "verb": "disable"}, follow=True)

    assert "1 send connector disabled." in answer.content.decode()
    assert not SendConnector.objects.filter(enabled=True).exists()
    again = signed_in.post(f"{LIST}act/", {"selected": ids, "verb": "disable"}, follow=True)
    assert "Nothing to do" in again.content.decode()


def test_an_unknown_verb_does_nothing(signed_in, make):
    answer = signed_in.post(f"{LIST}act/", {"selected": make("A").pk, "verb": "explode"}, follow=True)

    assert "Nothing was done" in answer.content.decode()


def test_names_from_outside_are_escaped(signed_in, make):
    hostile = make("<script>alert(1)</script>", comment='"><script>alert(2)</script>')
    for path in (f"?selected={hostile.pk}", f"{hostile.pk}/edit/", f"remove/?selected={hostile.pk}"):
        page = signed_in.get(LIST + path).content.decode()

        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_a_part_comes_alone(signed_in, make):
    connector = make("Internet")
    answer = signed_in.get(LIST, {"selected": connector.pk}, headers={"HX-Request": "true"})

    assert answer.content.decode().strip().startswith("<aside")


def test_the_list_costs_the_same_queries_for_many_connectors(signed_in, make, django_assert_max_num_queries):
    for number in range(30):
        make(f"Connector {number}")
    # The first page after signing in also writes down when the session began.
    signed_in.get(LIST)
    with django_assert_max_num_queries(15):
        signed_in.get(LIST, {"selected": SendConnector.objects.first().pk})
