"""The counter for messages that come over HTTP: from programs with a token, from the console."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from transport import composing, intervals, resources, servers
from transport.back_pressure import Level
from transport.composing import Draft, Unwritable
from transport.envelope import Envelope
from transport.hand_in import Key, Result, hand_in
from transport.models import SubmissionWindow, TransportServer
from transport.receiving import submitted
from transport.receiving.errors import BadAddress, Refused
from transport.receiving.handed_in import Origin
from transport.receiving.limits import Limits

MAX_MESSAGE_BYTES = Limits().max_message_bytes
WINDOW = timedelta(minutes=1)
RETRY_PRESSED = timedelta(seconds=30)
RETRY_UNSTORED = timedelta(seconds=10)


class SubmittingError(Exception):
    """Base of what keeps a message out; the text is for who handed it in."""


class Unacceptable(SubmittingError):  # noqa: N818 - what was found
    """The message breaks a rule, and would again."""

    def __init__(self, place: str, value: str, rule: str) -> None:
        """`place` is the field that the rule is about, `value` what stood there, if it can be shown."""
        super().__init__(rule)
        self.place = place
        self.value = value


class NotNow(SubmittingError):  # noqa: N818 - what was found
    """The same message may be taken later."""

    def __init__(self, text: str, *, retry_after: timedelta, is_throttled: bool = False) -> None:
        """`is_throttled`: it is this sender who is too fast, not the server that is in trouble."""
        super().__init__(text)
        self.retry_after = retry_after
        self.is_throttled = is_throttled


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """Who hands a message in."""

    door: str
    """HTTP or Console, as the message source shows it."""
    address: str = ""
    login: str = ""
    """User name of the application password."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The envelope that is asked for; what is empty comes from the header."""

    sender: str = ""
    recipients: Sequence[str] = field(default_factory=tuple)
    notify: str = ""
    """NOTIFY of RFC 3461 for every recipient."""


def written(draft: Draft, *, wanted: Wanted, client: Client) -> Envelope:
    """Write a message from its parts. Raises Unacceptable."""
    server, now = servers.own(), timezone.now()
    origin = _origin(server, client=client, now=now)
    try:
        content = composing.write(draft, message_id=f"<{origin.new_token()}@{server.fqdn}>", at=now)
    except Unwritable as error:
        raise Unacceptable(error.field, "", str(error)) from None
    return _envelope(content, wanted=wanted, client=client, origin=origin)


def whole(data: bytes, *, wanted: Wanted, client: Client) -> Envelope:
    """Take a message as it is. Raises Unacceptable."""
    return _envelope(
        data, wanted=wanted, client=client, origin=_origin(servers.own(), client=client, now=timezone.now())
    )


def address(text: str, *, place: str) -> str:
    """Judge one address. Raises Unacceptable."""
    try:
        return submitted.address(text)
    except BadAddress as error:
        raise Unacceptable(place, text, str(error)) from None


def authors(envelope: Envelope) -> tuple[str, ...]:
    """In whose name a message speaks: its sender, and whom From and Sender name. Raises Unacceptable."""
    try:
        return tuple(dict.fromkeys((envelope.mail_from, *submitted.authors(envelope.content))))
    except Refused as error:
        raise Unacceptable("message", "", error.text) from None


def submit(envelope: Envelope, *, key: Key | None = None) -> Result:
    """Store the message; it is on disk when this returns. Raises NotNow and KeyTaken."""
    server, now = servers.own(), timezone.now()
    try:
        if resources.current_level(server.pk) is not Level.NORMAL:
            raise NotNow("Insufficient system resources", retry_after=RETRY_PRESSED)
        with transaction.atomic():
            _count(envelope.login, server=server, now=now)
            return hand_in(envelope, server=server, now=now, key=key)
    except (DatabaseError, InterfaceError) as error:
        text = (
            "Insufficient system resources" if resources.is_out_of_room(error) else "It cannot be stored now"
        )
        raise NotNow(text, retry_after=RETRY_UNSTORED) from error


def _origin(server: TransportServer, *, client: Client, now: datetime) -> Origin:
    return Origin(door=client.door, fqdn=server.fqdn, at=now)


def _envelope(data: bytes, *, wanted: Wanted, client: Client, origin: Origin) -> Envelope:
    try:
        envelope = submitted.read(
            data,
            sender=wanted.sender,
            recipients=wanted.recipients,
            notify=wanted.notify,
            limits=Limits(),
            origin=origin,
        )
    except Refused as error:
        raise Unacceptable("message", "", error.text) from None
    return replace(envelope, client_address=client.address, login=client.login)


def _count(login: str, *, server: TransportServer, now: datetime) -> None:
    """Count what a login hands in within a minute, over all processes; raises NotNow beyond the limit."""
    if not login:
        return
    most = intervals.ceilings_of(server.pk).http_submission_max_messages_per_minute
    window, _ = SubmissionWindow.objects.select_for_update().get_or_create(
        login=login, defaults={"began_at": now}
    )
    if not window.began_at <= now < window.began_at + WINDOW:
        window.began_at, window.count = now, 0
    if window.count >= most:
        left = window.began_at + WINDOW - now
        raise NotNow(f"{most} messages a minute are allowed", retry_after=left, is_throttled=True)
    window.count += 1
    window.save()
