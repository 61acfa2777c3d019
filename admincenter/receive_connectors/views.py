"""The list of receive connectors, what is done to those picked, a new one, and the edit dialog."""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from admincenter.accounts.rights import Right, requires
from admincenter.components.bindings import troubles_of
from admincenter.components.forms import place
from admincenter.components.lists import read_number, read_selection
from admincenter.components.navigation import go, show
from admincenter.receive_connectors import editing, listing
from connectors import receive_services
from connectors.errors import Conflict, InvalidSettings, Missing
from connectors.models import ReceiveConnector
from connectors.reception import settings_of

LIST = "receive_connectors:list"


@requires(Right.VIEW)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the list and the details of what is picked; all of it is in the address."""
    return show(request, "admincenter/receive_connectors/list.html", listing.context(request), part="details")


@requires(Right.RECEIVE_CONNECTORS)
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Do what a button asks for the connectors picked; editing and removing have pages of their own."""
    ids = read_selection(request.POST)
    verb = request.POST.get("verb", "")
    if not ids:
        messages.warning(request, "No receive connector is picked. Tick one first.")
    elif verb == "edit" and len(ids) > 1:
        messages.warning(request, "Several receive connectors are picked. Pick the one to edit.")
    elif verb == "edit":
        return redirect("receive_connectors:edit", ids[0])
    elif verb == "remove":
        return redirect(_with(ids, reverse("receive_connectors:remove")))
    elif verb in SWITCHES:
        _switch(request, ids, verb=verb)
    else:
        messages.error(
            request, "Nothing was done: the page asked for something that does not exist. Reload it."
        )
    return redirect(_with(ids, reverse(LIST)))


@requires(Right.RECEIVE_CONNECTORS)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest) -> HttpResponse:
    """Ask before removing, with the names; then remove."""
    if request.method == "POST":
        count = receive_services.remove(read_selection(request.POST), actor=request.user.get_username())
        said = f"{_counted(count)} removed." if count else "Nothing was removed: somebody else did it before."
        (messages.success if count else messages.warning)(request, said)
        return go(request, reverse(LIST))
    context = listing.context(request)
    if not context["chosen"]:
        messages.warning(request, "These receive connectors do not exist any more. Nothing was removed.")
        return go(request, reverse(LIST))
    return show(request, "admincenter/receive_connectors/remove.html", context, part="dialog")


@requires(Right.RECEIVE_CONNECTORS)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Show the dialog of a new connector, or make what it sent."""
    if request.method != "POST":
        return _render_new(request, editing.new_forms())
    if request.POST.get("go") == "cancel":
        return go(request, reverse(LIST))
    forms = editing.new_forms(data=request.POST)
    if not editing.are_valid(forms):
        return _render_new(request, forms, status=422)
    try:
        made = receive_services.create(forms.settings(), actor=request.user.get_username())
    except InvalidSettings as error:
        return _render_new(request, forms, homeless=place(error.problems, forms.all()), status=422)
    messages.success(request, _made(made))
    return go(request, listing.address(made))


def _made(connector: ReceiveConnector) -> str:
    said = f"The receive connector {connector.name} was made."
    if connector.permissions:
        return f"{said} Its server listens within seconds."
    return f"{said} Nobody may send through it yet: edit it, and choose permission groups under security."


@requires(Right.RECEIVE_CONNECTORS)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, connector_id: int) -> HttpResponse:
    """Show the edit dialog, or take what it sent."""
    if request.method == "POST":
        return _take(request, ReceiveConnector.objects.filter(pk=connector_id).first())
    connector = get_object_or_404(ReceiveConnector, pk=connector_id)
    return _render(request, connector, editing.forms_of(settings_of(connector)))


def _take(request: HttpRequest, connector: ReceiveConnector | None) -> HttpResponse:
    if request.POST.get("go") == "cancel":
        return go(request, listing.address(connector) if connector else reverse(LIST))
    return _save(request, connector) if connector else _vanished(request)


def _save(request: HttpRequest, connector: ReceiveConnector) -> HttpResponse:
    stored = settings_of(connector)
    forms = editing.forms_of(stored, data=request.POST)
    if not editing.are_valid(forms):
        return _render(request, connector, forms, status=422)
    version = read_number(request.POST.get("version", ""))
    actor = request.user.get_username()
    try:
        receive_services.change(connector.pk, forms.settings(stored), actor=actor, expected_version=version)
    except InvalidSettings as error:
        homeless = place(error.problems, forms.all())
        return _render(request, connector, forms, homeless=homeless, status=422)
    except Conflict as error:
        return _render(request, connector, forms, conflict=str(error), status=409)
    except Missing:
        return _vanished(request)
    messages.success(request, "The receive connector was saved. New sessions obey it within seconds.")
    return go(request, listing.address(connector))


def _vanished(request: HttpRequest) -> HttpResponse:
    messages.error(request, "This receive connector was removed meanwhile. Nothing was saved.")
    return go(request, reverse(LIST))


def _render_new(
    request: HttpRequest, forms: editing.NewForms, *, status: int = 200, **more: object
) -> HttpResponse:
    context = {**listing.context(request), "forms": forms, **more}
    return show(request, "admincenter/receive_connectors/new.html", context, part="dialog", status=status)


def _render(
    request: HttpRequest,
    connector: ReceiveConnector,
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
        "troubles": troubles_of([connector]).get(connector.pk, ()),
        "section": request.POST.get("section", ""),
        **more,
    }
    return show(request, "admincenter/receive_connectors/edit.html", context, part="dialog", status=status)


def _switch(request: HttpRequest, ids: Sequence[int], *, verb: str) -> None:
    done, already = SWITCHES[verb]
    try:
        count = SERVICES[verb](ids, actor=request.user.get_username())
    except InvalidSettings as error:
        messages.error(request, f"Nothing was {done}. {error}")
        return
    messages.success(request, f"{_counted(count)} {done}." if count else already)


SWITCHES = {
    "enable": ("enabled", "Nothing to do: every receive connector picked was enabled already, or is gone."),
    "disable": (
        "disabled",
        "Nothing to do: every receive connector picked was disabled already, or is gone.",
    ),
}
SERVICES: dict[str, Callable[..., int]] = {
    "enable": receive_services.enable,
    "disable": receive_services.disable,
}


def _with(ids: Sequence[int], address: str) -> str:
    return f"{address}?{urlencode({'selected': ids}, doseq=True)}" if ids else address


def _counted(count: int) -> str:
    return "1 receive connector" if count == 1 else f"{count} receive connectors"
