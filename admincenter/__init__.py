"""The web admin center; importing it makes its Celery application the current one."""

from admincenter.celery import app as celery_app

__all__ = ["celery_app"]
