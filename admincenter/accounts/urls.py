"""The addresses of signing in and out and of one's own account."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from admincenter.accounts import views
from admincenter.accounts.forms import SignInForm

sign_in = LoginView.as_view(
    template_name="admincenter/accounts/sign_in.html",
    authentication_form=SignInForm,
    redirect_authenticated_user=True,
)
urlpatterns = [
    path("sign-in/", sign_in, name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("account/password/", views.change_password, name="change_password"),
]
