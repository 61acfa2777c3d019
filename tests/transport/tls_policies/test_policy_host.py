"""What a policy host may answer, over real TLS."""

import datetime as dt
import socket
import ssl
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.policy_server import ENFORCE, PolicyServer, answer
from transport.tls_policies.policy_host import MAX_POLICY_BYTES, FetchFailed, PolicyHost

NAME = "mta-sts.fabrikam.test"


@pytest.fixture
def host(policy_server, ca_file):
    return PolicyHost(port=policy_server.port, ca_file=ca_file)


def fetch(host, *addresses):
    return host.fetch(NAME, addresses=addresses or ("127.0.0.1",))


def test_the_policy_is_fetched_from_its_well_known_place(host, policy_server):
    assert fetch(host) == ENFORCE
    (request,) = policy_server.requests
    assert request.startswith("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.fabrikam.test\r\n")


def test_the_next_address_is_asked_when_one_does_not_answer(host):
    assert fetch(host, "127.0.0.66", "127.0.0.1") == ENFORCE


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (answer(status="301 Moved", extra="Location: https://mta-sts.fabrikam.test/other\r\n"), "status 301"),
        (answer(status="302 Found", extra="Location: https://127.0.0.1/\r\n"), "status 302"),
        (answer(status="404 Not Found"), "status 404"),
        (answer(status="500 Oops"), "status 500"),
        (answer(status="204 No Content"), "status 204"),
        (answer(status="206 Partial Content"), "status 206"),
        (answer(kind="text/html"), "not text/plain"),
        (answer(kind=""), "not text/plain"),
        (answer(b"x" * (MAX_POLICY_BYTES + 1)), "larger than 65536 bytes"),
        (answer(b"x" * 10_000_000), "larger than 65536 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\nversion", "breaks off"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 70_000 + b"\r\n\r\n", "no usable answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n", "no usable answer"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000, "no usable answer"),
        (b"SSH-2.0-OpenSSH_9\r\n", "no usable answer"),
        (b"", "no usable answer"),
        (b"\0" * 1000, "no usable answer"),
    ],
)
def test_an_answer_that_will_not_do_is_no_policy(host, policy_server, given, why):
    policy_server.answer = given

    with pytest.raises(FetchFailed, match=why):
        fetch(host)


def test_an_answer_in_chunks_is_read(host, policy_server):
    policy_server.answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"7\r\nversion\r\n0\r\n\r\n"
    )

    assert fetch(host) == b"version"


def test_an_answer_without_a_length_must_end_with_the_end_of_tls(host, policy_server):
    policy_server.answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + ENFORCE
    assert fetch(host) == ENFORCE

    policy_server.abrupt = True
    with pytest.raises(FetchFailed, match="no usable answer"):
        fetch(host)


def test_a_host_that_crawls_is_given_up_at_the_deadline(host, policy_server):
    policy_server.seconds_per_byte = 0.05
    started = time.monotonic()

    with pytest.raises(FetchFailed, match="did not answer in time"):
        fetch(replace(host, limit=timedelta(seconds=0.4)))
    assert time.monotonic() - started < 2


def test_a_host_that_says_nothing_in_the_handshake_is_given_up_at_the_deadline(ca_file):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = PolicyHost(port=silent.getsockname()[1], ca_file=ca_file, limit=timedelta(seconds=0.3))
        with pytest.raises(FetchFailed, match="did not answer in time"):
            fetch(host)


def test_no_listener_is_no_policy(ca_file, free_port):
    with pytest.raises(FetchFailed, match="no connection to port"):
        fetch(PolicyHost(port=free_port, ca_file=ca_file))


@pytest.mark.parametrize(
    ("names", "options", "trusted", "why"),
    [
        (("fabrikam.test",), {}, True, "mismatch"),
        (("www.fabrikam.test",), {"common_name": NAME}, True, "mismatch"),
        ((NAME,), {"not_after": dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=1)}, True, "expired"),
        ((NAME,), {}, False, "local issuer"),
    ],
    ids=["other name", "common name only", "expired", "unknown authority"],
)
def test_a_certificate_that_does_not_hold_is_no_policy(  # noqa: PLR0913, PLR0917 - a table and its tools
    tls_for, ca_file, names, options, trusted, why
):
    with PolicyServer(tls_for(*names, **options), answer=answer()) as server:
        host = PolicyHost(port=server.port, ca_file=ca_file if trusted else None)
        with pytest.raises(FetchFailed, match=why):
            fetch(host)
        assert not server.requests


def test_old_versions_of_tls_are_refused(tls_for, ca_file):
    context = tls_for(NAME)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with PolicyServer(context, answer=answer()) as server, pytest.raises(FetchFailed):
        fetch(PolicyHost(port=server.port, ca_file=ca_file))


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys, time
import gevent
from datetime import timedelta
from transport.tls_policies.policy_host import FetchFailed, PolicyHost

port, ca_file = int(sys.argv[1]), sys.argv[2]
ticks = []

def fetch():
    host = PolicyHost(port=port, ca_file=ca_file, limit=timedelta(seconds=0.5))
    try:
        return host.fetch("mta-sts.fabrikam.test", addresses=("127.0.0.1",))
    except FetchFailed as failed:
        return failed

def tick():
    while True:
        ticks.append(time.monotonic())
        gevent.sleep(0.02)

ticking = gevent.spawn(tick)
fetching = gevent.spawn(fetch)
fetching.join()
print(len(ticks) >= 10, fetching.get())
"""


def test_under_gevent_a_policy_host_that_crawls_holds_nobody_up(policy_server, ca_file):
    policy_server.seconds_per_byte = 0.05
    ran = subprocess.run(
        [sys.executable, "-c", GREENLETS, str(policy_server.port), ca_file],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ran.stdout.strip() == "True mta-sts.fabrikam.test did not answer in time", ran.stderr
