"""When mail is tried again and when it expires: Exchange's schedule (exchange.md 7). Reads no clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

COUNT_RANGES = {"queue_glitch_retry_count": (0, 15), "transient_failure_retry_count": (0, 15)}
INTERVAL_RANGES = {
    "queue_glitch_retry_interval": (SECOND, 12 * HOUR),
    "transient_failure_retry_interval": (SECOND, 12 * HOUR),
    "outbound_connection_failure_retry_interval": (SECOND, 20 * DAY),
    "message_retry_interval": (SECOND, DAY),
    "message_expiration_timeout": (5 * SECOND, 90 * DAY),
    "delay_notification_timeout": (SECOND, 30 * DAY),
    "queue_max_idle_time": (5 * SECOND, HOUR),
}
"""What Set-TransportService accepts (exchange.md 7.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The intervals of one transport server, named as the parameters of Set-TransportService.

    Raises ValueError when a value is outside Exchange's range.
    """

    queue_glitch_retry_count: int = 4
    queue_glitch_retry_interval: timedelta = MINUTE
    transient_failure_retry_count: int = 6
    transient_failure_retry_interval: timedelta = 5 * MINUTE
    outbound_connection_failure_retry_interval: timedelta = 10 * MINUTE
    message_retry_interval: timedelta = 5 * MINUTE
    message_expiration_timeout: timedelta = 2 * DAY
    delay_notification_timeout: timedelta = 4 * HOUR
    queue_max_idle_time: timedelta = 3 * MINUTE

    def __post_init__(self) -> None:
        for name, (lowest, highest) in (COUNT_RANGES | INTERVAL_RANGES).items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise ValueError(f"{name}: {value} is not between {lowest} and {highest}.")


DEFAULT = Schedule()
"""Exchange's intervals, checked once: mail asks for them with every message."""


def next_queue_retry(schedule: Schedule, *, failures: int, now: datetime) -> datetime:
    """Say when a queue dials again after `failures` failed connections in a row, this one counted.

    First the glitch retries, then the transient ones, then one beat until the mail expires
    (exchange.md 7.2). Raises ValueError when nothing failed.
    """
    return now + _queue_interval(schedule, failures=_counted("failures", failures))


def _queue_interval(schedule: Schedule, *, failures: int) -> timedelta:
    glitches = schedule.queue_glitch_retry_count
    if failures <= glitches:
        return schedule.queue_glitch_retry_interval
    if failures <= glitches + schedule.transient_failure_retry_count:
        return schedule.transient_failure_retry_interval
    return schedule.outbound_connection_failure_retry_interval


def next_message_retry(schedule: Schedule, *, retries: int, now: datetime) -> datetime:
    """Say when one message is tried again that a host put off while the connection itself works.

    `retries` counts the attempts that were put off, this one too. As in Exchange the interval does not
    grow with it. Raises ValueError when nothing was put off.
    """
    _counted("retries", retries)
    return now + schedule.message_retry_interval


def _counted(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name}: {value} does not count the attempt that has just failed.")
    return value


def expires_at(schedule: Schedule, received_at: datetime) -> datetime:
    """Say when a message that is still waiting goes back to its sender."""
    return received_at + schedule.message_expiration_timeout


def is_expired(schedule: Schedule, received_at: datetime, *, now: datetime) -> bool:
    """Tell whether the time of a message is over. A clock that was set back ends nothing."""
    return now >= expires_at(schedule, received_at)
