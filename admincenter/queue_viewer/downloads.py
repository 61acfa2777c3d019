"""What is taken away as a file: lists as CSV, one message as it would be on the wire."""

from collections.abc import Iterator

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admincenter.accounts.rights import Right, requires
from admincenter.components import csv_export
from admincenter.queue_viewer import exporting
from admincenter.queue_viewer.filters import MessageFilters, QueueFilters
from transport import operations
from transport.models import Queue, QueuedMessage


@requires(Right.VIEW)
@require_safe
def export_queues(request: HttpRequest) -> HttpResponseBase:
    """Send all queues that match as a CSV file; the list tells what is wrong with a filter."""
    filters = QueueFilters(request.GET)
    if filters.errors:
        return _explain(request, reverse("queue_viewer:list"))
    return csv_export.answer(
        _file_name("queues"), head=exporting.QUEUE_HEAD, rows=exporting.queue_lines(filters)
    )


@requires(Right.VIEW)
@require_safe
def export_messages(request: HttpRequest, queue_id: int) -> HttpResponseBase:
    """Send all messages of a queue that match as a CSV file."""
    queue = get_object_or_404(Queue, pk=queue_id)
    filters = MessageFilters(request.GET)
    if filters.errors:
        return _explain(request, reverse("queue_viewer:queue", args=[queue_id]))
    candidates = filters.narrow_by_status(QueuedMessage.objects.filter(queue=queue), queue=queue)
    rows = exporting.message_lines(candidates, filters)
    return csv_export.answer(_file_name(f"messages-{queue_id}"), head=exporting.MESSAGE_HEAD, rows=rows)


def _explain(request: HttpRequest, page: str) -> HttpResponseBase:
    return redirect(f"{page}?{request.GET.urlencode()}")


def _file_name(what: str) -> str:
    return f"{what}-{timezone.now():%Y%m%d-%H%M}.csv"


@requires(Right.MESSAGE_CONTENT)
@require_safe
def export(_request: HttpRequest, queued_id: int) -> StreamingHttpResponse:
    """Send a message as the file it would be on the wire, in chunks."""
    queued = get_object_or_404(QueuedMessage.objects.select_related("message"), pk=queued_id)
    exported = operations.export_message(queued)
    first = next(exported.chunks, None)
    if first is None:
        raise Http404("the content of this message is not stored any more")
    response = StreamingHttpResponse(_joined(first, exported), content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="{exported.file_name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _joined(first: bytes, rest: operations.Exported) -> Iterator[bytes]:
    yield first
    yield from rest.chunks
