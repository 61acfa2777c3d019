"""New- and Set-SendConnector: every setting of a connector as a parameter, in Exchange's names."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.connector_parameters import (
    ADDRESS_SPACES,
    CREDENTIAL,
    DNS_ROUTING,
    LOGGING,
    NAME,
    NEW_NAME,
    PARAMETER_OF,
    PASSWORD,
    PASSWORD_FILE,
    PLAIN,
    SETTINGS,
    SMART_HOSTS,
    SOURCE_SERVERS,
    USAGE,
    USAGES,
    USER_NAME,
    LoggingLevel,
)
from admincenter.shell.cmdlets.connector_session_parameters import TIMEOUTS
from admincenter.shell.cmdlets.refusals import changed_list, told
from admincenter.shell.cmdlets.send_connectors import IDENTITY, SEND_CONNECTOR, chosen
from admincenter.shell.rows import Row
from connectors import address_spaces, credentials, services, validators
from connectors.errors import InvalidValue
from connectors.models import SendConnector
from connectors.profiles import Credentials, Delivery, SmartHostAuth
from connectors.specs import ConnectorSpec, Usage, default_max_message_bytes
from transport import servers

PASSWORD_FILE_BYTES = 8192


class NewSendConnector(Cmdlet):
    """Makes a connector."""

    name = "New-SendConnector"
    synopsis = "Makes a send connector: how mail for some address spaces leaves the organization."
    remarks = (
        "AddressSpaces takes its values in quotes, because ; ends a command. Without SmartHosts mail goes by "
        "MX records. A password is never kept in the history and never shown again."
    )
    examples = (
        'New-SendConnector -Name "Internet" -Usage Internet -AddressSpaces "SMTP:*;1"',
        (
            'New-SendConnector "Relay" -AddressSpaces "*" -SmartHosts relay.contoso.com -Port 587'
            " -SmartHostAuthMechanism BasicAuthRequireTLS -AuthenticationCredential (Get-Credential)"
        ),
    )
    parameters = (NAME, USAGE, *USAGES.values(), *SETTINGS)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Make it and give it."""
        del rows
        if not self.bound.given(ADDRESS_SPACES):
            self.refuse('New-SendConnector needs -AddressSpaces, as in -AddressSpaces "SMTP:*;1"')
        usage, guid = self._usage(), uuid4()
        blank = ConnectorSpec(
            name=self.bound.get(NAME) or "",
            usage=usage,
            max_message_bytes=default_max_message_bytes(usage),
            source_servers=tuple(server.name for server in servers.registered()),
        )
        spec = _changed(self, blank, guid=guid)
        if self.approved(f"make the send connector {spec.name}"):
            made = told(
                self, lambda: services.create(spec, guid=guid, actor=self.shell.actor), places=PARAMETER_OF
            )
            yield SEND_CONNECTOR.row(SendConnector.objects.with_parts().get(pk=made.pk))

    def _usage(self) -> Usage:
        self.refuse_together(USAGE, *USAGES.values())
        by_switch = (usage for usage, switch in USAGES.items() if self.bound.get(switch))
        named = self.bound.get(USAGE)
        return next(by_switch, named or Usage.CUSTOM)


class SetSendConnector(Cmdlet):
    """Changes connectors."""

    name = "Set-SendConnector"
    synopsis = "Changes settings of a send connector; what is not named stays as it is."
    remarks = (
        'A plain list replaces all values; @{Add="a","b"; Remove="c"} changes some. Changing the smart '
        "hosts, the port, the TLS settings or the token URL clears the stored password, which must be given "
        "again."
    )
    examples = (
        "Set-SendConnector Internet -MaxMessageSize 25MB",
        'Set-SendConnector Internet -AddressSpaces @{Add="*.contoso.com;10"; Remove="SMTP:fabrikam.com;1"}',
    )
    parameters = (IDENTITY, NEW_NAME, *SETTINGS)
    accepts = (SEND_CONNECTOR,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Change one after the other; each is all or nothing."""
        for connector in chosen(self, rows):
            spec = services.spec_of(connector)
            if self.bound.given(NEW_NAME):
                spec = replace(spec, name=self.bound.get(NEW_NAME) or "")
            spec = _changed(self, spec, guid=connector.guid)
            if self.approved(f"change the send connector {connector.name}"):
                told(self, lambda one=connector, to=spec: self._change(one, to), places=PARAMETER_OF)  # type: ignore[misc]
        return iter(())

    def _change(self, connector: SendConnector, spec: ConnectorSpec) -> SendConnector:
        return services.change(connector.pk, spec, actor=self.shell.actor, expected_version=connector.version)


def _changed(cmdlet: Cmdlet, spec: ConnectorSpec, *, guid: UUID) -> ConnectorSpec:
    """Give the connector with all that the call says."""
    bound = cmdlet.bound
    changes: dict[str, Any] = {field: bound.get(one) for one, field in PLAIN if bound.given(one)}
    spans: dict[str, Any] = {stage: bound.get(one) for one, stage in TIMEOUTS if bound.given(one)}
    if spans:
        changes["timeouts"] = replace(spec.timeouts, **spans)
    if bound.given(LOGGING):
        changes["protocol_logging"] = bound.get(LOGGING) is LoggingLevel.VERBOSE
    if bound.given(ADDRESS_SPACES):
        changes["address_spaces"] = changed_list(
            cmdlet, ADDRESS_SPACES, spec.address_spaces, read=address_spaces.parse
        )
    if bound.given(SOURCE_SERVERS):
        changes["source_servers"] = changed_list(
            cmdlet, SOURCE_SERVERS, spec.source_servers, read=_registered
        )
    changes |= _next_hop(cmdlet, spec)
    return replace(spec, **changes, **_credentials(cmdlet, guid=guid))


def _next_hop(cmdlet: Cmdlet, spec: ConnectorSpec) -> dict[str, Any]:
    """SmartHosts and DNSRoutingEnabled belong together (exchange.md 1.2)."""
    by_mx = cmdlet.bound.get(DNS_ROUTING)
    if not cmdlet.bound.given(SMART_HOSTS):
        if by_mx is False and not spec.smart_hosts:
            cmdlet.refuse("-DNSRoutingEnabled $false needs -SmartHosts", DNS_ROUTING)
        return _by_mx() if by_mx and spec.smart_hosts else {}
    hosts = changed_list(cmdlet, SMART_HOSTS, spec.smart_hosts, read=validators.smart_host)
    if by_mx and hosts:
        cmdlet.refuse("-DNSRoutingEnabled must be $false with -SmartHosts", DNS_ROUTING)
    if not hosts and not by_mx:
        cmdlet.refuse("without smart hosts -DNSRoutingEnabled must be $true", SMART_HOSTS)
    return {"delivery": Delivery.SMART_HOST, "smart_hosts": hosts} if hosts else _by_mx()


def _by_mx() -> dict[str, Any]:
    return {"delivery": Delivery.MX, "smart_hosts": (), "auth": SmartHostAuth.NONE, "username": ""}


def _registered(text: str) -> str:
    name = validators.server(text)
    known = [server.name for server in servers.registered()]
    if name not in known:
        raise ValueError(
            f"{name} is not a registered transport server; there are {', '.join(known) or 'none'}"
        )
    return name


def _credentials(cmdlet: Cmdlet, *, guid: UUID) -> dict[str, Any]:
    """Read user name and password; the password is sealed before anything else sees it."""
    bound = cmdlet.bound
    cmdlet.refuse_together(CREDENTIAL, USER_NAME)
    cmdlet.refuse_together(CREDENTIAL, PASSWORD, PASSWORD_FILE)
    if bound.given(CREDENTIAL):
        credential = bound.get(CREDENTIAL)
        if not isinstance(credential, Credentials):
            cmdlet.refuse("-AuthenticationCredential takes (Get-Credential)", CREDENTIAL)
        return {"username": credential.username} | _sealed(cmdlet, credential.password, guid=guid)
    username = {"username": bound.get(USER_NAME) or ""} if bound.given(USER_NAME) else {}
    if bound.given(PASSWORD_FILE):
        return username | _sealed(cmdlet, _from_file(cmdlet), guid=guid)
    return username | (_sealed(cmdlet, bound.get(PASSWORD) or "", guid=guid) if bound.given(PASSWORD) else {})


def _sealed(cmdlet: Cmdlet, password: str, *, guid: UUID) -> dict[str, str]:
    try:
        return {"sealed_password": credentials.seal(validators.password(password), guid=guid)}
    except InvalidValue as error:
        cmdlet.refuse(error.problem.rule, CREDENTIAL, PASSWORD, PASSWORD_FILE)


def _from_file(cmdlet: Cmdlet) -> str:
    name = cmdlet.bound.get(PASSWORD_FILE) or ""
    try:
        with Path(name).open("rb") as file:
            return file.readline(PASSWORD_FILE_BYTES).decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        cmdlet.refuse(f"-PasswordFile cannot be read: {reason}", PASSWORD_FILE)
