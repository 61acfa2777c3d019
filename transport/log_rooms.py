"""Where the protocol logs of this server are, as its settings say now."""

from pathlib import Path

from django.conf import settings

from transport.intervals import own_keeping
from transport.protocol_log import Direction, Room


def send_room() -> Room:
    """The folder of the send protocol log and how much of it is kept."""
    kept = own_keeping()
    return Room(
        folder=Path(kept.send_protocol_log_path) if kept.send_protocol_log_path else _default("SmtpSend"),
        max_age=kept.send_protocol_log_max_age,
        max_directory_bytes=kept.send_protocol_log_max_directory_bytes,
        max_file_bytes=kept.send_protocol_log_max_file_bytes,
    )


def receive_room() -> Room:
    """The same for the receive protocol log."""
    kept = own_keeping()
    path = kept.receive_protocol_log_path
    return Room(
        folder=Path(path) if path else _default("SmtpReceive"),
        max_age=kept.receive_protocol_log_max_age,
        max_directory_bytes=kept.receive_protocol_log_max_directory_bytes,
        max_file_bytes=kept.receive_protocol_log_max_file_bytes,
    )


def all_rooms() -> tuple[tuple[Direction, Room], ...]:
    """Both logs."""
    return (Direction.SEND, send_room()), (Direction.RECEIVE, receive_room())


def _default(name: str) -> Path:
    return settings.DATA_DIR / "logs" / "ProtocolLog" / name
