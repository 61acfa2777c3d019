"""A recipient domain publishes an MTA-STS policy; the whole program obeys it.

swaks ──▶ smtp_in ──▶ queue ──▶ worker ──▶ policy host on loopback (HTTPS), then the MX host, with STARTTLS
                                 └── asks NSD for MX, A and TXT
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.flows.conftest import ems, ems_rows
from tests.support.nameserver import Nameserver
from tests.support.policy_server import PolicyServer, answer
from tests.support.program import Program
from tests.support.smtp_peer import Peer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
ZONE = """
fabrikam          MX 10 mx.fabrikam
mx.fabrikam       A 127.0.0.1
mta-sts.fabrikam  A 127.0.0.1
_mta-sts.fabrikam TXT "v=STSv1; id=1;"
"""
AUTHORITY = trustme.CA()


def tls_for(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def policy_host() -> Iterator[PolicyServer]:
    with PolicyServer(tls_for("mta-sts.fabrikam.test"), answer=answer()) as server:
        yield server


@pytest.fixture
def program(policy_host: PolicyServer, tmp_path: Path) -> Iterator[Program]:
    ca_file = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(ca_file))
    environment = {
        "ADMINCENTER_ALLOWED_MX_NETWORKS": "127.0.0.0/8",
        "ADMINCENTER_TESTING_MTA_STS_PORT": str(policy_host.port),
        "ADMINCENTER_TESTING_CA_FILE": str(ca_file),
    }
    with Program(environment=environment) as running, Nameserver({"test": ZONE}) as dns:
        ems(running, f"Set-TransportService E15MB1 -InternalDNSServers {dns.address}")
        yield running


@pytest.mark.parametrize(
    ("certificate", "outcome"),
    [("mx.fabrikam.test", "delivered"), ("somebody.else.test", "deferred")],
)
def test_mail_goes_only_to_a_host_that_meets_the_policy(program, policy_host, swaks, certificate, outcome):
    with Peer(tls=tls_for(certificate)) as peer:
        ems(
            program,
            "New-SendConnector Internet -Usage Internet -AddressSpaces * -MtaStsEnabled $true"
            f" -Port {peer.port}",
        )
        swaks("bob@fabrikam.test")
        (attempt,) = wait_until(
            lambda: ems_rows(program, "Get-MessageAttempt 1"), what="the first attempt is written down"
        )

        assert (attempt["Outcome"], attempt["TlsPolicy"]) == (outcome, "MTA-STS")
        assert len([content for content in peer.contents if content]) == (outcome == "delivered")
    assert len(policy_host.requests) == 1
    assert len(list((program.data_dir / "mta-sts").glob("*.json"))) == 1
