"""The addresses of signing in and out and of one's own account."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from admincenter.accounts import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("account/password/", views.change_password, name="change_password"),
]
