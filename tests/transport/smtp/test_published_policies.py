"""What MTA-STS and DANE make of the certificates that a host shows."""

import datetime as dt
import hashlib
import ssl
from collections.abc import Callable

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from connectors.profiles import SmartHostAuth, TlsAuthLevel, TlsPolicy
from transport.envelope import Stage
from transport.host_policy import HostPolicy, TlsaRecord
from transport.smtp import certificates, tls
from transport.smtp.client import SessionFailed

DOMAIN, MX = "peer.test", "mx.peer.test"
STS = HostPolicy(source="MTA-STS", required=True, verify=True, names=(MX,), server_name=MX)
DIGESTS: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}


def dane(*records: TlsaRecord) -> HostPolicy:
    return HostPolicy(source="DANE", required=True, tlsa=records, names=(MX, DOMAIN), server_name=MX)


def record(usage: int, selector: int, matching: int, der: bytes) -> TlsaRecord:
    key = x509.load_der_x509_certificate(der).public_key()
    selected = der if selector == 0 else key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TlsaRecord(usage=usage, selector=selector, matching=matching, data=DIGESTS[matching](selected))


class Chain:
    """A root, an authority below it, and a host's certificate; `send` says which of them the host shows."""

    def __init__(self, tmp_path, *names: str, **options) -> None:
        self.root = trustme.CA()
        self.authority = self.root.create_child_ca()
        self.host = self.authority.issue_cert(*names, **options)
        self.key = self.host.private_key_pem.bytes()
        self.folder = tmp_path
        pems = {
            "host": self.host.cert_chain_pems[0],
            "authority": self.authority.cert_pem,
            "root": self.root.cert_pem,
        }
        self.pem = {name: blob.bytes() for name, blob in pems.items()}
        self.der = {name: ssl.PEM_cert_to_DER_cert(pem.decode()) for name, pem in self.pem.items()}

    def context(self, *send: str) -> ssl.SSLContext:
        file = self.folder / "chain.pem"
        parts = [self.key, *(self.pem[name] for name in send)]
        file.write_bytes(b"".join(parts))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


ALL = ("host", "authority", "root")


@pytest.fixture
def chain(tmp_path):
    return Chain(tmp_path, MX)


@pytest.fixture
def connect(peer_for, host_of, new_client):
    """Connect under a policy; gives peer and client."""

    def dial(context, published, **options):
        peer = peer_for(tls=context)
        client = new_client(**options)
        client.connect(host_of(peer, MX), tls_name=DOMAIN, published=published)
        return peer, client

    return dial


@pytest.fixture
def refused(peer_for, host_of, new_client):
    """Connect under a policy that the host does not meet; gives the reply and shows that no mail went out."""

    def dial(context, published, **options):
        peer = peer_for(tls=context)
        with pytest.raises(SessionFailed) as raised:
            new_client(**options).connect(host_of(peer, MX), tls_name=DOMAIN, published=published)
        assert len(peer.talks) == 1
        assert not [line for line in peer.talks[0].commands if line.startswith("MAIL")]
        return raised.value.reply

    return dial


# DANE


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_the_hosts_own_certificate_is_found_under_every_selector_and_matching_type(
    connect, chain, selector, matching
):
    _, client = connect(chain.context("host"), dane(record(3, selector, matching, chain.der["host"])))

    assert client.tls.verified
    assert client.tls_source == "DANE"


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("anchor", ["authority", "root"])
def test_an_authority_in_the_chain_is_found_under_every_selector_and_matching_type(
    connect, chain, anchor, selector, matching
):
    _, client = connect(chain.context(*ALL), dane(record(2, selector, matching, chain.der[anchor])))

    assert client.tls.verified


def test_the_chain_is_read_under_tls_1_2_too(connect, chain):
    context = chain.context(*ALL)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    _, client = connect(context, dane(record(2, 1, 1, chain.der["root"])))

    assert (client.tls.version, client.tls.verified) == ("TLSv1.2", True)


def test_an_authority_that_is_published_whole_need_not_be_sent(connect, chain):
    _, client = connect(chain.context("host", "authority"), dane(record(2, 0, 0, chain.der["root"])))

    assert client.tls.verified


def test_an_authority_of_which_only_a_digest_is_published_must_be_sent(refused, chain):
    reply = refused(chain.context("host", "authority"), dane(record(2, 0, 1, chain.der["root"])))

    assert "No TLSA record matches" in reply.text


def test_one_record_that_matches_is_enough(connect, chain):
    wrong = TlsaRecord(usage=3, selector=1, matching=1, data=b"\0" * 32)
    _, client = connect(chain.context("host"), dane(wrong, record(3, 1, 1, chain.der["host"])))

    assert client.tls.verified


@pytest.mark.parametrize("matching", [0, 1, 2])
def test_a_record_of_another_certificate_sends_no_mail(refused, chain, tmp_path, matching):
    other = Chain(tmp_path, MX)

    reply = refused(chain.context(*ALL), dane(record(3, 1, matching, other.der["host"])))

    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (454, "4.7.323", Stage.STARTTLS, False)
    assert reply.text == (
        "No TLSA record matches the certificate of the host (DANE of the recipient domain forbids delivery)"
    )


def test_the_hosts_own_certificate_counts_whatever_its_name_and_date(connect, tmp_path):
    yesterday = dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=1)
    old = Chain(tmp_path, "somebody.else.test", not_after=yesterday)

    _, client = connect(old.context("host"), dane(record(3, 1, 1, old.der["host"])))

    assert client.tls.verified


@pytest.mark.parametrize("name", [MX, DOMAIN, "*.peer.test"])
def test_under_an_authority_the_name_is_that_of_the_host_or_of_the_recipient_domain(connect, tmp_path, name):
    named = Chain(tmp_path, name)

    _, client = connect(named.context(*ALL), dane(record(2, 1, 1, named.der["authority"])))

    assert client.tls.verified


def test_under_an_authority_another_name_does_not_do(refused, tmp_path):
    other = Chain(tmp_path, "mx.somebody.test")

    reply = refused(other.context(*ALL), dane(record(2, 1, 1, other.der["authority"])))

    assert (reply.code, reply.enhanced) == (454, "4.7.323")
    assert "not valid for mx.peer.test or peer.test" in reply.text


def test_under_an_authority_an_expired_certificate_does_not_do(refused, tmp_path):
    yesterday = dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=1)
    old = Chain(tmp_path, MX, not_after=yesterday)

    reply = refused(old.context(*ALL), dane(record(2, 1, 1, old.der["root"])))

    assert reply.enhanced == "4.7.323"


def test_an_authority_that_is_only_shown_and_signed_nothing_does_not_do(refused, chain, tmp_path):
    """The chain of somebody else, with the right authority hung onto it."""
    thief = Chain(tmp_path, MX)
    thief.pem["stolen"] = chain.pem["authority"]

    reply = refused(
        thief.context("host", "authority", "stolen"), dane(record(2, 1, 1, chain.der["authority"]))
    )

    assert "does not hold against the authority" in reply.text


def test_a_hosts_certificate_is_no_authority(refused, chain):
    """Usage 2 never speaks for the first certificate of the chain (RFC 7671 section 5.2)."""
    reply = refused(chain.context("host"), dane(record(2, 1, 1, chain.der["host"])))

    assert "No TLSA record matches" in reply.text


def test_a_hosts_certificate_cannot_sign_another(refused, chain):
    """The host below the authority issues a certificate itself: only authorities may."""
    now = dt.datetime.now(tz=dt.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(chain.pem["host"])
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, MX)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(MX)]), critical=False)
        .sign(load_pem_private_key(chain.host.private_key_pem.bytes(), None), hashes.SHA256())
    )
    chain.pem["forged"] = forged.public_bytes(Encoding.PEM)
    chain.key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    reply = refused(
        chain.context("forged", "host", "authority"), dane(record(2, 1, 1, chain.der["authority"]))
    )

    assert "does not hold against the authority" in reply.text


def test_a_certificate_for_clients_only_is_none_for_a_host(tmp_path, refused):
    """RFC 5280 section 4.2.1.12."""
    chain = Chain(tmp_path, MX)
    authority = load_pem_private_key(chain.authority.private_key_pem.bytes(), None)
    issued = x509.load_pem_x509_certificate(chain.pem["host"])
    builder = (
        x509.CertificateBuilder()
        .subject_name(issued.subject)
        .issuer_name(issued.issuer)
        .public_key(issued.public_key())
        .serial_number(7)
        .not_valid_before(issued.not_valid_before_utc)
        .not_valid_after(issued.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(MX)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    chain.pem["client"] = builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)

    reply = refused(chain.context("client", "authority"), dane(record(2, 1, 1, chain.der["authority"])))

    assert "it is not meant for servers" in reply.text


def test_records_that_cannot_be_used_demand_tls_and_no_more(connect, refused, chain):
    unusable = HostPolicy(source="DANE", required=True)
    _, client = connect(chain.context("host"), unusable)

    assert not client.tls.verified
    assert refused(None, unusable).enhanced == "4.7.321"


def test_dane_demands_tls(refused, chain):
    reply = refused(None, dane(record(3, 1, 1, chain.der["host"])))

    assert reply.line == (
        "421 4.7.321 TLS is required, but the host does not offer STARTTLS"
        " (DANE of the recipient domain forbids delivery)"
    )


def test_what_the_connector_demands_is_demanded_under_dane_too(refused, chain):
    own = TlsPolicy(require=True, auth_level=TlsAuthLevel.CERTIFICATE_VALIDATION)

    reply = refused(
        chain.context(*ALL), dane(record(3, 1, 1, chain.der["host"])), tls_policy=own, ca_file=None
    )

    assert reply.text.startswith("Certificate validation failed")


@given(st.binary(max_size=400))
def test_no_record_data_breaks_the_check(data):
    records = tuple(
        TlsaRecord(usage=usage, selector=selector, matching=matching, data=data)
        for usage in (2, 3)
        for selector in (0, 1)
        for matching in (0, 1, 2)
    )

    with pytest.raises(tls.TlsFailed):
        tls.dane.check(dane(*records), [b"\x30\x03\x02\x01\x01", b"\x30\x03\x02\x01\x02"])


# MTA-STS


@pytest.mark.parametrize("name", [MX, "*.peer.test"])
def test_a_certificate_for_the_host_satisfies_mta_sts(connect, tls_for, ca_file, name):
    _, client = connect(tls_for(name), STS, ca_file=ca_file)

    assert client.tls.verified
    assert client.tls_source == "MTA-STS"


@pytest.mark.parametrize(
    ("name", "trusted", "reason"),
    [
        (DOMAIN, True, "The certificate is not valid for mx.peer.test"),
        ("*.mx.peer.test", True, "The certificate is not valid for mx.peer.test"),
        ("*.test", True, "The certificate is not valid for mx.peer.test"),
        (MX, False, "Certificate validation failed: unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_does_not_satisfy_mta_sts_sends_no_mail(  # noqa: PLR0913, PLR0917 - a table
    refused, tls_for, ca_file, name, trusted, reason
):
    reply = refused(tls_for(name), STS, ca_file=ca_file if trusted else None)

    assert (reply.code, reply.enhanced, reply.stage) == (454, "4.7.5", Stage.STARTTLS)
    assert reply.text == f"{reason} (MTA-STS of the recipient domain forbids delivery)"


def test_mta_sts_never_goes_on_in_the_clear(refused):
    reply = refused(None, STS)

    assert reply.line == (
        "421 4.7.0 TLS is required, but the host does not offer STARTTLS"
        " (MTA-STS of the recipient domain forbids delivery)"
    )


def test_the_connectors_own_name_is_checked_beside_that_of_mta_sts(connect, refused, tls_for, ca_file):
    own = TlsPolicy(require=True, auth_level=TlsAuthLevel.DOMAIN_VALIDATION)
    _, client = connect(tls_for(MX, DOMAIN), STS, tls_policy=own, ca_file=ca_file)

    assert client.tls_source == "MTA-STS and DomainValidation"
    assert "hostname mismatch" in refused(tls_for(MX), STS, tls_policy=own, ca_file=ca_file).text.lower()
    assert "not valid for mx.peer.test" in refused(tls_for(DOMAIN), STS, tls_policy=own, ca_file=ca_file).text


# Whose policy it is


@pytest.mark.parametrize(
    ("policy", "auth", "published", "source"),
    [
        (TlsPolicy(), SmartHostAuth.NONE, HostPolicy(), "opportunistic"),
        (TlsPolicy(require=True), SmartHostAuth.NONE, HostPolicy(), "RequireTLS"),
        (TlsPolicy(ignore=True), SmartHostAuth.NONE, HostPolicy(), "IgnoreSTARTTLS"),
        (
            TlsPolicy(require=True, auth_level=TlsAuthLevel.ENCRYPTION_ONLY),
            SmartHostAuth.NONE,
            HostPolicy(),
            "EncryptionOnly",
        ),
        (
            TlsPolicy(require=True, auth_level=TlsAuthLevel.CERTIFICATE_VALIDATION),
            SmartHostAuth.NONE,
            HostPolicy(),
            "CertificateValidation",
        ),
        (
            TlsPolicy(require=True, auth_level=TlsAuthLevel.DOMAIN_VALIDATION, domain="gw.test"),
            SmartHostAuth.NONE,
            HostPolicy(),
            "DomainValidation for gw.test",
        ),
        (TlsPolicy(), SmartHostAuth.BASIC_REQUIRE_TLS, HostPolicy(), "BasicAuthRequireTLS"),
        (TlsPolicy(require=True), SmartHostAuth.NONE, STS, "MTA-STS and RequireTLS"),
        (TlsPolicy(), SmartHostAuth.NONE, HostPolicy(note="why not"), "opportunistic; why not"),
    ],
)
def test_the_record_says_whose_policy_decided(policy, auth, published, source):
    assert tls.demand(policy, auth=auth, tls_name=DOMAIN, published=published).source == source


@pytest.mark.parametrize(
    ("names", "host", "valid"),
    [
        (["mx.test"], "mx.test", True),
        (["MX.Test."], "mx.test", True),
        (["*.test.example"], "mx.test.example", True),
        (["*.example"], "mx.test.example", False),
        (["*.mx.test.example"], "mx.test.example", False),
        (["mx*.test.example"], "mx1.test.example", False),
        (["*"], "test", False),
        (["*.test"], "mx.test", False),
        (["*."], "mx.", False),
        ([], "mx.test", False),
        (["*.a.test", "b.test"], "b.test", True),
    ],
)
def test_a_wildcard_stands_for_one_whole_label(names, host, valid):
    assert certificates.is_valid_for(names, host=host) is valid


def test_the_public_key_of_a_certificate_is_read_as_it_is_signed(chain):
    key = x509.load_der_x509_certificate(chain.der["host"]).public_key()

    assert certificates.public_key(chain.der["host"]) == key.public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert certificates.public_key(b"\x30\x00") == b""
