"""Reports to the sender about mail that did not arrive (RFC 3464, RFC 6522, RFC 3834)."""

from transport.bounces.message import non_delivery_report
from transport.bounces.report import RecipientFailure, Report

__all__ = ["RecipientFailure", "Report", "non_delivery_report"]
