"""The SMTP protocol logs: dialogues of Verbose connectors in Exchange's file format (exchange.md 9.1)."""

from transport.protocol_log.files import Direction, LogFiles, Room, retire
from transport.protocol_log.sessions import SessionLog, session_numbers

__all__ = ["Direction", "LogFiles", "Room", "SessionLog", "retire", "session_numbers"]
