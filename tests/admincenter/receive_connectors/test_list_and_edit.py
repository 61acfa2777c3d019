"""Receive connectors at the console's HTTP border."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from connectors import receive_services
from connectors.models import ReceiveConnector
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import Mechanism, PermissionGroup, RateSource, ReceiveSettings, ReceiveUsage
from connectors.reception import settings_of
from transport.models import BoundAddress

pytestmark = [pytest.mark.django_db, pytest.mark.state, pytest.mark.usefixtures("server")]
LIST = "/mail-flow/receive-connectors/"
OFFICE = ReceiveSettings(
    name="Office",
    server="E15MB1",
    bindings=(parse_binding("0.0.0.0:25"),),
    remote_ranges=(parse_range("10.0.0.0/8"),),
    auth=frozenset({Mechanism.TLS}),
    permissions=frozenset({PermissionGroup.ANONYMOUS}),
)
NEW = {
    "go": "save",
    "name": "Office",
    "server": "E15MB1",
    "usage": "Client",
    "bindings": "0.0.0.0:587\r\n[::]:587",
    "remote_ranges": "10.0.0.0/8, 192.0.2.1-192.0.2.9",
}


@pytest.fixture
def office():
    """The connector that is edited."""
    return made()


def made(**fields):
    """A connector, made without the console."""
    return receive_services.create(replace(OFFICE, **fields), actor="ben")


def form_of(connector, **changes):
    """What the edit dialog sends when nothing was typed, and `changes`."""
    return {
        "go": "save",
        "version": connector.version,
        "name": connector.name,
        "server": connector.server_name,
        "enabled": "on",
        "comment": connector.comment,
        "protocol_logging": "None",
        "bindings": "\r\n".join(connector.bindings),
        "remote_ranges": "\r\n".join(connector.remote_ranges),
        "fqdn": "",
        "banner": "",
        "auth": connector.auth,
        "certificate": "",
        "permissions": connector.permissions,
        "max_message_bytes": "36 MB",
        "max_header_bytes": "256 KB (262,144 bytes)",
        "max_recipients": "200",
        "max_hop_count": "30",
        "max_connections": "5000",
        "max_connections_per_source": "20",
        "max_connections_percent_per_source": "2",
        "message_rate": "unlimited",
        "message_rate_source": "IPAddress",
        "max_protocol_errors": "5",
        "max_logon_failures": "3",
        "connection_timeout": "00:10:00",
        "connection_inactivity_timeout": "00:05:00",
        "tarpit_interval": "00:00:05",
    } | changes


def save(client, connector, **changes):
    """Send the edit dialog."""
    return client.post(f"{LIST}{connector.pk}/edit/", form_of(connector, **changes))


def test_a_new_connector_allows_what_its_type_says(signed_in):
    answer = signed_in.post(f"{LIST}new/", NEW)
    connector = ReceiveConnector.objects.get()

    assert (answer.status_code, answer.url) == (302, f"{LIST}?selected={connector.pk}")
    stored = settings_of(connector)
    assert stored.usage is ReceiveUsage.CLIENT
    assert stored.permissions == {PermissionGroup.USERS}
    assert list(map(str, stored.bindings)) == ["0.0.0.0:587", "[::]:587"]
    assert list(map(str, stored.remote_ranges)) == ["10.0.0.0/8", "192.0.2.1-192.0.2.9"]
    assert connector.created_by == "anna"
    assert "Its server listens within seconds." in signed_in.get(answer.url).content.decode()


def test_a_new_connector_of_no_type_says_what_is_still_missing(signed_in):
    page = signed_in.post(f"{LIST}new/", NEW | {"usage": "Custom"}, follow=True).content.decode()

    assert "Nobody may send through it yet" in page
    assert "None: nobody may send through this connector" in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Name: it is needed."),
        ({"name": "office"}, "Name office: another receive connector of E15MB1 has this name."),
        ({"server": "E15MB9"}, "Server E15MB9: no transport server of this name ever registered."),
        ({"server": ""}, "Server: choose the transport server that listens."),
        ({"usage": "Pigeon"}, "Type Pigeon: it is none of Custom, Internal, Internet, Partner and Client."),
        ({"bindings": " \r\n,"}, "Bindings: at least one binding is needed, such as 0.0.0.0:25."),
        ({"remote_ranges": ""}, "RemoteIPRanges: at least one IP range is needed, such as 0.0.0.0/0."),
        ({"usage": "Internal", "remote_ranges": "0.0.0.0/0"}, "must not be open to every address."),
    ],
)
def test_a_new_connector_is_refused_with_field_value_and_rule(signed_in, office, changes, sentence):
    answer = signed_in.post(f"{LIST}new/", NEW | {"name": "Second", "bindings": "0.0.0.0:588"} | changes)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert list(ReceiveConnector.objects.all()) == [office]


def test_saving_unchanged_keeps_everything(signed_in, office):
    page = signed_in.get(f"{LIST}{office.pk}/edit/").content.decode()

    assert save(signed_in, office).status_code == 302
    office.refresh_from_db()
    assert (settings_of(office), office.version) == (OFFICE, 1)
    assert 'value="36 MB (37,748,736 bytes)"' in page


def test_every_field_is_saved_and_shown(signed_in, office, server):
    server.name, server.pk = "E15MB2", None
    server.save()
    changes = {
        "name": "Gate",
        "server": "E15MB2",
        "enabled": "",
        "comment": "for printers",
        "protocol_logging": "Verbose",
        "bindings": "192.0.2.1:465/tls",
        "remote_ranges": "10.1.0.0/16\n\n2001:db8::/32",
        "fqdn": "Mail.Contoso.com",
        "banner": "220 welcome",
        "auth": ["Tls", "BasicAuth", "BasicAuthRequireTLS"],
        "require_tls": "on",
        "certificate": "mail.contoso.com",
        "permissions": ["AnonymousUsers", "ExchangeUsers"],
        "anonymous_relay": "on",
        "max_message_bytes": "50 MB",
        "max_header_bytes": "64KB",
        "max_recipients": "10",
        "max_hop_count": "7",
        "max_connections": "unlimited",
        "max_connections_per_source": "Unlimited",
        "max_connections_percent_per_source": "50",
        "message_rate": "60",
        "message_rate_source": "All",
        "max_protocol_errors": "unlimited",
        "max_logon_failures": "0",
        "connection_timeout": "1.00:00:00",
        "connection_inactivity_timeout": "00:01:00",
        "tarpit_interval": "00:00:00",
    }

    assert save(signed_in, office, **changes).status_code == 302

    office.refresh_from_db()
    stored, limits = settings_of(office), settings_of(office).limits
    assert (str(office), stored.enabled, stored.comment) == ("E15MB2\\Gate", False, "for printers")
    assert (stored.fqdn, stored.banner, stored.protocol_logging) == ("mail.contoso.com", "220 welcome", True)
    assert office.bindings == ["192.0.2.1:465/tls"]
    assert office.remote_ranges == ["10.1.0.0/16", "2001:db8::/32"]
    assert stored.auth == {Mechanism.TLS, Mechanism.BASIC, Mechanism.BASIC_REQUIRE_TLS}
    assert stored.permissions == {PermissionGroup.ANONYMOUS, PermissionGroup.USERS}
    assert (stored.anonymous_relay, stored.require_tls, stored.certificate) == (
        True,
        True,
        "mail.contoso.com",
    )
    assert (limits.max_message_bytes, limits.max_header_bytes) == (50 * 2**20, 64 * 2**10)
    assert (limits.max_recipients, limits.max_hop_count, limits.max_connections) == (10, 7, None)
    assert (limits.max_connections_per_source, limits.max_connections_percent_per_source) == (None, 50)
    assert (limits.message_rate, limits.message_rate_source) == (60, RateSource.ALL)
    assert (limits.max_protocol_errors, limits.max_logon_failures) == (None, 0)
    assert limits.connection_timeout == timedelta(days=1)
    assert (limits.connection_inactivity_timeout, limits.tarpit_interval) == (
        timedelta(minutes=1),
        timedelta(0),
    )
    page = signed_in.get(f"{LIST}?selected={office.pk}").content.decode()
    for said in ("220 welcome", "With the certificate mail.contoso.com", ", to any recipient", "50 MB"):
        assert said in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "a\\b"}, "Name a\\b: a name has no backslash"),
        ({"name": "Other"}, "Name Other: another receive connector of E15MB1 has this name."),
        ({"server": "E15MB9"}, "Server E15MB9: no transport server of this name"),
        ({"comment": "x" * 1025}, "a comment has at most 1024 characters"),
        ({"protocol_logging": "Much"}, "Protocol logging level Much: it is neither None nor Verbose."),
        ({"bindings": "1.2.3.4"}, "Bindings 1.2.3.4: a binding reads address:port"),
        ({"bindings": "1.2.3.4:99999"}, "Bindings 1.2.3.4:99999: a port is a whole number from 1 to 65535."),
        ({"bindings": "1.2.3.4:25\n1.2.3.4:25"}, "Bindings 1.2.3.4:25: a binding is listed once."),
        ({"bindings": "1.2.3.4:25\0"}, "Bindings 1.2.3.4:25\\u0000: a binding reads address:port"),
        ({"remote_ranges": "10.0.0.9-10.0.0.1"}, "the first address of a range comes before the last."),
        ({"remote_ranges": "everybody"}, "RemoteIPRanges everybody: an IP range is an address"),
        ({"remote_ranges": "10.9.0.0/16"}, "RemoteIPRanges 10.9.0.0/16: Other serves exactly this range"),
        ({"fqdn": "mail"}, "FQDN mail: a fully qualified domain name has at least one dot."),
        ({"banner": "250 hello"}, "Banner 250 hello: a banner begins with 220 and a space"),
        ({"banner": "220 a\0"}, "Banner 220 a\\u0000: a banner begins with 220"),
        ({"auth": ["Integrated"]}, "AuthMechanism Integrated: there is no such mechanism."),
        ({"auth": ["BasicAuthRequireTLS"]}, "AuthMechanism BasicAuthRequireTLS: it needs BasicAuth and Tls"),
        (
            {"auth": [], "require_tls": "on"},
            "RequireTLS True: TLS can be required only where Tls is offered.",
        ),
        ({"certificate": "../key"}, "TlsCertificateName ../key: a certificate is named by its file"),
        ({"certificate": "x" * 129}, "the name of a certificate has at most 128 characters."),
        ({"permissions": ["Everyone"]}, "PermissionGroups Everyone: there is no such group."),
        ({"permissions": ["ExchangeUsers"]}, "nobody can sign in without the mechanism BasicAuth."),
        ({"anonymous_relay": "on", "permissions": []}, "AnonymousRelay True: anonymous relay needs"),
        ({"anonymous_relay": "on", "remote_ranges": "::/0"}, "RemoteIPRanges ::/0: this connector relays"),
        (
            {"max_message_bytes": "unlimited"},
            "Maximum message size unlimited: a receive connector has a limit",
        ),
        ({"max_message_bytes": "1 KB"}, "Maximum message size 1024: from 64 KB (65,536 bytes) to 2 GB"),
        ({"max_message_bytes": "9" * 15 + " TB"}, ": from 64 KB (65,536 bytes) to 2 GB"),
        ({"max_header_bytes": "big"}, "Maximum header size big: a size is a number with B, KB"),
        ({"max_recipients": "0"}, "Maximum recipients per message 0: from 1 to 512000."),
        ({"max_recipients": ""}, "Maximum recipients per message: it is needed, as in 200."),
        ({"max_hop_count": "many"}, "Maximum hop count many: it is a whole number."),
        ({"max_connections": "-1"}, "Maximum inbound connections -1: it is a whole number, or unlimited."),
        ({"max_connections": "0"}, "Maximum inbound connections 0: from 1 to 2147483647."),
        ({"max_connections_percent_per_source": "101"}, "per source 101: from 1 to 100."),
        ({"message_rate": "0"}, "Message rate limit 0: from 1 to 2147483647."),
        ({"message_rate_source": "Moon"}, "Message rate source Moon: it is none of None, IPAddress, User"),
        ({"max_protocol_errors": "²"}, "Maximum protocol errors ²: it is a whole number, or unlimited."),
        ({"max_logon_failures": "11"}, "Maximum logon failures 11: from 0 to 10."),
        ({"connection_timeout": "soon"}, "Connection time-out soon: a time span reads hh:mm:ss"),
        ({"connection_timeout": "00:05:00"}, "Connection time-out 00:05:00: it must be longer than"),
        (
            {"connection_inactivity_timeout": "00:00:00"},
            "Connection inactivity time-out 00:00:00: a time-out",
        ),
        ({"tarpit_interval": "00:11:00"}, "Tarpit interval 00:11:00: from 00:00:00 to 00:10:00."),
    ],
)
def test_a_wrong_value_is_named_with_its_field_and_rule(signed_in, office, changes, sentence):
    made(name="Other", remote_ranges=(parse_range("10.9.0.0/16"),))

    answer = save(signed_in, office, **changes)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    office.refresh_from_db()
    assert settings_of(office) == OFFICE


def test_a_refused_form_keeps_what_was_typed(signed_in, office):
    page = save(signed_in, office, comment="half done", bindings="no", max_hop_count="12").content.decode()

    for typed in ("half done", ">\nno</textarea>", 'value="12"'):
        assert typed in page


def test_as_many_ranges_as_there_may_be_survive_the_dialog_and_one_more_is_refused(signed_in, office):
    texts = [f"10.{number // 256}.{number % 256}.0/24" for number in range(1301)]

    assert save(signed_in, office, remote_ranges="\n".join(texts[:1300])).status_code == 302
    office.refresh_from_db()
    assert office.remote_ranges == texts[:1300]
    page = signed_in.get(f"{LIST}?selected={office.pk}").content.decode()
    assert "and 1280 more" in page
    too_many = save(signed_in, office, remote_ranges="\n".join(texts))
    assert too_many.status_code == 422
    assert "RemoteIPRanges: a connector has at most 1300 IP ranges." in too_many.content.decode()


def test_two_administrators_do_not_overwrite_each_other(signed_in, office):
    receive_services.change(office.pk, replace(OFFICE, comment="ben's"), actor="ben")

    answer = save(signed_in, office, comment="anna's")

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "E15MB1\\Office was changed by ben at" in page
    assert "anna&#x27;s" in page
    office.refresh_from_db()
    assert office.comment == "ben's"


def test_what_was_removed_meanwhile_is_said_so(signed_in, office):
    pk = office.pk
    office.delete()

    answer = signed_in.post(f"{LIST}{pk}/edit/", {"go": "save"}, follow=True)

    assert "This receive connector was removed meanwhile. Nothing was saved." in answer.content.decode()
    assert signed_in.get(f"{LIST}{pk}/edit/").status_code == 404
    assert signed_in.get(f"{LIST}{'9' * 40}/edit/").status_code == 404
    made(name="Another")
    assert b"Not there any more" in signed_in.get(f"{LIST}?selected={pk}").content


def test_connectors_are_disabled_enabled_and_removed(signed_in, office):
    other = made(name="Other", remote_ranges=(parse_range("10.9.0.0/16"),))
    both = [office.pk, other.pk]

    pages = [
        signed_in.post(f"{LIST}act/", {"selected": both, "verb": verb}, follow=True).content.decode()
        for verb in ("disable", "disable", "enable")
    ]
    assert "2 receive connectors disabled." in pages[0]
    assert "was disabled already" in pages[1]
    assert "2 receive connectors enabled." in pages[2]
    question = signed_in.post(f"{LIST}act/", {"selected": both, "verb": "remove"}, follow=True)
    assert b"Delete 2 receive connectors?" in question.content
    gone = signed_in.post(f"{LIST}remove/", {"selected": both}, follow=True).content.decode()
    assert "2 receive connectors removed." in gone
    assert "No mail comes in over SMTP" in gone
    assert not ReceiveConnector.objects.exists()


def test_what_would_serve_the_same_clients_twice_stays_disabled(signed_in, office):
    rival, harmless = (
        made(name="Rival", enabled=False),
        made(name="Harmless", enabled=False, remote_ranges=(parse_range("10.9.0.0/16"),)),
    )

    page = signed_in.post(
        f"{LIST}act/", {"selected": [rival.pk, harmless.pk], "verb": "enable"}, follow=True
    ).content.decode()

    assert "Nothing was enabled. RemoteIPRanges 10.0.0.0/8: Office serves exactly this range" in page
    assert "E15MB1\\Rival stays disabled." in page
    assert list(ReceiveConnector.objects.filter(enabled=True)) == [office]


@pytest.mark.parametrize(
    ("verb", "ids", "said"),
    [
        ("edit", [], "No receive connector is picked."),
        ("edit", [1, 2], "Several receive connectors are picked."),
        ("fly", [1], "Nothing was done"),
        ("enable", ["9" * 40, "²", "x"], "No receive connector is picked."),
    ],
)
def test_a_button_without_a_meaning_changes_nothing(signed_in, verb, ids, said):
    page = signed_in.post(f"{LIST}act/", {"selected": ids, "verb": verb}, follow=True)

    assert said in page.content.decode()


def test_what_could_not_be_bound_is_seen_in_list_details_and_dialog(signed_in, office, server):
    made(name="Fine", remote_ranges=(parse_range("10.9.0.0/16"),), bindings=(parse_binding("0.0.0.0:26"),))
    BoundAddress.objects.report(server, {"0.0.0.0:25": "Permission denied", "0.0.0.0:26": ""})

    pages = [
        signed_in.get(LIST + path).content.decode()
        for path in ("", f"?selected={office.pk}", f"{office.pk}/edit/")
    ]

    assert [page.count("Not all bound") for page in pages] == [1, 2, 1]
    assert ["0.0.0.0:25: Permission denied" in page for page in pages] == [False, True, True]
    receive_services.disable([office.pk], actor="anna")
    assert "Not all bound" not in signed_in.get(LIST).content.decode()


def test_a_server_that_is_gone_may_stay_where_it_was(signed_in):
    lost = made(server="LOST1")

    assert b"LOST1 (not registered)" in signed_in.get(f"{LIST}{lost.pk}/edit/").content
    assert save(signed_in, lost, comment="still").status_code == 302


def test_who_has_no_right_sees_and_changes_nothing(office):
    stranger = Client()
    stranger.force_login(get_user_model().objects.create_user("stranger"))

    answers = [
        stranger.get(LIST),
        save(stranger, office, comment="mine"),
        *(
            stranger.post(LIST + path, NEW | {"selected": office.pk, "verb": "disable"})
            for path in ("act/", "remove/", "new/")
        ),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert settings_of(ReceiveConnector.objects.get()) == OFFICE


@pytest.mark.parametrize("path", ["act/", "remove/", "new/", "1/edit/"])
def test_every_write_wants_the_csrf_token(anna, path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)

    assert client.post(LIST + path, NEW).status_code == 403


def test_a_long_list_costs_a_page_few_queries(signed_in, django_assert_max_num_queries):
    for number in range(30):
        made(name=f"N{number}", remote_ranges=(parse_range(f"10.0.{number}.0/24"),))
    picked = ReceiveConnector.objects.first().pk

    with django_assert_max_num_queries(15):
        page = signed_in.get(f"{LIST}?sort=-server&selected={picked}").content.decode()

    assert "30 receive connectors" in page


def test_hostile_text_is_only_text(signed_in, office):
    save(signed_in, office, comment="<script>alert(1)</script>", name="<img src=x>")

    page = signed_in.get(f"{LIST}?selected={office.pk}").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
