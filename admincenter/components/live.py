"""Parts of a page that ask again by themselves and are answered only when something changed."""

import hashlib
from collections.abc import Mapping

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import HttpResponseStopPolling

SEEN = "Seen"
"""The request header with the version that the page shows."""
CHANGED = "list-changed"
"""The event that makes every live part of a page ask at once."""


def version(*facts: object) -> str:
    """Return a short digest of what a part shows, whatever the facts are made of."""
    return hashlib.sha256(repr(facts).encode("utf-8", "backslashreplace")).hexdigest()[:20]


def asks_for(request: HttpRequest, part: str) -> bool:
    """Tell whether htmx asks for this part, rather than a browser for the page."""
    is_htmx = request.headers.get("HX-Request") == "true"
    return is_htmx and request.headers.get("HX-Target") == part


def is_seen(request: HttpRequest, version: str) -> bool:
    """Tell whether a refresh would change nothing, and there is nothing to say either."""
    return request.headers.get(SEEN) == version and not len(get_messages(request))


def unchanged() -> HttpResponse:
    """Answer that the page shows everything already."""
    return HttpResponse(status=204)


def gone(request: HttpRequest, template: str, context: Mapping[str, object]) -> HttpResponse:
    """Show that what the page is about is no more, and stop asking (286)."""
    page = render(request, template, dict(context))
    return HttpResponseStopPolling(page.content)
