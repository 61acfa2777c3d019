"""What holds for every page: privacy, headers, an expired login, a first password, messages after htmx."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from admincenter.accounts import time_limits
from admincenter.models import Profile
from connectors import audit

NextStep = Callable[[HttpRequest], HttpResponseBase]
PERMISSIONS_POLICY = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"


class Request(HttpRequest):
    """A request as our views get it."""

    htmx: HtmxDetails


def private_pages(get_response: NextStep) -> NextStep:
    """Keep pages out of caches, and a part apart from its page."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not response.has_header("Cache-Control"):
            response.headers["Cache-Control"] = "no-store"
            patch_vary_headers(response, ["HX-Request"])
        return response

    return answer


def own_cookies(get_response: NextStep) -> NextStep:
    """Forget a cookie that we never gave: PostgreSQL breaks on a NUL in the key of a session."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        request.COOKIES = {name: text for name, text in request.COOKIES.items() if text.isprintable()}
        return get_response(request)

    return answer


def origin_of_changes(get_response: NextStep) -> NextStep:
    """Let the audit log know where a person is."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        with audit.coming_from(request.META.get("REMOTE_ADDR", "")):
            return get_response(request)

    return answer


def time_limits_of_sign_ins(get_response: NextStep) -> NextStep:
    """Sign out who was away for too long."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            time_limits.enforce(request)
        return get_response(request)

    return answer


def refusals_in_words(get_response: NextStep) -> NextStep:
    """Show a page where Django refuses a method with an empty one: somebody typed the address of a form."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and request.method == "GET":
            response.content = render_to_string("405.html")
        return response

    return answer


def sign_in_as_page(get_response: NextStep) -> NextStep:
    """Send the whole window to the sign-in page when a login expired: it must not appear inside a part.

    Afterwards the person comes back to the page, not to the part or to an address that only takes forms.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        sign_in = resolve_url("sign_in")
        if not (isinstance(response, HttpResponseRedirect) and response.url.startswith(f"{sign_in}?")):
            return response
        if request.headers.get("HX-Request") == "true":
            page = _path_of(request, "HX-Current-URL")
            return HttpResponseClientRedirect(f"{sign_in}?{urlencode({'next': page})}")
        if request.method in {"GET", "HEAD"}:
            return response
        return redirect(f"{sign_in}?{urlencode({'next': _path_of(request, 'Referer')})}")

    return answer


def _path_of(request: HttpRequest, header: str) -> str:
    """Return the path and query of the page that a header names; "/" when it is none of ours."""
    try:
        page = urlsplit(request.headers.get(header, ""))
    except ValueError:
        return "/"
    is_ours = page.netloc == request.get_host() and page.path.startswith("/")
    return urlunsplit(("", "", page.path, page.query, "")) if is_ours else "/"


def first_password(get_response: NextStep) -> NextStep:
    """Lead who signed in with a one-time password to a new one, and nowhere else."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        open_pages = {reverse("change_password"), reverse("sign_out")}
        if request.path in open_pages or not request.user.is_authenticated:
            return get_response(request)
        if not Profile.objects.filter(user=request.user, must_change_password=True).exists():
            return get_response(request)
        if request.headers.get("HX-Request") == "true":
            return HttpResponseClientRedirect(reverse("change_password"))
        return redirect("change_password")

    return answer


def toasts(get_response: NextStep) -> NextStep:
    """Append what is to be said to a part that htmx swaps in; a full page says it itself."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.headers.get("HX-Request") == "true" and _can_carry(response):
            messages = get_messages(request)
            if len(messages):
                context = {"messages": messages, "out_of_band": True}
                response.write(render_to_string("components/_toasts.html", context, request))
        return response

    return answer


def _can_carry(response: HttpResponseBase) -> bool:
    if not isinstance(response, HttpResponse) or response.status_code == HTTPStatus.NO_CONTENT:
        return False
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    goes_elsewhere = response.has_header("Location") or response.has_header("HX-Redirect")
    return is_page and not goes_elsewhere
