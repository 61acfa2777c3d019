"""Search-AdminAuditLog, and lines of the log that do the same again."""

import re
import uuid
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admincenter.shell.catalogue import CMDLETS
from admincenter.shell.grammar import parse
from connectors import commands, receive_parameters, receive_services, send_parameters, services
from connectors.address_spaces import parse as space
from connectors.commands import line
from connectors.models import AuditEntry, ReceiveConnector, SendConnector
from connectors.profiles import Delivery, IpFamily, Timeouts, TlsAuthLevel
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import Mechanism, PermissionGroup, ReceiveLimits, ReceiveSettings, ReceiveUsage
from connectors.reception import settings_of
from connectors.session_rules import STAGES
from connectors.specs import ConnectorSpec, Usage
from tests.support import queued_mail
from tests.support.program import ROOT
from transport.server_settings import LISTS, parameter_name

WHOLE = ConnectorSpec(
    name='He said "no" $true `now`',
    usage=Usage.PARTNER,
    enabled=False,
    comment="two\r\nlines, and 'quotes'; $HOME",
    delivery=Delivery.SMART_HOST,
    smart_hosts=("relay.contoso.com", "192.0.2.1"),
    use_external_dns=True,
    address_spaces=(space("*.contoso.com;10"), space("fabrikam.com")),
    scoped=True,
    source_servers=("E15MB1",),
    fqdn="mail.contoso.com",
    source_ip_address="192.0.2.7",
    ip_family=IpFamily.IPV4_ONLY,
    port=587,
    max_message_bytes=None,
    protocol_logging=True,
    require_tls=True,
    tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION,
    tls_domain="contoso.com",
    tls_certificate_name="<I>CN=Contoso CA<S>CN=mail.contoso.com",
    messages_per_connection=7,
    max_connections=3,
    messages_per_second=Decimal("2.5"),
    messages_per_day=500,
    inactivity_timeout=timedelta(minutes=3),
    timeouts=Timeouts(**{stage: timedelta(seconds=number) for number, stage in enumerate(STAGES, start=11)}),
)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spec",
    [
        WHOLE,
        ConnectorSpec(
            name="Plain", address_spaces=(space("*"),), source_servers=("E15MB1",), usage=Usage.INTERNAL
        ),
    ],
)
def test_the_line_of_a_send_connector_makes_the_same_one(ems, spec):
    queued_mail.server()
    made = services.create(spec, guid=uuid.uuid4(), actor="anna")
    stored, command = services.spec_of(made), AuditEntry.objects.get().command
    services.remove([made.pk], actor="anna")
    answer = ems(command)

    assert answer.status == 0, answer.notes
    assert services.spec_of(SendConnector.objects.get()) == stored
    assert command == AuditEntry.objects.order_by("-pk").first().command
    assert "\n" not in command


@pytest.mark.django_db
def test_the_line_of_a_change_makes_the_same_change(ems):
    queued_mail.server()
    before = replace(WHOLE, name="Relay", port=25, comment="", max_connections=None, fqdn="")
    made = services.create(before, guid=uuid.uuid4(), actor="anna")
    wanted = replace(before, port=2525, comment="new", delivery=Delivery.MX, smart_hosts=())
    services.change(made.pk, wanted, actor="anna", expected_version=1)
    command = AuditEntry.objects.order_by("-pk").first().command
    services.change(made.pk, before, actor="anna", expected_version=2)
    answer = ems(command)

    assert answer.status == 0, answer.notes
    assert services.spec_of(SendConnector.objects.get()) == wanted


@pytest.mark.django_db
def test_the_line_of_a_receive_connector_makes_the_same_one(ems):
    settings = ReceiveSettings(
        name="Scanners & more",
        server="E15MB1",
        usage=ReceiveUsage.CUSTOM,
        bindings=(parse_binding("192.0.2.1:25"), parse_binding("[::1]:465/tls")),
        remote_ranges=(parse_range("192.0.2.0/24"), parse_range("192.0.2.1-192.0.2.9")),
        auth=frozenset({Mechanism.TLS}),
        permissions=frozenset({PermissionGroup.ANONYMOUS, PermissionGroup.PARTNERS}),
        banner="220 mail.contoso.com",
        protocol_logging=True,
        limits=ReceiveLimits(max_connections=None, message_rate=60, tarpit_interval=timedelta(0)),
    )
    made = receive_services.create(settings, actor="anna")
    command = AuditEntry.objects.get().command
    receive_services.remove([made.pk], actor="anna")
    answer = ems(command)

    assert answer.status == 0, answer.notes
    assert settings_of(ReceiveConnector.objects.get()) == settings_of(made)


def test_every_parameter_that_the_log_knows_is_one_of_the_shell():
    declared = {one.name: {parameter.name for parameter in one.declared()} for one in CMDLETS}
    send = set(send_parameters.settings_of(WHOLE))
    receive = set(receive_parameters.blank())

    assert send <= declared["New-SendConnector"]
    assert send - send_parameters.FIXED <= declared["Set-SendConnector"]
    assert receive <= declared["New-ReceiveConnector"]
    assert receive - receive_parameters.FIXED <= declared["Set-ReceiveConnector"]
    assert set(map(parameter_name, LISTS)) <= declared["Set-TransportService"]


def test_no_setting_of_a_connector_is_left_out_of_the_log():
    send, receive = fields(ConnectorSpec), fields(ReceiveSettings)

    assert len(send_parameters.settings_of(WHOLE)) == len(send) - 1 + len(STAGES)
    assert len(receive_parameters.blank()) == len(receive) - 1 + len(fields(ReceiveLimits))


def test_every_entry_names_a_cmdlet_of_the_shell_or_has_no_line_to_copy():
    known = {one.name for one in CMDLETS}
    texts = (
        path.read_text()
        for package in ("admincenter", "connectors", "transport")
        for path in (ROOT / package).rglob("*.py")
        if "audit" in path.read_text() or "Deed" in path.read_text()
    )
    written = {
        name for text in texts for name in re.findall(r'"((?:New|Set|Add|Remove)-[A-Z][A-Za-z]+)"', text)
    }

    assert {"New-SendConnector", "Set-User"} <= written
    assert written - known == commands.CONSOLE_ONLY


def test_a_secret_is_asked_for():
    credential = commands.Change(name=commands.CREDENTIAL, new="changed", secret=True)
    user = commands.Change(name="UserName", new="relay user")
    written = line("Set-SendConnector", identity="Relay", changes=[user, credential])

    assert written == (
        'Set-SendConnector -Identity Relay -AuthenticationCredential (Get-Credential -UserName "relay user")'
    )
    assert parse(written)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_one_value_of_one_command(text):
    (pipeline,) = parse(line("Set-SendConnector", identity=text or "x"))
    (call,) = pipeline.calls

    assert [getattr(one.value, "text", None) or one for one in call.arguments[:1]]
    assert len(call.arguments) == 2 or call.arguments[0].value.text == text


@pytest.mark.django_db
def test_the_log_is_searched(ems, listed):
    queued_mail.server()
    listed("New-SendConnector Internet -AddressSpaces '*'")
    listed("New-AcceptedDomain Contoso -DomainName contoso.com")
    listed("Set-SendConnector Internet -Port 2525 -Comment 'to them'")
    (found,) = listed("Search-AdminAuditLog -Cmdlets Set-Send,Remove-Send -ObjectIds inter").objects

    assert (found["CmdletName"], found["ObjectModified"]) == ("Set-SendConnector", ["Internet"])
    assert (found["ClientIP"], found["Succeeded"]) == ("local console", True)
    assert found["Caller"].startswith("shell:")
    assert found["ModifiedProperties"] == ['Comment: "" -> "to them"', "Port: 25 -> 2525"]
    assert found["Command"] == 'Set-SendConnector -Identity Internet -Comment "to them" -Port 2525'
    assert listed("Search-AdminAuditLog -UserIds nobody").objects == []
    assert listed("Search-AdminAuditLog -EndDate 2020-01-01").objects == []
    assert len(listed("Search-AdminAuditLog -StartDate 2020-01-01").objects) == 3
    assert "-ResultSize unlimited" in ems("Search-AdminAuditLog -ResultSize 1").notes


@pytest.mark.django_db
def test_what_the_shell_refuses_is_found_with_its_error(refused, listed):
    queued_mail.server()
    listed("New-SendConnector Internet -AddressSpaces '*'")
    refused("New-SendConnector Internet -AddressSpaces '*'")
    (found,) = listed("Search-AdminAuditLog | where {$_.Succeeded -eq $false}").objects

    assert found["Error"] == "Name Internet: another send connector has this name."
