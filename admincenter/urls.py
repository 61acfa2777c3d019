"""Every address of the web console."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="send_connectors:list")),
    path("", include("admincenter.accounts.urls")),
    path("mail-flow/send-connectors/", include("admincenter.send_connectors.urls")),
    path("mail-flow/queues/", include("admincenter.queue_viewer.urls")),
]
