"""What a claim carries: envelope, recipients and content of messages, read in a handful of statements."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from transport.bulk import marks, moment, select
from transport.envelope import DsnRequest, Priority
from transport.states import WAITING, QueuedState


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One queued message in the hands of a session."""

    queued_id: int
    message_id: int
    mail_from: str
    recipients: tuple[tuple[int, str], ...]
    """(recipient id, address)."""
    size_bytes: int
    eight_bit: bool
    smtputf8: bool
    retry_count: int
    content: tuple[bytes, ...] = ()
    ret: str = ""
    envid: str = ""
    internet_message_id: str = ""
    dsn_requests: Mapping[str, DsnRequest] = field(default_factory=dict)
    """By recipient address; empty for mail that asks for nothing."""


class Due(NamedTuple):
    """A message that may be claimed now."""

    queued_id: int
    message_id: int
    size_bytes: int
    mail_from: str
    eight_bit: bool
    smtputf8: bool
    retry_count: int
    ret: str
    envid: str
    internet_message_id: str


def due(queue_id: int, *, most: int, now: datetime, backlog_until: Any = None) -> list[Due]:
    """Find due messages of one queue: new mail before retries, then by priority; PostgreSQL locks them.

    `backlog_until`, as the database gave it: of each priority, what came in later goes first.
    """
    found: list[Due] = []
    for stretch in _stretches() if backlog_until is None else _beside_backlog(backlog_until):
        if len(found) < most:
            statement = _DUE.format(
                states=marks(stretch.states), priorities=marks(stretch.priorities), bound=stretch.bound
            )
            parameters = [queue_id, *stretch.states, *stretch.priorities, moment(now), *stretch.at]
            found += [Due(*row) for row in select(statement + _lock(), [*parameters, most - len(found)])]
    return found


_DUE = (
    "SELECT q.id, q.message_id, m.size_bytes, m.mail_from, m.eight_bit, m.smtputf8, q.retry_count,"
    " m.ret, m.envid, m.internet_message_id"
    " FROM transport_queuedmessage q JOIN transport_message m ON m.id = q.message_id"
    " WHERE q.queue_id = %s AND q.state IN ({states}) AND q.priority IN ({priorities})"
    " AND q.next_attempt_at <= %s{bound} AND q.pending = ''"
    " ORDER BY q.state, q.priority, q.next_attempt_at, q.id LIMIT %s"
)


class _Stretch(NamedTuple):
    states: tuple[QueuedState, ...]
    priorities: tuple[Priority, ...]
    bound: str = ""
    at: tuple[Any, ...] = ()


def _stretches() -> Sequence[_Stretch]:
    """How the index is read in its order: for lists of values SQLite does that, and PostgreSQL would sort."""
    if connection.vendor == "sqlite":
        return (_Stretch(WAITING, tuple(Priority)),)
    return [_Stretch((state,), (priority,)) for state in WAITING for priority in Priority]


def _beside_backlog(until: Any) -> Iterator[_Stretch]:
    """Of what is new, by priority: what came in since the next hop is back, then what had gathered before."""
    for priority in Priority:
        for bound in (" AND q.next_attempt_at > %s", " AND q.next_attempt_at <= %s"):
            yield _Stretch((QueuedState.READY,), (priority,), bound, (until,))
    for priority in Priority:
        yield _Stretch((QueuedState.RETRY,), (priority,))


def _lock() -> str:
    # Where there is one writer at a time nobody else can be at these rows.
    return " FOR UPDATE OF q SKIP LOCKED" if connection.features.has_select_for_update else ""


def load(chosen: Sequence[Due]) -> list[Claim]:
    """Read the recipients of messages that were claimed; their content comes `with_content`."""
    if not chosen:
        return []
    recipients, requests = _recipients([one.queued_id for one in chosen])
    return [
        Claim(
            queued_id=one.queued_id,
            message_id=one.message_id,
            mail_from=one.mail_from,
            recipients=tuple(recipients[one.queued_id]),
            size_bytes=one.size_bytes,
            eight_bit=bool(one.eight_bit),
            smtputf8=bool(one.smtputf8),
            retry_count=one.retry_count,
            ret=one.ret,
            envid=one.envid,
            internet_message_id=one.internet_message_id,
            dsn_requests=requests.get(one.queued_id, {}),
        )
        for one in chosen
    ]


def with_content(claims: Sequence[Claim]) -> list[Claim]:
    """Read the content of messages that were claimed; those whose content is gone are left out.

    For outside of the transaction that claimed them: while megabytes are read, others write. What was taken
    back and removed meanwhile is not there any more, and is not ours to send.
    """
    content = _content({one.message_id for one in claims})
    return [
        replace(one, content=tuple(content[one.message_id])) for one in claims if one.message_id in content
    ]


_Recipients = Mapping[int, list[tuple[int, str]]]
_Requests = Mapping[int, dict[str, DsnRequest]]


def _recipients(queued_ids: Sequence[int]) -> tuple[_Recipients, _Requests]:
    """Recipients and what was asked for them, by queued message."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    requests: dict[int, dict[str, DsnRequest]] = defaultdict(dict)
    for queued_id, recipient_id, address, notify, orcpt in _rows(
        "SELECT queued_message_id, id, address, notify, orcpt FROM transport_recipient"
        " WHERE queued_message_id IN ({marks}) ORDER BY id",
        queued_ids,
    ):
        found[queued_id].append((recipient_id, address))
        if notify or orcpt:
            requests[queued_id][address] = DsnRequest(notify=notify, orcpt=orcpt)
    return found, requests


def _content(message_ids: Collection[int]) -> Mapping[int, list[bytes]]:
    if not message_ids:
        return {}
    found: dict[int, list[bytes]] = defaultdict(list)
    for message_id, data in _rows(
        "SELECT message_id, data FROM transport_content"
        " WHERE message_id IN ({marks}) ORDER BY message_id, position",
        list(message_ids),
    ):
        found[message_id].append(bytes(data))
    return found


def _rows(statement: str, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    return select(statement.format(marks=marks(ids)), ids)
