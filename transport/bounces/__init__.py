"""Reports to the sender about mail that failed, is late or went on (RFC 3464, 6522, 6533, 3834)."""

from transport.bounces.message import write
from transport.bounces.report import RecipientStatus, Report

__all__ = ["RecipientStatus", "Report", "write"]
