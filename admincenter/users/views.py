"""The list of users, what is done to those picked, a new user, the edit dialog, a new password."""

from collections.abc import Sequence
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from admincenter.accounts import users
from admincenter.accounts.errors import LastAdministrator, NoSuchUser, UserNameTaken
from admincenter.accounts.rights import Right, requires
from admincenter.components.lists import read_selection
from admincenter.components.navigation import go, show
from admincenter.users import listing
from admincenter.users.forms import EditUserForm, NewUserForm, edit_form

LIST = "users:list"
TEMPLATES = "admincenter/users"
WRONG = HTTPStatus.UNPROCESSABLE_ENTITY


@requires(Right.PERMISSIONS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the list and the details of what is picked; all of it is in the address."""
    return show(request, f"{TEMPLATES}/list.html", listing.context(request), part="details")


@requires(Right.PERMISSIONS)
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Do what a button asks for the users picked; what asks first has a page of its own."""
    ids = read_selection(request.POST)
    verb = request.POST.get("verb", "")
    if not ids:
        messages.warning(request, "No user is picked. Tick one first.")
    elif verb in PAGES and len(ids) > 1:
        messages.warning(request, "Several users are picked. Pick one.")
    elif verb in PAGES:
        return redirect(PAGES[verb], ids[0])
    elif verb in SWITCHES:
        return _switch(request, ids, active=SWITCHES[verb])
    else:
        messages.error(
            request, "Nothing was done: the page asked for something that does not exist. Reload it."
        )
    return redirect(_with(ids))


PAGES = {"edit": "users:edit", "reset_password": "users:reset_password"}
SWITCHES = {"activate": True, "deactivate": False}


def _switch(request: HttpRequest, ids: Sequence[int], *, active: bool) -> HttpResponse:
    try:
        count = users.set_active(ids, active=active, actor=request.user.get_username())
    except LastAdministrator as error:
        context = {**listing.context(request, picked=ids), "conflict": str(error)}
        return show(request, f"{TEMPLATES}/list.html", context, part="details", status=HTTPStatus.CONFLICT)
    done = "activated" if active else "deactivated"
    counted = "1 user" if count == 1 else f"{count} users"
    if not count:
        messages.success(request, f"Nothing to do: every user picked was {done} already, or is gone.")
    elif active:
        messages.success(request, f"{counted} activated.")
    else:
        messages.success(request, f"{counted} deactivated, and signed out everywhere.")
    return redirect(_with(ids))


@requires(Right.PERMISSIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Show the dialog of a new user, or make the one that it sent and show the password once."""
    if request.method != "POST":
        return _render_new(request, NewUserForm())
    if request.POST.get("go") == "cancel":
        return go(request, reverse(LIST))
    form = NewUserForm(request.POST)
    if not form.is_valid():
        return _render_new(request, form, status=WRONG)
    name, actor = form.cleaned_data["user_name"], request.user.get_username()
    try:
        user, password = users.create(name, form.person(), groups=form.groups(), actor=actor)
    except UserNameTaken as error:
        form.add_error("user_name", str(error))
        return _render_new(request, form, status=WRONG)
    return _render_password(request, user, password, made=True)


@requires(Right.PERMISSIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, user_id: int) -> HttpResponse:
    """Show the edit dialog, or take what it sent."""
    if request.method == "POST":
        return _take(request, User.objects.filter(pk=user_id).first())
    user = get_object_or_404(User, pk=user_id)
    return _render_edit(request, user, edit_form(user))


def _take(request: HttpRequest, user: User | None) -> HttpResponse:
    if request.POST.get("go") == "cancel":
        return go(request, listing.address(user) if user else reverse(LIST))
    return _save(request, user) if user else _vanished(request)


def _save(request: HttpRequest, user: User) -> HttpResponse:
    form = edit_form(user, request.POST)
    if not form.is_valid():
        return _render_edit(request, user, form, status=WRONG)
    active, actor = form.cleaned_data["active"], request.user.get_username()
    try:
        users.change(user.pk, form.person(), active=active, groups=form.joining(), actor=actor)
    except LastAdministrator as error:
        return _render_edit(request, user, form, conflict=str(error), status=HTTPStatus.CONFLICT)
    except NoSuchUser:
        return _vanished(request)
    messages.success(request, f"The user {user.username} was saved. Rights count from the next click on.")
    return go(request, listing.address(user))


@requires(Right.PERMISSIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def reset_password(request: HttpRequest, user_id: int) -> HttpResponse:
    """Ask first; then make a one-time password and show it once. One's own is changed elsewhere."""
    if user_id == request.user.pk:
        messages.info(request, "This is your own account: choose a new password here.")
        return go(request, reverse("change_password"))
    if request.method == "POST":
        try:
            user, password = users.reset_password(user_id, actor=request.user.get_username())
        except NoSuchUser:
            return _vanished(request)
        return _render_password(request, user, password, made=False)
    context = {**listing.context(request), "person": get_object_or_404(User, pk=user_id)}
    return show(request, f"{TEMPLATES}/reset_password.html", context, part="dialog")


def _vanished(request: HttpRequest) -> HttpResponse:
    messages.error(request, "This user does not exist any more. Nothing was saved.")
    return go(request, reverse(LIST))


def _render_new(request: HttpRequest, form: NewUserForm, *, status: int = HTTPStatus.OK) -> HttpResponse:
    context = {**listing.context(request), "form": form}
    return show(request, f"{TEMPLATES}/new.html", context, part="dialog", status=status)


def _render_edit(
    request: HttpRequest, user: User, form: EditUserForm, *, status: int = HTTPStatus.OK, conflict: str = ""
) -> HttpResponse:
    context = {**listing.context(request), "form": form, "person": user, "conflict": conflict}
    return show(request, f"{TEMPLATES}/edit.html", context, part="dialog", status=status)


def _render_password(request: HttpRequest, user: User, password: str, *, made: bool) -> HttpResponse:
    """The only page that ever shows it; it is in no session, and no cache keeps the page."""
    facts = {"person": user, "password": password, "made": made, "back": listing.address(user)}
    return show(request, f"{TEMPLATES}/password.html", {**listing.context(request), **facts}, part="dialog")


def _with(ids: Sequence[int]) -> str:
    return f"{reverse(LIST)}?{urlencode({'selected': ids}, doseq=True)}" if ids else reverse(LIST)
