"""The tables of what an administrator configures. Only the services of this package write them."""

from connectors.models.configuration import Configuration
from connectors.models.send_connectors import (
    AddressSpaceRow,
    SendConnector,
    SendConnectorQuerySet,
    SmartHost,
    SourceServer,
)

__all__ = [
    "AddressSpaceRow",
    "Configuration",
    "SendConnector",
    "SendConnectorQuerySet",
    "SmartHost",
    "SourceServer",
]
