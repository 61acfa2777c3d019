"""Where an answer sends the browser, with htmx and without."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect, push_url


def go(request: HttpRequest, address: str) -> HttpResponse:
    """Leave for another page: the whole window, even out of a part that htmx asked for."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(address)
    return redirect(address)


def show(
    request: HttpRequest, template: str, context: dict[str, object], *, part: str, status: int = 200
) -> HttpResponse:
    """Render a page, or only one `part` of it where htmx asked."""
    if request.headers.get("HX-Request") != "true":
        return render(request, template, context, status=status)
    response = render(request, f"{template}#{part}", context, status=status)
    return push_url(response, request.path) if part == "dialog" else response
