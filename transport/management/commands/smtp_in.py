"""`manage.py smtp_in`: the process that takes mail in over SMTP."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from transport import receiver


class Command(BaseCommand):
    """Listen for mail until stopped."""

    help = "Take mail in over SMTP on ADMINCENTER_SMTP."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run the listener; an address that cannot be bound is one clear line."""
        host, _, port = settings.SMTP_ADDRESS.rpartition(":")
        try:
            receiver.serve((host.strip("[]"), int(port)), relay_networks=settings.RELAY_NETWORKS)
        except OSError as error:
            raise CommandError(
                f"ADMINCENTER_SMTP={settings.SMTP_ADDRESS}: cannot listen there: {error}"
            ) from error
