"""Processes die in the middle of the mail: nothing is lost, and few copies are double.

smtp-source ──▶ smtp_in (kill -9) ──▶ table ──▶ worker (kill -9) ──▶ receiving server
                               redis (FLUSHALL, kill -9)
"""

import threading

import pytest
import redis

from tests.flows.conftest import ems, smtp_source
from tests.support.mail_client import Clients
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
MESSAGES = 500
OPEN_SESSIONS = 20
"""Connections per queue: each kill may double one message of each."""


@pytest.fixture
def provider(program, receiver):
    ems(
        program,
        'New-SendConnector -Name "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    return receiver


def under_load(program, provider, *, fault, after: int) -> None:
    """Run `fault` once `after` messages have arrived, while the rest is still on its way."""
    load = threading.Thread(target=smtp_source, args=[program], kwargs={"messages": MESSAGES})
    load.start()
    wait_until(lambda: len(provider.mails) >= after, what=f"{after} messages arrived", seconds=60)
    fault()
    load.join(120)
    assert not load.is_alive()


def all_arrived(provider) -> None:
    expected = {f"{number}b@fabrikam.test" for number in range(1, MESSAGES + 1)}
    wait_until(lambda: expected <= set(provider.copies()), what="every message arrived", seconds=90)


def test_redis_flushed_and_killed_loses_nothing_and_doubles_nothing(program, provider):
    def fault():
        redis.Redis(unix_socket_path=str(program.data_dir / "redis.sock")).flushall()
        pid = program.kill("redis")
        program.wait_restarted("redis", after=pid)

    under_load(program, provider, fault=fault, after=50)
    all_arrived(provider)

    assert provider.copies().total() == MESSAGES


def test_a_killed_worker_loses_nothing_and_doubles_at_most_one_message_per_session(program, provider):
    under_load(program, provider, fault=lambda: program.kill("worker"), after=100)
    all_arrived(provider)

    assert provider.copies().total() <= MESSAGES + OPEN_SESSIONS


def test_a_killed_listener_loses_nothing_that_it_said_250_for(program, provider):
    with Clients(program.smtp, most=200) as clients:
        wait_until(lambda: len(clients.accepted) >= 50, what="fifty messages accepted", seconds=60)
        pid = program.kill("smtp")
        program.wait_restarted("smtp", after=pid)
        clients.join()
        ledger_is_served(clients, provider)

    assert max(provider.copies().values()) == 1


def test_redis_worker_and_listener_die_in_the_middle_of_500_messages(program, provider):
    with Clients(program.smtp, most=MESSAGES, pause=0.08) as clients:
        wait_until(lambda: len(clients.accepted) >= 50, what="fifty messages accepted", seconds=60)
        redis.Redis(unix_socket_path=str(program.data_dir / "redis.sock")).flushall()
        for name in ("redis", "worker", "smtp"):
            before = len(clients.accepted)
            pid = program.kill(name)
            program.wait_restarted(name, after=pid)
            wait_until(lambda: len(clients.accepted) > before + 20, what=f"mail after {name}", seconds=60)  # noqa: B023
        clients.join()
        ledger_is_served(clients, provider)

    assert provider.copies().total() - len(provider.copies()) <= OPEN_SESSIONS


def ledger_is_served(clients: Clients, provider) -> None:
    wait_until(
        lambda: set(clients.accepted) <= set(provider.copies()),
        what="all that was accepted arrived",
        seconds=90,
    )
