"""Search the audit log, show one entry, export what was found. Nothing here writes."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admincenter.accounts.rights import Right, requires
from admincenter.audit_log import entries
from admincenter.audit_log.forms import SearchForm
from admincenter.components import csv_export
from admincenter.components.changes import parameters
from admincenter.components.lists import read_number
from admincenter.components.navigation import show
from connectors.models import AuditEntry

LIST = "admincenter/audit_log/list.html"


@requires(Right.AUDIT_LOG)
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """List the changes, the newest first, and show the one that is picked; all of it is in the address."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        context: dict[str, object] = {"form": form, "found": entries.Found()}
        return show(request, LIST, context, part="entries", status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return show(request, LIST, _context(request, form), part="entries")


@requires(Right.AUDIT_LOG)
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Send all that the search finds as a CSV file."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        return search(request)
    rows = entries.export(form.wanted())
    return csv_export.answer(f"audit-log-{timezone.now():%Y%m%d-%H%M}.csv", head=entries.HEAD, rows=rows)


def _context(request: HttpRequest, form: SearchForm) -> dict[str, object]:
    wanted = request.GET.get("selected", "")
    chosen = AuditEntry.objects.filter(pk=read_number(wanted)).first()
    found = entries.find(form.wanted(), after=read_number(request.GET.get("after", "")))
    filters = request.GET.copy()
    for name in ("selected", "after"):
        filters.pop(name, None)
    page = request.GET.copy()
    page.pop("selected", None)
    return {
        "form": form,
        "found": found,
        "chosen": chosen,
        "parameters": list(parameters(chosen.changes)) if chosen else [],
        "vanished": bool(wanted) and chosen is None,
        "page": page.urlencode(),
        "newest": f"?{filters.urlencode()}" if "after" in request.GET else "",
        "older": f"?{_with(filters.urlencode(), found.older)}" if found.older else "",
        "export": f"{reverse('audit_log:export')}?{filters.urlencode()}",
    }


def _with(query: str, after: int) -> str:
    return f"{query}&after={after}" if query else f"after={after}"
