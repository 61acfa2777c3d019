"""The table of application passwords."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from connectors.application_passwords import MAX_USER_NAME_CHARACTERS
from connectors.validators import MAX_COMMENT_CHARACTERS


class ApplicationPassword(models.Model):
    """A login with which a program submits mail."""

    user_name = models.CharField(max_length=MAX_USER_NAME_CHARACTERS)
    user_key = models.CharField(max_length=4 * MAX_USER_NAME_CHARACTERS, unique=True)
    description = models.CharField(max_length=MAX_COMMENT_CHARACTERS, blank=True)
    digest = models.CharField(max_length=128, editable=False)
    senders = models.JSONField(default=list)
    """Texts that `application_passwords.parse_sender` reads."""
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    """Within a minute or so: it is noted now and then, not for each message."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(user_name="") & ~Q(digest=""), name="login_can_be_checked")
        ]

    def __str__(self) -> str:
        return self.user_name
