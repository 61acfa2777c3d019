"""One message in is one message: no end of data but CRLF.CRLF (attacks A1, A4 and A9), over real sockets."""

import pytest

SMUGGLED = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n"


@pytest.mark.parametrize(
    "fake_end",
    [
        b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r.\n",
        b"\r\n\r.\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\n\n.\n\r\n", b"\r\n.\n\r\n",
        b"\r\n\x00.\r\n", b"\r\n.\x00\r\n",
        b"\r\x00\n.\r\x00\n", b"\r\n.\r\x00\n", b"\n\n.\n\n", b"\n\r.\n\r", b"\r\n\x00.\x00\r\n",
    ],
)  # fmt: skip
def test_a_fake_end_of_data_is_refused_with_everything_behind_it(run, serve, fake_end):
    async def attack():
        async with serve() as served:
            client = await served.dial()
            await client.begin()
            commands = SMUGGLED.replace(b"\r\n.\r\n", fake_end)
            verdict = await client.ask(b"Subject: x\r\n\r\nfirst" + fake_end + commands + b"\r\n.\r\n")
            after = await client.ask(b"NOOP\r\n")
            await client.close()
            return verdict, after, served.envelopes

    verdict, after, envelopes = run(attack())

    assert verdict.startswith(b"550 5.6.11 ")
    assert after == b"250 2.0.0 OK\r\n"
    assert not envelopes


@pytest.mark.parametrize(
    "not_the_end", [b"\r\n..\r\n", b"\r\n. \r\n", b"\r\n.\x85\r\n", b"\r\n .\r\n", b"\r\n.x.\r\n"]
)
def test_a_line_that_only_resembles_the_end_is_content(run, serve, not_the_end):
    async def send():
        async with serve() as served:
            client = await served.dial()
            await client.begin()
            verdict = await client.ask(b"\r\nfirst" + not_the_end + b"QUIT\r\n.\r\n")
            await client.close()
            return verdict, served.envelopes

    verdict, (envelope,) = run(send())

    assert verdict.startswith(b"250 2.6.0 ")
    assert envelope.content.endswith(not_the_end.replace(b"\r\n.", b"\r\n") + b"QUIT\r\n")


@pytest.mark.parametrize(
    "injected", [b"\r", b"\n", b"\n\r", b"\0", b"\t", b"\x0b", b"\x1b[2J", b"\x7f", b"\x80", b"\xff"]
)
@pytest.mark.parametrize(
    "command",
    [
        b"EHLO a%sMAIL FROM:<evil@example.com>",
        b"MAIL FROM:<a%sb@example.com>",
        b'MAIL FROM:<"a%sb"@example.com>',
        b"MAIL FROM:<a@example.com> BODY=8BITMIME%s SIZE=1",
        b"NOOP %sMAIL FROM:<evil@example.com>",
    ],
)
def test_a_control_character_in_a_command_begins_no_transaction(make_peer, command, injected):
    peer = make_peer().hello()

    peer.send(command % injected + b"\r\n")

    assert peer.send(b"RCPT TO:<b@example.org>\r\n").endswith(b"503 5.5.1 Send MAIL first\r\n")


def test_every_single_byte_as_a_command_is_answered_and_the_session_lives_on(run, serve):
    async def send():
        async with serve() as served:
            replies = []
            for byte in set(range(256)) - {10, 13}:
                client = await served.dial()
                replies.append(await client.ask(bytes([byte]) * 4 + b"\r\n"))
                replies.append(await client.ask(b"NOOP\r\n"))
                await client.close()
            return replies

    replies = run(send())

    assert {reply[:3] for reply in replies[::2]} <= {b"500", b"501"}
    assert set(replies[1::2]) == {b"250 2.0.0 OK\r\n"}


def test_a_chunk_is_data_even_when_it_looks_like_commands(run, serve):
    async def send():
        async with serve() as served:
            client = await served.dial()
            await client.ask(b"EHLO client.example.test\r\n")
            verdict = await client.ask(b"BDAT %d LAST\r\n" % len(SMUGGLED) + SMUGGLED)
            after = await client.ask(b"NOOP\r\n")
            await client.close()
            return verdict, after, served.envelopes

    assert run(send()) == (b"502 5.5.1 Command not implemented\r\n", b"250 2.0.0 OK\r\n", [])
