"""The message tracking log."""

from django.db import models


class TrackingEvent(models.Model):
    """One line of the message tracking log (exchange.md 9.3); it outlives the message.

    What belongs to the message as a whole stands once, in the line that opened its story (RECEIVE or DSN),
    and is looked up there: the others carry only what happened. No foreign keys: a server is never deleted,
    a message is, and its story stays.
    """

    at = models.DateTimeField()
    server_id = models.BigIntegerField()
    message_id = models.BigIntegerField()
    event = models.CharField(max_length=16)
    source = models.CharField(max_length=16)
    connector = models.CharField(max_length=64, blank=True)
    """Who carried it: the receive connector of a line that opens, else the send connector."""
    peer_name = models.CharField(max_length=255, blank=True)
    """The other side: the client that handed the message in, or the host that it was offered to."""
    peer_address = models.CharField(max_length=64, blank=True)
    recipients = models.TextField(blank=True)
    """The recipients that the line is about, one a line."""
    statuses = models.TextField(blank=True)
    """A reply for each of them, one a line; a single one stands for all."""
    context = models.CharField(max_length=512, blank=True)
    """source-context: what explains the line, as the number of its SMTP session."""
    reference = models.CharField(max_length=512, blank=True)
    custom_data = models.CharField(max_length=1024, blank=True)
    sender = models.CharField(max_length=320, blank=True)
    internet_message_id = models.CharField(max_length=512, blank=True)
    subject = models.CharField(max_length=255, blank=True)
    total_bytes = models.BigIntegerField(null=True)
    """Set in the line that opens a story, and only there."""

    class Meta:
        indexes = [
            # Pages and the retention of one server go by time. Nothing else is worth what an index costs
            # thousands of messages a second: senders, recipients and subjects are found by reading a range.
            models.Index(fields=["server_id", "at"], name="tracking_by_time"),
            # The story of a message, and in it the line that opened it, however long the story is.
            models.Index(fields=["message_id", "total_bytes"], name="tracking_by_message"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of message {self.message_id}"
