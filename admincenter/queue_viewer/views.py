"""The pages of the queue viewer. They only read; every change is in `changes`."""

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url, reswap

from admincenter.accounts.rights import Right, may, requires
from admincenter.components import live
from admincenter.components.lists import read_order
from admincenter.filtering import messages as message_properties
from admincenter.filtering import queues as queue_properties
from admincenter.queue_viewer import builder, listing, words
from admincenter.queue_viewer.filters import MessageFilters, QueueFilters
from admincenter.queue_viewer.message import read_message
from admincenter.queue_viewer.rows import queue_row
from transport import suspensions
from transport.models import Message, Queue, Session

QUEUE_LIST = "queue-list"
MESSAGE_LIST = "message-list"
MESSAGE = "message"
TEMPLATES = "admincenter/queue_viewer"
QUEUE_EXAMPLE = "Status -eq 'Retry' -and MessageCount -gt 100"
MESSAGE_EXAMPLE = "FromAddress -like '*@contoso.com' -and Size -gt 10MB"


@requires(Right.VIEW)
@require_safe
def show_queues(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """List the queues of all servers."""
    if builder.is_used(request):
        return redirect(builder.address(request, queue_properties.PROPERTIES))
    filters = QueueFilters(request.GET)
    order = read_order(request, columns=list(listing.QUEUE_COLUMNS), default="identity")
    page = listing.read_queues(filters, order=order, number=request.GET.get("page"))
    context = {
        "filters": filters,
        "order": order,
        "page": page,
        "builder": builder.offer(queue_properties.PROPERTIES, example=QUEUE_EXAMPLE),
        "version": live.version(page, order, filters.errors),
    }
    return _answer(request, page="queues", part=QUEUE_LIST, context=context, status=status)


@requires(Right.VIEW)
@require_safe
def show_queue(request: HttpRequest, queue_id: int, *, status: int = 200) -> HttpResponse:
    """Show one queue: its facts, and its messages a page at a time."""
    if builder.is_used(request):
        return redirect(builder.address(request, message_properties.PROPERTIES))
    queue = Queue.objects.with_status().select_related("server").filter(pk=queue_id).first()
    if queue is None:
        return _gone(request, part=MESSAGE_LIST, what="queue")
    filters = MessageFilters(request.GET)
    row = queue_row(queue)
    sessions = Session.objects.filter(queue=queue).count()
    suspension = suspensions.of_queue(queue.pk) if queue.suspended else None
    page = listing.read_messages(queue, filters=filters, cursor=listing.read_cursor(request.GET))
    context = {
        "queue": row,
        "sessions": sessions,
        "explanation": words.explain(queue, status=row.status, now=timezone.now()),
        "suspension": suspension,
        "suspended_by": words.suspension_in_words(suspension),
        "filters": filters,
        "page": page,
        "builder": builder.offer(message_properties.PROPERTIES, example=MESSAGE_EXAMPLE),
        "version": live.version(row, sessions, suspension and suspension.at, page, filters.errors),
    }
    return _answer(request, page="queue", part=MESSAGE_LIST, context=context, status=status)


@requires(Right.VIEW)
@require_safe
def show_message(request: HttpRequest, message_id: int, *, status: int = 200) -> HttpResponse:
    """Show one message with every recipient and every attempt, also after it ended."""
    message = Message.objects.select_related("server").filter(pk=message_id).first()
    if message is None:
        return _gone(request, part=MESSAGE, what="message")
    view = read_message(
        message,
        recipients_page=listing.page_number(request.GET.get("recipients")),
        attempts_page=listing.page_number(request.GET.get("attempts")),
    )
    context = {"message": view, "version": live.version(view)}
    return _answer(request, page="message", part=MESSAGE, context=context, status=status)


def _answer(
    request: HttpRequest, *, page: str, part: str, context: dict[str, Any], status: int
) -> HttpResponse:
    """Render the page, or its live part when htmx asks for that and it changed."""
    context["may_act"] = may(request.user, Right.QUEUES)
    context["may_export"] = may(request.user, Right.MESSAGE_CONTENT)
    context["may_test"] = may(request.user, Right.TEST_MESSAGES)
    context["query"] = request.GET.urlencode()
    filters = context.get("filters")
    is_wrong = filters is not None and filters.mistake is not None
    if not live.asks_for(request, part):
        status = HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else status
        return render(request, f"{TEMPLATES}/{page}.html", context, status=status)
    if is_wrong and live.SEEN not in request.headers:
        return _refuse_filter(request, context)
    if live.is_seen(request, str(context["version"])):
        return live.unchanged()
    more = {"refreshed": True, "narrowed": live.SEEN not in request.headers}
    response = render(request, f"{TEMPLATES}/_{part.replace('-', '_')}.html", {**context, **more})
    return replace_url(response, _address(request)) if more["narrowed"] else response


def _refuse_filter(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Say at the box what is wrong with what was typed there; the list and the address stay."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    page = render(request, f"{TEMPLATES}/_filter_box.html", {**context, "narrowed": True}, status=status)
    return reswap(page, "none")


def _address(request: HttpRequest) -> str:
    """Return the address of this page without its empty parameters, as a person would share it."""
    query = request.GET.copy()
    for name in list(query):
        if not query[name]:
            del query[name]
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _gone(request: HttpRequest, *, part: str, what: str) -> HttpResponse:
    """Say it in the page that was showing it; whoever comes anew finds no such page."""
    if not live.asks_for(request, part):
        raise Http404(f"no such {what}")
    context = {"part": part, "what": what, "list": reverse("queue_viewer:list")}
    return live.gone(request, f"{TEMPLATES}/_gone.html", context)
