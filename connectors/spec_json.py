"""All settings of a send connector as JSON, without its secret: how versions and files keep them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from typing import Any

from connectors.address_spaces import parse
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, Timeouts, TlsAuthLevel
from connectors.specs import ConnectorSpec, Usage

SECRETS = frozenset({"sealed_password"})
SETTINGS = tuple(one.name for one in fields(ConnectorSpec) if one.name not in SECRETS)
"""Every setting that is kept, in the order of the spec."""


def written(spec: ConnectorSpec) -> dict[str, Any]:
    """Give every setting as JSON knows it: durations in seconds, decimals and address spaces as text."""
    return {name: _plain(getattr(spec, name)) for name in SETTINGS}


def read(stored: Mapping[str, Any]) -> ConnectorSpec:
    """Read what `written` gave, also by an older release: what it did not know is as usual.

    What this release does not know any more is left out. Raises ValueError, TypeError or
    ArithmeticError for what no release wrote.
    """
    return ConnectorSpec(**{name: _value(name, stored[name]) for name in SETTINGS if name in stored})


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Timeouts):
        return {one.name: getattr(value, one.name).total_seconds() for one in fields(value)}
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return str(value)


def _value(name: str, stored: Any) -> Any:
    return stored if stored is None or name not in _READ else _READ[name](stored)


def _timeouts(stored: Mapping[str, float]) -> Timeouts:
    known = [one.name for one in fields(Timeouts) if one.name in stored]
    return Timeouts(**{stage: timedelta(seconds=stored[stage]) for stage in known})


_READ: Mapping[str, Callable[[Any], Any]] = {
    "usage": Usage,
    "delivery": Delivery,
    "smart_hosts": tuple,
    "auth": SmartHostAuth,
    "address_spaces": lambda stored: tuple(map(parse, stored)),
    "source_servers": tuple,
    "ip_family": IpFamily,
    "tls_auth_level": TlsAuthLevel,
    "messages_per_second": Decimal,
    "inactivity_timeout": lambda stored: timedelta(seconds=stored),
    "timeouts": _timeouts,
}
