"""The pages of one's own account; signing in and out are Django's views on our templates."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from admincenter.accounts import services
from admincenter.accounts.forms import NewPasswordForm, SignInForm
from admincenter.accounts.time_limits import SIGNED_OUT


class SignIn(LoginView):
    """Ask for name and password, then lead to the page that asked for it."""

    template_name = "admincenter/accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say why one has to sign in again."""
        return super().get_context_data(signed_out=self.request.session.get(SIGNED_OUT, ""), **kwargs)

    def get_success_url(self) -> str:
        """Return `next`, or the start where it would lead round in a circle or out again."""
        target: str = super().get_success_url()
        leads_nowhere = urlsplit(target).path in {reverse("sign_in"), reverse("sign_out")}
        return self.get_default_redirect_url() if leads_nowhere else target


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """Ask for the present password and a new one; other sessions of this user end."""
    assert isinstance(request.user, User)  # noqa: S101 - LoginRequiredMiddleware let nobody else in
    form = NewPasswordForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        services.change_password(request.user, new=form.cleaned_data["new_password1"])
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is changed. Your other sessions were signed out.")
        return redirect("/")
    context = {"form": form, "forced": services.must_change_password(request.user)}
    status = 422 if form.is_bound else 200
    return render(request, "admincenter/accounts/change_password.html", context, status=status)
