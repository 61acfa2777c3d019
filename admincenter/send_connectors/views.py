"""The list of send connectors, what is done to those picked, and the edit dialog."""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from admincenter.accounts.rights import Right, requires
from admincenter.components.forms import place
from admincenter.components.lists import read_number, read_selection
from admincenter.components.navigation import go, show
from admincenter.components.rows import changeable, turn
from admincenter.send_connectors import editing, listing, pages
from connectors import services
from connectors.errors import Conflict
from connectors.models import SendConnector
from transport import servers

LIST = "send_connectors:list"


@requires(Right.VIEW)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the list and the details of what is picked; all of it is in the address."""
    return show(request, "admincenter/send_connectors/list.html", listing.context(request), part="details")


@requires(Right.CONNECTORS)
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Do what a button asks for the connectors picked; editing and removing have pages of their own."""
    ids = read_selection(request.POST)
    verb = request.POST.get("verb", "")
    if not ids:
        messages.warning(request, "No send connector is picked. Tick one first.")
    elif verb == "edit" and len(ids) > 1:
        messages.warning(request, "Several send connectors are picked. Pick the one to edit.")
    elif verb == "edit":
        return redirect("send_connectors:edit", ids[0])
    elif verb == "remove":
        return redirect(_with(ids, reverse("send_connectors:remove")))
    elif verb in SWITCHES:
        _switch(request, ids, verb=verb)
    else:
        messages.error(
            request, "Nothing was done: the page asked for something that does not exist. Reload it."
        )
    return redirect(_with(ids, reverse(LIST)))


@requires(Right.CONNECTORS)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest) -> HttpResponse:
    """Ask before removing, with the names; then remove."""
    if request.method == "POST":
        count = services.remove(read_selection(request.POST), actor=request.user.get_username())
        said = f"{_counted(count)} removed." if count else "Nothing was removed: somebody else did it before."
        (messages.success if count else messages.warning)(request, said)
        return go(request, reverse(LIST))
    context = listing.context(request)
    if not context["chosen"]:
        messages.warning(request, "These send connectors do not exist any more. Nothing was removed.")
        return go(request, reverse(LIST))
    return show(request, "admincenter/send_connectors/remove.html", context, part="dialog")


@requires(Right.CONNECTORS)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, connector_id: int) -> HttpResponse:
    """Show the edit dialog, or take what it sent."""
    if request.method == "POST":
        return _take(request, SendConnector.objects.with_parts().filter(pk=connector_id).first())
    connector = get_object_or_404(SendConnector.objects.with_parts(), pk=connector_id)
    return _render(request, connector, editing.forms_of(connector))


def _take(request: HttpRequest, connector: SendConnector | None) -> HttpResponse:
    order = request.POST.get("go", "save")
    if order == "cancel":
        return go(request, listing.address(connector) if connector else reverse(LIST))
    if connector is None:
        return _vanished(request)
    if order == "save":
        return _save(request, connector)
    typed = changeable(request.POST)
    if order == "all-servers":
        typed.setlist("source_servers", [server.name for server in servers.registered()])
    row = turn(typed, order, lists=pages.ROW_LISTS)
    return _render(request, connector, editing.forms_of(connector, data=typed, quiet=True), row=row)


def _save(request: HttpRequest, connector: SendConnector) -> HttpResponse:
    forms = editing.forms_of(connector, data=request.POST)
    if not forms.are_valid():
        return _render(request, connector, forms, status=422)
    version = read_number(request.POST.get("version", ""))
    actor = request.user.get_username()
    try:
        services.change(
            connector.pk,
            forms.spec(connector),
            actor=actor,
            expected_version=version,
            reason=forms.reason.cleaned_data["reason"],
        )
    except services.InvalidConnector as error:
        homeless = place(error.problems, forms.all())
        return _render(request, connector, forms, homeless=homeless, status=422)
    except Conflict as error:
        return _render(request, connector, forms, conflict=str(error), status=409)
    except services.NoSuchConnector:
        return _vanished(request)
    messages.success(
        request, "The send connector was saved. Waiting mail is routed again where that changes its way."
    )
    return go(request, listing.address(connector))


def _vanished(request: HttpRequest) -> HttpResponse:
    messages.error(request, "This send connector was removed meanwhile. Nothing was saved.")
    return go(request, reverse(LIST))


def _render(
    request: HttpRequest,
    connector: SendConnector,
    forms: editing.EditForms,
    *,
    status: int = 200,
    **more: object,
) -> HttpResponse:
    context = {
        **listing.context(request),
        "connector": connector,
        "version": request.POST.get("version", connector.version),
        "forms": forms,
        "section": request.POST.get("section", ""),
        **more,
    }
    return show(request, "admincenter/send_connectors/edit.html", context, part="dialog", status=status)


def _switch(request: HttpRequest, ids: Sequence[int], *, verb: str) -> None:
    done, already = SWITCHES[verb]
    count = SERVICES[verb](ids, actor=request.user.get_username())
    messages.success(request, f"{_counted(count)} {done}." if count else already)


SWITCHES = {
    "enable": ("enabled", "Nothing to do: every send connector picked was enabled already, or is gone."),
    "disable": ("disabled", "Nothing to do: every send connector picked was disabled already, or is gone."),
}
SERVICES: dict[str, Callable[..., int]] = {"enable": services.enable, "disable": services.disable}


def _with(ids: Sequence[int], address: str) -> str:
    return f"{address}?{urlencode({'selected': ids}, doseq=True)}" if ids else address


def _counted(count: int) -> str:
    return "1 send connector" if count == 1 else f"{count} send connectors"
