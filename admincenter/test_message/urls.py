"""The address of mail flow, send a test message."""

from django.urls import path

from admincenter.test_message import views

app_name = "test_message"
urlpatterns = [path("", views.compose, name="compose")]
