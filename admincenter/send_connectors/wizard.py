"""The wizard "new send connector": five small pages over one draft, one connector at the end."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from admincenter.accounts.rights import Right, requires
from admincenter.components.forms import Section
from admincenter.components.navigation import go, show
from admincenter.components.rows import turn
from admincenter.send_connectors import drafts, listing, pages
from admincenter.send_connectors.drafts import Draft
from connectors import services
from connectors.models import SendConnector
from transport import servers


@requires(Right.CONNECTORS)
@require_safe
def start(_request: HttpRequest) -> HttpResponse:
    """Open the wizard under a fresh guid; nothing is kept before the first page is sent."""
    return redirect("send_connectors:wizard", guid=uuid4(), slug=pages.FIRST)


@requires(Right.CONNECTORS)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, guid: UUID, slug: str) -> HttpResponse:
    """Show a page of the wizard, or take what it sent."""
    draft = drafts.load(request.session, guid)
    if draft is None:
        finished = SendConnector.objects.filter(guid=guid).first()
        if finished is not None:
            return go(request, listing.address(finished))
        if slug != pages.FIRST:
            return _lost(request)
        draft = Draft(guid=guid)
    if slug not in pages.of(draft):
        return redirect("send_connectors:wizard", guid=guid, slug=pages.FIRST)
    if request.method == "POST":
        return _take(request, draft, slug)
    if "check" in request.GET:
        return _render(request, draft, slug, pages.review(draft, last=slug).sections[slug])
    return _render(request, draft, slug, pages.section(draft, slug, quiet=True))


def _take(request: HttpRequest, draft: Draft, slug: str) -> HttpResponse:
    order = request.POST.get("go", "next")
    if order == "cancel":
        drafts.drop(request.session, draft.guid)
        return go(request, reverse("send_connectors:list"))
    _keep(request, draft, slug)
    if order == "next":
        return _next(request, draft, slug)
    if order == "finish":
        return _finish(request, draft, slug)
    if order == "back":
        return _turn_to(request, draft, pages.neighbour(draft, slug, step=-1))
    return _turn_to(request, draft, slug, query=f"?row={_change_rows(draft, slug, order)}")


def _keep(request: HttpRequest, draft: Draft, slug: str) -> None:
    """Remember what was typed, right or wrong. A secret typed for another host or token URL is lost."""
    before = draft.page(slug)
    draft.keep(slug, request.POST, names=pages.section(draft, slug).fields)
    if slug == "network" and before is not None and draft.page(slug) != before:
        draft.sealed_password = ""
    if slug == "authentication" and before is not None and _token_urls(before) != _token_urls(request.POST):
        draft.sealed_password = ""
    if slug == "authentication" and request.POST.get("password"):
        draft.seal(request.POST["password"])


def _token_urls(page: MultiValueDict[str, str]) -> list[str]:
    return page.getlist("oauth_token_url")


def _next(request: HttpRequest, draft: Draft, slug: str) -> HttpResponse:
    """Go on if this page is right; the ones before it are asked again at the end."""
    section = pages.review(draft, last=slug, data=request.POST).sections[slug]
    if section.errors:
        drafts.save(request.session, draft)
        return _render(request, draft, slug, section, status=422)
    return _turn_to(request, draft, pages.neighbour(draft, slug, step=1))


def _finish(request: HttpRequest, draft: Draft, slug: str) -> HttpResponse:
    """Make the connector, once: its guid is the draft's, so a second click finds it made."""
    review = pages.review(draft, last=pages.of(draft)[-1])
    if review.first_wrong == slug:
        drafts.save(request.session, draft)
        return _render(request, draft, slug, review.sections[slug], status=422)
    if review.first_wrong:
        was_sent = draft.page(review.first_wrong) is not None
        return _turn_to(request, draft, review.first_wrong, query="?check=1" if was_sent else "")
    try:
        made = services.create(review.spec, guid=draft.guid, actor=request.user.get_username())
    except services.InvalidConnector as error:
        messages.error(request, str(error))
        return _turn_to(request, draft, pages.FIRST, query="?check=1")
    drafts.drop(request.session, draft.guid)
    messages.success(
        request, f"The send connector {made.name} was made. Mail for its address spaces takes it from now on."
    )
    return go(request, listing.address(made))


def _turn_to(request: HttpRequest, draft: Draft, slug: str, *, query: str = "") -> HttpResponse:
    drafts.save(request.session, draft)
    return redirect(reverse("send_connectors:wizard", args=[draft.guid, slug]) + query)


def _change_rows(draft: Draft, slug: str, order: str) -> str:
    typed = draft.page(slug) or MultiValueDict()
    if order == "all-servers":
        typed.setlist("source_servers", [server.name for server in servers.registered()])
    row = turn(typed, order, lists=pages.ROW_LISTS)
    draft.keep(slug, typed, names=list(typed))
    return row


def _lost(request: HttpRequest) -> HttpResponse:
    messages.warning(
        request, "That draft is gone: it was cancelled, or too many were open. Nothing was made; start again."
    )
    return go(request, reverse("send_connectors:list"))


def _render(
    request: HttpRequest, draft: Draft, slug: str, section: Section, *, status: int = 200
) -> HttpResponse:
    slugs = pages.of(draft)
    context = {
        **listing.context(request),
        "draft": draft,
        "slug": slug,
        "form": section,
        "steps": [(one, pages.TITLES[one], slugs.index(one) < slugs.index(slug)) for one in slugs],
        "position": slugs.index(slug) + 1,
        "title": pages.TITLES[slug],
        "page_template": f"admincenter/send_connectors/pages/{slug}.html",
        "is_first": slug == slugs[0],
        "is_last": slug == slugs[-1],
        "row": request.GET.get("row", ""),
    }
    return show(request, "admincenter/send_connectors/wizard.html", context, part="dialog", status=status)
