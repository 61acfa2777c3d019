"""The addresses of mail flow, send connectors."""

from django.urls import path

from admincenter.send_connectors import deeds, history, views, wizard

app_name = "send_connectors"
urlpatterns = [
    path("", views.index, name="list"),
    path("act/", deeds.act, name="act"),
    path("remove/", deeds.remove, name="remove"),
    path("enable/", deeds.switch, {"verb": "enable"}, name="enable"),
    path("disable/", deeds.switch, {"verb": "disable"}, name="disable"),
    path("new/", wizard.start, name="new"),
    path("new/<uuid:guid>/<slug:slug>/", wizard.page, name="wizard"),
    path("<int:connector_id>/edit/", views.edit, name="edit"),
    path("history/<uuid:guid>/", history.index, name="history"),
    path("history/<uuid:guid>/revert/", history.revert, name="revert"),
]
