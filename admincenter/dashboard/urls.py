"""The address of the dashboard."""

from django.urls import path

from admincenter.dashboard import views

app_name = "dashboard"
urlpatterns = [path("", views.show, name="show")]
