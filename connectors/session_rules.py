"""Which settings of a session are refused, each with one sentence; Exchange names the first few only."""

import ipaddress
from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from urllib.parse import urlsplit

from connectors import validators
from connectors.errors import InvalidValue, Problem, shown
from connectors.profiles import ONE_FAMILY, SmartHostAuth, Timeouts
from connectors.specs import SECRET, ConnectorSpec

STAGES = tuple(one.name for one in fields(Timeouts))
"""The time-out of each is the field `<stage>_timeout`."""
MAX_CERTIFICATE_CHARACTERS = 1024
MAX_OAUTH_CHARACTERS = 1024
MAX_CONNECTIONS = 10_000
MIN_MESSAGES_PER_SECOND, MAX_MESSAGES_PER_SECOND = Decimal("0.1"), Decimal("10000.0")
MAX_MESSAGES_PER_DAY = 2_000_000_000


def tidy(spec: ConnectorSpec) -> ConnectorSpec:
    """Give these settings in stored form; those of OAuth are dropped where nothing would use them."""
    oauth = spec.auth is SmartHostAuth.XOAUTH2
    return replace(
        spec,
        source_ip_address=_tidy_address(spec.source_ip_address),
        tls_certificate_name=spec.tls_certificate_name.strip(),
        oauth_token_url=spec.oauth_token_url.strip() if oauth else "",
        oauth_client_id=spec.oauth_client_id.strip() if oauth else "",
        oauth_scope=" ".join(spec.oauth_scope.split()) if oauth else "",
    )


def _tidy_address(text: str) -> str:
    """Exchange writes any address as 0.0.0.0."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return text.strip()
    return "" if address.is_unspecified else str(address)


def problems(spec: ConnectorSpec) -> Iterator[Problem]:
    """Tell what is wrong, of settings in stored form."""
    yield from _helo(spec)
    yield from _source(spec)
    yield from _certificate(spec)
    yield from _oauth(spec)
    yield from _rates(spec)
    for stage in STAGES:
        try:
            validators.time_span(getattr(spec.timeouts, stage), field=f"{stage}_timeout")
        except InvalidValue as error:
            yield error.problem


def _helo(spec: ConnectorSpec) -> Iterator[Problem]:
    """Extensions are offered in the answer to EHLO, and nowhere else (RFC 5321 section 4.1.1.1)."""
    needs_ehlo = (
        (spec.require_tls, "TLS is required"),
        (spec.auth in SECRET, "the connector signs in"),
        (bool(spec.tls_certificate_name), "a client certificate is shown"),
        (spec.mta_sts or spec.dane, "MTA-STS or DANE is obeyed"),
    )
    if spec.force_helo:
        for needed, why in needs_ehlo:
            if needed:
                yield _problem("force_helo", "True", f"EHLO cannot be left out while {why}")


def _source(spec: ConnectorSpec) -> Iterator[Problem]:
    text = spec.source_ip_address
    if not text:
        return
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        yield _problem("source_ip_address", text, "that is no IP address; empty or 0.0.0.0 means any")
        return
    if address.is_multicast or "%" in text:
        rule = "no connection can leave from a multicast or scoped address"
        yield _problem("source_ip_address", text, rule)
    if ONE_FAMILY.get(spec.ip_family, address.version) != address.version:
        rule = f"no connection with {spec.ip_family} can leave from an IPv{address.version} address"
        yield _problem("source_ip_address", text, rule)


def _certificate(spec: ConnectorSpec) -> Iterator[Problem]:
    name = spec.tls_certificate_name
    if not name:
        return
    if len(name) > MAX_CERTIFICATE_CHARACTERS or not name.isprintable():
        rule = f"a certificate is named with at most {MAX_CERTIFICATE_CHARACTERS} printable characters"
        yield _problem("tls_certificate_name", name, rule)
    elif name.startswith("<I>"):
        issuer, marker, subject = name.removeprefix("<I>").partition("<S>")
        if not (marker and issuer.strip() and subject.strip()):
            yield _problem("tls_certificate_name", name, "it reads <I>issuer<S>subject, both of them given")
    elif "/" in name or name.startswith("."):
        rule = "a certificate is named by its file in the certificates folder, without .pem"
        yield _problem("tls_certificate_name", name, rule)
    if spec.ignore_starttls:
        rule = "no client certificate can be shown while STARTTLS is ignored"
        yield _problem("tls_certificate_name", name, rule)


def _oauth(spec: ConnectorSpec) -> Iterator[Problem]:
    if spec.auth is not SmartHostAuth.XOAUTH2:
        return
    for field in ("oauth_token_url", "oauth_client_id", "oauth_scope"):
        text = getattr(spec, field)
        if len(text) > MAX_OAUTH_CHARACTERS or not text.isprintable():
            rule = f"it has at most {MAX_OAUTH_CHARACTERS} printable characters"
            yield _problem(field, text, rule)
    if not _is_token_url(spec.oauth_token_url):
        rule = "XOAUTH2 needs the https address where tokens are issued, without user name and fragment"
        yield _problem("oauth_token_url", spec.oauth_token_url, rule)
    if not spec.oauth_client_id:
        yield _problem("oauth_client_id", "", "XOAUTH2 needs the ID of the OAuth client")


def _is_token_url(text: str) -> bool:
    """RFC 6749 section 3.2: TLS always, no fragment."""
    try:
        parts = urlsplit(text)
        is_right = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_right and not (parts.fragment or "@" in parts.netloc) and text.isascii() and " " not in text


def _rates(spec: ConnectorSpec) -> Iterator[Problem]:
    if spec.max_connections is not None and not 1 <= spec.max_connections <= MAX_CONNECTIONS:
        rule = f"1 to {MAX_CONNECTIONS} connections go to one next hop, or as many as the server allows"
        yield _problem("max_connections", str(spec.max_connections), rule)
    rate = spec.messages_per_second
    if rate is not None and not _is_rate(rate):
        rule = f"{MIN_MESSAGES_PER_SECOND} to {MAX_MESSAGES_PER_SECOND}, with one decimal, or unlimited"
        yield _problem("messages_per_second", str(rate), rule)
    if spec.messages_per_day is not None and not 1 <= spec.messages_per_day <= MAX_MESSAGES_PER_DAY:
        yield _problem(
            "messages_per_day", str(spec.messages_per_day), f"1 to {MAX_MESSAGES_PER_DAY}, or unlimited"
        )


def _is_rate(rate: Decimal) -> bool:
    return (
        rate.is_finite()
        and MIN_MESSAGES_PER_SECOND <= rate <= MAX_MESSAGES_PER_SECOND
        and rate == round(rate, 1)
    )


def _problem(field: str, value: str, rule: str) -> Problem:
    return Problem(field, shown(value), rule)
