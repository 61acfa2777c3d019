"""The forms of a receive connector: few for a new one, all for a stored one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from django.utils.datastructures import MultiValueDict

from admincenter.components.forms import Section
from admincenter.receive_connectors.sections.general import GeneralForm, GreetingForm, NameForm, UsageForm
from admincenter.receive_connectors.sections.limits import UNLIMITED, LimitForm
from admincenter.receive_connectors.sections.scoping import ScopeForm
from admincenter.receive_connectors.sections.security import AuthenticationForm, PermissionForm
from connectors.receive_rules import with_defaults
from connectors.receiving import ReceiveLimits, ReceiveSettings
from connectors.validators import format_size, format_time_span
from transport import servers

Typed = MultiValueDict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class NewForms:
    """What a new connector needs; the type decides the rest, and everything can be edited afterwards."""

    name: NameForm
    usage: UsageForm
    scope: ScopeForm

    def all(self) -> Collection[Section]:
        """Return them in the order of the page."""
        return (self.name, self.usage, self.scope)

    def settings(self) -> ReceiveSettings:
        """Return what these valid forms want."""
        said: dict[str, Any] = {}
        for section in self.all():
            said |= section.settings()
        return with_defaults(ReceiveSettings(**said))


@dataclass(frozen=True, kw_only=True, slots=True)
class EditForms:
    """All forms of the dialog, by the name that the template knows."""

    name: NameForm
    general: GeneralForm
    scope: ScopeForm
    greeting: GreetingForm
    authentication: AuthenticationForm
    permission: PermissionForm
    limits: LimitForm

    def all(self) -> Collection[Section]:
        """Return them in the order of the page."""
        return (
            self.name,
            self.general,
            self.scope,
            self.greeting,
            self.authentication,
            self.permission,
            self.limits,
        )

    def settings(self, stored: ReceiveSettings) -> ReceiveSettings:
        """Return what these valid forms want of a stored connector."""
        wanted = stored
        for section in (one for one in self.all() if one is not self.limits):
            wanted = replace(wanted, **section.settings())
        return replace(wanted, limits=replace(stored.limits, **self.limits.settings()))


def are_valid(forms: NewForms | EditForms) -> bool:
    """Judge every one, so that all errors are seen at once."""
    judged = [section.is_valid() for section in forms.all()]
    return all(judged)


def new_forms(*, data: Typed | None = None) -> NewForms:
    """Return the forms of a new connector, empty or as they were sent."""
    return NewForms(name=NameForm(data, servers=_registered()), usage=UsageForm(data), scope=ScopeForm(data))


def forms_of(settings: ReceiveSettings, *, data: Typed | None = None) -> EditForms:
    """Return the forms of a stored connector, or of what was sent for it."""
    given: dict[str, Any] = {"data": data, "initial": _initial(settings)}
    return EditForms(
        name=NameForm(**given, servers=_registered()),
        general=GeneralForm(**given),
        scope=ScopeForm(**given),
        greeting=GreetingForm(**given),
        authentication=AuthenticationForm(**given),
        permission=PermissionForm(**given),
        limits=LimitForm(**given),
    )


def _registered() -> list[str]:
    return [server.name for server in servers.registered()]


def _initial(settings: ReceiveSettings) -> Mapping[str, Any]:
    as_they_are = ("name", "server", "enabled", "comment", "fqdn", "banner", "require_tls", "certificate")
    return {
        **{name: getattr(settings, name) for name in as_they_are},
        "protocol_logging": "Verbose" if settings.protocol_logging else "None",
        "bindings": "\n".join(map(str, settings.bindings)),
        "remote_ranges": "\n".join(map(str, settings.remote_ranges)),
        "auth": [one.value for one in settings.auth],
        "permissions": [one.value for one in settings.permissions],
        "anonymous_relay": settings.anonymous_relay,
        **{one.name: said(one.name, getattr(settings.limits, one.name)) for one in fields(ReceiveLimits)},
    }


def said(name: str, value: object) -> str:
    """Write a limit as its field reads it."""
    if isinstance(value, timedelta):
        return format_time_span(value)
    if isinstance(value, int) and name.endswith("_bytes"):
        return format_size(value)
    return UNLIMITED if value is None else str(value)
