"""What send connectors mean for the mail: settings, stored or only thought of, as candidates and profiles."""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.profiles import Credentials, DeliveryProfile, OAuthClient, TlsPolicy
from connectors.selection import Candidate, RoutingTable
from connectors.specs import ConnectorSpec, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A set of connectors, as far as the way of mail depends on it."""

    table: RoutingTable
    profiles: Mapping[int, DeliveryProfile]
    """Of enabled connectors, by id, without passwords."""
    source_servers: Mapping[int, tuple[str, ...]]
    """Names by connector id."""


def plan(specs: Mapping[int, ConnectorSpec]) -> Plan:
    """Make the plan of connectors by id, whether they are stored or not."""
    return Plan(
        table=RoutingTable(candidate(number, spec) for number, spec in specs.items()),
        profiles={number: profile(number, spec) for number, spec in specs.items() if spec.enabled},
        source_servers={number: spec.source_servers for number, spec in specs.items()},
    )


def candidate(connector_id: int, spec: ConnectorSpec) -> Candidate:
    """Give a connector as the choice sees it."""
    return Candidate(
        id=connector_id,
        name=spec.name,
        enabled=spec.enabled,
        scoped=spec.scoped,
        source_servers=spec.source_servers,
        max_message_bytes=spec.max_message_bytes,
        address_spaces=spec.address_spaces,
    )


def profile(connector_id: int, spec: ConnectorSpec, *, version: int = 1) -> DeliveryProfile:
    """Give a connector as the attempt sees it, without its password."""
    return DeliveryProfile(
        connector_id=connector_id,
        name=spec.name,
        delivery=spec.delivery,
        internet=spec.usage is Usage.INTERNET,
        smart_hosts=spec.smart_hosts,
        use_external_dns=spec.use_external_dns,
        port=spec.port,
        fqdn=spec.fqdn,
        force_helo=spec.force_helo,
        source_ip_address=spec.source_ip_address,
        ip_family=spec.ip_family,
        auth=spec.auth,
        credentials=Credentials(username=spec.username, password="") if spec.username else None,
        oauth=_oauth(spec),
        tls=TlsPolicy(
            require=spec.require_tls,
            ignore=spec.ignore_starttls,
            auth_level=spec.tls_auth_level,
            domain=spec.tls_domain,
        ),
        mta_sts=spec.mta_sts,
        dane=spec.dane,
        tls_certificate_name=spec.tls_certificate_name,
        messages_per_connection=spec.messages_per_connection,
        max_connections=spec.max_connections,
        messages_per_second=spec.messages_per_second,
        messages_per_day=spec.messages_per_day,
        inactivity_timeout=spec.inactivity_timeout,
        timeouts=spec.timeouts,
        protocol_logging=spec.protocol_logging,
        max_message_bytes=spec.max_message_bytes,
        version=version,
    )


def _oauth(spec: ConnectorSpec) -> OAuthClient | None:
    if not spec.oauth_token_url:
        return None
    return OAuthClient(token_url=spec.oauth_token_url, client_id=spec.oauth_client_id, scope=spec.oauth_scope)
