"""The addresses of permissions, admin roles."""

from django.urls import path

from admincenter.admin_roles import views

app_name = "admin_roles"
urlpatterns = [
    path("", views.index, name="list"),
    path("act/", views.act, name="act"),
    path("<slug:slug>/edit/", views.edit, name="edit"),
]
