"""DKIM keys: made, brought along, enabled, rotated, removed; the private key never shows."""

import subprocess
from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from connectors import credentials, dkim_keys, routing, signing_keys
from connectors.dkim_keys import DkimKeySpec
from connectors.errors import InvalidValue
from connectors.models import Configuration, DkimKey
from connectors.signing_keys import Algorithm

pytestmark = [pytest.mark.django_db, pytest.mark.state]
NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
ELLIPTIC = Algorithm.ED25519
"""Quick to make, where the kind of key does not matter."""


def create(domain="contoso.test", *, enabled=False, pem="", **fields):
    spec = DkimKeySpec(domain=domain, **{"algorithm": ELLIPTIC, **fields})
    key = dkim_keys.create(spec, actor="anna", now=NOW, pem=pem)
    if enabled:
        dkim_keys.enable(key.pk, actor="anna", now=NOW)
    return DkimKey.objects.get(pk=key.pk)


def signing():
    return {key.identity for key in DkimKey.objects.filter(enabled=True)}


def test_a_new_key_is_named_after_the_day_and_does_not_sign_yet():
    first, second = create(), create()

    assert (first.identity, second.identity) == ("contoso.test\\s20261127", "contoso.test\\s20261127-2")
    assert (first.created_by, first.changed_by) == ("anna", "anna")
    assert signing() == set()


def test_the_usual_key_is_rsa_of_2048_bits():
    key = create(algorithm=Algorithm.RSA)

    assert (key.algorithm, key.size_bits) == ("rsa-sha256", 2048)


def test_the_private_key_is_sealed_for_its_row_alone():
    key, other = create(), create()
    owner = credentials.Owner.DKIM_KEY
    pem = credentials.open_sealed(key.sealed_private_key, guid=key.guid, owner=owner)

    assert signing_keys.read_pem(pem).public_key == key.public_key
    for stranger in ({"guid": other.guid, "owner": owner}, {"guid": key.guid}):
        with pytest.raises(credentials.CannotUnseal):
            credentials.open_sealed(key.sealed_private_key, **stranger)


def test_enabling_a_key_disables_the_one_that_signed_with_the_same_algorithm():
    old = create(enabled=True)
    rsa = create(algorithm=Algorithm.RSA, enabled=True)
    other_domain = create("fabrikam.test", enabled=True)
    new = create(enabled=True)

    assert signing() == {rsa.identity, other_domain.identity, new.identity}
    assert dkim_keys.enable(new.pk, actor="anna", now=NOW) == 0
    assert not DkimKey.objects.get(pk=old.pk).enabled


def test_rotation_puts_a_new_selector_beside_the_old_one_which_goes_on_signing():
    old = create(enabled=True, include_subdomains=True)
    new = dkim_keys.rotate(old.pk, actor="bob", now=NOW)

    assert new.selector != old.selector
    assert (new.domain, new.algorithm, new.include_subdomains) == ("contoso.test", ELLIPTIC, True)
    assert new.public_key != old.public_key
    assert signing() == {old.identity}


def test_a_successor_is_as_large_as_the_old_key_and_never_weak():
    short = create(pem=openssl("genrsa", "-traditional", "1024"))

    assert dkim_keys.rotate(short.pk, actor="bob", now=NOW).size_bits == 2048
    assert dkim_keys.rotate(short.pk, actor="bob", now=NOW, size_bits=3072).size_bits == 3072
    with pytest.raises(InvalidValue, match="2048, 3072, 4096"):
        dkim_keys.rotate(short.pk, actor="bob", now=NOW, size_bits=2500)


def test_keys_that_were_removed_are_gone():
    key = create(enabled=True)

    assert dkim_keys.remove([key.pk], actor="anna") == 1
    assert dkim_keys.remove([key.pk], actor="anna") == 0
    with pytest.raises(dkim_keys.NoSuchDkimKey):
        dkim_keys.enable(key.pk, actor="anna", now=NOW)
    with pytest.raises(dkim_keys.NoSuchDkimKey):
        dkim_keys.rotate(key.pk, actor="anna", now=NOW)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"domain": "contoso"}, "at least one dot"),
        ({"domain": "192.0.2.1"}, "IP address"),
        ({"selector": "a b"}, "letters, digits, hyphens and dots"),
        ({"selector": "x" * 64}, "63 at most"),
        ({"selector": "-a"}, "letters, digits, hyphens and dots"),
        ({"algorithm": Algorithm.RSA, "size_bits": 1024}, "2048, 3072, 4096"),
        ({"pem": "hello"}, "no private key in PEM form"),
        ({"pem": "ключ"}, "no private key in PEM form"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_the_rule(fields, rule):
    with pytest.raises(InvalidValue, match=rule):
        create(**fields)


def test_a_selector_stands_once_in_a_domain():
    create(selector="Mail")

    create("fabrikam.test", selector="mail")
    with pytest.raises(InvalidValue, match=r"contoso\.test has a key with this selector"):
        create(selector="mail")


def openssl(*arguments, **options):
    return subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=True, **options
    ).stdout


@pytest.mark.parametrize(
    ("command", "algorithm", "bits"),
    [
        (("genrsa", "-traditional", "1024"), "rsa-sha256", 1024),
        (("genpkey", "-algorithm", "ed25519"), "ed25519-sha256", 256),
    ],
)
def test_a_key_of_another_program_can_be_brought_along(command, algorithm, bits):
    key = create(pem=openssl(*command))

    assert (key.algorithm, key.size_bits) == (algorithm, bits)


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        (("genrsa", "512"), "1024 to 4096 bits, this one has 512|no private key"),
        (("genpkey", "-algorithm", "x25519"), "RSA and Ed25519 keys only"),
        (("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret"), "is encrypted"),
    ],
)
def test_keys_that_dkim_cannot_use_are_refused(command, rule):
    with pytest.raises(InvalidValue, match=rule):
        create(pem=openssl(*command))


def test_a_change_is_seen_at_once_and_moves_no_waiting_mail():
    key = create(enabled=True)
    before = routing.current()
    dkim_keys.disable([key.pk], actor="anna", now=NOW)
    after = routing.current()

    assert before.signers.of("contoso.test")
    assert not after.signers.of("contoso.test")
    assert after.generation == before.generation == Configuration.objects.get().generation


def test_subdomains_fall_to_the_nearest_parent_that_takes_them():
    create(enabled=True, selector="plain")
    create("fabrikam.test", enabled=True, selector="parent", include_subdomains=True)
    create("shop.fabrikam.test", enabled=True, selector="child")
    signers = routing.current().signers

    def who(domain):
        return [signer.selector for signer in signers.of(domain)]

    assert who("contoso.test") == ["plain"]
    assert who("mail.contoso.test") == []
    assert who("fabrikam.test") == who("a.b.fabrikam.test") == ["parent"]
    assert who("shop.fabrikam.test") == ["child"]
    assert who("notfabrikam.test") == who("test") == who("") == []


def test_subdomains_can_be_taken_and_left_later():
    key = create(enabled=True)

    assert dkim_keys.include_subdomains(key.pk, included=True, actor="anna", now=NOW) == 1
    assert dkim_keys.include_subdomains(key.pk, included=True, actor="anna", now=NOW) == 0
    assert routing.current().signers.of("mail.contoso.test")


def test_no_log_line_and_no_representation_holds_a_private_key(caplog, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), caplog.at_level("DEBUG"):
        key = create(enabled=True)
    pem = credentials.open_sealed(key.sealed_private_key, guid=key.guid, owner=credentials.Owner.DKIM_KEY)
    signer = routing.current().signers.of("contoso.test")[0]
    shown = (
        caplog.text + repr(routing.current()) + repr(signer) + repr(signing_keys.read_pem(pem)) + repr(key)
    )

    assert ("dkim_key_created", "contoso.test") in [(one.message, one.domain) for one in caplog.records]
    assert pem.splitlines()[1] not in shown
    assert key.sealed_private_key not in shown


def test_rotation_of_field_keys_moves_private_keys_too(settings, capsys):
    key = create(enabled=True)
    settings.FIELD_KEYS = ["new-key", *settings.FIELD_KEYS]
    call_command("rotate_field_keys")
    settings.FIELD_KEYS = ["new-key"]

    assert capsys.readouterr().out == "1 passwords and private keys sealed with the newest key.\n"
    assert routing.current().signers.of("contoso.test")[0].sign(bytes(32))
    assert DkimKey.objects.get().sealed_private_key != key.sealed_private_key
