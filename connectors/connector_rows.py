"""From the rows of a send connector to its settings, and back."""

from dataclasses import fields

from django.utils import timezone

from connectors.models import AddressSpaceRow, SendConnector, SmartHost, SourceServer
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, TlsAuthLevel
from connectors.specs import ConnectorSpec, Usage
from connectors.validators import name_key


def spec_of(connector: SendConnector) -> ConnectorSpec:
    """Give the settings of a stored connector, with `sealed_password` empty: keep it."""
    level = connector.tls_auth_level
    return ConnectorSpec(
        name=connector.name,
        usage=Usage(connector.usage),
        enabled=connector.enabled,
        comment=connector.comment,
        delivery=Delivery(connector.delivery),
        smart_hosts=tuple(row.host for row in connector.smart_hosts.all()),
        use_external_dns=connector.use_external_dns,
        auth=SmartHostAuth(connector.auth),
        username=connector.username,
        oauth_token_url=connector.oauth_token_url,
        oauth_client_id=connector.oauth_client_id,
        oauth_scope=connector.oauth_scope,
        address_spaces=tuple(row.space for row in connector.address_spaces.all()),
        scoped=connector.scoped,
        source_servers=tuple(row.server_name for row in connector.source_servers.all()),
        fqdn=connector.fqdn,
        force_helo=connector.force_helo,
        source_ip_address=connector.source_ip_address,
        ip_family=IpFamily(connector.ip_family),
        port=connector.port,
        max_message_bytes=connector.max_message_bytes,
        protocol_logging=connector.protocol_logging,
        require_tls=connector.require_tls,
        ignore_starttls=connector.ignore_starttls,
        tls_auth_level=TlsAuthLevel(level) if level else None,
        tls_domain=connector.tls_domain,
        tls_certificate_name=connector.tls_certificate_name,
        mta_sts=connector.mta_sts,
        dane=connector.dane,
        messages_per_connection=connector.messages_per_connection,
        max_connections=connector.max_connections,
        messages_per_second=connector.messages_per_second,
        messages_per_day=connector.messages_per_day,
        inactivity_timeout=connector.inactivity_timeout,
        timeouts=connector.timeouts,
    )


def write(connector: SendConnector, spec: ConnectorSpec, *, actor: str) -> None:
    """Write checked settings. Raises ValidationError for what only the database refuses."""
    for field in _PLAIN_FIELDS:
        setattr(connector, field, getattr(spec, field))
    connector.name_key = name_key(spec.name)
    connector.tls_auth_level = spec.tls_auth_level or ""
    connector.changed_by, connector.changed_at = actor, timezone.now()
    connector.full_clean()
    connector.save()
    _write_parts(connector, spec)


_PLAIN_FIELDS = tuple(
    one.name
    for one in fields(ConnectorSpec)
    if one.name not in {"tls_auth_level", "address_spaces", "smart_hosts", "source_servers"}
)


def _write_parts(connector: SendConnector, spec: ConnectorSpec) -> None:
    for rows in (connector.address_spaces, connector.smart_hosts, connector.source_servers):
        rows.all().delete()
    AddressSpaceRow.objects.bulk_create(
        AddressSpaceRow(connector=connector, type=space.type, pattern=space.pattern, cost=space.cost)
        for space in spec.address_spaces
    )
    SmartHost.objects.bulk_create(
        SmartHost(connector=connector, position=position, host=host)
        for position, host in enumerate(spec.smart_hosts)
    )
    SourceServer.objects.bulk_create(
        SourceServer(connector=connector, server_name=name) for name in spec.source_servers
    )
