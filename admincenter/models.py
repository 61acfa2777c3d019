"""The tables of the web shell: what we know of a person beyond Django's user."""

from django.conf import settings
from django.db import models


class Profile(models.Model):
    """One per user."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="profile")
    must_change_password = models.BooleanField(default=False)
    """The password was made by the program or by somebody else; the next sign-in asks for a new one."""

    def __str__(self) -> str:
        return f"profile of {self.user}"


class Membership(models.Model):
    """One user in one role group."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role_group = models.CharField(max_length=64)
    """Slug of a group of `accounts.role_groups`; a row of a group that is gone gives nothing."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role_group"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.role_group}"
