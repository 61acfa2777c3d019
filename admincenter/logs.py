"""What the log leaves out."""

import logging
from http import HTTPStatus


def one_line_for_a_refusal(record: logging.LogRecord) -> bool:
    """Take the traceback off a refused request: whoever can reach us could fill the log with them."""
    status = getattr(record, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)
    if record.name.startswith("django.security") or status < HTTPStatus.INTERNAL_SERVER_ERROR:
        record.exc_info = None
    return True
