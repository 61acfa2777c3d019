"""The web shell as a Django app."""

from django.apps import AppConfig


class AdminCenterConfig(AppConfig):
    """Screens, accounts and the management shell."""

    name = "admincenter"
