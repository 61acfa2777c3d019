"""Sends a test message the way all mail goes, and leads to the page that shows where it is."""

import logging
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from admincenter.accounts.rights import Right, requires
from admincenter.test_message.forms import ComposeForm
from transport import servers, submitting
from transport.hand_in import Key, KeyTaken, Result
from transport.submitting import Client, NotNow, Unacceptable

logger = logging.getLogger(__name__)


@requires(Right.TEST_MESSAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: HttpRequest) -> HttpResponse:
    """Show the form, or send what it says."""
    if request.method != "POST":
        return _render(request, ComposeForm(initial=_initial(request)))
    form = ComposeForm(request.POST)
    if not form.is_valid():
        return _render(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        result = _send(request, form)
    except (Unacceptable, KeyTaken) as error:
        rule = str(error) or "another message was sent from this page; open it again to send one more"
        form.add_error(None, f"The message was not sent: {rule}.")
        return _render(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotNow as error:
        form.add_error(None, f"The message was not sent: {error}. Try again in a moment.")
        return _render(request, form, status=HTTPStatus.SERVICE_UNAVAILABLE)
    messages.success(
        request, "The test message was accepted. This page shows where it is and what is said about it."
    )
    return redirect("queue_viewer:message", result.message_id)


def _send(request: HttpRequest, form: ComposeForm) -> Result:
    actor = request.user.get_username()
    client = Client(door="Console", address=str(request.META.get("REMOTE_ADDR", "")))
    draft, wanted = form.draft(), form.wanted()
    envelope = submitting.written(draft, wanted=wanted, client=client)
    key = Key(name=f"Console {request.user.pk} {form.cleaned_data['once']}", content=repr((draft, wanted)))
    result = submitting.submit(envelope, key=key)
    facts = {"actor": actor, "message_id": result.message_id, "recipients": list(wanted.recipients)}
    logger.info("test_message_sent", extra=facts)
    return result


def _initial(request: HttpRequest) -> dict[str, str]:
    """Something that can be sent as it is, but for the recipient."""
    server, now = servers.own(), timezone.localtime()
    person = request.user.get_username()
    return {
        "sender": getattr(request.user, "email", "") or f"postmaster@{server.fqdn}",
        "recipients": request.GET.get("to", ""),
        "subject": "Test message",
        "body": f"{person} sent this test message from {server.name} on {now:%Y-%m-%d at %H:%M:%S %Z}.",
    }


def _render(request: HttpRequest, form: ComposeForm, *, status: int = HTTPStatus.OK) -> HttpResponse:
    context = {"form": form, "server": servers.own().name}
    return render(request, "admincenter/test_message/compose.html", context, status=status)
