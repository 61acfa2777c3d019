"""What is done to the send connectors that are picked: enabled, disabled, removed; asked where it matters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST

from admincenter.accounts.rights import Right, requires
from admincenter.components.lists import read_selection
from admincenter.components.navigation import go, show
from admincenter.send_connectors import listing
from admincenter.send_connectors.foresight import foresee
from connectors import services
from connectors.models import SendConnector
from connectors.services import spec_of
from connectors.specs import ConnectorSpec

LIST = "send_connectors:list"


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """Enable, or disable."""

    service: Callable[..., int]
    to: bool
    done: str
    already: str


SWITCHES = {
    "enable": Switch(
        service=services.enable,
        to=True,
        done="enabled",
        already="Nothing to do: every send connector picked was enabled already, or is gone.",
    ),
    "disable": Switch(
        service=services.disable,
        to=False,
        done="disabled",
        already="Nothing to do: every send connector picked was disabled already, or is gone.",
    ),
}


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
        return _switch_or_ask(request, ids, verb=verb)
    else:
        messages.error(
            request, "Nothing was done: the page asked for something that does not exist. Reload it."
        )
    return redirect(_with(ids, reverse(LIST)))


@requires(Right.CONNECTORS)
@require_http_methods(["GET", "HEAD", "POST"])
def switch(request: HttpRequest, verb: str) -> HttpResponse:
    """Say what enabling or disabling does to waiting mail; then do it."""
    if request.method == "POST":
        ids = read_selection(request.POST)
        try:
            return _switch(request, ids, verb=verb)
        except services.InvalidConnector as error:
            return _ask(request, ids, verb=verb, problem=str(error))
    return _ask(request, read_selection(request.GET), verb=verb)


@requires(Right.CONNECTORS)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest) -> HttpResponse:
    """Ask before removing, with the names; then remove."""
    if request.method != "POST":
        return _ask(request, read_selection(request.GET), verb="remove")
    ids, reason = read_selection(request.POST), request.POST.get("reason", "")
    try:
        count = services.remove(ids, actor=request.user.get_username(), reason=reason)
    except services.InvalidConnector as error:
        return _ask(request, ids, verb="remove", problem=str(error))
    said = f"{_counted(count)} removed." if count else "Nothing was removed: somebody else did it before."
    (messages.success if count else messages.warning)(request, said)
    return go(request, reverse(LIST))


def _switch_or_ask(request: HttpRequest, ids: Sequence[int], *, verb: str) -> HttpResponse:
    chosen = SendConnector.objects.with_parts().filter(pk__in=ids)
    if foresee(_changes(chosen, verb=verb)):
        return redirect(_with(ids, reverse(f"send_connectors:{verb}")))
    return _switch(request, ids, verb=verb)


def _switch(request: HttpRequest, ids: Sequence[int], *, verb: str) -> HttpResponse:
    wanted = SWITCHES[verb]
    reason = request.POST.get("reason", "")
    count = wanted.service(ids, actor=request.user.get_username(), reason=reason)
    messages.success(request, f"{_counted(count)} {wanted.done}." if count else wanted.already)
    return go(request, _with(ids, reverse(LIST)))


def _ask(request: HttpRequest, ids: Sequence[int], *, verb: str, problem: str = "") -> HttpResponse:
    """Name those picked, and what the deed does to waiting mail."""
    chosen = list(SendConnector.objects.with_parts().filter(pk__in=ids).by_name())
    if not chosen:
        nothing = "removed" if verb == "remove" else "changed"
        messages.warning(request, f"These send connectors do not exist any more. Nothing was {nothing}.")
        return go(request, reverse(LIST))
    context = {
        **listing.context(request),
        "chosen": chosen,
        "verb": verb,
        "impact": foresee(_changes(chosen, verb=verb)),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
    }
    template = "remove.html" if verb == "remove" else "switch.html"
    path = f"admincenter/send_connectors/{template}"
    return show(request, path, context, part="dialog", status=422 if problem else 200)


def _changes(chosen: Iterable[SendConnector], *, verb: str) -> Mapping[int, ConnectorSpec | None]:
    """What the connectors would be."""
    if verb == "remove":
        return {connector.pk: None for connector in chosen}
    return {one.pk: replace(spec_of(one), enabled=SWITCHES[verb].to) for one in chosen}


def _with(ids: Sequence[int], address: str) -> str:
    return f"{address}?{urlencode({'selected': ids}, doseq=True)}" if ids else address


def _counted(count: int) -> str:
    return "1 send connector" if count == 1 else f"{count} send connectors"
