"""A cast for engine tests: servers, connectors, and mail that came in through the real door."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors import address_spaces, services
from connectors.profiles import Delivery
from connectors.specs import ConnectorSpec
from transport import categorizer, intervals, judged, outcomes, servers, submission
from transport.concurrency import Limits
from transport.engine import Engine
from transport.envelope import Envelope, Reply, Stage
from transport.models import QueuedMessage, TransportServer
from transport.protocol_log import Direction, LogFiles, Room
from transport.queue import sweeps
from transport.queue.claims import Opened, Worker, open_session
from transport.queue.moves import Ended
from transport.queue.outcome import Outcome, Try

WORKER = Worker(name="worker-1", host_name="elsewhere.test", process_id=1)
LIMITS = Limits()
PLAIN = b"Received: from client.test\r\nMessage-ID: <1@client.test>\r\nSubject: Hello\r\n\r\nHello.\r\n"
GREYLISTED = Reply(code=451, enhanced="4.7.1", text="Come back later", stage=Stage.RCPT, host="mx.test")
DELIVERED = Reply(code=250, enhanced="2.0.0", text="Queued as 7", stage=Stage.DOT, host="mx.test")
UNKNOWN_USER = Reply(code=550, enhanced="5.1.1", text="No such user", stage=Stage.RCPT, host="mx.test")
REFUSED = Reply(
    code=421, enhanced="4.4.1", text="Connection refused", stage=Stage.CONNECT, host="mx.test", remote=False
)


def server(name: str = "E15MB1", *, alive: bool = True) -> TransportServer:
    """A registered transport server."""
    beaten = timezone.now() if alive else timezone.now() - timedelta(hours=1)
    made, _ = TransportServer.objects.update_or_create(
        name=name, defaults={"fqdn": f"{name.lower()}.admincenter.test", "last_beat_at": beaten}
    )
    categorizer.forget_servers()
    intervals.forget()
    return made


def connector(name: str = "Internet", *, spaces: str = "*", on: tuple[str, ...] = ("E15MB1",), **fields):
    """A send connector made the way the wizard makes it."""
    hosts = tuple(fields.get("smart_hosts", ()))
    spec = ConnectorSpec(
        name=name,
        delivery=Delivery.SMART_HOST if hosts else Delivery.MX,
        address_spaces=tuple(address_spaces.parse(space) for space in spaces.split(",")),
        source_servers=on,
        **fields,
    )
    return services.create(spec, guid=uuid.uuid4(), actor="tests")


def accept(
    *recipients: str,
    content: bytes = PLAIN,
    mail_from: str = "anna@contoso.test",
    at: TransportServer | None = None,
    now: datetime | None = None,
    **envelope_fields: Any,
) -> int:
    """Take one message in; returns its id."""
    now = now or timezone.now()
    envelope = Envelope(
        mail_from=mail_from,
        recipients=recipients or ("bob@fabrikam.test",),
        content=content,
        received_at=now,
        **{"trusted_sender": True, **envelope_fields},
    )
    with transaction.atomic():
        return submission.accept([envelope], server=at or servers.own(), now=now)[0].message_id


def send_log(folder: Path) -> LogFiles:
    """A send protocol log in `logs` below this folder."""
    return LogFiles(Direction.SEND, room=lambda: Room(folder=folder / "logs"))


@contextlib.contextmanager
def engine_of_a_worker(folder: Path) -> Iterator[Engine]:
    """The engine without Celery; its logs are below this folder, its rings go nowhere."""
    ledger = outcomes.ledger()
    yield Engine(
        ledger=ledger,
        worker=WORKER,
        limits=Limits,
        own_listeners=(),
        ring=lambda _queue_id, _sessions: None,
        protocol_log=send_log(folder),
        open_sessions=set(),
        stopping=lambda: False,
        linger=0,
    )
    ledger.stop()


def open_for(
    queued: QueuedMessage, *, worker: Worker = WORKER, now: datetime | None = None, most: int = LIMITS.claim
) -> Opened | None:
    """A session to the queue of this message, that holds so many messages."""
    limits = replace(LIMITS, claim=most)
    with transaction.atomic():
        return open_session(queued.queue_id, worker=worker, limits=limits, now=now or timezone.now())


def signature(opened: Opened) -> judged.Signature:
    """Who this session is."""
    return judged.Signature(
        session_id=opened.session_id,
        smtp_session=f"{opened.session_id:012X}0001",
        server_id=opened.server.pk,
        queue_id=opened.queue_id,
        queue_identity=opened.queue_identity,
        connector_name="Internet",
        connector_version=1,
    )


def expired(here: TransportServer, *, now: datetime) -> list[Ended]:
    """What the clock of a server would end now."""
    return sweeps.expire_messages(sweeps.late_messages(here, now=now), now=now)


def outcome(opened: Opened, reply: Reply, *, retry_at: datetime | None = None, claim: int = 0) -> Outcome:
    """What the session would hand in when every recipient of a claim got this reply."""
    taken = opened.claims[claim]
    decided = tuple((recipient_id, address, reply) for recipient_id, address in taken.recipients)
    word = {2: "delivered", 4: "deferred", 5: "failed"}[reply.code // 100]
    return Outcome(
        session_id=opened.session_id,
        queue_id=opened.queue_id,
        queue_identity=opened.queue_identity,
        connector_name="Internet",
        connector_version=1,
        queued_id=taken.queued_id,
        message_id=taken.message_id,
        retry_at=retry_at,
        error=reply.line if word == "deferred" else "",
        tries=(Try(reply=reply, outcome=word),),
        **{word: decided},
    )
