"""Tokens from an issuer that answers as it likes, over real TLS."""

import json
import ssl
from base64 import b64decode
from datetime import timedelta
from time import monotonic

import pytest
import trustme

from connectors.profiles import OAuthClient
from tests.support.policy_server import PolicyServer, answer
from tests.support.waiting import wait_until
from transport import oauth
from transport.oauth import TokenRefused, TokenSource, TokenUnavailable

SECRET = "CANARY/7f3a+ä"


def token(text="first", *, expires_in=3600, **fields):
    said = {"access_token": text, "token_type": "Bearer", "expires_in": expires_in, **fields}
    return answer(json.dumps(said).encode(), kind="application/json")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def issuer(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with PolicyServer(context, answer=token()) as server:
        yield server


def client_of(issuer, *, path="/tenant/oauth2/v2.0/token?x=1", scope="https://provider.test/.default"):
    return OAuthClient(token_url=f"https://localhost:{issuer.port}{path}", client_id="our:id", scope=scope)


def test_the_client_names_itself_as_rfc_6749_says(issuer, ca_file):
    issued = oauth.fetch(client_of(issuer), SECRET, ca_file=ca_file)
    head, _, body = issuer.requests[0].partition("\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])

    assert (issued.text, issued.lifetime) == ("first", timedelta(hours=1))
    assert head.startswith("POST /tenant/oauth2/v2.0/token?x=1 HTTP/1.1\r\n")
    assert fields["Host"] == f"localhost:{issuer.port}"
    named = b64decode(fields["Authorization"].removeprefix("Basic ")).decode()
    assert named == "our%3Aid:CANARY%2F7f3a%2B%C3%A4"
    assert body == "grant_type=client_credentials&scope=https%3A%2F%2Fprovider.test%2F.default"
    assert int(fields["Content-Length"]) == len(body)
    assert "first" not in repr(issued)


def test_without_a_scope_none_is_asked_for(issuer, ca_file):
    oauth.fetch(client_of(issuer, scope=""), SECRET, ca_file=ca_file)

    assert issuer.requests[0].endswith("\r\n\r\ngrant_type=client_credentials")


@pytest.mark.parametrize(
    "given",
    [
        answer(b"", kind="application/json"),
        answer(b"[]"),
        answer(b"[" * 60_000),
        answer(b'{"access_token": 7}'),
        answer(b'{"access_token": ""}'),
        answer(b'{"token_type": "Bearer"}'),
        token("with space"),
        token("control\x01auth=Bearer evil"),
        token("line\r\nMAIL FROM:<x>"),
        token("ü"),
        token("x" * 20_000),
        token(token_type="mac"),
        token(token_type=None),
    ],
)
def test_an_answer_without_a_usable_token_is_none(issuer, ca_file, given):
    issuer.answer = given

    with pytest.raises(TokenUnavailable, match="without a Bearer token that can be used"):
        oauth.fetch(client_of(issuer), SECRET, ca_file=ca_file)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (answer(b"x" * (oauth.MAX_ANSWER_BYTES + 1)), "no usable answer"),
        (answer(b"x" * 10_000_000), "no usable answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "no usable answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n", "no usable answer"),
        (b"SSH-2.0-OpenSSH_9\r\n", "no usable answer"),
        (b"", "no usable answer"),
        (answer(status="301 Moved", extra="Location: https://evil.test/\r\n"), "status 301"),
        (answer(status="503 Busy"), "status 503"),
    ],
)
def test_an_issuer_that_misbehaves_is_asked_again_later(issuer, ca_file, given, why):
    issuer.answer = given

    with pytest.raises(TokenUnavailable, match=why) as raised:
        oauth.fetch(client_of(issuer), SECRET, ca_file=ca_file)
    assert not isinstance(raised.value, TokenRefused)
    assert len(issuer.requests) == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
def test_a_refused_client_is_told_apart_and_no_secret_is_repeated(issuer, ca_file, status):
    said = {"error": "invalid_client", "error_description": f"AADSTS7000215: {SECRET}\r\nTrace"}
    issuer.answer = answer(json.dumps(said).encode(), status=status)

    with pytest.raises(TokenRefused) as raised:
        oauth.fetch(client_of(issuer), SECRET, ca_file=ca_file)
    assert "invalid_client: AADSTS7000215: *****" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_issuer_that_crawls_is_left_at_the_deadline(issuer, ca_file):
    issuer.seconds_per_byte = 0.05
    started = monotonic()

    with pytest.raises(TokenUnavailable, match="did not answer in time"):
        oauth.fetch(client_of(issuer), SECRET, ca_file=ca_file, limit=timedelta(seconds=0.5))
    assert monotonic() - started < 3


def test_an_issuer_whose_certificate_does_not_hold_gets_no_secret(issuer):
    with pytest.raises(TokenUnavailable, match="Certificate of the token issuer localhost"):
        oauth.fetch(client_of(issuer), SECRET)
    assert issuer.requests == []


@pytest.mark.parametrize("url", ["http://localhost/token", "https:///token", "", "file:///etc/passwd"])
def test_only_https_is_spoken(url):
    client = OAuthClient(token_url=url, client_id="ours")

    with pytest.raises(TokenUnavailable, match="no https address"):
        oauth.fetch(client, SECRET)


def test_nobody_there_is_no_token(ca_file):
    client = OAuthClient(token_url="https://localhost:1/token", client_id="ours")

    with pytest.raises(TokenUnavailable, match="ConnectionRefusedError"):
        oauth.fetch(client, SECRET, ca_file=ca_file)


@pytest.fixture
def source(issuer, ca_file):
    return TokenSource(client_of(issuer), SECRET, ca_file=ca_file)


def test_a_token_is_kept_until_shortly_before_it_expires(issuer, source):
    issuer.answer = token(expires_in=oauth.MARGIN.total_seconds() + 0.5)
    assert source.take().fresh
    assert not source.take().fresh
    issuer.answer = token("second")

    wait_until(lambda: source.take().text == "second", what="a new token")
    assert not source.take().fresh
    assert len(issuer.requests) == 2


@pytest.mark.parametrize("lifetime", [None, "soon", -5, 0, 1e300, "NaN", [], 30])
def test_a_lifetime_that_is_none_or_too_short_keeps_a_token_for_this_login(issuer, source, lifetime):
    issuer.answer = token(expires_in=lifetime)

    assert source.take().text == "first"


def test_a_refused_token_is_given_to_nobody_again(issuer, source):
    assert source.take().text == "first"
    issuer.answer = token("second")

    assert source.take(refused="first").text == "second"
    assert not source.take(refused="first").fresh
    assert len(issuer.requests) == 2
