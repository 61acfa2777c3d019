#!/usr/bin/env python
"""Django's command line for the mail flow admin center."""

import os
import sys


def main() -> None:
    """Run one management command; a wrong setting is one line and exit status 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "admincenter.settings")
    # Late, so that the settings module is named before anything of Django looks for it.
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"manage.py: {error}")


if __name__ == "__main__":
    main()
