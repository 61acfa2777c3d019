"""Peers, certificates and a client with scaled time-outs."""

import contextlib
import ssl
from datetime import timedelta

import pytest
import trustme

from connectors.specs import SECRET
from tests.support.smtp_peer import Peer
from transport.envelope import Host, Transaction
from transport.smtp.client import Client
from transport.smtp.logins import Login
from transport.smtp.timeouts import Timeouts

PATIENT = timedelta(seconds=20)
SHORT = timedelta(seconds=0.25)
HELLO = b"Subject: Hello\r\n\r\nHello.\r\n"


@pytest.fixture
def peer_for():
    """Start peers: `peer_for(script, offers=..., tls=...)`."""
    with contextlib.ExitStack() as peers:
        yield lambda *args, **kwargs: peers.enter_context(Peer(*args, **kwargs))


@pytest.fixture
def host_of():
    """The host to dial for a peer."""
    return lambda peer, name="mx.peer.test": Host(name=name, address=peer.address, port=peer.port)


@pytest.fixture
def timeouts():
    """Time-outs that no healthy peer reaches, except for those that are named."""

    def build(**short):
        stages = ("connect", "banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "block", "dot")
        return Timeouts(**{**dict.fromkeys(stages, PATIENT), "quit": SHORT, "session": PATIENT, **short})

    return build


@pytest.fixture
def new_client(timeouts):
    """Build clients that are closed at the end."""
    with contextlib.ExitStack() as clients:

        def build(**options):
            options.setdefault("timeouts", timeouts())
            if "auth" in options and options["auth"] in SECRET:
                named = {"auth": options["auth"], "credentials": options["credentials"]}
                options["login"] = Login(**named, tokens=options.pop("tokens", None))
            options.pop("auth", None)
            options.pop("credentials", None)
            client = Client(ehlo_name="e15mb1.admincenter.test", **options)
            clients.callback(client.quit)
            return client

        yield build


class Dialogue(list):
    """A protocol log: a list of (event, text), or of (event, text, data) where there is data."""

    def note(self, event, text, data=""):
        self.append((event, text, data) if data else (event, text))


@pytest.fixture
def dialogue():
    return Dialogue()


@pytest.fixture
def connected(peer_for, host_of, new_client):
    """Start a peer and connect a client to it."""

    def connect(script=None, *, client=None, **peer_options):
        peer = peer_for(script, **peer_options)
        client = client or new_client()
        client.connect(host_of(peer))
        return peer, client

    return connect


@pytest.fixture
def message():
    """Build transactions."""

    def build(content=HELLO, **fields):
        chunks = (content,) if isinstance(content, bytes) else tuple(content)
        fields.setdefault("mail_from", "anna@contoso.test")
        fields.setdefault("recipients", ("bob@peer.test",))
        fields.setdefault("size_bytes", sum(map(len, chunks)))
        return Transaction(message_id=42, internet_message_id="<1@contoso.test>", content=chunks, **fields)

    return build


@pytest.fixture(scope="session")
def authority():
    """A certificate authority that nobody trusts but who is told to."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def tls_for(authority):
    """Build server contexts: `tls_for("mx.peer.test")`."""

    def build(*names, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, common_name=names[0], **options).configure_cert(context)
        return context

    return build
