from datetime import timedelta

import pytest

from connectors import credentials
from connectors.models import SendConnector
from tests.support import queued_mail

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture(autouse=True)
def two_servers():
    queued_mail.server("E15MB1")
    queued_mail.server("E15MB2")


def only():
    return SendConnector.objects.get()


def test_the_line_of_exchanges_documentation_makes_a_connector(ems):
    answer = ems(
        'New-SendConnector -Name "Internet" -Usage Internet -AddressSpaces "SMTP:*;1" '
        "-DNSRoutingEnabled $true"
    )
    connector = only()

    assert answer.output.split() == [
        *("Identity", "AddressSpaces", "Enabled"),
        *("--------", "-------------", "-------"),
        *("Internet", "{SMTP:*;1}", "True"),
    ]
    assert (connector.usage, connector.delivery) == ("Internet", "mx")
    assert [str(space) for space in connector.address_spaces.all()] == ["SMTP:*;1"]
    assert [server.server_name for server in connector.source_servers.all()] == ["E15MB1", "E15MB2"]
    assert connector.changed_by.startswith("shell:")


EVERYTHING = (
    'New-SendConnector "Relay" -Partner -AddressSpaces "*.contoso.com;5","fabrikam.com" '
    "-IsScopedConnector $true -Enabled $false -Comment 'For partners' "
    "-SmartHosts relay.contoso.com,192.0.2.9 -DNSRoutingEnabled $false "
    "-SmartHostAuthMechanism BasicAuthRequireTLS -UserName relay -Password 'pa$$word' "
    "-UseExternalDNSServersEnabled $true -Port 587 -Fqdn mail.contoso.com -SourceTransportServers e15mb2 "
    "-MaxMessageSize 25MB -ConnectionInactivityTimeOut 00:05:00 -SmtpMaxMessagesPerConnection 7 "
    "-ProtocolLoggingLevel Verbose -RequireTLS $true -IgnoreSTARTTLS $false "
    "-TlsAuthLevel DomainValidation -TlsDomain relay.contoso.com -TlsCertificateName relay "
    "-ForceHELO $false -SourceIPAddress 192.0.2.7 -IpFamily IPv4Only -MaxConnectionsPerNextHop 3 "
    "-MaxMessagesPerSecond 2.5 -MaxMessagesPerDay 500 -ConnectTimeOut 00:00:11 -BannerTimeOut 00:00:12 "
    "-EhloTimeOut 00:00:13 -StartTlsTimeOut 00:00:14 -AuthTimeOut 00:00:15 -MailTimeOut 00:00:16 "
    "-RcptTimeOut 00:00:17 -DataTimeOut 00:00:18 -BlockTimeOut 00:00:19 -FinalDotTimeOut 00:00:20 "
    "-QuitTimeOut 00:00:21 -SessionTimeOut 00:00:22"
)


def test_every_setting_has_its_parameter_and_comes_back_under_its_name(listed):
    (made,) = listed(EVERYTHING).objects
    shown = {
        name: made[name] for name in made if name not in {"Guid", "WhenCreated", "WhenChanged", "ChangedBy"}
    }

    assert shown == {
        "Identity": "Relay",
        "Name": "Relay",
        "Usage": "Partner",
        "Enabled": False,
        "Comment": "For partners",
        "AddressSpaces": ["SMTP:*.contoso.com;5", "SMTP:fabrikam.com;1"],
        "IsScopedConnector": True,
        "DNSRoutingEnabled": False,
        "SmartHosts": ["relay.contoso.com", "192.0.2.9"],
        "SmartHostAuthMechanism": "BasicAuthRequireTLS",
        "AuthenticationCredential": "relay",
        "UseExternalDNSServersEnabled": True,
        "Port": 587,
        "Fqdn": "mail.contoso.com",
        "SourceTransportServers": ["E15MB2"],
        "MaxMessageSize": 25 * 1024 * 1024,
        "ConnectionInactivityTimeOut": "00:05:00",
        "SmtpMaxMessagesPerConnection": 7,
        "ProtocolLoggingLevel": "Verbose",
        "RequireTLS": True,
        "IgnoreSTARTTLS": False,
        "TlsAuthLevel": "DomainValidation",
        "TlsDomain": "relay.contoso.com",
        "TlsCertificateName": "relay",
        "ForceHELO": False,
        "SourceIPAddress": "192.0.2.7",
        "IpFamily": "IPv4Only",
        "MaxConnectionsPerNextHop": 3,
        "MaxMessagesPerSecond": "2.5",
        "MaxMessagesPerDay": 500,
        "ConnectTimeOut": "00:00:11",
        "BannerTimeOut": "00:00:12",
        "EhloTimeOut": "00:00:13",
        "StartTlsTimeOut": "00:00:14",
        "AuthTimeOut": "00:00:15",
        "MailTimeOut": "00:00:16",
        "RcptTimeOut": "00:00:17",
        "DataTimeOut": "00:00:18",
        "BlockTimeOut": "00:00:19",
        "FinalDotTimeOut": "00:00:20",
        "QuitTimeOut": "00:00:21",
        "SessionTimeOut": "00:00:22",
        "OAuthTokenUrl": "",
        "OAuthClientId": "",
        "OAuthScope": "",
        "MtaStsEnabled": False,
        "DaneEnabled": False,
    }


def test_a_token_signs_in_and_limits_are_taken_back(ems, listed, refused):
    (made,) = listed(
        "New-SendConnector R -AddressSpaces * -SmartHosts smtp.provider.example -DNSRoutingEnabled $false "
        "-SmartHostAuthMechanism XOAUTH2 -UserName relay@contoso.com -Password s3cret "
        "-OAuthTokenUrl https://login.example/token -OAuthClientId ours -OAuthScope send "
        "-MaxMessagesPerDay 500 -MaxMessagesPerSecond 0.5"
    ).objects

    assert (made["SmartHostAuthMechanism"], made["OAuthTokenUrl"]) == (
        "XOAUTH2",
        "https://login.example/token",
    )
    assert (made["OAuthClientId"], made["OAuthScope"], made["AuthenticationCredential"]) == (
        "ours",
        "send",
        "relay@contoso.com",
    )
    ems(
        "Set-SendConnector R -MaxMessagesPerDay unlimited -MaxMessagesPerSecond unlimited "
        "-EhloTimeOut 00:00:09"
    )
    changed = only()
    assert (changed.messages_per_day, changed.messages_per_second) == (None, None)
    assert (changed.ehlo_timeout, changed.banner_timeout) == (timedelta(seconds=9), timedelta(minutes=5))
    assert "-OAuthTokenUrl http://login.example: " in refused(
        "Set-SendConnector R -OAuthTokenUrl http://login.example -Password s3cret"
    )
    assert "a number such as 0.5" in refused("Set-SendConnector R -MaxMessagesPerSecond many")
    assert "-QuitTimeOut: a time-out is from" in refused("Set-SendConnector R -QuitTimeOut 00:00:00")


def test_published_tls_policies_are_switched_on_for_mx_delivery(ems, listed, refused):
    (made,) = listed("New-SendConnector I -AddressSpaces * -MtaStsEnabled $true -DaneEnabled $true").objects

    assert (made["MtaStsEnabled"], made["DaneEnabled"]) == (True, True)
    assert "IgnoreSTARTTLS" in refused("Set-SendConnector I -IgnoreSTARTTLS $true")
    ems("Set-SendConnector I -DNSRoutingEnabled $false -SmartHosts relay.contoso.com")
    (changed,) = listed("Get-SendConnector I").objects
    assert (changed["MtaStsEnabled"], changed["DaneEnabled"]) == (False, False)


def test_a_password_is_sealed_and_never_shown(ems):
    ems(EVERYTHING)
    connector = only()
    everything = ems("Get-SendConnector | fl").output + ems("Get-SendConnector", as_json=True).output

    assert credentials.open_sealed(connector.sealed_password, guid=connector.guid) == "pa$$word"
    assert "pa$$word" not in everything
    assert connector.sealed_password not in everything


def test_a_password_can_come_from_a_file(ems, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from the file\nnot this\n")
    answer = ems(
        f"New-SendConnector R -AddressSpaces * -SmartHosts r.example.com -SmartHostAuthMechanism BasicAuth "
        f"-UserName u -PasswordFile '{secret}'"
    )
    connector = only()

    assert answer.status == 0, answer.notes
    assert credentials.open_sealed(connector.sealed_password, guid=connector.guid) == "from the file"


def test_an_internal_connector_is_unlimited_unless_told_otherwise(ems):
    ems("New-SendConnector A -Internal -AddressSpaces a.example")
    ems("New-SendConnector B -Usage Internal -AddressSpaces b.example -MaxMessageSize 1MB")
    sizes = dict(SendConnector.objects.values_list("name", "max_message_bytes"))

    assert sizes == {"A": None, "B": 1024 * 1024}


def test_smart_hosts_alone_mean_no_mx_records(ems):
    ems("New-SendConnector R -AddressSpaces * -SmartHosts relay.example.com")

    assert only().delivery == "smart_host"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", "New-SendConnector needs -Name"),
        ("X", "New-SendConnector needs -AddressSpaces"),
        ("X -AddressSpaces *contoso.com", "-AddressSpaces *contoso.com: a wildcard needs a dot after it"),
        ("X -AddressSpaces 'a.example;0'", "-AddressSpaces 0: a cost is a whole number from 1 to 100"),
        ("X -AddressSpaces a.example,A.example", "address space"),
        ("X -AddressSpaces * -Internet -Usage Internet", "-Usage and -Internet exclude each other"),
        ("X -AddressSpaces * -Internet -Partner", "-Internet and -Partner exclude each other"),
        (
            "X -AddressSpaces * -Usage Intranet",
            "-Usage: one of Custom, Internal, Internet, Partner is expected",
        ),
        ("X -AddressSpaces * -Port 0", "-Port: a whole number from 1 to 65535 is expected"),
        ("X -AddressSpaces * -MaxMessageSize huge", "-MaxMessageSize: a size is a number with B, KB, MB"),
        (
            "X -AddressSpaces * -ConnectionInactivityTimeOut 10",
            "-ConnectionInactivityTimeOut: a time span reads",
        ),
        ("X -AddressSpaces * -Enabled maybe", "-Enabled: $true or $false is expected"),
        ("X -AddressSpaces * -DNSRoutingEnabled $false", "-DNSRoutingEnabled $false needs -SmartHosts"),
        (
            "X -AddressSpaces * -DNSRoutingEnabled $true -SmartHosts a.example",
            "-DNSRoutingEnabled must be $false with -SmartHosts",
        ),
        ("X -AddressSpaces * -SmartHosts a.example:25", "-SmartHosts a.example:25: the port of a smart host"),
        ("X -AddressSpaces * -SourceTransportServers E15MB9", "E15MB9 is not a registered transport server"),
        ("X -AddressSpaces * -RequireTLS $true -IgnoreSTARTTLS $true", "IgnoreSTARTTLS"),
        ("X -AddressSpaces * -TlsAuthLevel EncryptionOnly", "-TlsAuthLevel"),
        (
            "X -AddressSpaces * -Fqdn nodots",
            "-Fqdn nodots: a fully qualified domain name has at least one dot",
        ),
        (
            "X -AddressSpaces * -AuthenticationCredential (Get-Credential)",
            "asks on a terminal, and there is none",
        ),
        (
            "X -AddressSpaces * -AuthenticationCredential (Get-TransportService E15MB1)",
            "takes (Get-Credential)",
        ),
        (
            "X -AddressSpaces * -UserName u -PasswordFile /nonexistent/x",
            "-PasswordFile cannot be read: No such file",
        ),
        (
            "X -AddressSpaces * -SmartHosts a.example.com -SmartHostAuthMechanism BasicAuth",
            "-UserName",
        ),
    ],
)
def test_what_a_connector_cannot_be_is_refused_by_the_name_of_the_parameter(refused, arguments, line):
    assert line in refused(f"New-SendConnector {arguments}")
    assert not SendConnector.objects.exists()


def test_two_connectors_cannot_share_a_name(ems, refused):
    ems("New-SendConnector Internet -AddressSpaces *")

    assert refused("New-SendConnector internet -AddressSpaces *").endswith(
        "-Name internet: another send connector has this name"
    )


def test_what_if_makes_nothing(ems):
    answer = ems("New-SendConnector Internet -AddressSpaces * -WhatIf")

    assert answer.notes == "What if: make the send connector Internet\n"
    assert not SendConnector.objects.exists()


def test_set_changes_what_is_named_and_nothing_else(ems):
    ems(EVERYTHING)
    before = only()
    answer = ems("Set-SendConnector relay -MaxMessageSize unlimited -Comment $null -Name 'Partner relay'")
    after = only()

    assert answer.status == 0, answer.notes
    assert (after.name, after.max_message_bytes, after.comment) == ("Partner relay", None, "")
    assert (after.port, after.sealed_password) == (before.port, before.sealed_password)
    assert after.inactivity_timeout == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("change", "spaces"),
    [
        ('"b.example","c.example;3"', ["SMTP:b.example;1", "SMTP:c.example;3"]),
        ('@{Add="b.example"}', ["SMTP:*;1", "SMTP:a.example;5", "SMTP:b.example;1"]),
        ('@{Remove="SMTP:a.example;5"}', ["SMTP:*;1"]),
        ('@{Add="b.example"; Remove="*"}', ["SMTP:a.example;5", "SMTP:b.example;1"]),
        ('@{Add="*"}', ["SMTP:*;1", "SMTP:a.example;5"]),
    ],
)
def test_a_list_is_replaced_or_changed_in_part(ems, change, spaces):
    ems('New-SendConnector Internet -AddressSpaces "*","a.example;5"')
    answer = ems(f"Set-SendConnector Internet -AddressSpaces {change}")

    assert answer.status == 0, answer.notes
    assert [str(space) for space in only().address_spaces.all()] == spaces


def test_what_is_not_in_a_list_cannot_be_removed_from_it(ems, refused):
    ems("New-SendConnector Internet -AddressSpaces *")

    assert "-AddressSpaces: b.example is not in the list" in refused(
        'Set-SendConnector Internet -AddressSpaces @{Remove="b.example"}'
    )


def test_a_connector_switches_to_mx_records_and_drops_what_belonged_to_smart_hosts(ems):
    ems(EVERYTHING)
    answer = ems("Set-SendConnector Relay -DNSRoutingEnabled $true")
    connector = only()

    assert answer.status == 0, answer.notes
    assert (connector.delivery, connector.auth, connector.username) == ("mx", "None", "")
    assert (connector.smart_hosts.count(), connector.sealed_password) == (0, "")


def test_the_last_smart_host_cannot_go_alone(ems, refused):
    ems("New-SendConnector R -AddressSpaces * -SmartHosts a.example.com")

    assert "without smart hosts -DNSRoutingEnabled must be $true" in refused(
        "Set-SendConnector R -SmartHosts $null"
    )


def test_a_changed_port_asks_for_the_password_again(ems, refused):
    ems(EVERYTHING)

    assert "clears the stored password" in refused("Set-SendConnector Relay -Port 25")
    assert only().port == 587


def test_the_type_is_set_once(refused):
    assert "Set-SendConnector has no parameter -Usage" in refused("Set-SendConnector Internet -Usage Partner")


def test_many_connectors_are_changed_through_the_pipeline(ems, listed):
    for name in ("A", "B", "C"):
        ems(f"New-SendConnector {name} -AddressSpaces {name}.example")
    ems("Get-SendConnector | where Name -ne B | Set-SendConnector -Enabled $false")

    assert listed("Get-SendConnector | where Enabled -eq $true").names == ["B"]


def test_connectors_are_listed_by_name_guid_and_pattern(ems, listed):
    for name in ("beta", "Alpha", "Gamma"):
        ems(f"New-SendConnector {name} -AddressSpaces {name}.example")
    guid = SendConnector.objects.get(name="Gamma").guid

    assert listed("Get-SendConnector").names == ["Alpha", "beta", "Gamma"]
    assert listed("Get-SendConnector ALPHA").names == ["Alpha"]
    assert listed(r"Get-SendConnector E15MB1\Alpha").names == ["Alpha"]
    assert listed(f"Get-SendConnector {guid}").names == ["Gamma"]
    assert listed("Get-SendConnector *a").names == ["Alpha", "beta", "Gamma"]


def test_a_removed_connector_is_gone_and_a_missing_one_is_an_error(ems, refused):
    ems("New-SendConnector Internet -AddressSpaces *")

    assert (
        ems("Remove-SendConnector Internet -WhatIf").notes == "What if: remove the send connector Internet\n"
    )
    assert ems("Remove-SendConnector Internet -Confirm:$false").notes == "Send connectors removed: 1.\n"
    assert "there is no send connector Internet" in refused("Remove-SendConnector Internet")
    assert "needs -Identity" in refused("Remove-SendConnector")


def test_the_servers_that_registered_are_listed(listed, refused):
    assert [one["Name"] for one in listed("Get-TransportService").objects] == ["E15MB1", "E15MB2"]
    assert [one["State"] for one in listed("Get-TransportService e15mb2").objects] == ["Active"]
    assert "there is no transport server E15MB9" in refused("Get-TransportService E15MB9")


def test_the_dns_servers_of_a_server_are_set_and_changed(ems, listed):
    ems("Set-TransportService E15MB1 -ExternalDNSServers 192.0.2.53,'[2001:db8::1]:5353','192.0.2.54:53'")
    ems('Set-TransportService -Identity E15MB1 -ExternalDNSServers @{Remove="192.0.2.53:53"}')
    ems("Get-TransportService | Set-TransportService -InternalDNSServers 192.0.2.1")
    first, second = listed("Get-TransportService").objects

    assert first["ExternalDNSServers"] == ["[2001:db8::1]:5353", "192.0.2.54"]
    assert first["InternalDNSServers"] == second["InternalDNSServers"] == ["192.0.2.1"]
    assert second["ExternalDNSServers"] == []


def test_networks_and_validating_dns_servers_of_a_server_are_set_and_taken_back(ems, listed):
    ems("Set-TransportService E15MB1 -AllowedMxNetworks 127.0.0.0/8,::1 -ValidatingDNSServers 192.0.2.53:53")
    ems('Set-TransportService E15MB1 -AllowedMxNetworks @{Remove="::1"}')
    first = listed("Get-TransportService E15MB1").objects[0]
    ems("Set-TransportService E15MB1 -AllowedMxNetworks $null")

    assert first["AllowedMxNetworks"] == ["127.0.0.0/8"]
    assert first["ValidatingDNSServers"] == ["192.0.2.53"]
    assert listed("Get-TransportService E15MB1").objects[0]["AllowedMxNetworks"] == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("E15MB1", "needs a setting to change"),
        ("E15MB9 -InternalDNSServers 192.0.2.1", "there is no transport server E15MB9"),
        ("E15MB1 -InternalDNSServers dns.example", "is not an IP address with an optional port"),
        ("E15MB1 -InternalDNSServers 192.0.2.1:99999", "port 99999 is not between 1 and 65535"),
        ("E15MB1 -AllowedMxNetworks 127.0.0.1/8", "-AllowedMxNetworks: '127.0.0.1/8' is not a network"),
        ("E15MB1 -ValidatingDNSServers dns.example", "-ValidatingDNSServers: 'dns.example' is not an IP"),
    ],
)
def test_a_list_of_a_server_with_a_wrong_value_is_refused(refused, arguments, line):
    assert line in refused(f"Set-TransportService {arguments}")
