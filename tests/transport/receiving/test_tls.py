"""Mail under TLS, by STARTTLS or at once; nothing said in clear counts (duty R30, attacks A3 and A11)."""

import asyncio
import contextlib
import os
import socket
import ssl
from datetime import timedelta

import pytest
import trustme

from transport.receiving.encryption import server_context
from transport.receiving.limits import Limits
from transport.receiving.site import LogonWhen, Rights

HELLO = b"EHLO client.example.test\r\n"
MESSAGE = (
    b"MAIL FROM:<a@example.com>\r\n",
    b"RCPT TO:<b@example.org>\r\n",
    b"DATA\r\n",
    b"Subject: x\r\n\r\nbody\r\n.\r\n",
)
TLS = Rights(anonymous=True, relay=True, starttls=True)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority):
    context = server_context()
    authority.issue_cert("e15mb1.admincenter.test").configure_cert(context)
    return lambda: context


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def serve_tls(serve, certificate):
    return lambda **fields: serve(**{"encryption": certificate, "rights": TLS} | fields)


async def start_tls(client, context):
    """Upgrade the client's connection; its reader and writer go on under TLS."""
    assert await client.ask(b"STARTTLS\r\n") == b"220 2.0.0 Ready to start TLS\r\n"
    await client.writer.start_tls(context, server_hostname="e15mb1.admincenter.test")


async def send_message(client):
    assert (await client.ask(HELLO)).startswith(b"250-")
    return [await client.ask(part) for part in MESSAGE][-1]


def test_a_message_comes_in_after_starttls_and_its_trace_says_so(run, serve_tls, trusting):
    async def send():
        async with serve_tls() as served:
            client = await served.dial()
            before = await client.ask(HELLO)
            await start_tls(client, trusting)
            after = await client.ask(HELLO)
            verdict = await send_message(client)
            again = await client.ask(b"STARTTLS\r\n")
            goodbye = await client.ask(b"QUIT\r\n")
            rest = await client.rest()
            await client.close()
            return before, after, verdict, again, goodbye, rest, served.envelopes

    before, after, verdict, again, goodbye, rest, (envelope,) = run(send())

    assert b"STARTTLS" in before
    assert b"STARTTLS" not in after
    assert b"REQUIRETLS" not in after
    assert verdict.startswith(b"250 2.6.0 ")
    assert again.startswith(b"503 5.5.1 TLS is active")
    assert (goodbye[:3], rest) == (b"221", b"")
    assert b"\r\n\tby e15mb1.admincenter.test with ESMTPS (version=TLSv1.3, cipher=TLS_" in envelope.content
    assert b") id token;\r\n" in envelope.content


def test_implicit_tls_greets_after_the_handshake(run, serve_tls, trusting):
    async def send():
        async with serve_tls(implicit_tls=True) as served:
            client = await served.dial(ssl=trusting, server_hostname="e15mb1.admincenter.test")
            verdict = await send_message(client)
            await client.close()
            return client.greeting, verdict, served.envelopes

    greeting, verdict, (envelope,) = run(send())

    assert greeting.startswith(b"220 e15mb1.admincenter.test ")
    assert verdict.startswith(b"250 2.6.0 ")
    assert b" with ESMTPS (" in envelope.content


def test_many_large_messages_in_one_write_pass_under_tls(run, serve_tls, trusting):
    one = b"".join(MESSAGE).replace(b"body", b"\r\n".join([b"x" * 900] * 1000))

    async def send():
        async with serve_tls() as served:
            client = await served.dial()
            await start_tls_after_hello(client, trusting)
            client.writer.write(HELLO + one * 10 + b"QUIT\r\n")
            rest = await client.rest()
            await client.close()
            return rest, served.envelopes

    rest, envelopes = run(send())

    assert rest.count(b"250 2.6.0 ") == len(envelopes) == 10
    assert {len(envelope.content) for envelope in envelopes} == {len(envelopes[0].content)}


async def start_tls_after_hello(client, context):
    await client.ask(HELLO)
    await start_tls(client, context)


@pytest.mark.parametrize(
    "injected",
    [
        b"RSET\r\n",
        b"NOOP\r\n",
        b"EHLO evil.example\r\nMAIL FROM:<evil@example.com>\r\n",
        b"x",
        b"\r\n",
        b"\x16\x03\x01",
    ],
)
def test_what_follows_starttls_in_the_same_packet_ends_the_session(run, serve_tls, injected):
    async def attack():
        async with serve_tls() as served:
            client = await served.dial()
            await client.ask(HELLO)
            client.writer.write(b"STARTTLS\r\n" + injected)
            rest = await client.rest()
            await client.close()
            return rest, served.envelopes

    rest, envelopes = run(attack())

    assert rest.startswith(b"421 4.7.0 Nothing may follow STARTTLS")
    assert b"220" not in rest
    assert not envelopes


def test_clear_text_in_the_place_of_the_handshake_ends_the_session(run, serve_tls):
    async def attack():
        async with serve_tls() as served:
            client = await served.dial()
            await client.ask(HELLO)
            await client.ask(b"STARTTLS\r\n")
            client.writer.write(b"".join(MESSAGE) + b"QUIT\r\n")
            rest = await client.rest()
            await served.until(lambda: not served.listener.connection_count)
            await client.close()
            return rest, served.envelopes

    rest, envelopes = run(attack())

    # A TLS alert, and not a word of SMTP.
    assert rest[:1] in (b"", b"\x15")
    assert not envelopes


def test_what_was_said_in_clear_is_forgotten(run, serve_tls, trusting):
    async def send():
        async with serve_tls() as served:
            client = await served.dial()
            await client.ask(HELLO)
            await client.ask(MESSAGE[0])
            await client.ask(MESSAGE[1])
            await start_tls(client, trusting)
            replies = [await client.ask(command) for command in (b"DATA\r\n", MESSAGE[1], MESSAGE[0])]
            await client.close()
            return replies

    assert [reply[:3] for reply in run(send())] == [b"503", b"503", b"503"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_of_tls_are_refused(run, serve_tls, trusting, version):
    trusting.minimum_version = ssl.TLSVersion.TLSv1
    trusting.maximum_version = version
    trusting.set_ciphers("ALL:@SECLEVEL=0")

    async def dial():
        async with serve_tls() as served:
            client = await served.dial()
            await client.ask(HELLO)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await start_tls(client, trusting)
            await client.close()

    run(dial())


def test_tls_1_2_is_enough(run, serve_tls, trusting):
    trusting.maximum_version = ssl.TLSVersion.TLSv1_2

    async def send():
        async with serve_tls() as served:
            client = await served.dial()
            await start_tls_after_hello(client, trusting)
            await send_message(client)
            await client.close()
            return served.envelopes[0].content

    assert b"(version=TLSv1.2, cipher=" in run(send())


def test_a_client_that_wants_to_renegotiate_is_cut_off(run, serve_tls):
    """`R` on a line of its own makes OpenSSL's client begin a new handshake within the session."""

    async def dial():
        async with serve_tls(implicit_tls=True) as served:
            client = await asyncio.create_subprocess_exec(
                *("openssl", "s_client", "-tls1_2", "-crlf", "-connect", f"127.0.0.1:{served.port}"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said = await asyncio.wait_for(client.stdout.readuntil(b"220 e15mb1.admincenter.test "), 20)
            client.stdin.write(b"R\n")
            said += await asyncio.wait_for(client.stdout.read(), 20)
            return said, await client.wait()

    said, status = run(dial())

    assert b"RENEGOTIATING" in said
    assert b"no renegotiation" in said
    assert status != 0


def test_mail_before_tls_is_refused_where_tls_is_required(run, serve_tls, trusting):
    async def send():
        async with serve_tls(
            rights=Rights(anonymous=True, relay=True, starttls=True, require_tls=True)
        ) as served:
            client = await served.dial()
            await client.ask(HELLO)
            before = await client.ask(MESSAGE[0])
            await start_tls(client, trusting)
            verdict = await send_message(client)
            await client.close()
            return before, verdict

    before, verdict = run(send())

    assert before == b"530 5.7.0 Must issue a STARTTLS command first\r\n"
    assert verdict.startswith(b"250 2.6.0 ")


def test_starttls_is_not_offered_without_a_certificate(run, serve_tls):
    async def ask():
        async with serve_tls(encryption=lambda: None) as served:
            client = await served.dial()
            hello, reply = await client.ask(HELLO), await client.ask(b"STARTTLS\r\n")
            after = await client.ask(b"NOOP\r\n")
            await client.close()
            return hello, reply, after

    hello, reply, after = run(ask())

    assert b"STARTTLS" not in hello
    assert reply.startswith(b"454 4.7.0 TLS not available")
    assert after.startswith(b"250 ")


@pytest.mark.parametrize("implicit_tls", [True, False])
def test_a_handshake_that_never_ends_is_cut_off(run, serve_tls, implicit_tls):
    limits = Limits(handshake_timeout=timedelta(seconds=0.3), inactivity_timeout=timedelta(seconds=5))

    async def hang():
        async with serve_tls(implicit_tls=implicit_tls, limits=limits) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            if not implicit_tls:
                await reader.readline()
                writer.write(HELLO + b"STARTTLS\r\n")
            await served.until(lambda: served.listener.connection_count)
            await served.until(lambda: not served.listener.connection_count)
            writer.close()

    run(hang())


def test_a_client_in_clear_text_on_the_port_of_implicit_tls_is_cut_off(run, serve_tls):
    async def dial():
        async with serve_tls(implicit_tls=True) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(HELLO)
            rest = await asyncio.wait_for(reader.read(), 20)
            await served.until(lambda: not served.listener.connection_count)
            writer.close()
            return rest

    assert b"220" not in run(dial())


def test_a_session_that_starts_tls_may_log_on_only_then(run, serve_tls, trusting):
    rights = Rights(starttls=True, logon=LogonWhen.UNDER_TLS)

    async def ask():
        async with serve_tls(rights=rights) as served:
            client = await served.dial()
            before, refused = await client.ask(HELLO), await client.ask(b"AUTH PLAIN AGEAYg==\r\n")
            await start_tls(client, trusting)
            after = await client.ask(HELLO)
            await client.close()
            return before, refused, after

    before, refused, after = run(ask())

    assert b"AUTH" not in before
    assert refused.startswith(b"538 5.7.11 Encryption required")
    assert b"AUTH PLAIN LOGIN" in after


@pytest.mark.parametrize(
    "fake_end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n"]
)
def test_a_fake_end_of_data_is_refused_under_tls_too(run, serve_tls, trusting, fake_end):
    smuggled = MESSAGE[0] + MESSAGE[1] + MESSAGE[2] + b"evil" + fake_end

    async def attack():
        async with serve_tls() as served:
            client = await served.dial()
            await start_tls_after_hello(client, trusting)
            for command in (HELLO, *MESSAGE[:3]):
                await client.ask(command)
            verdict = await client.ask(b"Subject: x\r\n\r\nfirst" + fake_end + smuggled + b"\r\n.\r\n")
            after = await client.ask(b"NOOP\r\n")
            await client.close()
            return verdict, after, served.envelopes

    verdict, after, envelopes = run(attack())

    assert verdict.startswith(b"550 5.6.11 ")
    assert after == b"250 2.0.0 OK\r\n"
    assert not envelopes


@pytest.mark.parametrize("garbage", [b"\x17\x03\x03\x00\x10" + b"x" * 16, b"QUIT\r\n" * 20, b"\xff" * 1000])
def test_a_broken_record_ends_the_session_and_nothing_of_it_counts(run, serve_tls, trusting, garbage):
    async def attack():
        async with serve_tls() as served:
            client = await served.dial()
            await start_tls_after_hello(client, trusting)
            for command in (HELLO, *MESSAGE[:3]):
                await client.ask(command)
            os.write(client.writer.get_extra_info("socket").fileno(), garbage)
            await served.until(lambda: not served.listener.connection_count)
            client.writer.transport.abort()
            return served.envelopes, served.buffered_bytes

    assert run(attack()) == ([], 0)


def test_a_client_that_ends_its_side_under_tls_still_gets_its_answers(run, serve_tls, authority):
    """A client that says close_notify and goes on reading."""

    def send(port):
        context = ssl.create_default_context()
        authority.configure_trust(context)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="e15mb1.admincenter.test")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:

            def until(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        raw.sendall(outgoing.read())
                        incoming.write(raw.recv(65_536))

            until(tls.do_handshake)
            tls.write(HELLO + b"".join(MESSAGE))
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.unwrap()
            raw.sendall(outgoing.read())
            while data := raw.recv(65_536):
                incoming.write(data)
            return data_of(tls)

    def data_of(tls):
        parts = []
        with contextlib.suppress(ssl.SSLError):
            while part := tls.read(65_536):
                parts.append(part)
        return b"".join(parts)

    async def talk():
        async with serve_tls(implicit_tls=True) as served:
            answers = await asyncio.get_running_loop().run_in_executor(None, send, served.port)
            await served.until(lambda: not served.listener.connection_count)
            return answers, len(served.envelopes)

    _, count = run(talk())

    assert count == 1
