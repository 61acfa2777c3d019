"""The SMTP client: opens a session with a host the way a send connector says, and sends messages over it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from connectors.profiles import SmartHostAuth, TlsPolicy
from transport.certificate_store import CertificateUnusable, StoredCertificate
from transport.envelope import Host, Stage, Transaction, TransactionResult
from transport.host_policy import NO_POLICY, HostPolicy
from transport.smtp import auth, certificates, commands, tls
from transport.smtp.errors import ConversationBroken, SessionFailed, Unreachable
from transport.smtp.extensions import Extensions, read_extensions
from transport.smtp.logins import Login
from transport.smtp.replies import HostReply
from transport.smtp.session import Log, Session, local_reply
from transport.smtp.timeouts import Timeouts, by_stage
from transport.smtp.tls import TlsDemand, TlsFacts
from transport.smtp.transactions import MailTransaction
from transport.smtp.wire import Wire

__all__ = ["Client", "SessionFailed"]


def _go_on() -> None:
    """Nothing has to happen before the final dot."""


def _nothing() -> None:
    """No message follows."""


@dataclass(kw_only=True, slots=True, eq=False)
class Client:
    """One session at a time; not for use by two threads at once."""

    ehlo_name: str
    """Our FQDN in A-label form, or an address literal."""
    force_helo: bool = False
    """Never say EHLO."""
    source_address: str = ""
    """Address of this machine to connect from; empty means any."""
    certificate: Callable[[], StoredCertificate] | None = None
    """Gives the client certificate, or raises CertificateUnusable; None shows none."""
    tls_policy: TlsPolicy = field(default_factory=TlsPolicy)
    login: Login | None = None
    """None: nobody signs in."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    log: Log | None = None
    pipelining: bool = True
    """False for a host that answered out of step before: one command at a time."""
    ca_file: str | None = None
    """Trusted authorities in PEM form; None means those of the system."""

    tls: TlsFacts | None = field(default=None, init=False)
    """Set once the session is encrypted."""
    tls_note: str = field(default="", init=False)
    """Why an opportunistic session goes on in the clear."""
    tls_source: str = field(default="", init=False)
    """Whose policy decided about TLS with the host."""
    _session: Session | None = field(default=None, init=False, repr=False)
    _prepared: MailTransaction | None = field(default=None, init=False, repr=False)
    """The message that is sent next."""

    def __post_init__(self) -> None:
        """Raise ValueError for an EHLO name that is none: better here than in the middle of a session."""
        commands.ehlo(self.ehlo_name)

    def connect(self, host: Host, *, tls_name: str = "", published: HostPolicy = NO_POLICY) -> None:
        """Dial, greet, encrypt and log in as the policy says. Raises SessionFailed, and only that.

        `tls_name` is what a certificate that has to prove its name must be valid for: the recipient domain
        for MX delivery, the smart host as configured else. It never comes from DNS: a forged answer could
        name a host that has a valid certificate. `published` is what the recipient domain demands.
        """
        self.quit()
        self.tls, self.tls_note = None, ""
        mechanism = self.login.auth if self.login else SmartHostAuth.NONE
        demanded = tls.demand(self.tls_policy, auth=mechanism, tls_name=tls_name, published=published)
        self.tls_source = demanded.source
        ends = monotonic() + self.timeouts.session.total_seconds()
        try:
            demanded = self._with_certificate(demanded, host=host)
            self._open(host, demanded, ends=ends)
        except BaseException as error:
            if isinstance(error, SessionFailed):
                self.quit()
            self._abandon()
            raise

    def send(
        self,
        transaction: Transaction,
        *,
        before_dot: Callable[[], None] = _go_on,
        following: Callable[[], Transaction | None] = _nothing,
    ) -> TransactionResult:
        """Send one message; a reply for every recipient, whatever happens to the host or the network.

        `before_dot` is called right before the final dot goes out; content may travel before it. What it
        raises closes the session, without the dot, and goes on to the caller. Then `following` is asked for
        the message that is sent next: where the host pipelines, its envelope travels with this content.
        """
        if self._session is None:
            raise RuntimeError("send() needs a session: call connect() first")
        return self._mail_transaction(transaction).run(
            before_dot=before_dot, following=lambda: self._prepare(following())
        )

    def _mail_transaction(self, transaction: Transaction) -> MailTransaction:
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.transaction is transaction:
            return prepared
        if prepared is not None and prepared.begun:
            raise RuntimeError("send() must get the message that `following` named: its envelope is sent")
        if self._session is None:
            raise RuntimeError("there is no session")
        return MailTransaction(self._session, transaction)

    def _prepare(self, transaction: Transaction | None) -> MailTransaction | None:
        if transaction is not None:
            self._prepared = self._mail_transaction(transaction)
        return self._prepared

    @property
    def open(self) -> bool:
        """Whether a session is there that can carry a message."""
        return self._session is not None and self._session.open

    @property
    def extensions(self) -> Extensions:
        """What the host offers, none without a session."""
        return self._session.extensions if self._session is not None else Extensions()

    def quit(self) -> None:
        """End the session politely and shortly; never raises."""
        session, prepared = self._session, self._prepared
        self._prepared = None
        if session is None or not session.open:
            return
        if prepared is not None and prepared.begun:
            # The host waits for content: whatever is said now would become a message.
            session.close()
            return
        try:
            session.ask(commands.QUIT, stage=Stage.QUIT)
            session.wire.say_goodbye(seconds=self.timeouts.quit.total_seconds())
        except (SessionFailed, ConversationBroken):
            pass  # The host is gone: that is all QUIT asks for.
        finally:
            session.close()

    # The steps of connect, in order

    def _with_certificate(self, demanded: TlsDemand, *, host: Host) -> TlsDemand:
        """Find the client certificate before anybody is dialled: nothing is sent without it."""
        if self.certificate is None:
            return demanded
        try:
            return replace(demanded, required=True, certificate=self.certificate())
        except CertificateUnusable as error:
            self._log("*", str(error))
            raise SessionFailed(
                local_reply(host, code=454, enhanced="4.7.5", text=str(error), stage=Stage.STARTTLS)
            ) from error

    def _open(self, host: Host, demanded: TlsDemand, *, ends: float) -> None:
        session = self._greet(host, ends=ends)
        session.note(f"TLS policy: {demanded.source}")
        self._check_tls(session, demanded)
        if demanded.wanted and session.extensions.starttls:
            try:
                self._encrypt(session, demanded)
            except SessionFailed as failed:
                if demanded.required or (failed.reply.stage is not Stage.STARTTLS and failed.reply.remote):
                    raise
                session = self._start_over(failed, host=host, ends=ends)
        if self.login is not None:
            auth.sign_in(session, self.login, encrypted=self.tls is not None)

    def _greet(self, host: Host, *, ends: float) -> Session:
        session = self._dial(host, ends=ends)
        try:
            banner = session.hear(Stage.BANNER)
        except ConversationBroken as error:
            raise SessionFailed(session.broken(error, stage=Stage.BANNER)) from error
        if not banner.positive:
            session.refuse(banner, stage=Stage.BANNER)
        self._introduce(session)
        return session

    def _dial(self, host: Host, *, ends: float) -> Session:
        self._abandon()
        self._log("*", "Set Session Permissions", "None")
        self._log("*", "attempting to connect", host.name)
        try:
            wire = Wire.dial(
                host, seconds=self.timeouts.connect.total_seconds(), ends=ends, source=self.source_address
            )
        except Unreachable as error:
            self._log("*", str(error))
            reply = local_reply(
                host, code=error.code, enhanced=error.enhanced, text=str(error), stage=Stage.CONNECT
            )
            raise SessionFailed(reply) from error
        self._session = Session(
            host=host,
            wire=wire,
            seconds=by_stage(self.timeouts),
            block_seconds=self.timeouts.block.total_seconds(),
            log=self.log,
        )
        self._log("+", wire.local_endpoint)
        return self._session

    def _introduce(self, session: Session) -> None:
        """EHLO, and HELO for a host that does not know it (RFC 5321 section 3.2)."""
        if self.force_helo:
            self._introduce_shortly(session)
            return
        said = session.ask(commands.ehlo(self.ehlo_name), stage=Stage.EHLO)
        if said.positive:
            session.extensions = self._usable(said)
            return
        if said.code < 500:  # noqa: PLR2004 - not 5yz
            session.refuse(said, stage=Stage.EHLO)
        self._introduce_shortly(session)

    def _introduce_shortly(self, session: Session) -> None:
        session.extensions = Extensions()
        said = session.ask(commands.helo(self.ehlo_name), stage=Stage.EHLO)
        if not said.positive:
            session.refuse(said, stage=Stage.EHLO)

    def _usable(self, said: HostReply) -> Extensions:
        lines = said.keywords
        if not self.pipelining:
            lines = [line for line in lines if line.upper() != "PIPELINING"]
        return read_extensions(lines)

    def _check_tls(self, session: Session, demanded: TlsDemand) -> None:
        if not demanded.required or (demanded.wanted and session.extensions.starttls):
            return
        reason = "the host does not offer STARTTLS" if demanded.wanted else "IgnoreSTARTTLS forbids it"
        text = demanded.blame(f"TLS is required, but {reason}")
        session.fail(421, demanded.missing_code, text, stage=Stage.STARTTLS)

    def _encrypt(self, session: Session, demanded: TlsDemand) -> None:
        said = session.ask(commands.STARTTLS, stage=Stage.STARTTLS)
        if not said.positive:
            session.refuse(said, stage=Stage.STARTTLS)
        try:
            layer = tls.layer(demanded, host_name=session.host.name, ca_file=self.ca_file)
            self.tls = session.wire.start_tls(layer, seconds=session.seconds[Stage.STARTTLS])
        except ConversationBroken as error:
            reply = session.broken(error, stage=Stage.STARTTLS)
            raise SessionFailed(replace(reply, text=demanded.blame(reply.text))) from error
        if session.log is not None:
            _note_tls(session, self.tls)
        # What was offered in the clear counts no more (RFC 3207 section 4.2).
        self._introduce(session)

    def _start_over(self, failed: SessionFailed, *, host: Host, ends: float) -> Session:
        """Opportunistic TLS did not come about: a new connection in the clear, never the old one."""
        self.quit()
        self.tls = None
        self.tls_note = f"Sent without TLS: {failed.reply.line}"
        self._log("*", "TLS negotiation failed, connecting again to go on in the clear")
        return self._greet(host, ends=ends)

    def _abandon(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _log(self, event: str, text: str, data: str = "") -> None:
        if self.log is not None:
            self.log(event, text, data)


def _note_tls(session: Session, facts: TlsFacts) -> None:
    """Write into the protocol log what came of a handshake, in Exchange's words (exchange.md 9.1)."""
    trust = "verified" if facts.verified else "not verified"
    session.note("TLS negotiation succeeded", data=f"{facts.version} {facts.cipher}")
    for context, data in certificates.describe(facts.certificate):
        session.note(context, data=data)
    session.note("Certificate validation", data=trust)
