"""The history of a send connector: its versions, what differs between two, and the way back to one."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from admincenter.accounts.rights import Right, may, requires
from admincenter.components.lists import read_number
from admincenter.components.navigation import show
from admincenter.send_connectors import listing, versions
from admincenter.send_connectors.foresight import foresee
from connectors import credentials, services, validators
from connectors.errors import Conflict, InvalidValue, Problem
from connectors.models import ConnectorVersion, SendConnector
from transport.impacts import Impact

PAGE = "admincenter/send_connectors/history.html"
QUESTION = "admincenter/send_connectors/revert.html"


@requires(Right.VIEW)
@require_safe
def index(request: HttpRequest, guid: UUID) -> HttpResponse:
    """List the versions, and compare two; all of it is in the address."""
    return render(request, PAGE, _context(request, guid))


@requires(Right.CONNECTORS)
@sensitive_post_parameters("password")
@require_POST
def revert(request: HttpRequest, guid: UUID) -> HttpResponse:
    """Give the connector the settings of a version again, or say what stands in the way."""
    connector = get_object_or_404(SendConnector, guid=guid)
    try:
        return _revert(request, connector)
    except services.InvalidConnector as error:
        return _ask(request, connector, problems=error.problems, status=422)
    except Conflict as error:
        return _ask(request, connector, conflict=str(error), status=409)
    except (services.NoSuchConnector, services.NoSuchVersion) as error:
        messages.error(request, f"{error} Nothing was changed.")
        return redirect("send_connectors:history", guid)


def _revert(request: HttpRequest, connector: SendConnector) -> HttpResponse:
    """Go back; where that touches waiting mail it is told first."""
    number = read_number(request.POST.get("number", ""))
    if "confirmed" not in request.POST and _impact(connector, number):
        return _ask(request, connector, status=200)
    services.revert(
        connector.pk,
        number,
        actor=request.user.get_username(),
        expected_version=read_number(request.POST.get("version", "")),
        sealed_password=_sealed(request, connector.guid),
        reason=request.POST.get("reason", ""),
    )
    messages.success(request, f"The send connector has the settings of version {number} again.")
    return redirect(listing.address(connector))


def _impact(connector: SendConnector, number: int) -> Impact | None:
    """What the way back does to waiting mail; None: there is no such version."""
    version = ConnectorVersion.objects.of(connector.guid).filter(number=number).first()
    return foresee({connector.pk: version.spec}) if version else None


def _sealed(request: HttpRequest, guid: UUID) -> str:
    """Seal the password that was typed, if one was. Raises InvalidConnector."""
    typed = request.POST.get("password", "")
    if not typed:
        return ""
    try:
        return credentials.seal(validators.password(typed), guid=guid)
    except InvalidValue as error:
        raise services.InvalidConnector([error.problem]) from error


def _ask(
    request: HttpRequest,
    connector: SendConnector,
    *,
    status: int,
    problems: tuple[Problem, ...] = (),
    conflict: str = "",
) -> HttpResponse:
    """Show the question before the way back, with what is wrong."""
    number = read_number(request.POST.get("number", ""))
    asked = {
        "number": number,
        "version": read_number(request.POST.get("version", "")),
        "reason": request.POST.get("reason", ""),
        "problems": problems,
        "conflict": conflict,
        "wants_password": any(one.field == "sealed_password" for one in problems),
        "impact": None if conflict else _impact(connector, number),
    }
    context = {**_context(request, connector.guid), **asked}
    return show(request, QUESTION, context, part="dialog", status=status)


def _context(request: HttpRequest, guid: UUID) -> dict[str, object]:
    newest = ConnectorVersion.objects.of(guid).first()
    if newest is None:
        raise Http404
    before = read_number(request.GET.get("before", ""))
    rows, older = versions.rows(guid, before=before)
    return {
        "guid": guid,
        "name": newest.settings["name"],
        "connector": SendConnector.objects.filter(guid=guid).first(),
        "newest": newest,
        "rows": rows,
        "before": before,
        "older": older,
        "comparison": versions.compare(request, guid, newest=newest.number),
        "may_change": may(request.user, Right.CONNECTORS),
    }
