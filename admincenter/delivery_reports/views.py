"""Search the message tracking log, tell the story of one message, show what was said to a host."""

import re
from datetime import timedelta
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admincenter.accounts.rights import Right, requires
from admincenter.components import csv_export
from admincenter.delivery_reports import results
from admincenter.delivery_reports.forms import SearchForm
from transport.log_rooms import all_rooms
from transport.models import Message
from transport.protocol_log import reading
from transport.tracking import Search, find

TEMPLATES = "admincenter/delivery_reports"
LONGEST_SESSION = timedelta(days=1)
LINES_SHOWN = 2000
_SESSION = re.compile(r"[0-9A-Fa-f]{16}")


@requires(Right.VIEW)
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """List the messages that were accepted lately, the newest first."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        context = {"form": form, "found": results.Found(rows=(), older="")}
        return render(request, f"{TEMPLATES}/search.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    place = results.read_place(request.GET.get("before", ""))
    found = results.find(form.wanted(now=timezone.now()), before=place)
    return render(request, f"{TEMPLATES}/search.html", _context(request, form, found))


@requires(Right.VIEW)
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Send all that the search finds as a CSV file."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        return search(request)
    now = timezone.now()
    rows = results.export(form.wanted(now=now))
    return csv_export.answer(f"delivery-reports-{now:%Y%m%d-%H%M}.csv", head=results.HEAD, rows=rows)


def _context(request: HttpRequest, form: SearchForm, found: results.Found) -> dict[str, object]:
    query = request.GET.copy()
    query.pop("before", None)
    narrowed = any(form.cleaned_data[name] for name in ("sender", "recipient", "subject", "message_id"))
    newest = f"?{query.urlencode()}"
    query["before"] = found.older
    return {
        "form": form,
        "found": found,
        "narrowed": narrowed,
        "export": f"{reverse('delivery_reports:export')}{newest}",
        "older": f"?{query.urlencode()}" if found.older else "",
        "newest": newest if "before" in request.GET else "",
    }


@requires(Right.VIEW)
@require_safe
def story(request: HttpRequest, message_id: int) -> HttpResponse:
    """Tell what happened to one message, in the order of time."""
    told = results.read_story(message_id)
    if told is None:
        message = get_object_or_404(Message, pk=message_id)
        return render(request, f"{TEMPLATES}/untold.html", {"message_id": message.pk})
    return render(request, f"{TEMPLATES}/story.html", {"story": told})


@requires(Right.VIEW)
@require_safe
def dialogue(request: HttpRequest, message_id: int, session_id: str) -> HttpResponse:
    """Show what was said in one SMTP session that carried the message, if its connector logs that."""
    at = next(
        (
            event.date_time
            for event in find(Search(message_id=message_id))
            if event.source_context == session_id
        ),
        None,
    )
    if at is None or not _SESSION.fullmatch(session_id):
        raise Http404("the message passed no such session")
    within = reading.Wanted(start=at - LONGEST_SESSION, end=at + LONGEST_SESSION)
    places = [(direction, room.folder) for direction, room in all_rooms()]
    said = reading.entries(places, [session_id], within=within)
    context = {
        "message_id": message_id,
        "session_id": session_id,
        "lines": said[:LINES_SHOWN],
        "more": max(0, len(said) - LINES_SHOWN),
    }
    return render(request, f"{TEMPLATES}/dialogue.html", context)
