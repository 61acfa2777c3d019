"""The addresses of permissions, users."""

from django.urls import path

from admincenter.users import views

app_name = "users"
urlpatterns = [
    path("", views.index, name="list"),
    path("act/", views.act, name="act"),
    path("new/", views.new, name="new"),
    path("<int:user_id>/edit/", views.edit, name="edit"),
    path("<int:user_id>/reset-password/", views.reset_password, name="reset_password"),
]
