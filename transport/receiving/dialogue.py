"""What the commands of a client mean: greeting, sender, recipients (RFC 5321 section 4.1.1)."""

import re
from collections.abc import Callable
from typing import ClassVar

from transport.envelope import DsnRequest, Envelope
from transport.receiving import replies
from transport.receiving.addresses import parse_path
from transport.receiving.admission import (
    is_trusted,
    may_log_on,
    offers_starttls,
    recipient_refusal,
    sender_refusal,
)
from transport.receiving.answers import Answer, Then
from transport.receiving.content import too_large
from transport.receiving.errors import BadAddress, BadParameter
from transport.receiving.logon import ANNOUNCED, Logon
from transport.receiving.parameters import MailParameters, parse_mail_parameters, parse_rcpt_parameters
from transport.receiving.peer import Peer, TlsFacts
from transport.receiving.site import LogonWhen, Site
from transport.receiving.transaction import Transaction

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_CHUNK = re.compile(rb"(\d{1,18})(?: +LAST)?", re.IGNORECASE)
_MAX_NAME_BYTES = 255
_NAME = re.compile(rb"[\x21-\x7e]{1,%d}" % _MAX_NAME_BYTES)
_POSTMASTER = re.compile(rb"^ *<(postmaster)>", re.IGNORECASE)
_LONG_VERBS = frozenset((b"MAIL", b"RCPT", b"AUTH"))
_EXTENSIONS = ("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN")
# A web page can make a browser inside the relay networks post SMTP commands to us: no second line is read.
_HTTP_METHODS = frozenset((b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"PATCH", b"DELETE"))


class Dialogue:
    """The commands of one session, in their order; knows nothing of buffers and content."""

    def __init__(self, site: Site, *, client_address: str) -> None:
        self._site = site
        self._limits = site.limits
        self._peer = Peer(address=client_address)
        self._logon = Logon(site, self._peer)
        self._transaction: Transaction | None = None

    def execute(self, line: bytes) -> Answer:
        """Answer one command line, or one line of an AUTH exchange, given without its CRLF."""
        if self._logon.in_progress:
            return self._logon.go_on(line)
        line = line.rstrip(b" ")
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        if verb in _HTTP_METHODS:
            return Answer(replies.NOT_HTTP, then=Then.NOTHING)
        if len(line) + 2 > self._limits.max_command_bytes and verb not in _LONG_VERBS:
            return Answer(replies.LINE_TOO_LONG, fault=True)
        if _CONTROL.search(line):
            return Answer(replies.BAD_CHARACTER, fault=True)
        if not line.isascii() and not self._allows_utf8(verb, argument):
            return Answer(replies.NEEDS_SMTPUTF8, fault=True)
        command: Callable[[Dialogue, bytes], Answer] | None = self._COMMANDS.get(verb)
        return command(self, argument) if command else _FIXED.get(verb, _UNKNOWN_COMMAND)

    def envelope(self, content: bytes) -> Envelope:
        """Return the finished transaction with `content` below our Received line, and begin anew.

        Raises `Refused` for what a client that signed in may not submit.
        """
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            raise RuntimeError("There is no transaction")
        return transaction.envelope(content, site=self._site, peer=self._peer)

    def secured(self, facts: TlsFacts) -> None:
        """TLS is on: forget all that the client said in clear (RFC 3207 section 4.2)."""
        self._peer = Peer(address=self._peer.address, tls=facts)
        self._logon = Logon(self._site, self._peer)
        self._transaction = None

    def is_trusted(self) -> bool:
        """Tell whether the client signed in or may relay."""
        return is_trusted(self._site, self._peer)

    @property
    def in_logon(self) -> bool:
        """Whether the next line is a secret."""
        return self._logon.in_progress

    def reset(self) -> None:
        """Forget the transaction."""
        self._transaction = None

    def _allows_utf8(self, verb: bytes, argument: bytes) -> bool:
        if verb == b"RCPT":
            return self._transaction is not None and self._transaction.parameters.smtputf8
        return verb == b"MAIL" and b"SMTPUTF8" in argument.upper().split(b" ")

    def _hello(self, argument: bytes, *, extended: bool) -> Answer:
        if not _NAME.fullmatch(argument):
            return Answer(replies.BAD_HELLO, fault=True)
        site, peer = self._site, self._peer
        peer.name, peer.extended = argument.decode(), extended
        self._transaction = None
        lines = [f"{site.fqdn} Hello [{peer.address}]"]
        if extended:
            lines += [f"SIZE {self._limits.max_message_bytes}", *_EXTENSIONS]
            lines += ["STARTTLS"] * offers_starttls(site, peer) + [ANNOUNCED] * may_log_on(site, peer)
        return Answer(replies.compose_lines(250, lines))

    def _ehlo(self, argument: bytes) -> Answer:
        return self._hello(argument, extended=True)

    def _helo(self, argument: bytes) -> Answer:
        return self._hello(argument, extended=False)

    def _mail(self, argument: bytes) -> Answer:
        if not self._peer.name:
            return Answer(replies.HELLO_FIRST, fault=True)
        if self._transaction is not None:
            return Answer(replies.SENDER_ALREADY, fault=True)
        if argument[:5].upper() != b"FROM:":
            return Answer(replies.BAD_MAIL_SYNTAX, fault=True)
        try:
            address, rest = parse_path(argument[5:])
            may_name = self._site.rights.logon is not LogonWhen.NEVER
            return self._begin(address, parse_mail_parameters(rest, auth=may_name))
        except BadAddress as error:
            return Answer(replies.compose(501, "5.1.7", f"Invalid sender: {error}"))
        except BadParameter as error:
            return _bad_parameter(error)

    def _begin(self, address: str, parameters: MailParameters) -> Answer:
        if refusal := sender_refusal(self._site, self._peer, address):
            return Answer(refusal)
        if parameters.size_bytes > self._limits.max_message_bytes:
            return Answer(replies.refusal(too_large(self._limits)))
        if self._site.memory.short or self._site.pressure.refuses(insider=self.is_trusted):
            return Answer(replies.NO_RESOURCES)
        self._transaction = Transaction(address, parameters)
        return _SENDER_OK

    def _rcpt(self, argument: bytes) -> Answer:
        transaction = self._transaction
        if transaction is None:
            return _MAIL_FIRST
        transaction.asked = True
        if argument[:3].upper() != b"TO:":
            return Answer(replies.BAD_RCPT_SYNTAX, fault=True)
        try:
            address, rest = parse_path(self._completed(argument[3:]))
            request = parse_rcpt_parameters(rest, smtputf8=transaction.parameters.smtputf8)
        except BadAddress as error:
            return Answer(replies.compose(501, "5.1.3", f"Invalid recipient: {error}"))
        except BadParameter as error:
            return _bad_parameter(error)
        if not address:
            return Answer(replies.compose(501, "5.1.3", "Invalid recipient: it must not be empty"))
        return self._add(address, request, transaction)

    def _add(self, address: str, request: DsnRequest, transaction: Transaction) -> Answer:
        if refusal := recipient_refusal(self._site, self._peer, address):
            return Answer(refusal)
        if len(transaction.recipients) >= self._limits.max_recipients:
            return _TOO_MANY_RECIPIENTS
        transaction.recipients.append(address)
        if request.notify or request.orcpt:
            # Of an address that is named twice the first says it: it gets one copy.
            transaction.dsn_requests.setdefault(address, request)
        return _RECIPIENT_OK

    def _completed(self, path: bytes) -> bytes:
        """Give `postmaster` the default accepted domain (RFC 5321 section 4.5.1)."""
        default = self._site.registry.domains.default
        if default is None:
            return path
        return _POSTMASTER.sub(rb"<\1@%s>" % default.pattern.encode(), path, count=1)

    def _data(self, argument: bytes) -> Answer:
        if argument:
            return Answer(replies.NO_ARGUMENT_ALLOWED, fault=True)
        transaction = self._transaction
        if transaction is None:
            return _MAIL_FIRST
        if not transaction.recipients:
            # A pipelining client sends DATA before it knows that every RCPT was refused (RFC 2920 3.1).
            return _NO_VALID_RECIPIENTS if transaction.asked else _RECIPIENT_FIRST
        return _GO_AHEAD

    def _rset(self, argument: bytes) -> Answer:
        if argument:
            return Answer(replies.NO_ARGUMENT_ALLOWED, fault=True)
        self._transaction = None
        return Answer(replies.RESET_OK)

    def _quit(self, argument: bytes) -> Answer:
        if argument:
            return Answer(replies.NO_ARGUMENT_ALLOWED, fault=True)
        return Answer(replies.GOODBYE, then=Then.NOTHING)

    def _starttls(self, argument: bytes) -> Answer:
        if argument:
            return Answer(replies.NO_ARGUMENT_ALLOWED, fault=True)
        if not self._site.rights.starttls:
            return _NOT_IMPLEMENTED
        if self._peer.tls is not None:
            return Answer(replies.TLS_ALREADY, fault=True)
        if self._site.encryption() is None:
            return Answer(replies.TLS_NOT_AVAILABLE)
        return Answer(replies.READY_FOR_TLS, then=Then.HANDSHAKE)

    def _auth(self, argument: bytes) -> Answer:
        return self._logon.begin(argument, in_transaction=self._transaction is not None)

    def _bdat(self, argument: bytes) -> Answer:
        """Refuse a chunk (RFC 3030), but know its length: its octets must not be run as commands."""
        match = _CHUNK.fullmatch(argument)
        if match is None:
            return Answer(replies.BAD_CHUNK, then=Then.NOTHING)
        return Answer(replies.NOT_IMPLEMENTED, fault=True, then=Then.CHUNK, chunk_bytes=int(match[1]))

    _COMMANDS: ClassVar = {
        b"EHLO": _ehlo,
        b"HELO": _helo,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"RSET": _rset,
        b"QUIT": _quit,
        b"BDAT": _bdat,
        b"STARTTLS": _starttls,
        b"AUTH": _auth,
    }


def _bad_parameter(error: BadParameter) -> Answer:
    return Answer(replies.compose(error.reply_code, error.enhanced, str(error)), fault=True)


_SENDER_OK = Answer(replies.SENDER_OK)
_RECIPIENT_OK = Answer(replies.RECIPIENT_OK)
_GO_AHEAD = Answer(replies.GO_AHEAD, then=Then.CONTENT)
# No faults: a pipelining client has sent these before it read that MAIL or RCPT was refused.
_MAIL_FIRST = Answer(replies.MAIL_FIRST)
_RECIPIENT_FIRST = Answer(replies.RECIPIENT_FIRST)
_NO_VALID_RECIPIENTS = Answer(replies.NO_VALID_RECIPIENTS)
_TOO_MANY_RECIPIENTS = Answer(replies.TOO_MANY_RECIPIENTS)

_NOT_IMPLEMENTED = Answer(replies.NOT_IMPLEMENTED, fault=True)
_UNKNOWN_COMMAND = Answer(replies.UNKNOWN_COMMAND, fault=True)
_FIXED = {
    b"NOOP": Answer(replies.NOTHING_DONE),
    b"VRFY": Answer(replies.CANNOT_VERIFY),
    b"HELP": Answer(replies.HELP),
    **dict.fromkeys(
        (b"EXPN", b"TURN", b"ETRN", b"ATRN", b"SEND", b"SOML", b"SAML"),
        _NOT_IMPLEMENTED,
    ),
}
