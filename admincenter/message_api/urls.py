"""The address where programs submit messages."""

from django.urls import path

from admincenter.message_api import views

app_name = "message_api"
urlpatterns = [path("messages", views.submit_message, name="submit")]
