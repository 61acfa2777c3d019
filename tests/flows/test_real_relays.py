"""Postfix and Exim, as the receivers of a domain and as the smart hosts of a provider.

SMTP client ──▶ program ──▶ Postfix, Exim: by MX from NSD and Knot, or with a login ──▶ recording server
                        ──▶ home: the reports
"""

import contextlib
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import trustme

from tests.flows.conftest import ems, ems_rows
from tests.support.dnssec import ValidatingDns
from tests.support.exim import Exim
from tests.support.nameserver import Nameserver
from tests.support.postfix import Postfix
from tests.support.program import Program
from tests.support.receiving_server import ReceivingServer
from tests.support.relays import HOST, MECHANISMS, PASSWORD, Relay
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
RELAYS = {"Postfix": Postfix, "Exim": Exim}
BODY = "".join(f".line {number} begins with a dot\r\n" for number in range(50))
MX = "fabrikam MX 10 smart.fabrikam\nsmart.fabrikam A 127.0.0.1\n"


@dataclass
class World:
    """The program with everything around it."""

    program: Program
    home: ReceivingServer
    relays: dict[str, Relay]
    arrived: dict[str, ReceivingServer]
    """What each relay has handed on."""

    def send(self, domain: str, *, messages: int = 1) -> list[str]:
        """Hand messages in, each for a recipient of its own; gives the recipients."""
        recipients = [f"user{number}@{domain}" for number in range(messages)]
        with smtplib.SMTP(*self.program.smtp, timeout=60) as client:
            for one in recipients:
                client.sendmail(
                    "anna@contoso.test", [one], f"From: anna@contoso.test\r\nSubject: {one}\r\n\r\n{BODY}"
                )
        return recipients

    def wait_for(self, name: str, recipients: list[str]) -> list[str]:
        """Wait until a relay has handed on a message to each; gives its trace line of each."""
        server = self.arrived[name]
        try:
            wait_until(
                lambda: all(server.to(one) for one in recipients),
                what=f"{name} hands on {recipients}",
                seconds=40,
            )
        except AssertionError as error:
            error.add_note(f"{self.waiting(recipients)}\n{self.relays[name].log[-4000:]}")
            raise
        mails = [mail for one in recipients for mail in server.to(one)]
        assert len(mails) == len(recipients)
        assert all(mail.content.endswith(BODY.encode()) for mail in mails)
        return [trace_of(mail.content) for mail in mails]

    def waiting(self, recipients: list[str]) -> list[str]:
        """Why messages to these recipients wait."""
        rows = ems_rows(self.program, 'Get-Message -ResultSize unlimited -Filter "Size -gt 0"')
        return [row["LastError"] for row in rows if row["Subject"] in recipients]


def trace_of(content: bytes) -> str:
    """The topmost trace line, unfolded: that of the relay."""
    header = content.decode("utf-8", "replace").replace("\r\n\t", " ").replace("\r\n ", " ")
    return next(line for line in header.split("\r\n") if line.startswith("Received: "))


def protocol_of(trace: str) -> str:
    """What a trace line says behind `with`: esmtp, with s for TLS and a for a login (RFC 3848)."""
    return trace.lower().partition(" with ")[2].split()[0]


def smart_host(name: str, domain: str, port: int, settings: str = "", *, host: str = HOST) -> str:
    return (
        f'New-SendConnector -Name "{name}" -AddressSpaces {domain} -SmartHosts {host} -Port {port}'
        f" -DNSRoutingEnabled $false {settings}"
    )


def login(user: str, password: str = PASSWORD) -> str:
    return f"-SmartHostAuthMechanism BasicAuthRequireTLS -UserName {user} -Password {password}"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        ca = trustme.CA()
        trusted = stack.enter_context(ca.cert_pem.tempfile())
        arrived = {name: stack.enter_context(ReceivingServer()) for name in RELAYS}
        relays = {
            name: stack.enter_context(kind(forward_to=arrived[name].port, ca=ca))
            for name, kind in RELAYS.items()
        }
        home = stack.enter_context(ReceivingServer())
        program = stack.enter_context(Program(environment={"SSL_CERT_FILE": trusted}))
        nsd = stack.enter_context(Nameserver({"fabrikam.test": "@ MX 10 smart\nsmart A 127.0.0.1\n"}))
        knot = stack.enter_context(ValidatingDns(MX))
        lines = [
            f"Set-TransportService E15MB1 -ExternalDNSServers {nsd.address}",
            f"Set-TransportService E15MB1 -InternalDNSServers {knot.address} -AllowedMxNetworks 127.0.0.0/8",
            smart_host("Home", "contoso.test", home.port, host="127.0.0.1"),
        ]
        for name, relay in relays.items():
            lines += connectors_to(relay, name=name)
        ems(program, "; ".join(lines))
        yield World(program, home, relays, arrived)


def connectors_to(relay: Relay, *, name: str) -> list[str]:
    """One connector for each way to use a relay, each for a domain of its own."""
    low = name.lower()
    return [
        smart_host(f"{name} opportunistic", f"opportunistic-{low}.fabrikam.test", relay.clear_port),
        smart_host(f"{name} TLS", f"tls-{low}.fabrikam.test", relay.mx_port, "-RequireTLS $true"),
        smart_host(f"{name} no TLS", f"clear-{low}.fabrikam.test", relay.clear_port, "-RequireTLS $true"),
        *(
            smart_host(f"{name} {one}", f"{one.lower()}.{low}.test", port, login(relay.user))
            for one, port in relay.submission_ports.items()
        ),
        smart_host(
            f"{name} wrong", f"wrong.{low}.test", relay.submission_ports["PLAIN"], login(relay.user, "wrong")
        ),
        smart_host(f"{name} nobody", f"nobody.{low}.test", relay.submission_ports["PLAIN"]),
    ]


@pytest.mark.parametrize(
    ("name", "external"), [("Postfix", "$true"), ("Exim", "$false")], ids=["NSD", "Knot"]
)
def test_mail_goes_by_mx_to_a_real_receiver_encrypted_where_it_offers_that(world, name, external):
    relay = world.relays[name]
    ems(
        world.program,
        f'New-SendConnector -Name "By MX" -Usage Internet -AddressSpaces fabrikam.test -Port {relay.mx_port}'
        f" -UseExternalDNSServersEnabled {external}",
    )
    try:
        (trace,) = world.wait_for(name, world.send("fabrikam.test"))
    finally:
        ems(world.program, 'Remove-SendConnector "By MX" -Confirm:$false')

    assert "e15mb1.admincenter.test" in trace
    assert protocol_of(trace) == "esmtps"


@pytest.mark.parametrize("name", RELAYS)
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_smart_host_takes_mail_after_tls_and_a_login(world, name, mechanism):
    recipients = world.send(f"{mechanism.lower()}.{name.lower()}.test", messages=3)
    traces = world.wait_for(name, recipients)

    assert {protocol_of(trace) for trace in traces} == {"esmtpsa"}


@pytest.mark.parametrize("name", RELAYS)
def test_tls_is_used_where_it_is_offered_and_required_where_the_connector_says_so(world, name):
    low = name.lower()
    encrypted, clear = (
        world.send(f"tls-{low}.fabrikam.test"),
        world.send(f"opportunistic-{low}.fabrikam.test"),
    )
    stuck = world.send(f"clear-{low}.fabrikam.test")

    assert protocol_of(*world.wait_for(name, encrypted)) == "esmtps"
    assert protocol_of(*world.wait_for(name, clear)) == "esmtp"
    (error,) = wait_until(lambda: world.waiting(stuck), what="the message that needs TLS waits")
    assert "STARTTLS" in error
    assert world.arrived[name].to(*stuck) == []


@pytest.mark.parametrize("name", RELAYS)
def test_a_smart_host_that_wants_a_login_refuses_mail_without_one_and_the_sender_hears_of_it(world, name):
    (recipient,) = world.send(f"nobody.{name.lower()}.test")
    report = wait_until(
        lambda: [mail for mail in world.home.mails if recipient.encode() in mail.content], what="the report"
    )[0]

    assert b"5.7.1" in report.content
    assert report.recipients == ("anna@contoso.test",)


@pytest.mark.parametrize("name", RELAYS)
def test_a_wrong_password_holds_the_mail_without_a_report_until_it_is_corrected(world, name):
    recipients = world.send(f"wrong.{name.lower()}.test", messages=5)
    reasons = wait_until(
        lambda: list(filter(None, world.waiting(recipients))),
        what="the mail waits, with its reason",
    )
    assert all("535" in reason for reason in reasons)
    tried = world.relays[name].log.count("535") + world.relays[name].log.count("authentication failed:")
    ems(world.program, f'Set-SendConnector "{name} wrong" {login(world.relays[name].user)}')
    world.wait_for(name, recipients)

    assert tried <= 2
    assert not [mail for mail in world.home.mails if recipients[0].encode() in mail.content]
