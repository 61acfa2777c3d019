"""`manage.py smtp_in`: the process that takes mail in over SMTP."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from transport import receiver


class Command(BaseCommand):
    """Listen for mail until stopped."""

    help = "Take mail in over SMTP through the receive connectors of this server."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run the listener; bindings of which none can be had are one clear line."""
        try:
            receiver.serve()
        except OSError as error:
            raise CommandError(f"receive connectors: cannot listen on {error}") from error
