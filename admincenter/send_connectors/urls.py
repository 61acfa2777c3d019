"""The addresses of mail flow, send connectors."""

from django.urls import path

from admincenter.send_connectors import history, views, wizard

app_name = "send_connectors"
urlpatterns = [
    path("", views.index, name="list"),
    path("act/", views.act, name="act"),
    path("remove/", views.remove, name="remove"),
    path("new/", wizard.start, name="new"),
    path("new/<uuid:guid>/<slug:slug>/", wizard.page, name="wizard"),
    path("<int:connector_id>/edit/", views.edit, name="edit"),
    path("history/<uuid:guid>/", history.index, name="history"),
    path("history/<uuid:guid>/revert/", history.revert, name="revert"),
]
