"""What a host that offers DSN is told about reports, as it was told to us (RFC 3461 section 5.2.1)."""

from transport import dsn
from transport.envelope import DsnRequest, Transaction

_CRLF = b"\r\n"


def with_mail_parameters(line: bytes, transaction: Transaction) -> bytes:
    """Return MAIL with RET and ENVID, as far as the sender gave them."""
    ret = f" RET={transaction.ret}" if transaction.ret else ""
    envid = f" ENVID={transaction.envid}" if transaction.envid else ""
    return _extended(line, ret + envid)


def with_rcpt_parameters(line: bytes, recipient: str, request: DsnRequest, *, smtputf8: bool) -> bytes:
    """Return RCPT with NOTIFY and ORCPT; who came without ORCPT is named as we were told to reach him.

    `smtputf8` says that MAIL carries SMTPUTF8.
    """
    notify = f" NOTIFY={request.notify}" if request.notify else ""
    orcpt = request.orcpt or dsn.orcpt_for(recipient)
    if not smtputf8:
        orcpt = dsn.in_seven_bits(orcpt)
    # In seven bits an address may become longer than the parameter may be.
    known = f" ORCPT={orcpt}" if len(orcpt.encode()) <= dsn.MAX_ORCPT_BYTES else ""
    return _extended(line, notify + known)


def _extended(line: bytes, parameters: str) -> bytes:
    return line.removesuffix(_CRLF) + parameters.encode() + _CRLF
