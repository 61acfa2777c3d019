"""Which settings of a send connector are refused together, each with one sentence (exchange.md 1.2)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from connectors import address_spaces, session_rules, validators
from connectors.address_spaces import SMTP, AddressSpace
from connectors.errors import InvalidValue, Problem, shown
from connectors.profiles import Delivery, SmartHostAuth, TlsAuthLevel
from connectors.specs import AFTER_TLS, BASIC, SECRET, ConnectorSpec

MAX_ADDRESS_SPACES = 1000
MAX_SMART_HOSTS = 50
MAX_SMART_HOST_CHARACTERS = 1000
"""Of the whole list: it is the name of the connector's queue."""
MAX_SOURCE_SERVERS = 100
MAX_MESSAGES_PER_CONNECTION = 100_000
Given = TypeVar("Given")


def problems(spec: ConnectorSpec) -> tuple[Problem, ...]:
    """Tell everything that is wrong with a connector, in the order of the fields; empty when it is right."""
    return examine(spec)[1]


def examine(spec: ConnectorSpec) -> tuple[ConnectorSpec, tuple[Problem, ...]]:
    """Give the connector in stored form (A-labels, trimmed), and everything that is wrong with it.

    A user name and secret without a login are dropped: nothing would ever use them. So are
    MTA-STS and DANE without MX delivery.
    """
    found: list[Problem] = []
    tidy = _tidy(spec, found)
    for rule in _RULES:
        found.extend(rule(tidy))
    return tidy, tuple(found)


def _tidy(spec: ConnectorSpec, found: list[Problem]) -> ConnectorSpec:
    login = spec.auth in SECRET
    return replace(
        session_rules.tidy(spec),
        name=_one(spec.name, validators.name, found),
        comment=_one(spec.comment, validators.comment, found),
        smart_hosts=_each(spec.smart_hosts, validators.smart_host, found),
        username=_one(spec.username, validators.username, found) if login and spec.username else "",
        sealed_password=spec.sealed_password if login else "",
        address_spaces=_each(spec.address_spaces, _checked_space, found),
        source_servers=_each(spec.source_servers, validators.server, found),
        fqdn=_one(spec.fqdn, validators.fqdn, found) if spec.fqdn.strip() else "",
        port=_one(spec.port, validators.port, found),
        max_message_bytes=None
        if spec.max_message_bytes is None
        else _one(spec.max_message_bytes, validators.size, found),
        tls_domain=_one(spec.tls_domain, _tls_domain, found) if spec.tls_domain.strip() else "",
        mta_sts=spec.mta_sts and spec.delivery == Delivery.MX,
        dane=spec.dane and spec.delivery == Delivery.MX,
        inactivity_timeout=_one(spec.inactivity_timeout, validators.time_span, found),
    )


def _one(value: Given, check: Callable[[Given], Given], found: list[Problem]) -> Given:
    """Give the checked value; a refused one stays as it is and is noted."""
    try:
        return check(value)
    except InvalidValue as error:
        found.append(error.problem)
        return value


def _each(
    values: Iterable[Given], check: Callable[[Given], Given], found: list[Problem]
) -> tuple[Given, ...]:
    return tuple(_one(value, check, found) for value in values)


def _checked_space(space: AddressSpace) -> AddressSpace:
    return address_spaces.build(type=space.type, pattern=space.pattern, cost=space.cost)


def _tls_domain(text: str) -> str:
    return validators.fqdn(text, field="tls_domain")


def _next_hop(spec: ConnectorSpec) -> Iterator[Problem]:
    if spec.delivery == Delivery.MX and spec.smart_hosts:
        value = ", ".join(spec.smart_hosts)
        yield _problem("smart_hosts", value, "smart hosts are not used while mail goes to MX records")
    if spec.delivery == Delivery.SMART_HOST and not spec.smart_hosts:
        yield _problem(
            "smart_hosts", "", "at least one smart host is needed to route mail through smart hosts"
        )
    yield from _repeated("smart_hosts", spec.smart_hosts, "a smart host is listed once")
    if len(spec.smart_hosts) > MAX_SMART_HOSTS:
        yield _problem("smart_hosts", "", f"a connector has at most {MAX_SMART_HOSTS} smart hosts")
    elif sum(len(host) + 3 for host in spec.smart_hosts) > MAX_SMART_HOST_CHARACTERS:
        rule = f"all smart hosts together have at most {MAX_SMART_HOST_CHARACTERS} characters"
        yield _problem("smart_hosts", "", rule)


def _authentication(spec: ConnectorSpec) -> Iterator[Problem]:
    if spec.auth != SmartHostAuth.NONE and spec.delivery != Delivery.SMART_HOST:
        yield _problem("auth", spec.auth, "authentication is possible with smart hosts only")
    if spec.auth in BASIC and not spec.username:
        yield _problem("username", "", "basic authentication needs a user name")
    if spec.auth in BASIC and not spec.sealed_password:
        yield _problem("sealed_password", "", "basic authentication needs a password")
    if spec.auth is SmartHostAuth.XOAUTH2 and not spec.username:
        yield _problem("username", "", "XOAUTH2 needs the address of the mailbox that sends")
    if spec.auth is SmartHostAuth.XOAUTH2 and not spec.sealed_password:
        yield _problem("sealed_password", "", "XOAUTH2 needs the secret of the OAuth client")
    if spec.auth in AFTER_TLS and spec.ignore_starttls:
        rule = "authentication only after starting TLS can never happen while STARTTLS is ignored"
        yield _problem("auth", spec.auth, rule)


def _spaces(spec: ConnectorSpec) -> Iterator[Problem]:
    if not spec.address_spaces:
        yield _problem(
            "address_spaces", "", "at least one address space is needed, such as * for every domain"
        )
    if len(spec.address_spaces) > MAX_ADDRESS_SPACES:
        yield _problem("address_spaces", "", f"a connector has at most {MAX_ADDRESS_SPACES} address spaces")
    named = [f"{space.type}:{space.pattern}" for space in spec.address_spaces]
    yield from _repeated("address_spaces", named, "an address space is listed once, with one cost")
    for space in spec.address_spaces:
        if space.type != SMTP and spec.delivery != Delivery.SMART_HOST:
            rule = f"mail for {space.type} addresses has no MX records and needs a smart host"
            yield _problem("address_spaces", str(space), rule)


def _sources(spec: ConnectorSpec) -> Iterator[Problem]:
    if not spec.source_servers:
        yield _problem("source_servers", "", "at least one source server is needed to send the mail")
    if len(spec.source_servers) > MAX_SOURCE_SERVERS:
        yield _problem("source_servers", "", f"a connector has at most {MAX_SOURCE_SERVERS} source servers")
    yield from _repeated("source_servers", spec.source_servers, "a source server is listed once")


def _tls(spec: ConnectorSpec) -> Iterator[Problem]:
    level = spec.tls_auth_level
    if spec.require_tls and spec.ignore_starttls:
        yield _problem("ignore_starttls", "True", "STARTTLS cannot be ignored while TLS is required")
    if spec.ignore_starttls and (spec.mta_sts or spec.dane):
        rule = "STARTTLS cannot be ignored while MTA-STS or DANE is obeyed"
        yield _problem("ignore_starttls", "True", rule)
    if level is not None and not spec.require_tls:
        yield _problem("tls_auth_level", level, "the certificate is checked only when TLS is required")
    if level is not None and spec.ignore_starttls:
        yield _problem("tls_auth_level", level, "there is no certificate to check while STARTTLS is ignored")
    if spec.tls_domain and level != TlsAuthLevel.DOMAIN_VALIDATION:
        yield _problem(
            "tls_domain", spec.tls_domain, "a TLS domain is used by the level DomainValidation only"
        )
    if (
        level == TlsAuthLevel.DOMAIN_VALIDATION
        and spec.delivery == Delivery.SMART_HOST
        and not spec.tls_domain
    ):
        rule = "DomainValidation with smart hosts needs the domain that the certificate must name"
        yield _problem("tls_domain", "", rule)


def _numbers(spec: ConnectorSpec) -> Iterator[Problem]:
    if not 1 <= spec.messages_per_connection <= MAX_MESSAGES_PER_CONNECTION:
        rule = f"one connection carries 1 to {MAX_MESSAGES_PER_CONNECTION} messages"
        yield _problem("messages_per_connection", str(spec.messages_per_connection), rule)


_RULES: tuple[Callable[[ConnectorSpec], Iterator[Problem]], ...] = (
    _next_hop,
    _authentication,
    _spaces,
    _sources,
    _tls,
    _numbers,
    session_rules.problems,
)


def _repeated(field: str, values: Sequence[str], rule: str) -> Iterator[Problem]:
    for value in (value for value, times in Counter(values).items() if times > 1):
        yield _problem(field, value, rule)


def _problem(field: str, value: str, rule: str) -> Problem:
    return Problem(field, shown(value), rule)
