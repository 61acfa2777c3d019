"""Where mail goes: a recipient domain or a smart host becomes the addresses to dial, in order."""

from transport.destinations.endpoints import Endpoint, parse_endpoint
from transport.destinations.failures import DestinationFailed
from transport.destinations.forbidden import AddressRule
from transport.destinations.hosts import Destinations
from transport.destinations.lookup import Limits
from transport.destinations.resolver import LookupFailed, forget
from transport.destinations.rotation import rotated
from transport.destinations.texts import text_records
from transport.destinations.validation import validators

__all__ = [
    "AddressRule",
    "DestinationFailed",
    "Destinations",
    "Endpoint",
    "Limits",
    "LookupFailed",
    "forget",
    "parse_endpoint",
    "rotated",
    "text_records",
    "validators",
]
