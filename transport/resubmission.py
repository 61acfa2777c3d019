"""Mail that was delivered is delivered once more from the Safety Net (Add-ResubmitRequest, exchange.md 8).

A request is a row that the dispatcher of its server works off, batch by batch, and that a person can cancel.
Copies bear the same Message-ID, on purpose, and go as new mail: by today's routes, with a new lifetime. They
are sent with NOTIFY=NEVER: what becomes of a copy is no business of the sender.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from connectors import audit
from connectors.commands import Change, spelled
from transport import bell, resources, submission, tracking
from transport.back_pressure import Level
from transport.envelope import DsnRequest, Envelope
from transport.models import Attempt, Content, Message, Recipient, ResubmitRequest, TransportServer
from transport.states import RecipientState, ResubmitState

logger = logging.getLogger(__name__)
LOOKED_AT_ONCE = 200
COPIED_AT_ONCE = 50
COPIED_BYTES = 8 * 2**20
TIME_FOR_ONE_ROUND = timedelta(seconds=0.3)
SOURCE = "SafetyNet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Which deliveries are meant."""

    start_at: datetime
    end_at: datetime
    sender: str = ""
    recipient: str = ""
    queue_identity: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """Messages that are copied in one transaction."""

    messages: Sequence[Message]
    recipients: Mapping[int, Sequence[str]]
    """To whom each of them was delivered, by message."""
    cursor: int
    """The last message that was looked at for it."""
    examined: int

    def singles(self) -> Iterator["_Batch"]:
        """Yield each message as a batch of its own."""
        for message in self.messages:
            yield replace(self, messages=(message,), cursor=message.pk, examined=0)


class _Cancelled(Exception):  # noqa: N818 - what a person did
    """The request ended while a batch of it was written: that batch is not."""


@audit.tells_refusals("Add-ResubmitRequest", named=lambda server, *_, **__: server.name)
def add(server: TransportServer, span: Span, *, actor: str, now: datetime) -> ResubmitRequest:
    """Begin a request. Raises ValueError with a sentence for administrators."""
    if span.end_at <= span.start_at:
        raise ValueError("EndTime is not after StartTime.")
    if span.start_at > now:
        raise ValueError("StartTime is in the future: nothing was delivered since.")
    newest = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    with transaction.atomic():
        made = ResubmitRequest.objects.create(
            server=server,
            start_at=span.start_at,
            end_at=span.end_at,
            sender=span.sender,
            recipient=span.recipient,
            queue_identity=span.queue_identity,
            newest=newest,
            created_by=actor[:160],
            created_at=now,
        )
        changes = _parameters(server, span)
        audit.record("Add-ResubmitRequest", actor=actor, objects=[str(made.pk)], changes=changes)
    logger.info("resubmit_request_added", extra={"actor": actor, "request": made.pk, "server": server.name})
    return made


def _parameters(server: TransportServer, span: Span) -> tuple[Change, ...]:
    said = {
        "StartTime": span.start_at,
        "EndTime": span.end_at,
        "Sender": span.sender,
        "Recipient": span.recipient,
        "Queue": span.queue_identity,
        "Server": server.name,
    }
    return tuple(Change(name=name, new=spelled(value)) for name, value in said.items() if value)


def cancel(request: ResubmitRequest, *, actor: str, now: datetime) -> bool:
    """End a request; what it has resubmitted by now stays. Returns whether it was still running."""
    running = ResubmitRequest.objects.filter(pk=request.pk, state=ResubmitState.RUNNING)
    with transaction.atomic():
        ended = bool(running.update(state=ResubmitState.CANCELLED, ended_at=now))
        if ended:
            switched = Change(name="Enabled", old=True, new=False)
            audit.record("Set-ResubmitRequest", actor=actor, objects=[str(request.pk)], changes=[switched])
    logger.info("resubmit_request_cancelled", extra={"actor": actor, "request": request.pk, "ran": ended})
    return ended


def remove(request: ResubmitRequest, *, actor: str) -> None:
    """Forget a request; one that runs stops."""
    with transaction.atomic():
        gone, _ = ResubmitRequest.objects.filter(pk=request.pk).delete()
        if gone:
            audit.record("Remove-ResubmitRequest", actor=actor, objects=[str(request.pk)])
    logger.info("resubmit_request_removed", extra={"actor": actor, "request": request.pk})


def work_off(server: TransportServer, *, now: datetime) -> int:
    """Go on with the requests of this server; returns how many messages were resubmitted."""
    ends = time.monotonic() + TIME_FOR_ONE_ROUND.total_seconds()
    running = list(ResubmitRequest.objects.filter(server=server, state=ResubmitState.RUNNING).order_by("pk"))
    if running and resources.current_level(server.pk) > Level.NORMAL:
        # Copies are the last thing that a server short of room needs; the request waits.
        return 0
    copied = 0
    for request in running:
        while time.monotonic() < ends and request.state == ResubmitState.RUNNING:
            try:
                copied += _step(request, server=server, now=now)
            except _Cancelled:
                break
    return copied


def _step(request: ResubmitRequest, *, server: TransportServer, now: datetime) -> int:
    """Look at some messages and copy those that are meant; returns how many."""
    batch = _next_batch(request)
    if batch is None:
        _note(request, state=ResubmitState.COMPLETED, ended_at=now)
        return 0
    try:
        return _write(request, batch, server=server, now=now)
    except (DatabaseError, _Cancelled):
        raise
    except Exception:
        logger.exception("resubmission_broke", extra={"request": request.pk})
    # One message of the batch breaks us: the others are copied without it.
    copied = sum(_write_alone(request, one, server=server, now=now) for one in batch.singles())
    _note(request, cursor=batch.cursor, examined=request.examined + batch.examined)
    return copied


def _next_batch(request: ResubmitRequest) -> _Batch | None:
    kept = Content.objects.filter(message__gt=request.cursor, message__lte=request.newest, position=0)
    window = list(kept.order_by("message_id").values_list("message_id", flat=True)[:LOOKED_AT_ONCE])
    if not window:
        return None
    messages, cursor = _fitting(list(_meant(request, window)), last=window[-1])
    return _Batch(
        messages=messages,
        recipients=_delivered_to(request, messages),
        cursor=cursor,
        examined=sum(number <= cursor for number in window),
    )


def _write(request: ResubmitRequest, batch: _Batch, *, server: TransportServer, now: datetime) -> int:
    with transaction.atomic():
        _copy(request, batch, server=server, now=now)
        _note(
            request,
            cursor=batch.cursor,
            examined=request.examined + batch.examined,
            resubmitted=request.resubmitted + len(batch.messages),
        )
    return len(batch.messages)


def _write_alone(request: ResubmitRequest, one: _Batch, *, server: TransportServer, now: datetime) -> int:
    try:
        return _write(request, one, server=server, now=now)
    except (DatabaseError, _Cancelled):
        raise
    except Exception:
        logger.exception("message_not_resubmitted", extra={"message_id": one.cursor})
    _note(request, cursor=one.cursor, failed=request.failed + 1)
    return 0


def _meant(request: ResubmitRequest, window: Sequence[int]) -> QuerySet[Message]:
    found = Message.objects.filter(pk__in=window, server=request.server_id)
    found = found.filter(Exists(_deliveries(request).filter(message=OuterRef("pk"))))
    if request.sender:
        found = found.filter(mail_from__iexact=request.sender)
    if request.queue_identity:
        sent = Attempt.objects.filter(message=OuterRef("pk"), outcome__in=("delivered", "mixed"))
        found = found.filter(Exists(sent.filter(queue_identity__iexact=request.queue_identity)))
    return found.order_by("pk")


def _deliveries(request: ResubmitRequest) -> QuerySet[Recipient]:
    span = (request.start_at, request.end_at)
    found = Recipient.objects.filter(state=RecipientState.DELIVERED, ended_at__range=span)
    return found.filter(address__iexact=request.recipient) if request.recipient else found


def _fitting(messages: Sequence[Message], *, last: int) -> tuple[Sequence[Message], int]:
    """As many as one transaction may hold, and the number of the last message that was looked at."""
    size_bytes = 0
    for place, message in enumerate(messages):
        size_bytes += message.size_bytes
        if place == COPIED_AT_ONCE or (place and size_bytes > COPIED_BYTES):
            return messages[:place], messages[place - 1].pk
    return messages, last


def _delivered_to(request: ResubmitRequest, messages: Sequence[Message]) -> Mapping[int, Sequence[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = _deliveries(request).filter(message__in=messages).order_by("pk")
    for message_id, address in rows.values_list("message_id", "address"):
        found[message_id].append(address)
    return found


def _copy(request: ResubmitRequest, batch: _Batch, *, server: TransportServer, now: datetime) -> None:
    envelopes = [_envelope(message, batch.recipients[message.pk], now=now) for message in batch.messages]
    if not envelopes:
        return
    accepted = submission.accept(envelopes, server=server, now=now)
    copies = [one.message_id for one in accepted]
    tracking.write(_lines(request, batch, copies=copies), now=now)
    wanted = {place for one in accepted for place in one.queues}
    transaction.on_commit(partial(bell.ring, wanted))


def _envelope(message: Message, addresses: Sequence[str], *, now: datetime) -> Envelope:
    chunks = Content.objects.filter(message=message).order_by("position").values_list("data", flat=True)
    return Envelope(
        mail_from=message.mail_from,
        recipients=tuple(addresses),
        content=b"".join(bytes(chunk) for chunk in chunks),
        received_at=now,
        source=SOURCE,
        client_address=message.client_address,
        client_name=message.client_name,
        eight_bit=message.eight_bit,
        smtputf8=message.smtputf8,
        dsn_requests={address: DsnRequest(notify="NEVER") for address in addresses},
        original_from=message.original_from,
        login=message.login,
        trusted_sender=message.trusted_sender,
    )


def _lines(request: ResubmitRequest, batch: _Batch, *, copies: Sequence[int]) -> Iterator[tracking.Line]:
    """One line on each message that was copied; the copy tells its own story."""
    for message, copy in zip(batch.messages, copies, strict=True):
        yield tracking.Line(
            server_id=request.server_id,
            message_id=message.pk,
            event=tracking.EventId.RESUBMIT,
            source=tracking.Source.SAFETYNET,
            recipients=tracking.listed(batch.recipients[message.pk]),
            reference=str(copy),
            context=f"resubmit request {request.pk} of {request.created_by}"[:512],
            sender=message.mail_from,
            internet_message_id=message.internet_message_id,
        )


def _note(request: ResubmitRequest, **fields: object) -> None:
    """Write how far it got, unless a person ended it meanwhile. Raises `_Cancelled`."""
    mine = ResubmitRequest.objects.filter(pk=request.pk, state=ResubmitState.RUNNING)
    if not mine.update(**fields):
        raise _Cancelled
    for name, value in fields.items():
        setattr(request, name, value)
