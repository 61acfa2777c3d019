"""The addresses of mail flow, delivery reports."""

from django.urls import path

from admincenter.delivery_reports import views

app_name = "delivery_reports"
urlpatterns = [
    path("", views.search, name="search"),
    path("export/", views.export, name="export"),
    path("<int:message_id>/", views.story, name="story"),
    path("<int:message_id>/dialogue/<str:session_id>/", views.dialogue, name="dialogue"),
]
