"""Whether the DNS publishes the right record for a DKIM key, and what is wrong with it."""

from dataclasses import dataclass
from enum import StrEnum

from connectors.dkim_records import DkimRecord, faults
from transport.destinations import LookupFailed, text_records
from transport.models import TransportServer


class Status(StrEnum):
    """What was found."""

    VALID = "Valid"
    MISSING = "RecordMissing"
    INVALID = "RecordInvalid"
    UNKNOWN = "LookupFailed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One look into the DNS."""

    status: Status
    detail: str
    """Sentences for administrators."""


def look(record: DkimRecord, *, server_name: str) -> Publication:
    """Ask the DNS servers of a transport server as its workers ask them."""
    try:
        published = text_records(record.name, dns_servers=_dns_servers(server_name))
    except LookupFailed as error:
        return Publication(status=Status.UNKNOWN, detail=f"The DNS could not be asked: {error}.")
    wrong = faults(record, published)
    if not wrong:
        return Publication(status=Status.VALID, detail="The published record matches the key.")
    return Publication(status=Status.INVALID if published else Status.MISSING, detail=" ".join(wrong))


def _dns_servers(server_name: str) -> tuple[str, ...]:
    server = TransportServer.objects.filter(name=server_name).first()
    return tuple((server.external_dns_servers or server.internal_dns_servers) if server else ())
