"""Which way each recipient goes: recipient domain to queue key, by the one routing function."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from connectors import routing
from connectors.domains import a_label
from connectors.profiles import Delivery, DeliveryProfile
from connectors.selection import Viewpoint
from connectors.signers import Signers
from transport import servers
from transport.envelope import Reply, Stage
from transport.models import Queue, TransportServer
from transport.queue.keys import QueueKey, submission_key
from transport.states import DeliveryType

SERVERS_KNOWN_FOR = timedelta(seconds=2)
TOO_LARGE = Reply(
    code=552,
    enhanced="5.3.4",
    text="Message size exceeds the maximum message size of every connector for this recipient",
    stage=Stage.QUEUE,
    remote=False,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """How one message is split: recipients by queue, and those that can go nowhere."""

    queues: Mapping[QueueKey, tuple[str, ...]]
    too_large: tuple[str, ...]
    generation: int
    """The configuration generation that decided."""


@dataclass(frozen=True, slots=True)
class _Servers:
    by_name: Mapping[str, TransportServer]
    alive: frozenset[str]
    taking: frozenset[str]
    """Alive, and neither drained nor redirected."""
    suspended_submission: frozenset[int]
    read_at: float


_servers: list[_Servers] = []
"""The last look at the table of servers, at most one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Configuration and servers as one server sees them now; good for one batch of messages."""

    server: TransportServer
    routing: routing.Routing
    viewpoint: Viewpoint
    frozen: bool
    """The submission queue is suspended: nothing is categorized."""
    known: dict[str, QueueKey] = field(default_factory=dict)
    """Ways that were chosen already, by domain, for messages that no connector finds too large."""


def survey(server: TransportServer) -> Survey:
    """Look at the configuration as it is now."""
    known = known_servers()
    return Survey(
        server=server,
        routing=routing.current(),
        viewpoint=Viewpoint(
            server=server.name, sites={name: other.site for name, other in known.by_name.items()}
        ),
        frozen=server.pk in known.suspended_submission,
    )


def signers() -> Signers:
    """Who signs the mail of which sender domain, as the configuration is now."""
    return routing.current().signers


def ways(recipients: Sequence[str], *, size_bytes: int, seen: Survey) -> Ways:
    """Choose a queue for every recipient of a message that the surveying server holds."""
    if seen.frozen:
        waiting = submission_key(seen.server.pk)
        return Ways(queues={waiting: tuple(recipients)}, too_large=(), generation=0)
    queues: dict[QueueKey, list[str]] = {}
    too_large: list[str] = []
    for address in recipients:
        key = _way(domain_of(address), size_bytes=size_bytes, seen=seen)
        if key is None:
            too_large.append(address)
        else:
            queues.setdefault(key, []).append(address)
    return Ways(
        queues={key: tuple(addresses) for key, addresses in queues.items()},
        too_large=tuple(too_large),
        generation=seen.routing.generation,
    )


def known_servers() -> _Servers:
    """The registered servers, read anew every two seconds."""
    if not _servers or time.monotonic() - _servers[0].read_at > SERVERS_KNOWN_FOR.total_seconds():
        _servers[:] = [_read_servers()]
    return _servers[0]


def forget_servers() -> None:
    """Look at the table of servers again before the next decision."""
    _servers.clear()


def _read_servers() -> _Servers:
    now = timezone.now()
    rows = servers.registered()
    frozen = Queue.objects.filter(delivery_type=DeliveryType.SUBMISSION, suspended=True)
    return _Servers(
        by_name={server.name: server for server in rows},
        alive=frozenset(server.name for server in rows if servers.is_alive(server, now=now)),
        taking=frozenset(server.name for server in rows if servers.takes_mail(server, now=now)),
        suspended_submission=frozenset(frozen.values_list("server_id", flat=True)),
        read_at=time.monotonic(),
    )


def _way(domain: str, *, size_bytes: int, seen: Survey) -> QueueKey | None:
    """The queue key for a domain; None when every matching connector refuses the size."""
    fits_all = size_bytes <= seen.routing.fits_all_bytes
    if fits_all and (known := seen.known.get(domain)):
        return known
    key = _choose(domain, size_bytes=size_bytes, seen=seen)
    if fits_all and key is not None:
        seen.known[domain] = key
    return key


def _choose(domain: str, *, size_bytes: int, seen: Survey) -> QueueKey | None:
    current = seen.routing
    route = current.table.route(domain, size_bytes=size_bytes, viewpoint=seen.viewpoint)
    if route.too_large:
        return None
    profile = current.profiles.get(route.connector_id) if route.connector_id else None
    if profile is None:
        return _unreachable(seen.server)
    source = _source_server(current.source_servers[profile.connector_id], local=seen.server)
    if source is None:
        return _unreachable(seen.server)
    return QueueKey(
        server_id=source.pk,
        delivery_type=DeliveryType.MX if profile.delivery == Delivery.MX else DeliveryType.SMART_HOST,
        next_hop_domain=domain if profile.delivery == Delivery.MX else smart_host_list(profile),
        connector_id=profile.connector_id,
        connector_name=profile.name,
    )


def domain_of(address: str) -> str:
    """The domain of an address as connectors match it: lower case A-labels."""
    domain = address.rpartition("@")[2].lower().rstrip(".")
    return domain if domain.isascii() else a_label(domain)


def smart_host_list(profile: DeliveryProfile) -> str:
    """NextHopDomain of a smart host queue: comma list in connector order, addresses in brackets."""
    return ",".join(f"[{host}]" if _is_address(host) else host for host in profile.smart_hosts)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _source_server(names: Sequence[str], *, local: TransportServer) -> TransportServer | None:
    """Here if this server is a source server, else one at random that takes mail, else one to wait for.

    A draining server is better than a silent one: it sends what nobody else may send.
    """
    known = known_servers()
    here = [name for name in names if name in known.by_name]
    taking = [name for name in here if name in known.taking]
    alive = [name for name in here if name in known.alive]
    candidates = taking or alive or here
    if local.name in candidates:
        return known.by_name[local.name]
    choice = random.choice(taking) if taking else next(iter(sorted(candidates)), None)  # noqa: S311 - spreads load
    return known.by_name[choice] if choice else None


def _unreachable(server: TransportServer) -> QueueKey:
    return QueueKey(
        server_id=server.pk, delivery_type=DeliveryType.UNREACHABLE, next_hop_domain="Unreachable Domain"
    )
