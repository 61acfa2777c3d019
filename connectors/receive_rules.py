"""Which settings of a receive connector are refused together, each with one sentence (exchange.md 10.1)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from connectors import validators
from connectors.errors import InvalidValue, Problem, shown
from connectors.receiving import Mechanism, PermissionGroup, ReceiveSettings, ReceiveUsage
from connectors.validators import MAX_MESSAGE_BYTES, MAX_TIMEOUT, MIN_TIMEOUT, format_size, format_time_span

MAX_BINDINGS = 50
MAX_REMOTE_RANGES = 1300
MAX_BANNER_CHARACTERS = 400
MAX_CERTIFICATE_CHARACTERS = 128
MAX_TARPIT = timedelta(minutes=10)
MIN_MESSAGE_BYTES = 64 * 1024
MAX_COUNT = 2_147_483_647
LIMIT_RANGES = {
    "max_message_bytes": (MIN_MESSAGE_BYTES, MAX_MESSAGE_BYTES),
    "max_header_bytes": (1, MAX_COUNT),
    "max_hop_count": (1, 500),
    "max_recipients": (1, 512_000),
    "max_connections": (1, MAX_COUNT),
    "max_connections_per_source": (1, 10_000),
    "max_connections_percent_per_source": (1, 100),
    "message_rate": (1, MAX_COUNT),
    "max_protocol_errors": (0, MAX_COUNT),
    "max_logon_failures": (0, 10),
}
"""Lowest and highest value of each number, as in New-ReceiveConnector."""
LABELS = {
    "server": "Server",
    "source_servers": "Server",
    "auth": "AuthMechanism",
    "max_connections": "Maximum inbound connections",
}
"""What a receive connector calls the fields that a send connector has other words for."""
Given = TypeVar("Given")


def with_defaults(settings: ReceiveSettings) -> ReceiveSettings:
    """Fill in what the type of a new connector implies and nobody said (exchange.md 10.1)."""
    auth, permissions = _BY_USAGE[settings.usage]
    return replace(settings, auth=settings.auth or auth, permissions=settings.permissions or permissions)


_BY_USAGE: dict[ReceiveUsage, tuple[frozenset[Mechanism], frozenset[PermissionGroup]]] = {
    ReceiveUsage.CUSTOM: (frozenset(), frozenset()),
    ReceiveUsage.INTERNET: (frozenset({Mechanism.TLS}), frozenset({PermissionGroup.ANONYMOUS})),
    ReceiveUsage.INTERNAL: (
        frozenset({Mechanism.TLS, Mechanism.EXTERNAL}),
        frozenset({PermissionGroup.SERVERS}),
    ),
    ReceiveUsage.CLIENT: (
        frozenset({Mechanism.TLS, Mechanism.BASIC, Mechanism.BASIC_REQUIRE_TLS}),
        frozenset({PermissionGroup.USERS}),
    ),
    ReceiveUsage.PARTNER: (frozenset({Mechanism.TLS}), frozenset({PermissionGroup.PARTNERS})),
}


def examine(settings: ReceiveSettings) -> tuple[ReceiveSettings, tuple[Problem, ...]]:
    """Give the connector in stored form, and everything that is wrong with it by itself."""
    found: list[Problem] = []
    tidy = replace(
        settings,
        name=_one(settings.name, validators.name, found),
        server=_one(settings.server, validators.server, found),
        comment=_one(settings.comment, validators.comment, found),
        fqdn=_one(settings.fqdn, validators.fqdn, found) if settings.fqdn.strip() else "",
        banner=settings.banner.strip(),
        certificate=settings.certificate.strip(),
    )
    for rule in _RULES:
        found.extend(rule(tidy))
    return tidy, tuple(found)


def _one(value: Given, check: Callable[[Given], Given], found: list[Problem]) -> Given:
    try:
        return check(value)
    except InvalidValue as error:
        found.append(replace(error.problem, label=LABELS.get(error.problem.field, "")))
        return value


def conflicts(settings: ReceiveSettings, others: Iterable[ReceiveSettings]) -> Iterator[Problem]:
    """Tell what is wrong beside the other enabled connectors of its server."""
    for other in others:
        for binding in settings.bindings:
            for taken in other.bindings:
                if not binding.overlaps(taken):
                    continue
                if binding.implicit_tls != taken.implicit_tls:
                    rule = f"{other.name} listens there too, and both or neither must have implicit TLS"
                    yield _problem("bindings", str(binding), rule)
                yield from _equal_ranges(settings, other, binding=str(binding))


def _equal_ranges(settings: ReceiveSettings, other: ReceiveSettings, *, binding: str) -> Iterator[Problem]:
    for one in sorted(set(settings.remote_ranges) & set(other.remote_ranges), key=str):
        rule = f"{other.name} serves exactly this range on {binding} too: no range would be more specific"
        yield _problem("remote_ranges", str(one), rule)


def _places(settings: ReceiveSettings) -> Iterator[Problem]:
    if not settings.bindings:
        yield _problem("bindings", "", "at least one binding is needed, such as 0.0.0.0:25")
    if len(settings.bindings) > MAX_BINDINGS:
        yield _problem("bindings", "", f"a connector has at most {MAX_BINDINGS} bindings")
    places = Counter((one.address, one.port) for one in settings.bindings)
    for binding in settings.bindings:
        if places[binding.address, binding.port] > 1:
            yield _problem("bindings", str(binding), "a binding is listed once")
        if binding.implicit_tls and Mechanism.TLS not in settings.auth:
            yield _problem("bindings", str(binding), "implicit TLS needs the authentication mechanism Tls")
    if not settings.remote_ranges:
        yield _problem("remote_ranges", "", "at least one IP range is needed, such as 0.0.0.0/0")
    if len(settings.remote_ranges) > MAX_REMOTE_RANGES:
        yield _problem("remote_ranges", "", f"a connector has at most {MAX_REMOTE_RANGES} IP ranges")
    for one, times in Counter(settings.remote_ranges).items():
        if times > 1:
            yield _problem("remote_ranges", str(one), "an IP range is listed once")


def _authentication(settings: ReceiveSettings) -> Iterator[Problem]:
    auth, groups = settings.auth, settings.permissions
    if Mechanism.BASIC_REQUIRE_TLS in auth and not {Mechanism.BASIC, Mechanism.TLS} <= auth:
        yield _problem("auth", Mechanism.BASIC_REQUIRE_TLS, "it needs BasicAuth and Tls beside it")
    if Mechanism.EXTERNAL in auth:
        if not auth <= {Mechanism.EXTERNAL, Mechanism.TLS}:
            yield _problem("auth", Mechanism.EXTERNAL, "only Tls may stand beside it")
        if PermissionGroup.SERVERS not in groups:
            yield _problem("auth", Mechanism.EXTERNAL, "it needs the permission group ExchangeServers")
    if PermissionGroup.SERVERS in groups and Mechanism.EXTERNAL not in auth:
        rule = "servers are known by ExternalAuthoritative only, which is not among the mechanisms"
        yield _problem("permissions", PermissionGroup.SERVERS, rule)
    if PermissionGroup.USERS in groups and Mechanism.BASIC not in auth:
        yield _problem(
            "permissions", PermissionGroup.USERS, "nobody can sign in without the mechanism BasicAuth"
        )
    if PermissionGroup.PARTNERS in groups and Mechanism.TLS not in auth:
        yield _problem("permissions", PermissionGroup.PARTNERS, "partners come under TLS: Tls is needed")
    if settings.require_tls and Mechanism.TLS not in auth:
        yield _problem("require_tls", "True", "TLS can be required only where Tls is offered")


def _relay(settings: ReceiveSettings) -> Iterator[Problem]:
    if settings.anonymous_relay and PermissionGroup.ANONYMOUS not in settings.permissions:
        yield _problem("anonymous_relay", "True", "anonymous relay needs the permission group AnonymousUsers")
    for one in settings.remote_ranges if settings.relays else ():
        if one.is_everybody:
            rule = "this connector relays without a password, which must not be open to every address"
            yield _problem("remote_ranges", str(one), rule)


def _texts(settings: ReceiveSettings) -> Iterator[Problem]:
    banner = settings.banner
    if banner and (not banner.startswith("220 ") or not banner.isascii() or not banner.isprintable()):
        yield _problem("banner", banner, "a banner begins with 220 and a space, and is printable ASCII")
    if len(banner) > MAX_BANNER_CHARACTERS:
        yield _problem("banner", banner, f"a banner has at most {MAX_BANNER_CHARACTERS} characters")
    certificate = settings.certificate
    if certificate and (not certificate.isprintable() or "/" in certificate or certificate.startswith(".")):
        rule = "a certificate is named by its file in the certificates folder, without .pem"
        yield _problem("certificate", certificate, rule)
    if len(certificate) > MAX_CERTIFICATE_CHARACTERS:
        rule = f"the name of a certificate has at most {MAX_CERTIFICATE_CHARACTERS} characters"
        yield _problem("certificate", certificate, rule)


def _limits(settings: ReceiveSettings) -> Iterator[Problem]:
    limits = settings.limits
    for field, (lowest, highest) in LIMIT_RANGES.items():
        value = getattr(limits, field)
        if value is not None and not lowest <= value <= highest:
            said = format_size if field.endswith("_bytes") else str
            yield _problem(field, str(value), f"from {said(lowest)} to {said(highest)}")
    for field in ("connection_inactivity_timeout", "connection_timeout"):
        if not MIN_TIMEOUT <= getattr(limits, field) <= MAX_TIMEOUT:
            shown_value = format_time_span(getattr(limits, field))
            yield _problem(field, shown_value, "a time-out is from 00:00:01 to 1.00:00:00")
    if limits.connection_timeout <= limits.connection_inactivity_timeout:
        rule = "it must be longer than ConnectionInactivityTimeout"
        yield _problem("connection_timeout", format_time_span(limits.connection_timeout), rule)
    if not timedelta(0) <= limits.tarpit_interval <= MAX_TARPIT:
        yield _problem(
            "tarpit_interval", format_time_span(limits.tarpit_interval), "from 00:00:00 to 00:10:00"
        )


_RULES: tuple[Callable[[ReceiveSettings], Iterator[Problem]], ...] = (
    _places,
    _authentication,
    _relay,
    _texts,
    _limits,
)


def _problem(field: str, value: str, rule: str) -> Problem:
    return Problem(field, shown(value), rule, LABELS.get(field, ""))
