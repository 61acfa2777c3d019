"""DKIM in the management shell: keys, and the records to publish."""

import subprocess

import pytest

from connectors import credentials
from connectors.models import DkimKey
from tests.support import queued_mail
from tests.support.nameserver import Nameserver

pytestmark = [pytest.mark.django_db, pytest.mark.state]
MAKE = "New-DkimSigningConfig contoso.test -Selector one -Algorithm ed25519-sha256"


@pytest.fixture
def dns(settings):
    """The zone contoso.test, empty, which this server asks."""
    server = queued_mail.server("E15MB1")
    settings.SERVER_NAME = "E15MB1"
    with Nameserver({"contoso.test": ""}) as nameserver:
        server.internal_dns_servers = [nameserver.address]
        server.save()
        yield nameserver


def publish(dns, *keys):
    dns.reload({"contoso.test": "\n".join(key.record.zone_line for key in keys)})


def test_a_line_of_exchange_online_makes_a_key_and_shows_what_to_publish(listed):
    (made,) = listed("New-DkimSigningConfig -DomainName contoso.test -KeySize 2048 -Enabled $false").objects
    key = DkimKey.objects.get()
    shown = {name: value for name, value in made.items() if name not in {"KeyCreationTime", "WhenChanged"}}

    assert shown == {
        "Identity": key.identity,
        "Domain": "contoso.test",
        "Selector": key.selector,
        "Enabled": False,
        "Algorithm": "rsa-sha256",
        "KeySize": 2048,
        "IncludeSubdomains": False,
        "HeaderCanonicalization": "Relaxed",
        "BodyCanonicalization": "Relaxed",
        "RecordName": f"{key.selector}._domainkey.contoso.test",
        "RecordValue": list(key.record.strings),
        "ZoneRecord": key.record.zone_line,
        "CreatedBy": key.created_by,
        "ChangedBy": key.created_by,
    }
    assert key.created_by.startswith("shell:")


def test_a_key_is_enabled_when_the_dns_has_its_record(ems, listed, refused, dns):
    ems(MAKE)
    key = DkimKey.objects.get()
    sentence = refused("Set-DkimSigningConfig contoso.test -Enabled $true")
    assert "one._domainkey.contoso.test: There is no TXT record of this name: publish it." in sentence
    assert not DkimKey.objects.get().enabled

    publish(dns, key)
    assert ems("Set-DkimSigningConfig contoso.test -Enabled $true").status == 0
    assert DkimKey.objects.get().enabled
    (found,) = listed("Get-DkimSigningConfig | Test-DkimSigningConfig").objects
    assert (found["Status"], found["Detail"]) == ("Valid", "The published record matches the key.")


def test_what_is_wrong_with_the_published_record_is_said(ems, listed, dns):
    ems(MAKE)
    dns.reload({"contoso.test": 'one._domainkey TXT "v=DKIM1; k=ed25519; p="'})
    (revoked,) = listed("Test-DkimSigningConfig contoso.test").objects
    ems("New-DkimSigningConfig fabrikam.test -Algorithm ed25519-sha256")
    (unknown,) = listed("Test-DkimSigningConfig fabrikam.test").objects

    assert (revoked["Status"], revoked["Detail"]) == (
        "RecordInvalid",
        "The tag p= is empty, which revokes the key.",
    )
    assert unknown["Status"] == "LookupFailed"
    assert "The DNS could not be asked: TXT of" in unknown["Detail"]
    assert f"{dns.address} answered REFUSED" in unknown["Detail"]


@pytest.mark.usefixtures("dns")
def test_force_enables_a_key_whatever_the_dns_says(ems):
    ems(MAKE)

    assert ems("Set-DkimSigningConfig contoso.test -Enabled $true -Force").status == 0
    assert DkimKey.objects.get().enabled
    assert ems("Set-DkimSigningConfig contoso.test -Enabled $false -IncludeSubdomains $true").status == 0
    assert (DkimKey.objects.get().enabled, DkimKey.objects.get().include_subdomains) == (False, True)


def test_a_key_of_another_program_signs_at_once_when_its_record_is_published(ems, dns, tmp_path):
    pem = tmp_path / "mail.private"
    subprocess.run(
        ["openssl", "genrsa", "-traditional", "-out", pem, "2048"], capture_output=True, check=True
    )
    line = f"New-DkimSigningConfig contoso.test -Selector mail -PrivateKeyFile {pem} -Enabled $true"
    first = ems(line)
    assert (
        "contoso.test\\mail does not sign yet. mail._domainkey.contoso.test: There is no TXT" in first.notes
    )

    key = DkimKey.objects.get()
    publish(dns, key)
    key.delete()
    assert ems(line).notes == ""
    assert DkimKey.objects.get().enabled


@pytest.mark.usefixtures("dns")
def test_rotation_makes_a_key_beside_the_one_that_signs(ems, listed):
    ems(MAKE + " -Enabled $true -Force")
    (new,) = listed("Rotate-DkimSigningConfig contoso.test").objects

    assert [key.identity for key in DkimKey.objects.filter(enabled=True)] == ["contoso.test\\one"]
    assert ems(f"Set-DkimSigningConfig {new['Identity']} -Enabled $true -Force").status == 0
    assert [key.identity for key in DkimKey.objects.filter(enabled=True)] == [new["Identity"]]
    assert (
        ems("Remove-DkimSigningConfig contoso.test\\one -Confirm:$false").notes == "DKIM keys removed: 1.\n"
    )


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("New-DkimSigningConfig contoso", "-DomainName contoso: a fully qualified domain name"),
        ("New-DkimSigningConfig contoso.test -Selector a_b", "-Selector a_b: a selector is made of"),
        ("New-DkimSigningConfig contoso.test -KeySize 2500", "-KeySize 2500: a new RSA key has one of"),
        ("New-DkimSigningConfig contoso.test -Algorithm rsa-sha1", "one of rsa-sha256, ed25519-sha256"),
        ("New-DkimSigningConfig contoso.test -PrivateKeyFile /nowhere", "No such file"),
        (
            "New-DkimSigningConfig contoso.test -PrivateKeyFile /etc/passwd",
            "-PrivateKeyFile: this is no private key",
        ),
        ("New-DkimSigningConfig contoso.test -PrivateKeyFile x -KeySize 2048", "exclude each other"),
        ("Set-DkimSigningConfig contoso.test", "needs -Enabled or -IncludeSubdomains"),
        ("Set-DkimSigningConfig fabrikam.test -Enabled $true", "there is no DKIM key fabrikam.test"),
        ("Rotate-DkimSigningConfig", "needs -Identity"),
        ("Get-DkimSigningConfig fabrikam.test", "there is no DKIM key fabrikam.test"),
    ],
)
def test_what_is_refused_is_refused_in_a_sentence(refused, line, rule):
    assert rule in refused(line)


def test_a_domain_with_several_keys_needs_the_selector(ems, refused):
    ems(MAKE)
    ems("New-DkimSigningConfig contoso.test -Selector two -Algorithm ed25519-sha256")

    assert r"name one: contoso.test\one, contoso.test\two" in refused("Remove-DkimSigningConfig contoso.test")


def test_nothing_that_is_shown_holds_the_private_key(ems):
    answer = ems(MAKE + " | fl *", as_json=False)
    key = DkimKey.objects.get()
    pem = credentials.open_sealed(key.sealed_private_key, guid=key.guid, owner=credentials.Owner.DKIM_KEY)
    shown = answer.output + ems("Get-DkimSigningConfig", as_json=True).output

    assert pem.splitlines()[1] not in shown
    assert key.sealed_private_key not in shown
    assert key.public_key in shown
