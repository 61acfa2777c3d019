"""The addresses of compliance, audit log."""

from django.urls import path

from admincenter.audit_log import views

app_name = "audit_log"
urlpatterns = [
    path("", views.search, name="search"),
    path("export/", views.export, name="export"),
]
