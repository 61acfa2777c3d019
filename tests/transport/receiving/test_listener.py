"""The listener over real sockets: order, back-pressure, and what an acceptor answers."""

import asyncio
import logging
import socket
import struct
from datetime import timedelta

import pytest

from transport.receiving.errors import Refused
from transport.receiving.limits import Limits

ONE = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: %d\r\n\r\nbody\r\n.\r\n"
HELLO = b"EHLO client.example.test\r\n"


def test_a_message_comes_in_over_a_socket(run, serve):
    async def send():
        async with serve() as served:
            client = await served.dial()
            await client.begin()
            verdict = await client.ask(b"Subject: x\r\n\r\nbody\r\n.\r\n")
            goodbye = await client.ask(b"QUIT\r\n")
            rest = await client.rest()
            await client.close()
            return client.greeting, verdict, goodbye, rest, served.envelopes

    greeting, verdict, goodbye, rest, (envelope,) = run(send())

    assert greeting == b"220 e15mb1.admincenter.test ESMTP MAIL service ready\r\n"
    assert verdict.startswith(b"250 2.6.0 <1@example.test> [InternalId=42, Hostname=E15MB1] Queued mail")
    assert goodbye.startswith(b"221 2.0.0 ")
    assert rest == b""
    assert envelope.client_address == "127.0.0.1"
    assert b"([127.0.0.1])" in envelope.content
    assert envelope.content.endswith(b"+0000\r\nSubject: x\r\n\r\nbody\r\n")


def test_fifty_messages_in_one_write_are_accepted_in_order(run, serve):
    async def send():
        async with serve() as served:
            client = await served.dial()
            client.writer.write(HELLO + b"".join(ONE % number for number in range(50)) + b"QUIT\r\n")
            answers = await client.rest()
            await client.close()
            return answers, served.envelopes

    answers, envelopes = run(send())

    assert [envelope.content.split(b"Subject: ")[1][:-10] for envelope in envelopes] == [
        b"%d" % n for n in range(50)
    ]
    assert answers.count(b"250 2.6.0 ") == 50
    assert answers.endswith(b"221 2.0.0 Service closing transmission channel\r\n")


def test_the_next_message_waits_for_the_verdict_on_the_last(run, serve):
    async def send():
        gates, taken = [], []

        def accept(envelope):
            taken.append(envelope)
            gates.append(asyncio.get_running_loop().create_future())
            return gates[-1]

        async with serve(accept=accept) as served:
            client = await served.dial()
            await client.begin()
            client.writer.write(b".\r\n" + ONE % 1 + b"NOOP\r\n")
            await served.until(lambda: gates)
            other = await served.dial()
            await other.ask(HELLO)
            before = len(taken)
            gates[0].set_result("first")
            first = await client.reply()
            await served.until(lambda: len(gates) == 2)
            gates[1].set_result("second")
            replies = [await client.reply() for _ in range(5)]
            await client.close()
            await other.close()
            return before, first, replies

    before, first, replies = run(send())

    assert before == 1
    assert first == b"250 2.6.0 first\r\n"
    assert [reply[:3] for reply in replies] == [b"250", b"250", b"354", b"250", b"250"]
    assert replies[3] == b"250 2.6.0 second\r\n"


def test_a_client_that_runs_ahead_of_a_commit_is_held_back(run, serve):
    async def send():
        gate = asyncio.get_running_loop().create_future()
        async with serve(accept=lambda _envelope: gate) as served:
            client = await served.dial()
            await client.begin()
            client.writer.write(b".\r\n" + b"NOOP\r\n" * 2_000_000)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.writer.drain(), 0.3)
            held_bytes = served.buffered_bytes
            gate.set_result("stored")
            replies = [await client.reply() for _ in range(3)]
            client.writer.transport.abort()
            return held_bytes, replies

    held_bytes, replies = run(send())

    assert held_bytes < 1_000_000
    assert replies == [b"250 2.6.0 stored\r\n", b"250 2.0.0 OK\r\n", b"250 2.0.0 OK\r\n"]


def test_a_refusal_is_passed_on_and_cleaned(run, serve):
    async def accept(_envelope):
        raise Refused(452, "4.3.1", "Insufficient\r\n250 \x1b[2Jresources \xff")

    verdict, _ = run(verdict_of(serve, accept))

    assert verdict == b"452 4.3.1 Insufficient 250 resources ?\r\n"


async def fail(_envelope):
    raise OSError("the disk is gone")


def fail_at_once(_envelope):
    raise OSError("the disk is gone")


def cancel(_envelope):
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    return future


@pytest.mark.parametrize("accept", [fail, fail_at_once])
def test_any_other_error_is_temporary_and_logged_without_content(run, serve, caplog, accept):
    caplog.set_level(logging.INFO)

    verdict, after = run(verdict_of(serve, accept))

    assert verdict.startswith(b"451 4.3.0 ")
    assert after == b"250 2.0.0 OK\r\n"
    (record,) = [record for record in caplog.records if record.name.startswith("transport.receiving")]
    assert (record.getMessage(), record.client) == ("smtp_accept_failed", "127.0.0.1")
    assert "the disk is gone" in caplog.text
    assert "a secret" not in caplog.text


def test_a_cancelled_accept_is_temporary(run, serve):
    verdict, after = run(verdict_of(serve, cancel))

    assert verdict.startswith(b"451 4.3.0 ")
    assert after == b"250 2.0.0 OK\r\n"


async def verdict_of(serve, accept):
    async with serve(accept=accept) as served:
        client = await served.dial()
        await client.begin()
        verdict = await client.ask(b"Subject: a secret\r\n\r\na secret\r\n.\r\n")
        after = await client.ask(b"NOOP\r\n")
        await client.close()
        assert served.buffered_bytes == 0
        return verdict, after


def test_a_client_that_ends_its_input_still_gets_its_answers(run, serve):
    async def send():
        async with serve() as served:
            client = await served.dial()
            client.writer.write(HELLO + ONE % 1 + ONE % 2)
            client.writer.write_eof()
            answers = await client.rest()
            await client.close()
            return answers, len(served.envelopes)

    answers, count = run(send())

    assert count == 2
    assert answers.count(b"250 2.6.0 ") == 2


def test_a_message_whose_client_left_is_still_stored_and_counts_until_then(run, serve):
    async def send():
        gate, taken = asyncio.get_running_loop().create_future(), []

        def accept(envelope):
            taken.append(envelope)
            return gate

        limits = Limits(max_connections_per_source=1)
        async with serve(accept=accept, limits=limits) as served:
            client = await served.dial()
            await client.begin()
            client.writer.write(b"x" * 900 + b"\r\n.\r\n")
            await served.until(lambda: taken)
            reset = struct.pack("ii", 1, 0)
            client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.writer.transport.abort()
            greetings = set()
            for _ in range(20):
                other = await served.dial()
                greetings.add(other.greeting[:9])
                await other.close()
            during = served.buffered_bytes
            gate.set_result("stored")
            await served.until(lambda: served.listener.connection_count == 0)
            await (other := await served.dial()).close()
            return greetings, during, other.greeting[:3], served.buffered_bytes

    assert run(send()) == ({b"421 4.3.2"}, 902, b"220", 0)


def test_a_client_that_never_reads_its_replies_is_cut_off(run, serve):
    async def send():
        scaled = timedelta(seconds=0.3)
        limits = Limits(inactivity_timeout=scaled, closing_timeout=scaled)
        async with serve(limits=limits) as served:
            client = await served.dial()
            client.writer.transport.pause_reading()
            client.writer.write(b"HELP\r\n" * 5_000_000)
            unsent_bytes = 0

            def cut_off():
                nonlocal unsent_bytes
                unsent_bytes = client.writer.transport.get_write_buffer_size() or unsent_bytes
                return not served.listener.connection_count

            await served.until(cut_off)
            client.writer.transport.abort()
            return served.buffered_bytes, unsent_bytes

    held_bytes, unsent_bytes = run(send())

    assert held_bytes == 0
    assert unsent_bytes > 10_000_000
