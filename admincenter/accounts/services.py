"""Makes the first account, and changes one's own password. `users` changes the accounts of others."""

import logging
import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from admincenter.models import Profile
from connectors import audit
from connectors.commands import Change

logger = logging.getLogger(__name__)
FIRST_ADMINISTRATOR = "admin"
NEW_PASSWORD = Change(name="Password", new="changed", secret=True)
"""What the audit log tells of one."""


@transaction.atomic
def ensure_first_administrator() -> str | None:
    """Make the user `admin` while nobody has an account; return its one-time password, else None.

    The password is returned once and kept only as a hash; the first sign-in must change it.
    """
    users = get_user_model().objects
    if users.exists():
        return None
    password = one_time_password()
    # A superuser joins Organization Management by itself (`memberships.admit_superuser`).
    user = users.create_superuser(FIRST_ADMINISTRATOR, password=password)
    Profile.objects.create(user=user, must_change_password=True)
    facts = {"user": FIRST_ADMINISTRATOR}
    transaction.on_commit(lambda: logger.info("first_administrator_created", extra=facts))
    return password


def one_time_password() -> str:
    """Make a password of 96 random bits that somebody can type."""
    return secrets.token_urlsafe(12)


def must_change_password(user: User) -> bool:
    """Tell whether this user still has a password that somebody else made."""
    return Profile.objects.filter(user=user, must_change_password=True).exists()


@transaction.atomic
def change_password(user: User, *, new: str) -> None:
    """Set a password that its owner chose; the caller has validated it."""
    user.set_password(new)
    user.save(update_fields=["password"])
    Profile.objects.update_or_create(user=user, defaults={"must_change_password": False})
    audit.record("Set-User", actor=user.username, objects=[user.username], changes=[NEW_PASSWORD])
    facts = {"actor": user.username}
    transaction.on_commit(lambda: logger.info("own_password_changed", extra=facts))
