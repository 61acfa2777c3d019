"""Certificates, a zone and a policy host."""

import ssl

import pytest
import trustme

from tests.support.nameserver import Nameserver
from tests.support.policy_server import PolicyServer, answer
from transport.destinations import forget

RECORD = '_mta-sts.fabrikam TXT "v=STSv1; id=20261127;"'
ZONE = """
fabrikam          MX 10 mx.fabrikam
mx.fabrikam       A 127.0.0.1
mta-sts.fabrikam  A 127.0.0.1
"""


@pytest.fixture(autouse=True)
def _fresh():
    forget()


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def tls_for(authority):
    """Build server contexts: `tls_for("mta-sts.fabrikam.test")`."""

    def build(*names, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, **options).configure_cert(context)
        return context

    return build


@pytest.fixture
def policy_server(tls_for):
    with PolicyServer(tls_for("mta-sts.fabrikam.test"), answer=answer()) as server:
        yield server


@pytest.fixture
def nameserver():
    with Nameserver({"test": ZONE + RECORD}) as server:
        yield server
