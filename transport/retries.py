"""When mail is tried again and when it expires: Exchange's schedule (exchange.md 7). Reads no clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from transport.envelope import Priority

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

COUNT_RANGES = {"queue_glitch_retry_count": (0, 15), "transient_failure_retry_count": (0, 15)}
INTERVAL_RANGES = {
    "queue_glitch_retry_interval": (SECOND, 12 * HOUR),
    "transient_failure_retry_interval": (SECOND, 12 * HOUR),
    "outbound_connection_failure_retry_interval": (SECOND, 20 * DAY),
    "message_retry_interval": (SECOND, DAY),
    "message_expiration_timeout": (5 * SECOND, 90 * DAY),
    "high_priority_message_expiration_timeout": (5 * SECOND, 90 * DAY),
    "low_priority_message_expiration_timeout": (5 * SECOND, 90 * DAY),
    "delay_notification_timeout": (SECOND, 30 * DAY),
    "high_priority_delay_notification_timeout": (SECOND, 30 * DAY),
    "low_priority_delay_notification_timeout": (SECOND, 30 * DAY),
    "queue_max_idle_time": (5 * SECOND, HOUR),
    "max_idle_time_before_resubmit": (MINUTE, 90 * DAY),
    "safety_net_hold_time": (timedelta(0), 90 * DAY),
}
"""What Set-TransportService accepts (exchange.md 7.1); ours where Exchange documents no range."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The intervals of one transport server, named as the parameters of Set-TransportService.

    Raises ValueError when a value is outside its range.
    """

    queue_glitch_retry_count: int = 4
    queue_glitch_retry_interval: timedelta = MINUTE
    transient_failure_retry_count: int = 6
    transient_failure_retry_interval: timedelta = 5 * MINUTE
    outbound_connection_failure_retry_interval: timedelta = 10 * MINUTE
    message_retry_interval: timedelta = 5 * MINUTE
    message_expiration_timeout: timedelta = 2 * DAY
    high_priority_message_expiration_timeout: timedelta = 8 * HOUR
    low_priority_message_expiration_timeout: timedelta = 2 * DAY
    delay_notification_timeout: timedelta = 4 * HOUR
    high_priority_delay_notification_timeout: timedelta = 30 * MINUTE
    low_priority_delay_notification_timeout: timedelta = 8 * HOUR
    queue_max_idle_time: timedelta = 3 * MINUTE
    max_idle_time_before_resubmit: timedelta = 12 * HOUR
    safety_net_hold_time: timedelta = 2 * DAY

    def __post_init__(self) -> None:
        for name, (lowest, highest) in (COUNT_RANGES | INTERVAL_RANGES).items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise ValueError(f"{name}: {value} is not between {lowest} and {highest}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of the schedule of a queue whose next hop fails (exchange.md 7.2)."""

    up_to: int | None
    """The last failure in a row that belongs to it; None for the one that lasts until the mail expires."""
    interval: timedelta


def stretches(schedule: Schedule) -> Iterator[Stretch]:
    """Give the parts in their order: the glitch retries, the transient ones, then one beat."""
    glitches = schedule.queue_glitch_retry_count
    transient = glitches + schedule.transient_failure_retry_count
    yield Stretch(up_to=glitches, interval=schedule.queue_glitch_retry_interval)
    yield Stretch(up_to=transient, interval=schedule.transient_failure_retry_interval)
    yield Stretch(up_to=None, interval=schedule.outbound_connection_failure_retry_interval)


def next_queue_retry(schedule: Schedule, *, failures: int, now: datetime) -> datetime:
    """Say when a queue dials again after `failures` failed connections in a row, this one counted.

    Raises ValueError when nothing failed.
    """
    _counted("failures", failures)
    return now + next(
        part.interval for part in stretches(schedule) if part.up_to is None or failures <= part.up_to
    )


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


def expires_at(
    schedule: Schedule, received_at: datetime, *, priority: Priority = Priority.NORMAL
) -> datetime:
    """Say when a message that is still waiting goes back to its sender."""
    return received_at + lifetimes(schedule)[priority]


def lifetimes(schedule: Schedule) -> dict[Priority, timedelta]:
    """Say how long a message of each priority may wait (exchange.md 7.4)."""
    return {
        Priority.HIGH: schedule.high_priority_message_expiration_timeout,
        Priority.NORMAL: schedule.message_expiration_timeout,
        Priority.LOW: schedule.low_priority_message_expiration_timeout,
    }


def delay_timeouts(schedule: Schedule) -> dict[Priority, timedelta]:
    """Say after what time the sender of a waiting message is told so, by priority (exchange.md 7.4)."""
    return {
        Priority.HIGH: schedule.high_priority_delay_notification_timeout,
        Priority.NORMAL: schedule.delay_notification_timeout,
        Priority.LOW: schedule.low_priority_delay_notification_timeout,
    }


def is_expired(schedule: Schedule, received_at: datetime, *, now: datetime) -> bool:
    """Tell whether the time of a message is over. A clock that was set back ends nothing."""
    return now >= expires_at(schedule, received_at)
