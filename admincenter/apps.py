"""The web shell as a Django app."""

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_save


class AdminCenterConfig(AppConfig):
    """Screens, accounts and the management shell."""

    name = "admincenter"

    def ready(self) -> None:
        """Let `manage.py createsuperuser` make somebody who may do everything."""
        from admincenter.accounts.memberships import admit_superuser  # noqa: PLC0415 - models are loaded now

        post_save.connect(admit_superuser, sender=settings.AUTH_USER_MODEL)
