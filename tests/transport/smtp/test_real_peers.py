"""Servers that others wrote: aiosmtpd with TLS and AUTH, Postfix's smtp-sink."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from connectors.profiles import Credentials, SmartHostAuth
from tests.tools import SEARCH_PATH, free_port
from transport.envelope import DsnRequest, Host, Stage
from transport.smtp.client import SessionFailed

GOOD = Credentials(username="relay", password="right")


class Inbox:
    """Keeps what arrives."""

    def __init__(self):
        self.envelopes = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, ARG002 - aiosmtpd's name for it
        self.envelopes.append(envelope)
        return "250 2.0.0 kept"


def check(server, session, envelope, mechanism, data):  # noqa: ARG001 - aiosmtpd calls it so
    return AuthResult(success=(data.login, data.password) == (b"relay", b"right"), handled=False)


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def aiosmtpd_peer(inbox, tls_for):
    """Start aiosmtpd that insists on TLS and AUTH."""

    def build(**options):
        return controllers.enter_context(running(inbox, tls_for("smart.test"), **options))

    with contextlib.ExitStack() as controllers:
        yield build
    assert all(envelope.smtp_utf8 is False for envelope in inbox.envelopes)


@contextlib.contextmanager
def running(inbox, context, **options):
    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=check,
        auth_required=True,
        **options,
    )
    controller.start()
    try:
        yield Host(name="mx.smart.test", address="127.0.0.1", port=controller.port)
    finally:
        controller.stop()


@pytest.fixture
def logging_in(new_client, ca_file):
    """Build clients that log in after they verified the host."""
    return lambda credentials: new_client(
        auth=SmartHostAuth.BASIC_REQUIRE_TLS, credentials=credentials, ca_file=ca_file
    )


@pytest.mark.parametrize("excluded", [[], ["PLAIN"]], ids=["PLAIN", "LOGIN"])
def test_a_smart_host_with_tls_and_auth_takes_mail(aiosmtpd_peer, inbox, logging_in, message, excluded):
    host = aiosmtpd_peer(auth_exclude_mechanism=excluded)
    client = logging_in(GOOD)

    client.connect(host, tls_name="smart.test")
    results = [client.send(message(b"Subject: a\r\n\r\n.dot\r\n%d\r\n" % number)) for number in range(3)]

    assert {result.replies[0][1].line for result in results} == {"250 2.0.0 kept"}
    assert [one.content for one in inbox.envelopes] == [
        b"Subject: a\r\n\r\n.dot\r\n%d\r\n" % number for number in range(3)
    ]
    assert client.tls.verified


def test_a_smart_host_that_does_not_know_the_password_says_so(aiosmtpd_peer, inbox, logging_in):
    client = logging_in(Credentials(username="relay", password="wrong"))

    with pytest.raises(SessionFailed) as raised:
        client.connect(aiosmtpd_peer(), tls_name="smart.test")

    reply = raised.value.reply
    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (535, "5.7.8", Stage.AUTH, True)
    assert inbox.envelopes == []


@pytest.fixture
def smtp_sink():
    """Start Postfix's smtp-sink with options; gives the host to dial."""
    sinks = []
    program = shutil.which("smtp-sink", path=SEARCH_PATH)
    assert program, "smtp-sink is missing: apt-get install postfix"
    user = ["-u", "nobody"] if os.geteuid() == 0 else []

    def start(*options):
        port = free_port()
        sinks.append(subprocess.Popen([program, *user, *options, f"127.0.0.1:{port}", "100"]))
        wait_for(port)
        return Host(name="sink.test", address="127.0.0.1", port=port)

    yield start
    for sink in sinks:
        sink.terminate()
        sink.wait(20)


def wait_for(port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("smtp-sink does not listen")


@pytest.mark.parametrize(
    "options", [(), ("-p",), ("-e",), ("-8", "-p")], ids=["all", "no PIPELINING", "HELO", "bare"]
)
def test_smtp_sink_takes_mail(smtp_sink, new_client, message, options):
    client = new_client()
    client.connect(smtp_sink(*options))

    results = [client.send(message(recipients=("bob@sink.test", "eve@sink.test"))) for _ in range(3)]
    client.quit()

    assert {reply.code for result in results for _, reply in result.replies} == {250}
    assert client.extensions.pipelining == (options == ())


@pytest.mark.parametrize(("options", "offered"), [((), True), (("-N",), False)], ids=["DSN", "no DSN"])
def test_smtp_sink_takes_what_a_sender_asks_about_reports(smtp_sink, new_client, message, options, offered):
    client = new_client()
    client.connect(smtp_sink(*options))
    asked = DsnRequest(notify="SUCCESS,DELAY", orcpt=r"utf-8;jos\x{E9}@sink.test")

    result = client.send(message(ret="HDRS", envid="QQ+2B314", dsn_requests={"bob@peer.test": asked}))

    assert client.extensions.dsn is offered
    assert result.replies[0][1].code == 250
