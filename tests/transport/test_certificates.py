"""The certificates of a server: found by name, made at the first start, loaded anew when they change."""

import ssl
from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509

from transport import certificate_store, self_signed
from transport.receiving.certificates import Certificates

NAME = "e15mb1.admincenter.test"
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
NAMES = frozenset({NAME})


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "certificates"
    self_signed.ensure(folder, name=NAME, now=NOW)
    return folder


def subject_of(context):
    """What a client sees."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = trusting.wrap_bio(outgoing, incoming)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return x509.load_der_x509_certificate(client.getpeercert(binary_form=True))


def test_the_first_start_makes_a_certificate_for_the_name_of_the_server(folder):
    path = folder / f"{NAME}.pem"
    made = x509.load_pem_x509_certificate(path.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == [NAME]
    assert made.not_valid_before_utc < NOW < made.not_valid_after_utc
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in folder.iterdir()] == [path.name]


def test_the_next_start_keeps_it(folder):
    before = (folder / f"{NAME}.pem").read_bytes()

    assert not self_signed.ensure(folder, name=NAME, now=NOW)
    assert (folder / f"{NAME}.pem").read_bytes() == before


@pytest.mark.parametrize("name", ["", "other", "../secret_key", ".hidden", "/etc/passwd", f"x/{NAME}"])
def test_a_name_that_is_no_certificate_finds_nothing(folder, name):
    (folder.parent / "secret_key.pem").write_text("x")

    assert certificate_store.find(folder, name) is None


def test_a_key_may_stand_beside_its_certificate(tmp_path):
    issued = trustme.CA().issue_cert("mail.contoso.com")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "mail.pem")
    issued.private_key_pem.write_to_path(tmp_path / "mail.key")
    certificates = Certificates(tmp_path)
    certificates.refresh(frozenset({"mail"}))

    assert certificate_store.names(tmp_path) == ("mail",)
    assert certificates.get("mail") is not None


def test_a_replaced_certificate_is_shown_to_the_next_client(folder):
    certificates = Certificates(folder)
    certificates.refresh(NAMES)
    before = certificates.get(NAME)
    trustme.CA().issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(folder / "new")
    (folder / "new").replace(folder / f"{NAME}.pem")
    certificates.refresh(NAMES)

    after = certificates.get(NAME)

    assert after is not before
    assert subject_of(after) != subject_of(before)


def test_an_unchanged_certificate_is_not_loaded_again(folder):
    certificates = Certificates(folder)
    certificates.refresh(NAMES)
    before = certificates.get(NAME)
    certificates.refresh(NAMES)

    assert certificates.get(NAME) is before


@pytest.mark.parametrize("broken", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_broken_certificate_leaves_the_old_one_in_use_and_is_logged(folder, caplog, broken):
    certificates = Certificates(folder)
    certificates.refresh(NAMES)
    before = certificates.get(NAME)
    (folder / f"{NAME}.pem").write_bytes(broken)
    certificates.refresh(NAMES)

    certificates.refresh(NAMES)

    assert certificates.get(NAME) is before
    assert certificates.trouble(NAME)
    assert caplog.text.count("certificate_unusable") == 1


def test_a_missing_certificate_is_none_until_it_comes(tmp_path, caplog):
    certificates = Certificates(tmp_path)
    certificates.refresh(NAMES)
    missing = certificates.get(NAME)
    self_signed.ensure(tmp_path, name=NAME, now=NOW)
    certificates.refresh(NAMES)

    assert missing is None
    assert "certificate_unusable" in caplog.text
    assert certificates.get(NAME) is not None


def test_the_first_of_several_names_that_is_there_is_shown(folder):
    certificates = Certificates(folder)
    certificates.refresh(frozenset({"mail.contoso.com", NAME}))

    assert certificates.get("mail.contoso.com") is None
    assert certificates.get("mail.contoso.com", NAME) is certificates.get(NAME)
