"""Who takes too much: too many connections, too much time, too much data; and the end of the listener."""

import asyncio
from datetime import timedelta

import pytest

from transport.receiving.limits import Limits

SCALED = Limits(inactivity_timeout=timedelta(seconds=0.5), session_timeout=timedelta(seconds=60))
SHORT = Limits(inactivity_timeout=timedelta(seconds=60), session_timeout=timedelta(seconds=1))


async def greetings(served, count):
    return [await served.dial() for _ in range(count)]


async def close_all(clients):
    for client in clients:
        await client.close()


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_connections=4),
        Limits(max_connections_per_source=4),
        Limits(max_connections=None, max_connections_per_source=4, max_connections_percent_per_source=1),
        Limits(max_connections=8, max_connections_percent_per_source=100),
    ],
)
def test_one_connection_over_the_limit_is_turned_away(run, serve, limits):
    async def dial():
        async with serve(limits=limits) as served:
            clients = await greetings(served, 5)
            rest = await clients[-1].rest()
            await close_all(clients[:1])
            await served.until(lambda: served.listener.connection_count == 3)
            clients.append(await served.dial())
            await close_all(clients[1:])
            return [client.greeting[:9] for client in clients], rest

    codes, rest = run(dial())

    assert codes == [b"220 e15mb"] * 4 + [b"421 4.3.2"] + [b"220 e15mb"]
    assert rest == b""


def test_an_idle_client_is_told_and_closed(run, serve):
    async def idle():
        async with serve(limits=SCALED) as served:
            client = await served.dial()
            rest = await client.rest()
            await client.close()
            return rest

    assert run(idle()).startswith(b"421 4.4.2 Connection timed out after inactivity")


def test_a_message_that_waits_for_its_commit_is_not_idle(run, serve):
    async def send():
        gate = asyncio.get_running_loop().create_future()
        async with serve(accept=lambda _envelope: gate, limits=SCALED) as served:
            idle, busy = await served.dial(), await served.dial()
            await busy.begin()
            busy.writer.write(b".\r\n")
            await idle.rest()
            again = await served.dial()
            await again.rest()
            gate.set_result("stored")
            verdict, after = await busy.reply(), await busy.ask(b"NOOP\r\n")
            await close_all([idle, busy, again])
            return verdict, after

    assert run(send()) == (b"250 2.6.0 stored\r\n", b"250 2.0.0 OK\r\n")


async def trickle(client, octets):
    """Send one octet after the other until the server has had enough; return what it said."""
    said = asyncio.ensure_future(client.rest())
    while not said.done():
        client.writer.write(octets)
        await asyncio.wait([said], timeout=0.01)
    await client.close()
    return said.result()


def test_trickled_content_ends_at_the_total_time_and_is_not_accepted(run, serve):
    async def attack():
        async with serve(limits=SHORT) as served:
            client = await served.dial()
            await client.begin()
            return await trickle(client, b"x"), served.envelopes

    said, envelopes = run(attack())

    assert said.startswith(b"421 4.4.2 Connection was open too long")
    assert not envelopes


def test_an_endless_command_line_ends_at_the_total_time_and_is_not_kept(run, serve):
    async def attack():
        async with serve(limits=SHORT) as served:
            client = await served.dial()
            said = asyncio.ensure_future(client.rest())
            most = 0
            while not said.done():
                client.writer.write(b"x" * 10_000)
                await asyncio.wait([said], timeout=0.002)
                most = max(most, served.buffered_bytes)
            await client.close()
            return said.result(), most

    said, most = run(attack())

    assert said.splitlines()[0] == b"500 5.5.2 Command line too long"
    assert said.splitlines()[1].startswith(b"421 4.4.2 ")
    assert most <= 1000


def test_many_idle_connections_do_not_stop_the_mail(run, serve):
    async def send():
        async with serve() as served:
            idle = await asyncio.gather(*(served.dial() for _ in range(300)))
            client = await served.dial()
            await client.begin()
            verdict = await client.ask(b".\r\n")
            await close_all([*idle, client])
            return verdict

    assert run(send()).startswith(b"250 2.6.0 ")


def test_a_huge_message_is_read_away_and_the_session_stays_in_step(run, serve):
    async def send():
        async with serve(limits=Limits(max_message_bytes=300_000)) as served:
            client = await served.dial()
            await client.begin()
            most = 0
            for _ in range(200):
                client.writer.write((b"x" * 98 + b"\r\n") * 1000)
                await client.writer.drain()
                await asyncio.sleep(0)
                most = max(most, served.buffered_bytes)
            verdict = await client.ask(b".\r\n")
            await client.begin()
            again = await client.ask(b"small\r\n.\r\n")
            await client.close()
            return most, verdict, again, served.envelopes

    most, verdict, again, envelopes = run(send())

    assert most < 800_000
    assert verdict == b"552 5.3.4 Message size exceeds the limit of 300000 bytes\r\n"
    assert again.startswith(b"250 2.6.0 ")
    assert len(envelopes) == 1


def test_a_large_message_in_many_pieces_is_taken_whole(run, serve):
    body = b"Subject: large\r\n\r\n" + b"".join(b"%070d\r\n" % number for number in range(30_000))

    async def send():
        async with serve() as served:
            client = await served.dial()
            await client.begin()
            for start in range(0, len(body), 7919):
                client.writer.write(body[start : start + 7919])
                await client.writer.drain()
            verdict = await client.ask(b".\r\n")
            await client.close()
            return verdict, served.envelopes

    verdict, (envelope,) = run(send())

    assert verdict.startswith(b"250 2.6.0 ")
    assert envelope.content.endswith(b"+0000\r\n" + body)


def test_stopping_says_421_to_idle_clients_and_takes_no_new_ones(run, serve):
    async def stop():
        async with serve() as served:
            idle, amid = await served.dial(), await served.dial()
            await amid.ask(b"EHLO client.example.test\r\n")
            await amid.ask(b"MAIL FROM:<a@example.com>\r\n")
            port = served.port
            await served.listener.stop()
            said = [await idle.rest(), await amid.rest()]
            with pytest.raises(OSError, match=r"."):
                await asyncio.open_connection("127.0.0.1", port)
            await close_all([idle, amid])
            return said

    assert run(stop()) == [b"421 4.3.2 Service not available, closing transmission channel\r\n"] * 2


def test_stopping_lets_messages_under_way_finish(run, serve):
    async def stop():
        gate, taken = asyncio.get_running_loop().create_future(), []

        def accept(envelope):
            taken.append(envelope)
            return gate

        async with serve(accept=accept) as served:
            waiting, sending = await served.dial(), await served.dial()
            await waiting.begin()
            waiting.writer.write(b".\r\nNOOP\r\n")
            await sending.begin()
            stopping = asyncio.ensure_future(served.listener.stop(grace=timedelta(seconds=20)))
            sending.writer.write(b"the rest\r\n.\r\n")
            await served.until(lambda: len(taken) == 2)
            gate.set_result("stored")
            said = [await waiting.rest(), await sending.rest()]
            await stopping
            await close_all([waiting, sending])
            return said

    for said in run(stop()):
        assert said.startswith(b"250 2.6.0 stored\r\n421 4.3.2 ")
        assert said.count(b"\r\n") == 2


def test_stopping_is_bounded_when_a_message_never_finishes(run, serve):
    async def stop():
        gate = asyncio.get_running_loop().create_future()
        async with serve(accept=lambda _envelope: gate) as served:
            client = await served.dial()
            await client.begin()
            client.writer.write(b".\r\n")
            await served.until(lambda: served.buffered_bytes)
            await served.listener.stop(grace=timedelta(seconds=0.1))
            try:
                return await client.rest()
            except ConnectionResetError:
                return b""
            finally:
                gate.set_result("too late")
                await client.close()

    assert run(stop()) == b""
