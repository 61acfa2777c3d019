"""What was accepted: messages, their bytes and their recipients."""

from django.db import models

from transport.models.servers import TransportServer
from transport.states import RecipientState


class Message(models.Model):
    """What was accepted, once, however many ways it goes."""

    server = models.ForeignKey(TransportServer, models.PROTECT, related_name="+")
    mail_from = models.CharField(max_length=320, blank=True)
    original_from = models.CharField(max_length=320, blank=True)
    internet_message_id = models.CharField(max_length=512, blank=True)
    subject = models.CharField(max_length=255, blank=True)
    size_bytes = models.BigIntegerField()
    source = models.CharField(max_length=64)
    client_address = models.CharField(max_length=64, blank=True)
    client_name = models.CharField(max_length=255, blank=True)
    eight_bit = models.BooleanField(default=False)
    smtputf8 = models.BooleanField(default=False)
    ret = models.CharField(max_length=4, blank=True, default="", db_default="")
    envid = models.CharField(max_length=100, blank=True, default="", db_default="")
    login = models.CharField(max_length=64, blank=True, default="", db_default="")
    """User name of the application password that it was submitted with."""
    trusted_sender = models.BooleanField(default=False, db_default=False)
    """From a client that signed in or may relay: its sender is no stranger's forged address."""
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [
            # The reports alone: how many one sender got lately.
            models.Index(
                fields=["original_from", "received_at"],
                name="message_reports",
                condition=~models.Q(original_from=""),
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class Content(models.Model):
    """The bytes of a message in chunks, so that a large one never has to stand in memory whole."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="chunk_in_its_place")]

    def __str__(self) -> str:
        return f"chunk {self.position} of message {self.message_id}"


class Recipient(models.Model):
    """One recipient of one message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="recipients")
    queued_message_id = models.BigIntegerField(null=True, db_index=True)
    """The queued message that carries it; null when it ended."""
    address = models.CharField(max_length=320)
    state = models.SmallIntegerField(
        default=RecipientState.WAITING,
        choices=[(state.value, state.name.title()) for state in RecipientState],
    )
    notify = models.CharField(max_length=28, blank=True, default="", db_default="")
    orcpt = models.CharField(max_length=500, blank=True, default="", db_default="")
    """As RCPT carried them (RFC 3461)."""
    last_reply = models.CharField(max_length=1024, blank=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.address


class HandedIn(models.Model):
    """Remembers for a day what was handed in with a key, so that a repetition finds it."""

    key = models.CharField(max_length=64, unique=True)
    """Digest of the key."""
    content = models.CharField(max_length=64)
    """Digest of what was handed in with it."""
    message_id = models.BigIntegerField()
    """The message may be gone before its key is."""
    internet_message_id = models.CharField(max_length=512, blank=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"key of message {self.message_id}"


class SubmissionWindow(models.Model):
    """How many messages a login has handed in over HTTP since its minute began."""

    login = models.CharField(max_length=64, unique=True)
    began_at = models.DateTimeField()
    count = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"minute of {self.login}"
