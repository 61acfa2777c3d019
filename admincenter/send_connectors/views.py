"""The list of send connectors, and the edit dialog."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from admincenter.accounts.rights import Right, requires
from admincenter.components.forms import place
from admincenter.components.lists import read_number
from admincenter.components.navigation import go, show
from admincenter.components.rows import changeable, turn
from admincenter.send_connectors import editing, held, listing, pages
from admincenter.send_connectors.foresight import foresee
from connectors import services
from connectors.errors import Conflict, Problem
from connectors.models import SendConnector
from connectors.specs import ConnectorSpec
from transport import servers
from transport.impacts import Impact

LIST = "send_connectors:list"


@requires(Right.VIEW)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the list and the details of what is picked; all of it is in the address."""
    return show(request, "admincenter/send_connectors/list.html", listing.context(request), part="details")


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
        if connector:
            held.drop(request.session, connector.guid)
        return go(request, listing.address(connector) if connector else reverse(LIST))
    if connector is None:
        return _vanished(request)
    if order in {"save", "confirm"}:
        return _save(request, connector, confirmed=order == "confirm")
    typed = changeable(request.POST)
    if order == "review":
        return _review(request, connector, typed)
    if order == "all-servers":
        typed.setlist("source_servers", [server.name for server in servers.registered()])
    row = turn(typed, order, lists=pages.ROW_LISTS)
    return _render(request, connector, editing.forms_of(connector, data=typed, quiet=True), row=row)


def _review(request: HttpRequest, connector: SendConnector, typed: editing.Typed) -> HttpResponse:
    """Go back to the dialog with what was typed."""
    held.drop(request.session, connector.guid)
    again = "The password that you typed is not kept: type it again."
    homeless = [again] if "password_held" in typed else []
    forms = editing.forms_of(connector, data=typed, quiet=True)
    return _render(request, connector, forms, homeless=homeless)


def _save(request: HttpRequest, connector: SendConnector, *, confirmed: bool) -> HttpResponse:
    forms = editing.forms_of(connector, data=request.POST)
    if not forms.are_valid():
        return _render(request, connector, forms, status=422)
    try:
        return _change(request, connector, forms, confirmed=confirmed)
    except services.InvalidConnector as error:
        homeless = place(error.problems, forms.all())
        return _render(request, connector, forms, homeless=homeless, status=422)
    except Conflict as error:
        return _render(request, connector, forms, conflict=str(error), status=409)
    except services.NoSuchConnector:
        return _vanished(request)


def _change(
    request: HttpRequest, connector: SendConnector, forms: editing.EditForms, *, confirmed: bool
) -> HttpResponse:
    """Save what the valid forms say; what touches waiting mail is told first, and saved when confirmed."""
    version = read_number(request.POST.get("version", ""))
    spec = forms.spec(connector)
    if confirmed:
        spec = _with_password(request, connector, spec)
    else:
        checked = services.examine(connector.pk, spec, expected_version=version)
        if impact := foresee({connector.pk: checked}):
            return _foretell(request, connector, spec, impact)
    reason = forms.reason.cleaned_data["reason"]
    actor = request.user.get_username()
    services.change(connector.pk, spec, actor=actor, expected_version=version, reason=reason)
    held.drop(request.session, connector.guid)
    messages.success(
        request, "The send connector was saved. Waiting mail is routed again where that changes its way."
    )
    return go(request, listing.address(connector))


def _with_password(request: HttpRequest, connector: SendConnector, spec: ConnectorSpec) -> ConnectorSpec:
    """Give the password back that was typed before the question. Raises InvalidConnector if it is lost."""
    if spec.sealed_password or "password_held" not in request.POST:
        return spec
    restored = held.restored(request.session, connector.guid, spec)
    if not restored.sealed_password:
        raise services.InvalidConnector([Problem("sealed_password", "", "type it again, it was not kept")])
    return restored


def _foretell(
    request: HttpRequest, connector: SendConnector, spec: ConnectorSpec, impact: Impact
) -> HttpResponse:
    """Say what the change does to waiting mail; the page carries all that was typed, but no password."""
    left_out = {"csrfmiddlewaretoken", "go", "password", "password_held"}
    context = {
        **listing.context(request),
        "connector": connector,
        "impact": impact,
        "typed": [
            (name, text) for name, texts in request.POST.lists() for text in texts if name not in left_out
        ],
        "password_held": held.keep(request.session, connector.guid, spec),
    }
    return show(request, "admincenter/send_connectors/foreseen.html", context, part="dialog")


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
