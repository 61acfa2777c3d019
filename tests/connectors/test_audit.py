"""Each change by a person leaves exactly one entry, with old and new values and without a secret."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from connectors import (
    audit,
    credentials,
    dkim_keys,
    domain_services,
    login_services,
    receive_services,
    services,
    signing_keys,
)
from connectors.accepted_domains import DomainType
from connectors.address_spaces import parse
from connectors.errors import Conflict, InvalidSettings, InvalidValue
from connectors.models import AuditEntry, AuditSearch, SendConnector
from connectors.models.audit import NeverAltered
from connectors.profiles import SmartHostAuth
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import ReceiveSettings
from connectors.signing_keys import Algorithm

pytestmark = [pytest.mark.django_db, pytest.mark.state]
SCANNERS = ReceiveSettings(
    name="Scanners",
    server="E15MB1",
    bindings=(parse_binding("192.0.2.1:25"),),
    remote_ranges=(parse_range("192.0.2.0/24"),),
)


def told(entry):
    """What an entry says of each parameter."""
    return {one.name: (one.old, one.new) for one in entry.changes}


def only_new(*, cmdlet):
    """The one entry since the first ones."""
    (entry,) = AuditEntry.objects.filter(cmdlet=cmdlet)
    return entry


def test_a_new_connector_is_told_with_the_parameters_that_make_it(make, internet):
    with audit.coming_from("192.0.2.77"):
        make(internet, port=587)
    (entry,) = AuditEntry.objects.all()

    assert (entry.cmdlet, entry.actor, entry.origin) == ("New-SendConnector", "anna", "192.0.2.77")
    assert (entry.identities, entry.count, entry.succeeded) == (["Internet"], 1, True)
    assert told(entry) == {
        "Name": (None, "Internet"),
        "AddressSpaces": (None, ["SMTP:*;1"]),
        "SourceTransportServers": (None, ["E15MB1"]),
        "Port": (None, 587),
    }
    assert timezone.now() - entry.at < timedelta(minutes=1)


def test_a_second_call_for_the_same_draft_changes_nothing_and_tells_nothing(internet):
    guid = uuid.uuid4()
    for _ in range(2):
        services.create(internet, guid=guid, actor="anna")

    assert AuditEntry.objects.count() == 1


def test_a_change_tells_what_was_and_what_is(make, internet):
    connector = make(internet)
    spec = replace(internet, name="World", max_message_bytes=None, address_spaces=(parse("a.test"),))
    services.change(connector.pk, spec, actor="bert", expected_version=1)
    entry = only_new(cmdlet="Set-SendConnector")

    assert (entry.actor, entry.identities) == ("bert", ["Internet"])
    assert told(entry) == {
        "Name": ("Internet", "World"),
        "AddressSpaces": (["SMTP:*;1"], ["SMTP:a.test;1"]),
        "MaxMessageSize": ("35MB", "unlimited"),
    }


def test_saving_what_is_there_already_tells_nothing(make, internet):
    connector = make(internet)
    services.change(connector.pk, internet, actor="bert", expected_version=1)

    assert not AuditEntry.objects.filter(cmdlet="Set-SendConnector").exists()


def test_each_connector_that_is_disabled_has_an_entry_of_its_own(make, internet):
    first, second = make(internet), make(internet, name="Second")
    services.disable([first.pk, second.pk], actor="anna")
    services.disable([first.pk], actor="anna")
    entries = AuditEntry.objects.filter(cmdlet="Set-SendConnector").order_by("pk")

    assert [(one.identities, told(one)) for one in entries] == [
        (["Internet"], {"Enabled": (True, False)}),
        (["Second"], {"Enabled": (True, False)}),
    ]


def test_what_a_removed_connector_had_been_is_kept_and_is_no_part_of_the_line(make, internet):
    services.remove([make(internet, comment="for all").pk], actor="anna")
    entry = only_new(cmdlet="Remove-SendConnector")

    assert told(entry)["Comment"] == ("for all", None)
    assert entry.command == "Remove-SendConnector -Identity Internet"


def test_a_password_is_changed_and_never_told(signed_in):
    spec = services.spec_of(signed_in)
    sealed = credentials.seal("correct horse", guid=signed_in.guid)
    services.change(signed_in.pk, replace(spec, sealed_password=sealed), actor="anna", expected_version=1)
    services.change(
        signed_in.pk, replace(spec, auth=SmartHostAuth.NONE, username=""), actor="anna", expected_version=2
    )
    created, changed, removed = AuditEntry.objects.order_by("pk")

    assert told(created)["AuthenticationCredential"] == (None, "changed")
    assert told(changed) == {"AuthenticationCredential": (None, "changed")}
    assert told(removed)["AuthenticationCredential"] == (None, "removed")
    written = "".join(f"{one.parameters}{one.command}" for one in (created, changed, removed))
    for secret in ("hunter2", "correct horse", sealed, signed_in.sealed_password):
        assert secret not in written


def test_what_is_refused_is_told_with_its_error_and_changes_nothing(make, internet):
    connector = make(internet)
    with pytest.raises(services.InvalidConnector):
        make(internet)
    with pytest.raises(Conflict):
        services.change(connector.pk, internet, actor="bert", expected_version=7)
    _, twice, late = AuditEntry.objects.order_by("pk")

    assert (twice.cmdlet, twice.identities, twice.count) == ("New-SendConnector", ["Internet"], 0)
    assert twice.error == "Name Internet: another send connector has this name."
    assert (late.cmdlet, late.identities, late.succeeded) == ("Set-SendConnector", ["Internet"], False)
    assert (twice.command, twice.changes) == ("", [])
    assert SendConnector.objects.count() == 1


def test_there_is_no_entry_without_its_change(make, internet):
    with transaction.atomic():
        make(internet)
        transaction.set_rollback(True)

    assert not AuditEntry.objects.exists()


def test_receive_connectors():
    made = receive_services.create(SCANNERS, actor="anna")
    receive_services.change(made.pk, replace(SCANNERS, fqdn="mail.contoso.com"), actor="anna")
    receive_services.disable([made.pk], actor="anna")
    receive_services.enable([made.pk], actor="anna")
    receive_services.remove([made.pk], actor="anna")
    entries = list(AuditEntry.objects.order_by("pk"))

    assert [one.cmdlet for one in entries] == [
        "New-ReceiveConnector",
        *["Set-ReceiveConnector"] * 3,
        "Remove-ReceiveConnector",
    ]
    assert told(entries[0])["RemoteIPRanges"] == (None, ["192.0.2.0/24"])
    assert told(entries[1]) == {"Fqdn": ("", "mail.contoso.com")}
    assert [told(one) for one in entries[2:4]] == [{"Enabled": (True, False)}, {"Enabled": (False, True)}]
    assert {tuple(one.identities) for one in entries} == {("E15MB1\\Scanners",)}
    assert entries[3].command == r"Set-ReceiveConnector -Identity E15MB1\Scanners -Enabled $true"


def test_what_the_first_start_makes_is_no_change_by_a_person():
    receive_services.ensure_defaults("E15MB1", addresses=["127.0.0.1:2525"], networks=["127.0.0.0/8"])

    assert not AuditEntry.objects.exists()


def test_accepted_domains():
    row = domain_services.create(
        "Contoso", domain="contoso.com", type=DomainType.INTERNAL_RELAY, actor="anna"
    )
    domain_services.change(row.pk, name="Ours", default=True, actor="anna")
    domain_services.change(row.pk, actor="anna")
    domain_services.remove([row.pk], actor="anna")
    with pytest.raises(InvalidSettings):
        domain_services.create("Bad", domain="no domain", type=DomainType.INTERNAL_RELAY, actor="anna")
    made, changed, removed, refused = AuditEntry.objects.order_by("pk")

    assert made.command == (
        "New-AcceptedDomain -Name Contoso -DomainName contoso.com -DomainType InternalRelay"
    )
    assert told(changed) == {"Name": ("Contoso", "Ours"), "MakeDefault": (False, True)}
    assert (changed.identities, removed.identities) == (["Contoso"], ["Ours"])
    assert (refused.identities, refused.succeeded) == (["Bad"], False)


def test_application_passwords_never_show_the_password_nor_its_digest():
    row, first = login_services.create("scanner", senders=["*"], actor="anna")
    second = login_services.renew(row.pk, actor="anna")
    login_services.change(
        row.pk, senders=["a@contoso.com"], description="", enabled=False, expires_at=None, actor="anna"
    )
    login_services.remove([row.pk], actor="anna")
    made, renewed, changed, removed = AuditEntry.objects.order_by("pk")

    assert made.command == "New-ApplicationPassword -UserName scanner"
    assert renewed.command == "Set-ApplicationPassword -Identity scanner -Renew"
    assert told(changed) == {"Senders": (["*"], ["a@contoso.com"]), "Enabled": (True, False)}
    assert removed.identities == ["scanner"]
    everything = "".join(str(one.parameters) for one in AuditEntry.objects.all())
    for secret in (first, second, row.digest):
        assert secret not in everything


def test_dkim_keys():
    now = timezone.now()
    spec = dkim_keys.DkimKeySpec(domain="contoso.com", selector="one", algorithm=Algorithm.ED25519)
    first = dkim_keys.create(spec, actor="anna", now=now)
    dkim_keys.enable(first.pk, actor="anna", now=now)
    dkim_keys.include_subdomains(first.pk, included=True, actor="anna", now=now)
    second = dkim_keys.rotate(first.pk, actor="anna", now=now)
    dkim_keys.disable([first.pk], actor="anna", now=now)
    dkim_keys.remove([second.pk], actor="anna")
    entries = list(AuditEntry.objects.order_by("pk"))

    assert [one.cmdlet.partition("-")[0] for one in entries] == [
        "New",
        "Set",
        "Set",
        "Rotate",
        "Set",
        "Remove",
    ]
    assert entries[0].command == (
        f"New-DkimSigningConfig -DomainName contoso.com -Selector one -Algorithm {Algorithm.ED25519.value}"
    )
    assert told(entries[1]) == {"Enabled": (False, True)}
    assert entries[3].command == r"Rotate-DkimSigningConfig -Identity contoso.com\one"


def test_a_private_key_that_was_brought_along_is_never_told():
    pem = signing_keys.generate(Algorithm.ED25519, size_bits=2048).pem
    now = timezone.now()
    spec = dkim_keys.DkimKeySpec(domain="contoso.com", selector="one")
    dkim_keys.create(spec, actor="anna", now=now, pem=pem)
    with pytest.raises(InvalidValue):
        dkim_keys.create(spec, actor="anna", now=now, pem=pem.replace("BEGIN", "BEGINN"))
    made, refused = AuditEntry.objects.order_by("pk")

    assert told(made)["PrivateKeyFile"] == (None, "changed")
    for line in pem.splitlines()[1:-1]:
        assert line not in f"{made.parameters}{made.command}{refused.error}"


def test_an_entry_is_never_altered(make, internet):
    make(internet)
    entry = AuditEntry.objects.get()
    for alter in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="nobody"),
    ):
        with pytest.raises(NeverAltered):
            alter()
    assert AuditEntry.objects.get().actor == "anna"


@override_settings(AUDIT_LOG_DAYS=30)
def test_entries_end_by_their_age_and_by_nothing_else(make, internet):
    make(internet)
    now = timezone.now()

    assert audit.forget_old(now=now + timedelta(days=29)) == 0
    assert audit.forget_old(now=now + timedelta(days=31)) == 1
    assert not AuditEntry.objects.exists()


def test_entries_are_found_by_time_user_cmdlet_and_object(make, internet):
    make(internet)
    make(internet, name="50%_Relay")
    now = timezone.now()
    found = {
        "all": AuditSearch(),
        "object": AuditSearch(objects=("%_r",)),
        "nobody": AuditSearch(users=("bert",)),
        "somebody": AuditSearch(users=("bert", "ANN"), cmdlets=("new-send",)),
        "before": AuditSearch(end=now - timedelta(hours=1)),
        "since": AuditSearch(start=now - timedelta(hours=1)),
    }
    counts = {name: AuditEntry.objects.matching(search).count() for name, search in found.items()}

    assert counts == {"all": 2, "object": 1, "nobody": 0, "somebody": 2, "before": 0, "since": 2}


def test_hostile_and_endless_texts_are_bounded():
    objects = (f"one\n{number}" * 2 for number in range(1000))
    audit.record("Suspend-Queue", actor="a" * 500, objects=objects, count=1000, error="x\n" * 5000)
    entry = AuditEntry.objects.get()

    assert (len(entry.identities), entry.count, len(entry.actor), len(entry.error)) == (50, 1000, 200, 2000)
    assert "\n" not in entry.error
