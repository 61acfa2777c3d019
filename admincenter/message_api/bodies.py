"""What a request says: read as far as it may go, then made into a message."""

import json
import time
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest

from admincenter.message_api.problems import Problem
from transport import submitting
from transport.composing import Attachment, Draft, Mailbox
from transport.envelope import Envelope
from transport.submitting import MAX_MESSAGE_BYTES, Client, Wanted

MAX_JSON_BYTES = 10 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
SILENCE = timedelta(seconds=10)
READ_WITHIN = timedelta(minutes=2)
WHOLE, PARTS = "message/rfc822", "application/json"
LIMITS = {WHOLE: MAX_MESSAGE_BYTES, PARTS: MAX_JSON_BYTES}
QUERY = frozenset(("from", "to", "notify"))
PEOPLE = ("from", "to", "cc", "bcc", "reply_to")
TEXTS = ("subject", "text", "html", "notify")
KEYS = frozenset((*PEOPLE, *TEXTS, "attachments"))
NOTIFY = ("", "NEVER", "SUCCESS", "FAILURE", "DELAY")


def read(request: HttpRequest) -> bytes:
    """The body, whole. Raises Problem before reading anything that is too large or of no use."""
    most_bytes = LIMITS.get(request.content_type or "")
    if most_bytes is None:
        rule = f"it must be {WHOLE} or {PARTS}"
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, rule, field="Content-Type", value=request.content_type or ""
        )
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as it is", field="Content-Encoding")
    return _read(request, size_bytes=_declared_bytes(request, most_bytes=most_bytes))


def _read(request: HttpRequest, *, size_bytes: int) -> bytes:
    """Read to the end; who sends too slowly must not keep one of a few threads from all others."""
    give_up = time.monotonic() + READ_WITHIN.total_seconds()
    _limit_silence(request)
    body = bytearray()
    try:
        while chunk := request.read(min(CHUNK_BYTES, size_bytes + 1 - len(body))):
            body += chunk
            _verify_time(give_up)
    except OSError:
        rule = f"{len(body)} of {size_bytes} bytes came in time"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, rule, field="body") from None
    if len(body) != size_bytes:
        rule = f"{len(body)} of {size_bytes} bytes came"
        raise Problem(HTTPStatus.BAD_REQUEST, rule, field="Content-Length")
    return bytes(body)


def _limit_silence(request: HttpRequest) -> None:
    """The web server itself waits without end; it hands its socket over."""
    socket = request.META.get("gunicorn.socket")
    if socket is not None:
        socket.settimeout(SILENCE.total_seconds())


def _verify_time(give_up: float) -> None:
    if time.monotonic() > give_up:
        raise TimeoutError


def _declared_bytes(request: HttpRequest, *, most_bytes: int) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "")
    if not text.isascii() or not text.isdigit():
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "the length of the body is needed", field="Content-Length")
    if len(text) > len(str(most_bytes)) or int(text) > most_bytes:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{most_bytes} bytes are allowed",
            field="Content-Length",
            value=text,
        )
    return int(text)


def message(request: HttpRequest, body: bytes, *, client: Client) -> Envelope:
    """The message of a request. Raises Problem, or Unacceptable."""
    if request.content_type == WHOLE:
        return submitting.whole(body, wanted=_wanted_by_query(request), client=client)
    if request.GET:
        raise _wrong("query", "a JSON body says everything itself")
    return _of_parts(_parsed(body), client=client)


def _wanted_by_query(request: HttpRequest) -> Wanted:
    for name in request.GET:
        if name not in QUERY:
            raise _wrong(name, f"it is none of {', '.join(sorted(QUERY))}")
    senders = request.GET.getlist("from")
    if len(senders) > 1:
        raise _wrong("from", "one sender is needed")
    recipients = [submitting.address(text, place="to") for text in request.GET.getlist("to")]
    return Wanted(
        sender=submitting.address(senders[0], place="from") if senders else "",
        recipients=recipients,
        notify=_notify(request.GET.get("notify", "")),
    )


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body.decode(), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        rule = str(error) if isinstance(error, _TwiceError) else "it is no valid JSON in UTF-8"
        raise Problem(HTTPStatus.BAD_REQUEST, rule, field="body") from None
    if not isinstance(parsed, dict):
        raise _wrong("body", "it must be one JSON object")
    for key in parsed:
        if key not in KEYS:
            raise _wrong(key, f"it is none of {', '.join(sorted(KEYS))}")
    return parsed


class _TwiceError(ValueError):
    """A name stands twice in an object: two readers would see two messages."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError("a name stands twice in one object")
    return found


def _of_parts(said: Mapping[str, Any], *, client: Client) -> Envelope:
    people = {name: list(_mailboxes(said.get(name, []), place=name)) for name in PEOPLE}
    texts = {name: _text(said.get(name, ""), place=name) for name in TEXTS}
    if len(people["from"]) != 1:
        raise _wrong("from", "one sender is needed")
    recipients = [one.address for name in ("to", "cc", "bcc") for one in people[name]]
    if not recipients:
        raise _wrong("to", "a recipient is needed in to, cc or bcc")
    draft = Draft(
        sender=people["from"][0],
        to=people["to"],
        cc=people["cc"],
        reply_to=people["reply_to"],
        subject=texts["subject"],
        text=texts["text"],
        html=texts["html"],
        attachments=list(_attachments(said.get("attachments", []))),
    )
    wanted = Wanted(sender=draft.sender.address, recipients=recipients, notify=_notify(texts["notify"]))
    return submitting.written(draft, wanted=wanted, client=client)


def _mailboxes(value: object, *, place: str) -> Iterable[Mailbox]:
    """One or several of `anna@contoso.com` or `{"address": "anna@contoso.com", "name": "Anna"}`."""
    for one in value if isinstance(value, list) else [value]:
        entry = {"address": one} if isinstance(one, str) else one
        if not isinstance(entry, dict) or not {"address"} <= entry.keys() <= {"address", "name"}:
            raise _wrong(place, "an entry is an address, or an object with address and name")
        written = _text(entry["address"], place=place)
        yield Mailbox(
            address=submitting.address(written, place=place), name=_text(entry.get("name", ""), place=place)
        )


def _attachments(value: object) -> Iterable[Attachment]:
    names = {"filename", "content_type", "content"}
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict) or one.keys() != names:
            raise _wrong("attachments", f"an entry has {', '.join(sorted(names))}, and nothing else")
        texts = {name: _text(one[name], place="attachments") for name in names}
        try:
            content = b64decode(texts["content"], validate=True)
        except (Base64Error, ValueError):
            raise _wrong("attachments", "content must be base64 without line ends") from None
        yield Attachment(file_name=texts["filename"], media_type=texts["content_type"], content=content)


def _text(value: object, *, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(place, "a text is needed", value=json.dumps(value))
    return value


def _notify(text: str) -> str:
    words = text.upper().split(",")
    if not set(words) <= set(NOTIFY) or len(words) > len(set(words)) or ("NEVER" in words and len(words) > 1):
        raise _wrong("notify", "it is NEVER, or some of SUCCESS,FAILURE,DELAY", value=text)
    return text.upper()


def _wrong(field: str, rule: str, *, value: str = "") -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, rule, field=field, value=value)
