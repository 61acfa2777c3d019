"""The intervals and limits of a transport server as parameters and properties, in Exchange's names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from admincenter.filtering.properties import Kind
from admincenter.shell.parameters import (
    FLAG,
    TEXT,
    Parameter,
    integer,
    or_unlimited,
    size_in_bytes,
    time_span,
)
from admincenter.shell.parameters import Kind as ParameterKind
from admincenter.shell.rows import Cell, Column, Size, limit
from transport import ceilings, keeping, retries
from transport.models import TransportServer
from transport.server_settings import parameter_name

HELP = {
    "queue_glitch_retry_count": "How often a next hop that fails is dialled again after the short interval.",
    "queue_glitch_retry_interval": "The short interval.",
    "transient_failure_retry_count": "How often after that it is dialled after the next interval.",
    "transient_failure_retry_interval": "The interval between those tries.",
    "outbound_connection_failure_retry_interval": "The interval between all further tries.",
    "message_retry_interval": "After what time a message is tried again that a host put off.",
    "message_expiration_timeout": "After what time a message that waits goes back to its sender.",
    "high_priority_message_expiration_timeout": "The same for messages of High priority.",
    "low_priority_message_expiration_timeout": "The same for messages of Low priority.",
    "delay_notification_timeout": "After what time the sender is told that a message still waits.",
    "high_priority_delay_notification_timeout": "The same for messages of High priority.",
    "low_priority_delay_notification_timeout": "The same for messages of Low priority.",
    "queue_max_idle_time": "After what time an empty queue is removed.",
    "max_idle_time_before_resubmit": "After what time without a delivery a queue in Retry is routed anew.",
    "safety_net_hold_time": "How long delivered messages are kept to be resubmitted.",
    "safety_net_max_bytes": "How much content is kept for that at most; the oldest goes first.",
    "max_outbound_connections": "How many sessions the server has at once.",
    "max_per_domain_outbound_connections": "How many of them to one next hop.",
    "max_queued_messages": "With so many messages in its queues the server takes no more.",
    "http_submission_max_messages_per_minute": "Messages over HTTP in a minute by one login.",
    "pickup_directory_max_messages_per_minute": "Files that Pickup takes in a minute; Replay takes as many.",
    "pickup_directory_max_header_bytes": "The largest header of a file in Pickup.",
    "pickup_directory_max_recipients_per_message": "The most recipients of a file in Pickup.",
    "external_dsn_max_message_attach_bytes": "Of a larger original a report gives back the header only.",
    "max_reports_per_sender_per_hour": "How many reports one sender gets in an hour; the others are logged.",
    "poison_threshold": "How often a message may break a worker before it waits in the poison queue.",
    "priority_queuing_enabled": "Whether the priority that a message asks for is honoured.",
    "max_high_priority_message_bytes": "A larger message of High priority counts as Normal.",
    "message_tracking_log_enabled": "Whether events are written into the message tracking log.",
    "message_tracking_log_subject_logging_enabled": "Whether subjects stand there.",
    "message_tracking_log_max_age": "How long events are kept. 00:00:00: whatever their age.",
    "message_tracking_log_max_directory_bytes": "How much room events may take; the oldest go first.",
    "send_protocol_log_path": "The folder of the send protocol log. $null: the one in the data directory.",
    "send_protocol_log_max_age": "How long its files are kept. 00:00:00: whatever their age.",
    "send_protocol_log_max_directory_bytes": "How large the folder may become; the oldest file goes first.",
    "send_protocol_log_max_file_bytes": "How large one file becomes.",
    "receive_protocol_log_path": "The folder of the receive protocol log. $null: that in the data directory.",
    "receive_protocol_log_max_age": "How long its files are kept. 00:00:00: whatever their age.",
    "receive_protocol_log_max_directory_bytes": "How large that folder may become.",
    "receive_protocol_log_max_file_bytes": "How large one file becomes.",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One setting: the attribute of the server and what the shell calls it."""

    field: str
    parameter: Parameter[Any]

    @property
    def column(self) -> Column:
        """The property that shows it."""
        return Column(name=self.parameter.name, read=_reader(self.field), kind=_column_kind(self.field))


def _reader(field: str) -> Callable[[TransportServer], Cell]:
    def read(server: TransportServer) -> Cell:
        value: Cell = getattr(server, field)
        return Size(value) if field.endswith("_bytes") and isinstance(value, int) else limit(value)

    return read


def _column_kind(field: str) -> Kind:
    counted = field in retries.COUNT_RANGES or (field in ceilings.RANGES and field not in ceilings.UNLIMITED)
    return Kind.NUMBER if counted else Kind.TEXT


def _kind(field: str) -> ParameterKind[Any]:
    intervals = retries.INTERVAL_RANGES | keeping.INTERVAL_RANGES
    if field in intervals:
        shortest, longest = intervals[field]
        return time_span(lowest=shortest, highest=longest)
    if field in keeping.PATHS:
        return TEXT
    ranges = retries.COUNT_RANGES | ceilings.RANGES | keeping.RANGES
    if field not in ranges:
        return FLAG
    lowest, highest = ranges[field]
    number = size_in_bytes if field.endswith("_bytes") else integer
    kind = number(lowest=lowest, highest=highest)
    return or_unlimited(kind) if field in ceilings.UNLIMITED or field in keeping.RANGES else kind


LIMITS = tuple(
    Limit(field, Parameter(name=parameter_name(field), kind=_kind(field), help=text))
    for field, text in HELP.items()
)
