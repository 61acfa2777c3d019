"""Receive connectors are obeyed while running: bindings open and close, rights change, sessions go on."""

import asyncio
import base64
import contextlib
import socket
import ssl
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import trustme
import uvloop
from django.db import connections

from connectors import login_services, receive_services
from connectors.models import ApplicationPassword
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import Mechanism, PermissionGroup, ReceiveSettings
from tests.support import ports
from tests.support.engine import server
from tests.support.waiting import wait_until
from transport import self_signed
from transport.back_pressure import Pressure
from transport.listening import Doors
from transport.models import BoundAddress

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
EVERY = "0.0.0.0"  # noqa: S104 - the wildcard is the point
LOCAL = (parse_range("127.0.0.0/8"),)
RELAY = ReceiveSettings(
    name="Relay",
    server="E15MB1",
    remote_ranges=LOCAL,
    permissions=frozenset({PermissionGroup.ANONYMOUS}),
    anonymous_relay=True,
)


class Running:
    """The listener in a thread of its own, as its process runs it."""

    def __init__(self, tmp_path):
        self.envelopes = []
        self.error = None
        self._server, self._folder = server(), tmp_path
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()))
        self._thread.start()
        assert self._ready.wait(30)

    async def _run(self):
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()

        async def take(envelope):
            self.envelopes.append(envelope)
            return "stored"

        doors = Doors(self._server, accept=take, pressure=Pressure(), certificates=self._folder)
        try:
            await doors.open()
        except OSError as error:
            self.error = error
        self._ready.set()
        following = asyncio.ensure_future(doors.follow())
        await self._stopping.wait()
        following.cancel()
        await doors.close()

    def stop(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:

        def begin():
            running = Running(tmp_path)
            stack.callback(running.stop)
            return running

        yield begin
    connections.close_all()


class Client:
    """A mail client."""

    def __init__(self, port, address="127.0.0.1"):
        self._socket = socket.create_connection((address, port), timeout=20)
        self._file = self._socket.makefile("rb")
        self.greeting = self.reply()

    def reply(self):
        lines = b""
        while line := self._file.readline():
            lines += line
            if line[3:4] != b"-":
                break
        return lines

    def ask(self, command):
        self._socket.sendall(command + b"\r\n")
        return self.reply()

    def recipient(self, address=b"b@example.org"):
        self.ask(b"EHLO client.example.test")
        self.ask(b"MAIL FROM:<a@example.com>")
        return self.ask(b"RCPT TO:<%s>" % address)

    def close(self):
        self._file.close()
        self._socket.close()


@pytest.fixture
def dial():
    with contextlib.ExitStack() as stack:

        def connect(port, address="127.0.0.1"):
            client = Client(port, address)
            stack.callback(client.close)
            return client

        yield connect


def at(port, address="127.0.0.1"):
    return (parse_binding(f"{address}:{port}"),)


def answers(port, address="127.0.0.1"):
    try:
        client = Client(port, address)
    except OSError:
        return False
    client.close()
    return client.greeting.startswith(b"220 ")


def test_a_message_comes_in_and_says_through_which_connector(start, dial, free_port):
    receive_services.create(replace(RELAY, bindings=at(free_port)), actor="anna")
    running = start()
    client = dial(free_port)

    assert client.recipient() == b"250 2.1.5 Recipient OK\r\n"
    client.ask(b"DATA")
    assert client.ask(b"Subject: x\r\n\r\n.") == b"250 2.6.0 stored\r\n"
    assert (running.envelopes[0].source, running.envelopes[0].trusted_sender) == ("SMTP:Relay", True)


def test_a_binding_opens_and_closes_while_a_session_goes_on(start, dial, free_port):
    other = _another(free_port)
    made = receive_services.create(replace(RELAY, bindings=at(free_port)), actor="anna")
    start()
    client = dial(free_port)
    receive_services.change(made.pk, replace(RELAY, bindings=at(other)), actor="anna")

    wait_until(lambda: answers(other), what="the new binding answers")
    wait_until(lambda: not answers(free_port), what="the old binding is closed")
    assert client.recipient().startswith(b"250 ")


def _another(port):
    return next(other for other in iter(ports.free_port, None) if other != port)


def test_one_address_becomes_every_address_and_one_again(start, free_port):
    made = receive_services.create(replace(RELAY, bindings=at(free_port)), actor="anna")
    start()
    assert not answers(free_port, "127.0.0.2")
    for address in (EVERY, "127.0.0.1"):
        receive_services.change(made.pk, replace(RELAY, bindings=at(free_port, address)), actor="anna")
        wide = address == EVERY
        wait_until(
            lambda wide=wide: answers(free_port) and answers(free_port, "127.0.0.2") is wide,
            what=f"{address} is bound",
        )


def test_the_most_specific_range_decides_what_a_client_may_do(start, dial, free_port):
    receive_services.create(
        replace(RELAY, bindings=at(free_port), remote_ranges=(parse_range("127.0.0.9"),)), actor="anna"
    )
    anybody = replace(RELAY, name="Default", bindings=at(free_port, EVERY), anonymous_relay=False)
    receive_services.create(anybody, actor="anna")
    start()

    assert dial(free_port).recipient() == b"550 5.7.1 Unable to relay\r\n"


def test_a_client_outside_of_all_ranges_is_turned_away(start, dial, free_port):
    receive_services.create(
        replace(RELAY, bindings=at(free_port), remote_ranges=(parse_range("10.0.0.0/8"),)), actor="anna"
    )
    start()

    assert dial(free_port).greeting.startswith(b"421 4.3.2 No receive connector serves your address")


def test_a_binding_that_cannot_be_had_is_told_and_leaves_the_others_alone(start, free_port, caplog):
    taken = _another(free_port)
    with _occupied(taken):
        receive_services.create(replace(RELAY, bindings=at(free_port) + at(taken)), actor="anna")
        running = start()

        assert running.error is None
        assert answers(free_port)
        troubles = dict(BoundAddress.objects.values_list("binding", "trouble"))
        assert troubles[f"127.0.0.1:{free_port}"] == ""
        assert "in use" in troubles[f"127.0.0.1:{taken}"].lower()
        assert "smtp_cannot_listen" in caplog.text
    wait_until(lambda: answers(taken), what="the binding is had when it is free again")
    wait_until(lambda: not BoundAddress.objects.exclude(trouble="").exists(), what="the trouble is over")


@contextlib.contextmanager
def _occupied(port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


def test_a_start_without_any_binding_to_be_had_is_an_error(start, free_port):
    with _occupied(free_port):
        receive_services.create(replace(RELAY, bindings=at(free_port)), actor="anna")
        running = start()

        assert str(free_port) in str(running.error)


def test_a_login_signs_in_is_noted_and_ends_with_its_removal(start, dial, free_port):
    clients = replace(
        RELAY,
        bindings=at(free_port),
        anonymous_relay=False,
        auth=frozenset({Mechanism.BASIC}),
        permissions=frozenset({PermissionGroup.USERS}),
    )
    receive_services.create(clients, actor="anna")
    row, password = login_services.create("scanner", actor="anna")
    running = start()
    client = dial(free_port)
    client.ask(b"EHLO client.example.test")
    secret = base64.b64encode(f"\0scanner\0{password}".encode())

    assert client.ask(b"AUTH PLAIN " + secret).startswith(b"235 ")
    assert client.recipient().startswith(b"250 ")
    client.ask(b"RSET")
    login_services.change(row.pk, senders=["*"], description="", enabled=False, expires_at=None, actor="anna")
    wait_until(
        lambda: client.ask(b"MAIL FROM:<a@example.com>")[:3] == b"535" or client.ask(b"RSET") == b"",
        what="the disabled login is refused",
    )
    running.stop()
    assert ApplicationPassword.objects.get().last_used_at is not None


def certificate_shown(port, authority):
    """What a client under TLS sees, or nothing where it does not trust it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as raw,
            context.wrap_socket(raw, server_hostname="mail.contoso.com") as tls,
        ):
            return tls.recv(100)
    except OSError:
        return b""


def test_a_new_certificate_is_for_the_next_session_and_cuts_no_open_one(start, tmp_path, free_port):
    old, new = trustme.CA(), trustme.CA()
    path = tmp_path / "mail.contoso.com.pem"

    def publish(authority):
        issued = authority.issue_cert("mail.contoso.com")
        issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "draft")
        (tmp_path / "draft").replace(path)

    publish(old)
    submission = replace(
        RELAY,
        bindings=(parse_binding(f"127.0.0.1:{free_port}/tls"),),
        auth=frozenset({Mechanism.TLS}),
        fqdn="mail.contoso.com",
    )
    receive_services.create(submission, actor="anna")
    start()
    context = ssl.create_default_context()
    old.configure_trust(context)
    with (
        socket.create_connection(("127.0.0.1", free_port), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="mail.contoso.com") as session,
    ):
        assert session.recv(100).startswith(b"220 mail.contoso.com ")
        publish(new)
        wait_until(lambda: certificate_shown(free_port, new), what="the new certificate is shown")
        session.sendall(b"NOOP\r\n")

        assert session.recv(100) == b"250 2.0.0 OK\r\n"
    assert not certificate_shown(free_port, old)


def test_a_certificate_that_is_not_there_is_told(start, tmp_path, free_port):
    submission = replace(
        RELAY, bindings=at(free_port), auth=frozenset({Mechanism.TLS}), certificate="mail.contoso.com"
    )
    receive_services.create(submission, actor="anna")
    start()
    told = BoundAddress.objects.filter(binding="certificate mail.contoso.com")
    assert told.get().trouble.startswith("there is no ")
    self_signed.ensure(tmp_path, name="mail.contoso.com", now=datetime.now(UTC))

    wait_until(lambda: told.get().trouble == "", what="the certificate is had")
