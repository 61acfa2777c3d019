"""Who does too much is slowed down and nobody else is: rates, tarpit, slow clients (A6, A7)."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.application_passwords import Login, Logins, digest
from transport.receiving import throttles
from transport.receiving.limits import Limits
from transport.receiving.site import LogonWhen, Registry, Rights
from transport.receiving.throttles import MINUTE, Counts, MessageRate

MAIL = b"MAIL FROM:<a@example.com>\r\n"
TOO_FAST = b"450 4.7.0 Message rate limit of 2 a minute exceeded, try again later\r\n"
TARPIT = timedelta(seconds=0.3)


def begin(peer):
    reply = peer.send(MAIL)
    peer.send(b"RSET\r\n")
    return reply


def test_a_source_sends_so_many_messages_a_minute(make_peer, at):
    moments, rate = [at], MessageRate()
    fields = {"limits": Limits(messages_per_minute=2), "message_rate": rate, "now": lambda: moments[-1]}
    one, other = make_peer(**fields).hello(), make_peer(client_address="192.0.2.8", **fields).hello()
    replies = [begin(one) for _ in range(3)]
    elsewhere = begin(other)
    moments.append(at + MINUTE)

    assert [reply[:3] for reply in replies] == [b"250", b"250", b"450"]
    assert replies[2] == TOO_FAST
    assert elsewhere[:3] == begin(one)[:3] == b"250"


def test_a_login_sends_so_many_messages_a_minute_from_wherever(make_peer, at):
    logins = Logins([Login(login_id=1, user_name="u", digest=digest("p"))])
    fields = {
        "limits": Limits(messages_per_minute=2, rate_per_source=False, rate_per_login=True),
        "message_rate": MessageRate(),
        "registry": Registry(logins=logins),
        "rights": Rights(logon=LogonWhen.ALWAYS),
        "now": lambda: at,
    }
    peers = [make_peer(client_address=f"192.0.2.{number}", **fields).hello() for number in range(3)]
    for peer in peers:
        assert peer.send(b"AUTH PLAIN AHUAcA==\r\n").startswith(b"235 ")

    assert [begin(peer)[:3] for peer in peers] == [b"250", b"250", b"450"]


def test_counts_stay_bounded_however_many_sources_there_are(monkeypatch, at):
    monkeypatch.setattr(throttles, "MOST_KEYS", 10)
    counts = Counts(MINUTE)
    for number in range(1000):
        counts.add(str(number), now=at)

    assert len(counts._counts) <= 11
    assert counts.get("999", now=at) == 1


def test_a_refusal_comes_late_and_what_was_pipelined_behind_it_waits(make_peer):
    peer = make_peer(relay=False, limits=Limits(tarpit_interval=TARPIT)).hello()

    assert peer.send(MAIL + b"RCPT TO:<b@example.org>\r\nNOOP\r\n") == b"250 2.1.0 Sender OK\r\n"
    assert peer.send(b"NOOP\r\n") == b""
    step = peer.session.resume()
    assert step.send == b"550 5.7.1 Unable to relay\r\n" + b"250 2.0.0 OK\r\n" * 2


def test_who_is_trusted_is_not_slowed_down(make_peer):
    peer = make_peer(limits=Limits(tarpit_interval=TARPIT)).hello()

    assert peer.send(b"FOO\r\n").startswith(b"500 ")


def test_the_octets_of_a_refused_chunk_are_data_in_the_tarpit_too(make_peer):
    peer = make_peer(relay=False, limits=Limits(tarpit_interval=TARPIT)).hello()
    smuggled = b"MAIL FROM:<evil@example.com>\r\n"

    assert peer.send(b"BDAT %d LAST\r\n" % len(smuggled) + smuggled + b"NOOP\r\n") == b""
    assert peer.session.resume().send == b"502 5.5.1 Command not implemented\r\n250 2.0.0 OK\r\n"


SCRIPT = (
    b"FOO\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nBDAT 9\r\nQUIT\r\nQUI\nNOOP\r\n"
    + b"y" * 1100
    + b"\r\nQUIT\r\n"
)


@given(cuts=st.lists(st.integers(0, len(SCRIPT)), max_size=30), late=st.booleans())
def test_splitting_the_input_in_the_tarpit_changes_nothing(make_peer_class, cuts, late):
    def talk(pieces):
        peer = make_peer_class(relay=False, limits=Limits(tarpit_interval=TARPIT)).hello()
        for piece in pieces:
            peer.send(piece)
            if not late:
                wait_out(peer)
        wait_out(peer)
        return peer.output, peer.closed

    edges = [0, *sorted(cuts), len(SCRIPT)]

    assert talk([SCRIPT[start:end] for start, end in pairwise(edges)]) == talk([SCRIPT])


def wait_out(peer):
    """Let tarpit intervals pass until nothing is held back."""
    while True:
        step = peer.session.resume()
        peer._follow(step)
        if not step.wait:
            return


def test_an_ending_session_says_what_it_held_back(make_peer):
    peer = make_peer(relay=False, limits=Limits(tarpit_interval=TARPIT)).hello()
    peer.send(b"FOO\r\n")

    step = peer.session.end(b"421 4.3.2 Service not available\r\n")

    assert (step.send[:4], step.send[-33:]) == (b"500 ", b"421 4.3.2 Service not available\r\n")
    assert step.close
    assert peer.session.resume().send == b""


def test_one_client_in_the_tarpit_holds_nobody_else_up(run, serve):
    async def send():
        loop = asyncio.get_running_loop()
        async with serve(relay=False, limits=Limits(tarpit_interval=TARPIT)) as served:
            bad, good = await served.dial(), await served.dial()
            began = loop.time()
            bad.writer.write(b"FOO\r\nFOO\r\nNOOP\r\n")
            for _ in range(100):
                assert (await good.ask(b"NOOP\r\n")).startswith(b"250 ")
            others = loop.time() - began
            replies = [await bad.reply() for _ in range(3)]
            lasted = loop.time() - began
            await bad.close()
            await good.close()
            return others, lasted, replies

    others, lasted, replies = run(send())

    assert [reply[:3] for reply in replies] == [b"500", b"500", b"250"]
    assert lasted > 2 * TARPIT.total_seconds() * 0.95
    assert others < TARPIT.total_seconds()


def test_a_client_that_leaves_the_tarpit_is_forgotten_after_it(run, serve):
    async def leave():
        async with serve(relay=False, limits=Limits(tarpit_interval=TARPIT)) as served:
            client = await served.dial()
            client.writer.write(b"FOO\r\n" + b"NOOP\r\n" * 1000)
            await served.until(lambda: served.buffered_bytes)
            client.writer.transport.abort()
            await served.until(lambda: not served.listener.connection_count)
            return served.buffered_bytes

    assert run(leave()) == 0


@pytest.mark.parametrize("piece", [b"x", b"\r\n", b"."])
def test_content_that_trickles_is_ended_although_the_client_is_never_idle(run, serve, piece):
    limits = Limits(slow_after=timedelta(seconds=0.5), min_content_rate=10_000)

    async def trickle():
        async with serve(limits=limits) as served:
            client = await served.dial()
            await client.begin()
            said = asyncio.ensure_future(client.rest())
            while not said.done():
                client.writer.write(piece)
                await asyncio.sleep(0.02)
            await client.close()
            return said.result(), served.envelopes

    said, envelopes = run(trickle())

    assert said == b"421 4.4.2 Message comes too slowly, closing transmission channel\r\n"
    assert not envelopes


def test_a_fast_client_sends_on_for_longer_than_that(run, serve):
    limits = Limits(slow_after=timedelta(seconds=0.3), min_content_rate=1000)

    async def send():
        async with serve(limits=limits) as served:
            client = await served.dial()
            await client.begin()
            for _ in range(50):
                client.writer.write(b"x" * 500 + b"\r\n")
                await asyncio.sleep(0.02)
            verdict = await client.ask(b".\r\n")
            await client.close()
            return verdict

    assert run(send()).startswith(b"250 2.6.0 ")
