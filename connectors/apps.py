"""What an administrator configures, as a Django app."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    """Send connectors and the rules that choose between them."""

    name = "connectors"
