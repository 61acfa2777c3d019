"""Receive connectors, accepted domains and application passwords in the management shell."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import reception
from connectors.models import AcceptedDomain, ApplicationPassword, ReceiveConnector
from tests.support import queued_mail
from transport.models import BoundAddress, TransportServer

pytestmark = [pytest.mark.django_db, pytest.mark.state]
EVERYTHING = (
    "New-ReceiveConnector Office -Server e15mb2 -Usage Internet -Enabled $false -Comment 'For the office' "
    "-Bindings 192.0.2.1:25,[::1]:465/tls -RemoteIPRanges 10.0.0.0/8,192.168.5.10-192.168.5.20 "
    "-Fqdn mail.contoso.com -Banner '220 mail.contoso.com' "
    "-AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS -PermissionGroups AnonymousUsers,ExchangeUsers "
    "-AnonymousRelay $true -RequireTLS $true -TlsCertificateName mail.contoso.com "
    "-MaxMessageSize 25MB -MaxHeaderSize 128KB -MaxHopCount 20 -MaxRecipientsPerMessage 100 "
    "-MaxInboundConnection unlimited -MaxInboundConnectionPerSource 5 "
    "-MaxInboundConnectionPercentagePerSource 10 -MessageRateLimit 600 -MessageRateSource All "
    "-MaxProtocolErrors unlimited -MaxLogonFailures 0 -ConnectionInactivityTimeout 00:01:00 "
    "-ConnectionTimeout 00:05:00 -TarpitInterval 00:00:00 -ProtocolLoggingLevel Verbose"
)


@pytest.fixture(autouse=True)
def two_servers():
    queued_mail.server("E15MB1")
    queued_mail.server("E15MB2")


def test_every_setting_has_its_parameter_and_comes_back_under_its_name(listed):
    (made,) = listed(EVERYTHING).objects
    shown = {
        name: made[name] for name in made if name not in {"Guid", "WhenCreated", "WhenChanged", "ChangedBy"}
    }

    assert shown == {
        "Identity": "E15MB2\\Office",
        "Name": "Office",
        "Server": "E15MB2",
        "Usage": "Internet",
        "Enabled": False,
        "Comment": "For the office",
        "Bindings": ["192.0.2.1:25", "[::1]:465/tls"],
        "BindingTroubles": [],
        "RemoteIPRanges": ["10.0.0.0/8", "192.168.5.10-192.168.5.20"],
        "Fqdn": "mail.contoso.com",
        "Banner": "220 mail.contoso.com",
        "AuthMechanism": ["BasicAuth", "BasicAuthRequireTLS", "Tls"],
        "PermissionGroups": ["AnonymousUsers", "ExchangeUsers"],
        "AnonymousRelay": True,
        "RequireTLS": True,
        "TlsCertificateName": "mail.contoso.com",
        "MaxMessageSize": 26214400,
        "MaxHeaderSize": 131072,
        "MaxHopCount": 20,
        "MaxRecipientsPerMessage": 100,
        "MaxInboundConnection": "Unlimited",
        "MaxInboundConnectionPerSource": 5,
        "MaxInboundConnectionPercentagePerSource": 10,
        "MessageRateLimit": 600,
        "MessageRateSource": "All",
        "MaxProtocolErrors": "Unlimited",
        "MaxLogonFailures": 0,
        "ConnectionInactivityTimeout": "00:01:00",
        "ConnectionTimeout": "00:05:00",
        "TarpitInterval": "00:00:00",
        "ProtocolLoggingLevel": "Verbose",
    }


def test_a_client_connector_is_for_logins_after_tls(listed):
    (made,) = listed("New-ReceiveConnector Submission -Client -Bindings 0.0.0.0:587").objects

    assert made["Server"] == "E15MB1"
    assert made["AuthMechanism"] == ["BasicAuth", "BasicAuthRequireTLS", "Tls"]
    assert made["PermissionGroups"] == ["ExchangeUsers"]
    assert made["RemoteIPRanges"] == ["0.0.0.0/0", "::/0"]


def test_a_change_is_for_what_is_named_alone(listed, ems):
    listed("New-ReceiveConnector Office -Bindings 0.0.0.0:25 -RemoteIPRanges 10.0.0.0/8")
    before = next(iter(reception.profiles_of("E15MB1"))).settings
    ems('Set-ReceiveConnector E15MB1\\Office -RemoteIPRanges @{Add="10.0.0.1"} -MaxRecipientsPerMessage 7')
    after = next(iter(reception.profiles_of("E15MB1"))).settings

    assert [str(one) for one in after.remote_ranges] == ["10.0.0.0/8", "10.0.0.1"]
    assert after.limits.max_recipients == 7
    assert (after.bindings, after.limits.tarpit_interval) == (before.bindings, timedelta(seconds=5))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("New-ReceiveConnector Other -RemoteIPRanges 10.0.0.1", "-Bindings: at least one binding is needed"),
        ("New-ReceiveConnector Other -Bindings 25", "-Bindings 25: a binding reads address:port"),
        (
            "New-ReceiveConnector Other -Bindings 0.0.0.0:25 -RemoteIPRanges 10.0.0.0/8",
            "-RemoteIPRanges 10.0.0.0/8: Office serves exactly this range on 0.0.0.0:25 too",
        ),
        ("Set-ReceiveConnector Office -AuthMechanism None,Tls", "-AuthMechanism: None stands alone"),
        ("Set-ReceiveConnector Office -AnonymousRelay $true", "anonymous relay needs the permission group"),
        ("Set-ReceiveConnector Office -MaxHopCount 501", "-MaxHopCount: a whole number from 1 to 500"),
        ("Set-ReceiveConnector Nobody -Enabled $false", "there is no receive connector Nobody"),
    ],
)
def test_what_is_refused_is_said_at_its_parameter(listed, refused, line, rule):
    listed("New-ReceiveConnector Office -Bindings 0.0.0.0:25 -RemoteIPRanges 10.0.0.0/8")

    assert rule in refused(line)


def test_a_name_that_two_servers_have_needs_its_server(listed, refused):
    for server in ("E15MB1", "E15MB2"):
        listed(f"New-ReceiveConnector Office -Server {server} -Bindings 0.0.0.0:25")

    assert "write Server\\Name" in refused("Remove-ReceiveConnector Office")
    listed("Remove-ReceiveConnector E15MB2\\Office")
    assert listed("Get-ReceiveConnector").names == ["E15MB1\\Office"]


def test_connectors_are_listed_by_name_and_server_and_removed_from_the_pipeline(listed):
    for name in ("Office", "Other"):
        listed(f"New-ReceiveConnector {name} -Bindings 0.0.0.0:25 -RemoteIPRanges 10.0.{len(name)}.0/24")

    assert listed("Get-ReceiveConnector *of*").names == ["E15MB1\\Office"]
    assert listed("Get-ReceiveConnector -Server E15MB2").names == []
    listed("Get-ReceiveConnector | Remove-ReceiveConnector")
    assert not ReceiveConnector.objects.exists()


def test_a_binding_that_the_server_could_not_have_is_shown(listed):
    listed("New-ReceiveConnector Office -Bindings 192.0.2.1:25")
    BoundAddress.objects.report(
        TransportServer.objects.get(name="E15MB1"), {"192.0.2.1:25": "Cannot assign requested address"}
    )

    (shown,) = listed("Get-ReceiveConnector Office").objects
    assert shown["BindingTroubles"] == ["192.0.2.1:25: Cannot assign requested address"]


def test_an_accepted_domain_is_made_changed_and_removed(listed, ems):
    made = listed("New-AcceptedDomain -Name Contoso -DomainName Contoso.com -DomainType InternalRelay")
    ems("Set-AcceptedDomain contoso.com -DomainType ExternalRelay -MakeDefault $true -Name Main")
    row = AcceptedDomain.objects.get()

    assert made.objects[0]["DomainType"] == "InternalRelay"
    assert (row.name, row.pattern, row.type, row.default) == ("Main", "contoso.com", "ExternalRelay", True)
    listed("Remove-AcceptedDomain Main")
    assert not AcceptedDomain.objects.exists()


def test_an_accepted_domain_pattern_is_found_by_itself(listed):
    listed("New-AcceptedDomain Branches -DomainName *.contoso.com")
    listed("New-AcceptedDomain Contoso -DomainName contoso.com")

    assert listed("Get-AcceptedDomain *.contoso.com").names == ["Branches"]
    assert listed("Get-AcceptedDomain").names == ["Branches", "Contoso"]


@pytest.mark.parametrize("noun", ["ReceiveConnector", "AcceptedDomain", "ApplicationPassword"])
def test_a_name_beside_a_pipeline_removes_nothing(ems, refused, noun):
    ems("New-ReceiveConnector Office -Bindings 192.0.2.1:25")
    ems("New-AcceptedDomain Contoso -DomainName contoso.com")
    ems("New-ApplicationPassword scanner")

    assert "exclude each other" in refused(f"Get-{noun} | Remove-{noun} Another -Confirm:$false")
    assert all(one.objects.count() == 1 for one in (ReceiveConnector, AcceptedDomain, ApplicationPassword))


def test_every_domain_is_no_accepted_domain(refused):
    assert "-DomainName *: an accepted domain is" in refused("New-AcceptedDomain All -DomainName *")


def test_an_application_password_is_shown_once(ems, listed):
    answer = ems(
        "New-ApplicationPassword scanner -Senders scanner@contoso.com,*.contoso.com -Description Floor"
    )
    password = answer.output.split()[-1]
    logins = reception.read("E15MB1")[1].logins

    assert "shown only now" in answer.notes
    assert logins.check("scanner", password, now=timezone.now()).senders == (
        "scanner@contoso.com",
        "*.contoso.com",
    )
    assert password not in str(listed("Get-ApplicationPassword scanner").objects)
    assert password not in str(list(ApplicationPassword.objects.values()))


def test_a_login_is_disabled_dated_and_renewed(ems, listed):
    old = ems("New-ApplicationPassword scanner").output.split()[-1]
    ems("Set-ApplicationPassword scanner -Enabled $false -Expires '2030-01-01 00:00'")
    row = ApplicationPassword.objects.get()
    new = ems("Set-ApplicationPassword scanner -Renew -Enabled $true -Expires $null").output.split()[-1]
    logins = reception.read("E15MB1")[1].logins

    assert (row.enabled, row.expires_at.year) == (False, 2030)
    assert logins.check("scanner", old, now=timezone.now()) is None
    assert logins.check("scanner", new, now=timezone.now()).expires_at is None
    listed("Remove-ApplicationPassword scanner")
    assert not ApplicationPassword.objects.exists()


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("New-ApplicationPassword 'a b'", "-UserName a b: a user name has"),
        ("New-ApplicationPassword x -Senders '@x'", "-Senders @x: a sender is an address"),
        ("Set-ApplicationPassword nobody -Renew", "there is no application password of nobody"),
    ],
)
def test_what_is_refused_of_a_login_is_said_at_its_parameter(refused, line, rule):
    assert rule in refused(line)


@pytest.mark.parametrize("noun", ["ReceiveConnector", "AcceptedDomain", "ApplicationPassword"])
def test_each_cmdlet_explains_itself(ems, noun):
    for verb in ("Get", "New", "Set", "Remove"):
        assert f"{verb}-{noun}: " in ems(f"Get-Help {verb}-{noun}").output


def test_what_if_changes_nothing(ems):
    ems("New-ReceiveConnector Office -Bindings 0.0.0.0:25 -WhatIf")
    ems("New-AcceptedDomain x -DomainName x.example -WhatIf")
    ems("New-ApplicationPassword x -WhatIf")

    assert not ReceiveConnector.objects.exists()
    assert not AcceptedDomain.objects.exists()
    assert not ApplicationPassword.objects.exists()
