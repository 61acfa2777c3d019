"""The Celery application: Redis carries rings between processes, never mail."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "admincenter.settings")
app = Celery("admincenter", include=["transport.tasks"], set_as_current=True)
app.config_from_object("django.conf:settings", namespace="CELERY")
