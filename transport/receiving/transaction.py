"""One mail transaction: from MAIL to the envelope that is handed over (RFC 5321 section 3.3)."""

from dataclasses import dataclass, field

from transport.envelope import DsnRequest, Envelope
from transport.receiving import signed_in
from transport.receiving.admission import is_trusted
from transport.receiving.parameters import MailParameters
from transport.receiving.peer import Peer
from transport.receiving.site import Site
from transport.receiving.trace import Client, received_line


@dataclass(slots=True)
class Transaction:
    """What the client said so far."""

    mail_from: str
    parameters: MailParameters
    recipients: list[str] = field(default_factory=list)
    dsn_requests: dict[str, DsnRequest] = field(default_factory=dict)
    asked: bool = False
    """RCPT was tried, whatever came of it."""

    def envelope(self, content: bytes, *, site: Site, peer: Peer) -> Envelope:
        """Return the whole, with `content` below our Received line.

        Raises `Refused` for what a client that signed in may not submit.
        """
        at, token = site.now(), site.new_token()
        if peer.login is not None:
            message = signed_in.verified(content, login=peer.login, mail_from=self.mail_from)
            content = signed_in.completed(message, fqdn=site.fqdn, token=token, at=at)
        trace = received_line(
            Client(
                name=peer.name,
                address=peer.address,
                protocol=peer.protocol(smtputf8=self.parameters.smtputf8),
                tls=f"version={peer.tls.version}, cipher={peer.tls.cipher}" if peer.tls else "",
            ),
            fqdn=site.fqdn,
            token=token,
            at=at,
        )
        return Envelope(
            mail_from=self.mail_from,
            recipients=tuple(self.recipients),
            content=trace + content,
            received_at=at,
            source=site.source,
            client_address=peer.address,
            client_name=peer.name,
            eight_bit=self.parameters.eight_bit,
            smtputf8=self.parameters.smtputf8,
            ret=self.parameters.ret,
            envid=self.parameters.envid,
            dsn_requests=self.dsn_requests,
            login=peer.login.user_name if peer.login else "",
            trusted_sender=is_trusted(site, peer),
        )
