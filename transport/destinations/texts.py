"""TXT records, asked for by an administrator who has just published one."""

from datetime import timedelta

from transport.destinations.resolver import Deadline, forget, resolver_for

LOOKUP_LIMIT = timedelta(seconds=15)
PER_SERVER = timedelta(seconds=5)


def text_records(name: str, *, dns_servers: tuple[str, ...]) -> tuple[bytes, ...]:
    """Ask for the TXT records of a name, the strings of each joined; nothing remembered counts.

    Empty when there are none, or no such name. Raises LookupFailed.
    """
    forget()
    resolver = resolver_for(dns_servers, per_server=PER_SERVER)
    return resolver.texts(name, deadline=Deadline.after(LOOKUP_LIMIT)).records
