"""Seals every stored password and private key with the newest of `ADMINCENTER_FIELD_KEYS`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.rotation import rotate_field_keys


class Command(BaseCommand):
    """Run it after putting a new key in front; afterwards the old keys can go."""

    help = (
        "Seal every stored password and private key with the newest key."
        " It can be stopped and run again at any time."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print what was done; exit status 1 when one could not be opened."""
        rotation = rotate_field_keys()
        self.stdout.write(f"{rotation.resealed} passwords and private keys sealed with the newest key.")
        if rotation.unreadable:
            raise CommandError(
                "No configured key opens what is stored of: "
                f"{', '.join(rotation.unreadable)}. Keep the old keys, or give these secrets again."
            )
