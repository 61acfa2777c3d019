"""The columns of a transport server that say when it tries, how much it does, and what it logs."""

from django.db import models
from django.db.models import F, Q

from transport import ceilings, keeping, retries

_SCHEDULE = retries.Schedule()
_CEILINGS = ceilings.Ceilings()
_KEEPING = keeping.Keeping()
_RANGES = (
    retries.COUNT_RANGES
    | retries.INTERVAL_RANGES
    | ceilings.RANGES
    | keeping.INTERVAL_RANGES
    | keeping.RANGES
)


class TransportLimits(models.Model):
    """Every field of `Schedule`, `Ceilings` and `Keeping`, with its default and its range."""

    queue_glitch_retry_count = models.SmallIntegerField(default=_SCHEDULE.queue_glitch_retry_count)
    queue_glitch_retry_interval = models.DurationField(default=_SCHEDULE.queue_glitch_retry_interval)
    transient_failure_retry_count = models.SmallIntegerField(default=_SCHEDULE.transient_failure_retry_count)
    transient_failure_retry_interval = models.DurationField(
        default=_SCHEDULE.transient_failure_retry_interval
    )
    outbound_connection_failure_retry_interval = models.DurationField(
        default=_SCHEDULE.outbound_connection_failure_retry_interval
    )
    message_retry_interval = models.DurationField(default=_SCHEDULE.message_retry_interval)
    message_expiration_timeout = models.DurationField(default=_SCHEDULE.message_expiration_timeout)
    high_priority_message_expiration_timeout = models.DurationField(
        default=_SCHEDULE.high_priority_message_expiration_timeout
    )
    low_priority_message_expiration_timeout = models.DurationField(
        default=_SCHEDULE.low_priority_message_expiration_timeout
    )
    delay_notification_timeout = models.DurationField(default=_SCHEDULE.delay_notification_timeout)
    high_priority_delay_notification_timeout = models.DurationField(
        default=_SCHEDULE.high_priority_delay_notification_timeout
    )
    low_priority_delay_notification_timeout = models.DurationField(
        default=_SCHEDULE.low_priority_delay_notification_timeout
    )
    queue_max_idle_time = models.DurationField(default=_SCHEDULE.queue_max_idle_time)
    max_idle_time_before_resubmit = models.DurationField(default=_SCHEDULE.max_idle_time_before_resubmit)
    safety_net_hold_time = models.DurationField(default=_SCHEDULE.safety_net_hold_time)
    max_outbound_connections = models.PositiveIntegerField(
        null=True, default=_CEILINGS.max_outbound_connections
    )
    max_per_domain_outbound_connections = models.PositiveIntegerField(
        null=True, default=_CEILINGS.max_per_domain_outbound_connections
    )
    poison_threshold = models.SmallIntegerField(default=_CEILINGS.poison_threshold)
    priority_queuing_enabled = models.BooleanField(default=_CEILINGS.priority_queuing_enabled)
    max_high_priority_message_bytes = models.PositiveIntegerField(
        default=_CEILINGS.max_high_priority_message_bytes
    )
    max_queued_messages = models.BigIntegerField(null=True, default=_CEILINGS.max_queued_messages)
    http_submission_max_messages_per_minute = models.IntegerField(
        default=_CEILINGS.http_submission_max_messages_per_minute
    )
    pickup_directory_max_messages_per_minute = models.IntegerField(
        default=_CEILINGS.pickup_directory_max_messages_per_minute
    )
    pickup_directory_max_header_bytes = models.IntegerField(
        default=_CEILINGS.pickup_directory_max_header_bytes
    )
    pickup_directory_max_recipients_per_message = models.IntegerField(
        default=_CEILINGS.pickup_directory_max_recipients_per_message
    )
    safety_net_max_bytes = models.BigIntegerField(null=True, default=_CEILINGS.safety_net_max_bytes)
    external_dsn_max_message_attach_bytes = models.PositiveIntegerField(
        default=_CEILINGS.external_dsn_max_message_attach_bytes
    )
    max_reports_per_sender_per_hour = models.PositiveIntegerField(
        null=True, default=_CEILINGS.max_reports_per_sender_per_hour
    )
    message_tracking_log_enabled = models.BooleanField(default=_KEEPING.message_tracking_log_enabled)
    message_tracking_log_subject_logging_enabled = models.BooleanField(
        default=_KEEPING.message_tracking_log_subject_logging_enabled
    )
    message_tracking_log_max_age = models.DurationField(default=_KEEPING.message_tracking_log_max_age)
    message_tracking_log_max_directory_bytes = models.BigIntegerField(
        null=True, default=_KEEPING.message_tracking_log_max_directory_bytes
    )
    send_protocol_log_path = models.CharField(
        max_length=keeping.MAX_PATH_CHARACTERS, blank=True, default=_KEEPING.send_protocol_log_path
    )
    send_protocol_log_max_age = models.DurationField(default=_KEEPING.send_protocol_log_max_age)
    send_protocol_log_max_directory_bytes = models.BigIntegerField(
        null=True, default=_KEEPING.send_protocol_log_max_directory_bytes
    )
    send_protocol_log_max_file_bytes = models.BigIntegerField(
        null=True, default=_KEEPING.send_protocol_log_max_file_bytes
    )
    receive_protocol_log_path = models.CharField(
        max_length=keeping.MAX_PATH_CHARACTERS, blank=True, default=_KEEPING.receive_protocol_log_path
    )
    receive_protocol_log_max_age = models.DurationField(default=_KEEPING.receive_protocol_log_max_age)
    receive_protocol_log_max_directory_bytes = models.BigIntegerField(
        null=True, default=_KEEPING.receive_protocol_log_max_directory_bytes
    )
    receive_protocol_log_max_file_bytes = models.BigIntegerField(
        null=True, default=_KEEPING.receive_protocol_log_max_file_bytes
    )
    expiry_changed_at = models.DateTimeField(null=True)
    """When the lifetime of mail was changed; null once all that waits has its new expiry."""
    expiry_cursor = models.BigIntegerField(default=0)
    """The last queued message that has it."""

    class Meta:
        abstract = True
        constraints = [
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__gte": lowest, f"{name}__lte": highest}),
                    name=f"server_{name}"[:63],
                )
                for name, (lowest, highest) in _RANGES.items()
            ),
            models.CheckConstraint(
                condition=Q(max_outbound_connections__isnull=True)
                | Q(max_per_domain_outbound_connections__isnull=True)
                | Q(max_per_domain_outbound_connections__lte=F("max_outbound_connections")),
                name="server_per_domain_within_all",
            ),
        ]
