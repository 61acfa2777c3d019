"""Which reports senders get, and what they hold: never a loop, never one to a stranger, never a flood.

RFC 5321 section 6.1, RFC 3461 section 6, RFC 3834. A sender who is not told although he wanted to be is a
fact for the administrator: the log and the message tracking log say so.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db.models import Max

from connectors import reception
from transport import bounces, dsn, intervals, tracking
from transport.bounces.automatic import Origin, origin
from transport.bulk import moment, select
from transport.ceilings import Ceilings
from transport.envelope import DsnRequest, Envelope
from transport.models import Attempt, Content, Message, Recipient, TransportServer
from transport.queue.notices import Notice
from transport.states import Action

logger = logging.getLogger(__name__)
SOURCE = "DSN"
"""MessageSourceName of a report."""
COPY_BYTES = 64 * 1024
"""A larger original goes back whole only where the sender asked for it (RET=FULL).

A mailing of a thousand recipients would else come back a thousand times.
"""
COPIES_BYTES = 32 * 1024 * 1024
"""What the copies of one batch may hold in memory; the rest of it gives back headers only."""

_CONDITIONS = {Action.FAILED: dsn.FAILURE, Action.DELAYED: dsn.DELAY, Action.RELAYED: dsn.SUCCESS}
_NO_REQUEST = DsnRequest()


@dataclass(slots=True)
class _Batch:
    """What the reports of one transaction share."""

    server: TransportServer
    now: datetime
    ceilings: Ceilings
    postmaster_domain: str
    messages: Mapping[int, Message]
    requests: Mapping[tuple[int, str], DsnRequest]
    tried: Mapping[int, datetime]
    """When the messages about which no host decided were last tried."""
    sent: Counter[str] = field(default_factory=Counter)
    """Reports of the last hour by return path, as far as it was asked for."""
    room_bytes: int = field(default_factory=lambda: COPIES_BYTES)
    untold: dict[tuple[Action, str], list[Notice]] = field(default_factory=lambda: defaultdict(list))
    """What nobody is told, by the reason."""

    def request(self, notice: Notice, address: str) -> DsnRequest:
        """What the sender asked about one recipient."""
        return self.requests.get((notice.message_id, address), _NO_REQUEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Copy:
    """What goes back of the original."""

    original: bytes = b""
    """At least its beginning."""
    most_bytes: int = 0
    """How large it may be to go back whole."""


def envelopes(notices: Sequence[Notice], *, server: TransportServer, now: datetime) -> list[Envelope]:
    """Write the reports that these notices call for; notes why a sender who wanted one gets none.

    Must run in the transaction that recorded what the notices tell. What it tells of one message is one
    report, as far as it has the same meaning.
    """
    if not notices:
        return []
    batch = _gather(notices, server=server, now=now)
    written = [envelope for notice in _merged(notices) for envelope in _report(notice, batch=batch)]
    _note_untold(batch)
    return written


def _gather(notices: Sequence[Notice], *, server: TransportServer, now: datetime) -> _Batch:
    ids = {notice.message_id for notice in notices}
    requests = Recipient.objects.filter(message__in=ids).exclude(notify="", orcpt="")
    by_us = {one.message_id for one in notices if not all(reply.remote for _, reply in one.recipients)}
    attempts = Attempt.objects.filter(message__in=by_us).values_list("message_id").annotate(Max("at"))
    return _Batch(
        server=server,
        now=now,
        ceilings=intervals.ceilings_of(server.pk),
        postmaster_domain=reception.default_domain(),
        messages=Message.objects.in_bulk(ids),
        requests={
            (message_id, address): DsnRequest(notify=notify, orcpt=orcpt)
            for message_id, address, notify, orcpt in requests.values_list(
                "message_id", "address", "notify", "orcpt"
            )
        },
        tried=dict(attempts),
    )


def _merged(notices: Sequence[Notice]) -> list[Notice]:
    """Make one of what tells the same about one message."""
    together: dict[tuple[int, Action], Notice] = {}
    for notice in notices:
        key = (notice.message_id, notice.action)
        first = together.get(key)
        together[key] = replace(first, recipients=first.recipients + notice.recipients) if first else notice
    return list(together.values())


def _report(notice: Notice, *, batch: _Batch) -> Iterator[Envelope]:
    """Yield the report of one notice, or nothing."""
    message = batch.messages.get(notice.message_id)
    wanted = _wanted(notice, batch=batch)
    if message is None or not wanted.recipients:
        return
    reason = _stranger(message)
    copy = _Copy() if reason else _copy(message, wanted.action, batch=batch)
    reason = reason or _unread(wanted, copy, batch=batch) or _flood(message, wanted.action, batch=batch)
    if reason:
        batch.untold[wanted.action, reason].append(wanted)
        return
    report = _told(message, wanted, copy, batch=batch)
    content = _written(report, message_id=message.pk)
    if content is None:
        batch.untold[wanted.action, "it could not be written, see the log of this server"].append(wanted)
        return
    batch.sent[message.mail_from] += 1
    yield _envelope(report, content, message, batch=batch)


def _wanted(notice: Notice, *, batch: _Batch) -> Notice:
    """The notice without the recipients that the sender does not want to hear about (NOTIFY)."""
    condition = _CONDITIONS[notice.action]
    wanted = (
        (address, reply)
        for address, reply in notice.recipients
        if dsn.wants(condition, batch.request(notice, address).notify)
    )
    return replace(notice, recipients=tuple(wanted))


def _stranger(message: Message) -> str:
    """Why nobody can be told: a report would make a loop, or hit somebody who never wrote."""
    if not message.mail_from:
        return "it came from the null sender"
    return "" if message.trusted_sender else "its sender did not sign in and may be forged"


def _unread(notice: Notice, copy: _Copy, *, batch: _Batch) -> str:
    """Why nobody would read it; who asks with NOTIFY says that he does."""
    if any(batch.request(notice, address).notify for address, _ in notice.recipients):
        return ""
    by = origin(copy.original)
    unread = by is Origin.ANSWER or (by is Origin.PROGRAM and notice.action is Action.DELAYED)
    return "a program wrote it, which reads no such report" if unread else ""


def _flood(message: Message, action: Action, *, batch: _Batch) -> str:
    """Why this one would be too many (attack A28)."""
    sender, most = message.mail_from, batch.ceilings.max_reports_per_sender_per_hour
    if most is None:
        return ""
    if sender not in batch.sent:
        batch.sent[sender] = _reports_since(batch.now - timedelta(hours=1), to=sender)
    if action is not Action.FAILED:
        # What has not failed leaves half of them to what has.
        most //= 2
    return f"its sender got {most} reports within an hour" if batch.sent[sender] >= most else ""


def _reports_since(since: datetime, *, to: str) -> int:
    """How many reports one return path got; the condition on `original_from` is that of the small index."""
    counted = select(
        "SELECT count(*) FROM transport_message"
        " WHERE original_from = %s AND received_at > %s AND NOT (original_from = '')",
        [to, moment(since)],
    )
    return int(counted[0][0])


def _copy(message: Message, action: Action, *, batch: _Batch) -> _Copy:
    """Read what the sender gets back: of what has not failed only headers (RFC 3461 section 4.3)."""
    largest = batch.ceilings.external_dsn_max_message_attach_bytes
    limits = {"HDRS": 0, "FULL": largest}
    most_bytes = limits.get(message.ret, min(COPY_BYTES, largest)) if action is Action.FAILED else 0
    chunks = Content.objects.filter(message=message).order_by("position").values_list("data", flat=True)
    if message.size_bytes > min(most_bytes, batch.room_bytes):
        return _Copy(original=bytes(chunks.first() or b""))
    batch.room_bytes -= message.size_bytes
    return _Copy(original=b"".join(map(bytes, chunks)), most_bytes=most_bytes)


def _told(message: Message, notice: Notice, copy: _Copy, *, batch: _Batch) -> bounces.Report:
    return bounces.Report(
        action=notice.action,
        reporting_mta=batch.server.fqdn,
        postmaster_domain=batch.postmaster_domain,
        sender=message.mail_from,
        recipients=tuple(
            bounces.RecipientStatus(
                address=address,
                reply=reply,
                attempted_at=batch.now if reply.remote else batch.tried.get(message.pk),
                orcpt=batch.request(notice, address).orcpt,
            )
            for address, reply in notice.recipients
        ),
        arrived_at=message.received_at,
        now=batch.now,
        original=copy.original,
        original_size_bytes=message.size_bytes,
        subject=message.subject,
        original_message_id=message.internet_message_id,
        envid=message.envid,
        smtputf8=message.smtputf8,
        retry_until=notice.retry_until,
        max_copy_bytes=copy.most_bytes,
    )


def _written(report: bounces.Report, *, message_id: int) -> bytes | None:
    try:
        return bounces.write(report)
    except Exception:
        # One odd message must not take back what the transaction records of all the others.
        logger.exception("report_not_written", extra={"message_id": message_id})
        return None


def _envelope(report: bounces.Report, content: bytes, message: Message, *, batch: _Batch) -> Envelope:
    return Envelope(
        mail_from="",
        recipients=(message.mail_from,),
        content=content,
        received_at=batch.now,
        source=SOURCE,
        eight_bit=not content.isascii(),
        # Asked for only where the sender's address needs it: a plain host takes the rest.
        smtputf8=report.international,
        original_from=message.mail_from,
        reference=message.internet_message_id,
        trusted_sender=True,
    )


def _note_untold(batch: _Batch) -> None:
    """Tell the administrator: a line of log for each reason, a line of the tracking log for each message."""
    for (action, reason), notices in batch.untold.items():
        ids = [notice.message_id for notice in notices]
        fields = {"action": str(action), "reason": reason, "message_ids": ids[:50], "count": len(ids)}
        logger.warning("reports_not_sent", extra=fields)
        tracking.write((_line(notice, reason, batch=batch) for notice in notices), now=batch.now)


def _line(notice: Notice, reason: str, *, batch: _Batch) -> tracking.Line:
    return tracking.Line(
        server_id=batch.server.pk,
        message_id=notice.message_id,
        event=tracking.EventId.SUPPRESSED,
        source=tracking.Source.DSN,
        recipients=tracking.listed([address for address, _ in notice.recipients]),
        statuses=tracking.statuses([reply for _, reply in notice.recipients]),
        context=f"No {notice.action} report: {reason}",
    )
