"""The page that one opens in the morning."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from admincenter.accounts.rights import Right, may, requires
from admincenter.components import live
from admincenter.dashboard import reading

PART = "dashboard"
TEMPLATES = "admincenter/dashboard"


@requires(Right.VIEW)
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Show how mail flows now, and what needs somebody."""
    overview = reading.read(now=timezone.now())
    version = live.version(overview)
    is_part = live.asks_for(request, PART)
    if is_part and live.is_seen(request, version):
        return live.unchanged()
    context = {
        "overview": overview,
        "version": version,
        "may_connect": may(request.user, Right.CONNECTORS),
    }
    template = "_overview.html" if is_part else "show.html"
    return render(request, f"{TEMPLATES}/{template}", context)
