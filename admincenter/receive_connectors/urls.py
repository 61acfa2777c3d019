"""The addresses of mail flow, receive connectors."""

from django.urls import path

from admincenter.receive_connectors import views

app_name = "receive_connectors"
urlpatterns = [
    path("", views.index, name="list"),
    path("act/", views.act, name="act"),
    path("remove/", views.remove, name="remove"),
    path("new/", views.new, name="new"),
    path("<int:connector_id>/edit/", views.edit, name="edit"),
]
