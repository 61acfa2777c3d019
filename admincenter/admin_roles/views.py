"""The list of role groups, and the dialog in which their members are edited."""

from http import HTTPStatus

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from admincenter.accounts import memberships, role_groups
from admincenter.accounts.errors import LastAdministrator
from admincenter.accounts.rights import Right, requires
from admincenter.accounts.role_groups import RoleGroup
from admincenter.admin_roles import listing
from admincenter.admin_roles.forms import MembersForm, members_form
from admincenter.components.navigation import go, show

LIST = "admin_roles:list"
TEMPLATES = "admincenter/admin_roles"


@requires(Right.PERMISSIONS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the list and the details of what is picked; all of it is in the address."""
    return show(request, f"{TEMPLATES}/list.html", listing.context(request), part="details")


@requires(Right.PERMISSIONS)
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Open the dialog for the role group that is picked; nothing else can be done to one."""
    groups = role_groups.in_order(request.POST.getlist("selected"))
    if len(groups) == 1 and request.POST.get("verb") == "edit":
        return redirect("admin_roles:edit", groups[0].slug)
    messages.warning(request, "Pick one role group to edit its members.")
    query = urlencode({"selected": [group.slug for group in groups]}, doseq=True)
    return redirect(f"{reverse(LIST)}?{query}" if groups else LIST)


@requires(Right.PERMISSIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the members with a box for each user, or take what was ticked."""
    group = role_groups.find(slug)
    if group is None:
        raise Http404("no such role group")
    if request.method != "POST":
        return _render(request, group, members_form(group))
    if request.POST.get("go") == "cancel":
        return go(request, listing.address(group))
    return _save(request, group, members_form(group, request.POST))


def _save(request: HttpRequest, group: RoleGroup, form: MembersForm) -> HttpResponse:
    if not form.is_valid():
        return _render(request, group, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    actor = request.user.get_username()
    try:
        count = memberships.change_members(group, add=form.joining(), remove=form.leaving(), actor=actor)
    except LastAdministrator as error:
        return _render(request, group, form, conflict=str(error), status=HTTPStatus.CONFLICT)
    said = "Rights count from the next click on." if count else "Nothing was changed."
    messages.success(request, f"The members of {group.name} were saved. {said}")
    return go(request, listing.address(group))


def _render(
    request: HttpRequest,
    group: RoleGroup,
    form: MembersForm,
    *,
    status: int = HTTPStatus.OK,
    conflict: str = "",
) -> HttpResponse:
    context = {**listing.context(request), "group": group, "form": form, "conflict": conflict}
    return show(request, f"{TEMPLATES}/edit.html", context, part="dialog", status=status)
