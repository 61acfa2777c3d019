"""POST /api/v1/messages: a program submits one message with an application password, without SMTP."""

import hashlib
import logging
import math
import re
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from admincenter.message_api import bodies, tokens
from admincenter.message_api.problems import Problem
from connectors.application_passwords import Login
from transport import submitting
from transport.envelope import Envelope
from transport.hand_in import Key, KeyTaken, Result
from transport.submitting import Client, NotNow, Unacceptable

logger = logging.getLogger(__name__)
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


# No cookie counts here, so no other page can make a browser submit.
@csrf_exempt
@login_not_required
def submit_message(request: HttpRequest) -> HttpResponse:
    """Answer 202 with the message's id once it is on disk, else a problem that says what to do."""
    if request.method != "POST":
        return Problem(HTTPStatus.METHOD_NOT_ALLOWED, "use POST", headers={"Allow": "POST"}).answer()
    try:
        login = tokens.authenticate(request)
        result = _submit(request, login=login)
    except Problem as problem:
        logger.info("http_submission_refused", extra={"status": int(problem.status), "rule": problem.rule})
        return problem.answer()
    facts = {"message_id": result.message_id, "login": login.user_name, "repeated": result.repeated}
    logger.info("http_submission_accepted", extra=facts)
    body = {"id": result.message_id, "internet_message_id": result.internet_message_id}
    headers = {"Idempotency-Replayed": "true"} if result.repeated else {}
    return JsonResponse(body, status=HTTPStatus.ACCEPTED, headers=headers)


def _submit(request: HttpRequest, *, login: Login) -> Result:
    body = bodies.read(request)
    client = Client(door="HTTP", address=str(request.META.get("REMOTE_ADDR", "")), login=login.user_name)
    try:
        envelope = bodies.message(request, body, client=client)
        _verify_senders(envelope, login=login)
        return submitting.submit(envelope, key=_key(request, body, login=login))
    except Unacceptable as error:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        raise Problem(status, str(error), field=error.place, value=error.value) from None
    except KeyTaken:
        rule = "it was used for another message; take a new one"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, rule, field="Idempotency-Key") from None
    except NotNow as error:
        status = HTTPStatus.TOO_MANY_REQUESTS if error.is_throttled else HTTPStatus.SERVICE_UNAVAILABLE
        seconds = str(math.ceil(error.retry_after.total_seconds()))
        raise Problem(status, str(error), headers={"Retry-After": seconds}) from None


def _verify_senders(envelope: Envelope, *, login: Login) -> None:
    """Envelope and header must both speak in a name that the login may use (RFC 6409 section 6.1)."""
    for address in submitting.authors(envelope):
        if not login.may_send_as(address):
            rule = f"{login.user_name} may not send as this address"
            raise Problem(HTTPStatus.FORBIDDEN, rule, field="from", value=address)


def _key(request: HttpRequest, body: bytes, *, login: Login) -> Key | None:
    """A second request with the same key and content is the first one again."""
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    if not _KEY.fullmatch(text):
        rule = "it has 1 to 255 printable characters"
        raise Problem(HTTPStatus.BAD_REQUEST, rule, field="Idempotency-Key")
    said = f"{request.content_type} {request.META.get('QUERY_STRING', '')} {hashlib.sha256(body).hexdigest()}"
    return Key(name=f"HTTP {login.login_id} {text}", content=said)
