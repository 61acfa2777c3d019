"""What is done from the queue viewer: read what is picked, ask first where it matters, act."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from admincenter.accounts.rights import Right, demand, requires
from admincenter.components import live
from admincenter.components.lists import SELECTION_LIMIT, read_selection
from admincenter.queue_viewer import questions
from admincenter.queue_viewer.notes import NoteForm
from admincenter.queue_viewer.questions import Question
from admincenter.queue_viewer.verbs import MESSAGE_VERBS, QUEUE_VERBS, Row, Verb, carry_out, is_futile
from admincenter.queue_viewer.words import shown
from transport.models import Queue, QueuedMessage
from transport.suspensions import NO_NOTE

TEMPLATES = "admincenter/queue_viewer"


class NotAnAction(ValueError):  # noqa: N818 - reads as a sentence where it is raised
    """The form asks for nothing that can be done; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where an action was asked for: what it may touch, and where one goes on afterwards."""

    page: str
    """Address of the page, with its filters."""
    action: str
    """Address that takes the action."""
    noun: str


@requires(Right.QUEUES)
@require_POST
def act_on_queues(request: HttpRequest) -> HttpResponse:
    """Act on the queues that are picked in the list."""
    place = _place(request, page=reverse("queue_viewer:list"), noun="queue")
    return _act_on_queues(request, Queue.objects.all(), place=place)


@requires(Right.QUEUES)
@require_POST
def act_on_queue(request: HttpRequest, queue_id: int) -> HttpResponse:
    """Act on the queue whose page is open."""
    place = _place(request, page=reverse("queue_viewer:queue", args=[queue_id]), noun="queue")
    return _act_on_queues(request, Queue.objects.filter(pk=queue_id), place=place)


@requires(Right.VIEW)
@require_POST
def act_on_messages(request: HttpRequest, queue_id: int) -> HttpResponse:
    """Act on the messages that are picked in one queue."""
    place = _place(request, page=reverse("queue_viewer:queue", args=[queue_id]), noun="message")
    return _act_on_queued(request, QueuedMessage.objects.filter(queue=queue_id), place=place)


@requires(Right.VIEW)
@require_POST
def act_on_message(request: HttpRequest, message_id: int) -> HttpResponse:
    """Act on a message in the queues that are picked on its page."""
    place = _place(request, page=reverse("queue_viewer:message", args=[message_id]), noun="message")
    return _act_on_queued(request, QueuedMessage.objects.filter(message=message_id), place=place)


def _act_on_queues(request: HttpRequest, queues: QuerySet[Queue], *, place: Place) -> HttpResponse:
    return _act(request, queues, verbs=QUEUE_VERBS, ask=questions.of_queues, place=place)


def _act_on_queued(request: HttpRequest, queued: QuerySet[QueuedMessage], *, place: Place) -> HttpResponse:
    queued = queued.select_related("queue")
    exports = request.POST.get("verb") == "export"
    demand(request, Right.MESSAGE_CONTENT if exports else Right.QUEUES)
    if exports:
        return _export(request, queued, place=place)
    return _act(request, queued, verbs=MESSAGE_VERBS, ask=questions.of_messages, place=place)


def _act(
    request: HttpRequest,
    rows: QuerySet[Row],
    *,
    verbs: Mapping[str, Verb[Row]],
    ask: Callable[..., Question],
    place: Place,
) -> HttpResponse:
    name = request.POST.get("verb", "")
    try:
        verb = _known(name, verbs=verbs)
        picked = _picked(request.POST, noun=place.noun)
    except NotAnAction as error:
        return _refuse(request, str(error), place=place)
    confirmed = "confirmed" in request.POST
    form = NoteForm(request.POST if confirmed else None) if verb.takes_note else None
    is_open = not confirmed or (form is not None and not form.is_valid())
    if verb.asks and is_open and not is_futile(verb, rows, picked=picked):
        question = ask(rows, picked=picked, verb=verb)
        return _ask(request, question, place=place, verb=verb, name=name, form=form)
    said = form.note(now=timezone.now()) if form is not None and form.is_valid() else NO_NOTE
    outcome = carry_out(verb, rows, picked=picked, actor=request.user.get_username(), said=said)
    say = messages.success if outcome.count else messages.warning
    say(request, outcome.sentence)
    return _go_on(request, place=place)


def _known(name: str, *, verbs: Mapping[str, Verb[Row]]) -> Verb[Row]:
    if name not in verbs:
        raise NotAnAction(f"Action “{shown(name[:40])}”: it is none of {', '.join(verbs)}. Nothing was done.")
    return verbs[name]


def _picked(data: QueryDict, *, noun: str) -> Sequence[int]:
    """Return the ids that are picked. Raises NotAnAction where there is none, or something that is no id."""
    sent = set(data.getlist("selected"))
    picked = read_selection(data)
    if len(sent) > SELECTION_LIMIT:
        raise NotAnAction(f"At most {SELECTION_LIMIT:,} {noun}s can be picked at once. Nothing was done.")
    if len(picked) < len(sent):
        raise NotAnAction(f"Something that is picked is no {noun}. Nothing was done; reload the page.")
    if not picked:
        raise NotAnAction(f"No {noun} is picked. Tick one first.")
    return picked


def _ask(request: HttpRequest, question: Question, *, place: Place, **more: Any) -> HttpResponse:
    if not question.selected:
        messages.warning(request, f"Nothing was done. {question.vanished} no longer there.")
        return _go_on(request, place=place)
    verb, form = more["verb"], more["form"]
    context = {
        "question": question,
        "place": place,
        "title": verb.asks.format(what=question.what),
        "button": verb.asks.split(" ", 1)[0],
        **more,
    }
    part = "#dialog" if _is_htmx(request) else ""
    status = 422 if form is not None and form.errors else 200
    return render(request, f"{TEMPLATES}/question.html{part}", context, status=status)


def _export(request: HttpRequest, queued: QuerySet[QueuedMessage], *, place: Place) -> HttpResponse:
    try:
        picked = _picked(request.POST, noun=place.noun)
    except NotAnAction as error:
        return _refuse(request, str(error), place=place)
    if len(picked) > 1:
        return _refuse(request, "Pick one message: each is exported to a file of its own.", place=place)
    if not queued.filter(pk=picked[0]).exists():
        messages.warning(request, "This message is no longer there. Nothing was exported.")
        return _go_on(request, place=place)
    address = reverse("queue_viewer:export", args=[picked[0]])
    return HttpResponseClientRedirect(address) if _is_htmx(request) else redirect(address)


def _refuse(request: HttpRequest, sentence: str, *, place: Place) -> HttpResponse:
    messages.error(request, sentence)
    if _is_htmx(request):
        return HttpResponse(status=422)
    return render(request, f"{TEMPLATES}/refused.html", {"place": place}, status=422)


def _go_on(request: HttpRequest, *, place: Place) -> HttpResponse:
    """Let the page ask for what changed, or load it anew where there is no htmx."""
    if _is_htmx(request):
        return trigger_client_event(HttpResponse(), live.CHANGED)
    return redirect(place.page)


def _place(request: HttpRequest, *, page: str, noun: str) -> Place:
    query = request.GET.urlencode()
    return Place(page=f"{page}?{query}" if query else page, action=request.get_full_path(), noun=noun)


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
