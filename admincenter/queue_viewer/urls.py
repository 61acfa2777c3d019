"""The addresses of mail flow, queues."""

from django.urls import path

from admincenter.queue_viewer import changes, downloads, views

app_name = "queue_viewer"
urlpatterns = [
    path("", views.show_queues, name="list"),
    path("export/", downloads.export_queues, name="export_queues"),
    path("act/", changes.act_on_queues, name="act"),
    path("<int:queue_id>/", views.show_queue, name="queue"),
    path("<int:queue_id>/act/", changes.act_on_queue, name="act_on_queue"),
    path("<int:queue_id>/messages/act/", changes.act_on_messages, name="act_on_messages"),
    path("<int:queue_id>/messages/export/", downloads.export_messages, name="export_messages"),
    path("messages/<int:message_id>/", views.show_message, name="message"),
    path("messages/<int:message_id>/act/", changes.act_on_message, name="act_on_message"),
    path("export/<int:queued_id>/", downloads.export, name="export"),
]
