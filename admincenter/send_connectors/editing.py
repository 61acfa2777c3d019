"""The edit dialog of a send connector: the wizard's forms and a few more, over one stored connector."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.datastructures import MultiValueDict

from admincenter.components.forms import Section
from admincenter.send_connectors.sections.delivery import AuthenticationForm, NetworkForm, SessionForm
from admincenter.send_connectors.sections.general import GeneralForm, NameForm, ReasonForm
from admincenter.send_connectors.sections.scoping import AddressSpaceForm, HelloForm, SourceServerForm
from admincenter.send_connectors.sections.security import SecurityForm
from admincenter.send_connectors.sections.session import LimitForm, OriginForm, TimeoutForm
from connectors import credentials, services
from connectors.models import SendConnector
from connectors.profiles import Delivery, SmartHostAuth
from connectors.session_rules import STAGES
from connectors.specs import BASIC, SECRET, ConnectorSpec
from connectors.validators import format_size, format_time_span
from transport import servers

Typed = MultiValueDict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class EditForms:
    """All forms of the dialog, by the name that the template knows."""

    name: NameForm
    general: GeneralForm
    network: NetworkForm
    authentication: AuthenticationForm
    session: SessionForm
    limits: LimitForm
    timeouts: TimeoutForm
    origin: OriginForm
    spaces: AddressSpaceForm
    source: SourceServerForm
    hello: HelloForm
    security: SecurityForm
    reason: ReasonForm

    def all(self) -> Collection[Section]:
        """Return them in the order of the page."""
        return (
            self.name,
            self.general,
            self.network,
            self.authentication,
            self.session,
            self.limits,
            self.timeouts,
            self.origin,
            self.spaces,
            self.source,
            self.hello,
            self.security,
            self.reason,
        )

    def are_valid(self) -> bool:
        """Judge every one, so that all errors are seen at once."""
        judged = [section.is_valid() for section in self.all()]
        return all(judged)

    def spec(self, connector: SendConnector) -> ConnectorSpec:
        """Return what these valid forms want; a typed password comes sealed, none keeps the stored one."""
        spec = services.spec_of(connector)
        for section in self.all():
            spec = replace(spec, **section.settings())
        password = self.authentication.cleaned_data.get("password")
        if password and spec.auth in SECRET:
            return replace(spec, sealed_password=credentials.seal(password, guid=connector.guid))
        return spec


def forms_of(connector: SendConnector, *, data: Typed | None = None, quiet: bool = False) -> EditForms:
    """Return the forms of a stored connector, or of what was sent for it."""
    initial = _initial(services.spec_of(connector))
    given: dict[str, Any] = {"data": data, "initial": initial, "quiet": quiet}
    by_mx = data is not None and data.get("delivery") == Delivery.MX
    return EditForms(
        name=NameForm(**given),
        general=GeneralForm(**given),
        network=NetworkForm(**given),
        # With MX records nobody asks who we are: the page hides it, so nothing about it may be wrong.
        authentication=AuthenticationForm(
            **(given | {"quiet": quiet or by_mx}), stored=bool(connector.sealed_password)
        ),
        session=SessionForm(**given),
        limits=LimitForm(**given),
        timeouts=TimeoutForm(**given),
        origin=OriginForm(**given),
        spaces=AddressSpaceForm(**given),
        source=SourceServerForm(**given, servers=servers.registered()),
        hello=HelloForm(**given),
        security=SecurityForm(**given),
        reason=ReasonForm(**given),
    )


def _initial(spec: ConnectorSpec) -> Mapping[str, Any]:
    return {
        "name": spec.name,
        "enabled": spec.enabled,
        "comment": spec.comment,
        "protocol_logging": "Verbose" if spec.protocol_logging else "None",
        "max_message_size": format_size(spec.max_message_bytes),
        "delivery": spec.delivery.value,
        "smart_hosts": list(spec.smart_hosts),
        "use_external_dns": spec.use_external_dns,
        "port": spec.port,
        "auth": (SmartHostAuth.BASIC if spec.auth in BASIC else spec.auth).value,
        "after_tls": spec.auth is SmartHostAuth.BASIC_REQUIRE_TLS,
        "username": spec.username,
        "messages_per_connection": spec.messages_per_connection,
        "inactivity_timeout": format_time_span(spec.inactivity_timeout),
        "oauth_token_url": spec.oauth_token_url,
        "oauth_client_id": spec.oauth_client_id,
        "oauth_scope": spec.oauth_scope,
        **_session(spec),
        "space_type": [space.type for space in spec.address_spaces],
        "space_pattern": [space.readable for space in spec.address_spaces],
        "space_cost": [str(space.cost) for space in spec.address_spaces],
        "scoped": spec.scoped,
        "source_servers": list(spec.source_servers),
        "fqdn": spec.fqdn,
        "starttls": "require" if spec.require_tls else "ignore" if spec.ignore_starttls else "opportunistic",
        "tls_auth_level": spec.tls_auth_level or "",
        "tls_domain": spec.tls_domain,
        "tls_certificate_name": spec.tls_certificate_name,
        "mta_sts": spec.mta_sts,
        "dane": spec.dane,
    }


def _session(spec: ConnectorSpec) -> Mapping[str, Any]:
    limits = ("max_connections", "messages_per_second", "messages_per_day")
    return {
        **{name: getattr(spec, name) for name in limits},
        **{f"{stage}_timeout": format_time_span(getattr(spec.timeouts, stage)) for stage in STAGES},
        "source_ip_address": spec.source_ip_address,
        "ip_family": spec.ip_family.value,
        "force_helo": spec.force_helo,
    }
