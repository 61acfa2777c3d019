"""The tables of what an administrator configures. Only the services of this package write them."""

from connectors.models.accepted_domains import AcceptedDomain
from connectors.models.application_passwords import ApplicationPassword
from connectors.models.audit import AuditEntry, AuditEntryQuerySet, AuditSearch
from connectors.models.configuration import Configuration
from connectors.models.connector_versions import ConnectorVersion, ConnectorVersionQuerySet, Deed
from connectors.models.dkim_keys import DkimKey, DkimKeyQuerySet
from connectors.models.receive_connectors import ReceiveConnector, ReceptionSetting
from connectors.models.send_connectors import (
    AddressSpaceRow,
    SendConnector,
    SendConnectorQuerySet,
    SmartHost,
    SourceServer,
)

__all__ = [
    "AcceptedDomain",
    "AddressSpaceRow",
    "ApplicationPassword",
    "AuditEntry",
    "AuditEntryQuerySet",
    "AuditSearch",
    "Configuration",
    "ConnectorVersion",
    "ConnectorVersionQuerySet",
    "Deed",
    "DkimKey",
    "DkimKeyQuerySet",
    "ReceiveConnector",
    "ReceptionSetting",
    "SendConnector",
    "SendConnectorQuerySet",
    "SmartHost",
    "SourceServer",
]
