"""Says what a change of the connectors would do to the mail that waits, before it is made."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from django.db.models import Sum

from connectors.plans import Plan
from transport import categorizer, impacts, servers
from transport.impacts import Impact, Waiting
from transport.models import Queue, QueuedMessage, Recipient
from transport.states import DeliveryType, RecipientState

QUEUES = 20_000
"""Queues by MX records, whose next hop is the domain: a row each, the longest first."""
MESSAGES = 10_000
"""Messages in other queues, of which each recipient is looked at."""
OTHER_QUEUES = 1000
RECIPIENTS = 20_000


def impact(old: Plan, new: Plan) -> Impact:
    """Compare two plans over what waits now; what is beyond the bounds is counted as unseen."""
    groups = [*_by_domain(), *_by_recipients()]
    sites = {server.name: server.site for server in servers.registered()}
    unseen = max(0, _waiting() - sum(group.messages for group in groups))
    return impacts.compare(groups, old=old, new=new, sites=sites, unseen=unseen)


_ROUTED = (DeliveryType.MX, DeliveryType.SMART_HOST, DeliveryType.UNREACHABLE)
"""Mail in the submission queue has no way yet, and poison mail gets none."""


def _waiting() -> int:
    queues = Queue.objects.filter(delivery_type__in=_ROUTED)
    return int(queues.aggregate(total=Sum("message_count"))["total"] or 0)


def _by_domain() -> Iterator[Waiting]:
    """Messages for MX hosts: a queue tells its domain and how many, and no message is touched."""
    queues = Queue.objects.filter(delivery_type=DeliveryType.MX, message_count__gt=0)
    columns = ("server__name", "server__redirect_to__name", "next_hop_domain", "message_count")
    for server, other, domain, count in queues.order_by("-message_count").values_list(*columns)[:QUEUES]:
        yield Waiting(server=other or server, domains=frozenset({domain}), messages=count)


def _by_recipients() -> Iterator[Waiting]:
    """Messages for smart hosts, and those that no connector carries: their recipients tell the domains."""
    holders = {queued_id: other or server for queued_id, server, other in _messages()}
    domains: dict[int, set[str]] = defaultdict(set)
    for queued_id, address in _recipients(list(holders)):
        domains[queued_id].add(categorizer.domain_of(address))
    groups = Counter((holders[queued_id], frozenset(names)) for queued_id, names in domains.items())
    for (server, names), count in groups.items():
        yield Waiting(server=server, domains=names, messages=count)


def _messages() -> Iterator[tuple[int, str, str | None]]:
    others = [DeliveryType.SMART_HOST, DeliveryType.UNREACHABLE]
    queues = list(Queue.objects.filter(delivery_type__in=others, message_count__gt=0)[:OTHER_QUEUES])
    found = QueuedMessage.objects.filter(queue__in=queues).order_by("queue_id", "pk")
    yield from found.values_list("pk", "queue__server__name", "queue__server__redirect_to__name")[:MESSAGES]


def _recipients(queued_ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    waiting = Recipient.objects.filter(queued_message_id__in=queued_ids, state=RecipientState.WAITING)
    found = waiting.order_by("queued_message_id").values_list("queued_message_id", "address")[:RECIPIENTS]
    yield from ((queued_id or 0, address) for queued_id, address in found)
