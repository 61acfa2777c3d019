"""The engine as a Django app."""

from django.apps import AppConfig


class TransportConfig(AppConfig):
    """Accepts, routes, queues, delivers, reports."""

    name = "transport"
