"""Every address of the web console."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="dashboard:show")),
    path("", include("admincenter.accounts.urls")),
    path("dashboard/", include("admincenter.dashboard.urls")),
    path("mail-flow/send-connectors/", include("admincenter.send_connectors.urls")),
    path("mail-flow/receive-connectors/", include("admincenter.receive_connectors.urls")),
    path("api/v1/", include("admincenter.message_api.urls")),
    path("mail-flow/test-message/", include("admincenter.test_message.urls")),
    path("mail-flow/delivery-reports/", include("admincenter.delivery_reports.urls")),
    path("compliance/audit-log/", include("admincenter.audit_log.urls")),
    path("mail-flow/queues/", include("admincenter.queue_viewer.urls")),
    path("permissions/admin-roles/", include("admincenter.admin_roles.urls")),
    path("permissions/users/", include("admincenter.users.urls")),
]


def bad_request(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """Show the page for a request that makes no sense.

    Django's own view looks for the CSRF token first, and breaks on a form that cannot be read.
    """
    return HttpResponse(render_to_string("400.html"), status=HTTPStatus.BAD_REQUEST)


handler400 = bad_request
