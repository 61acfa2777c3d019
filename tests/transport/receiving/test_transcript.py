"""The receive protocol log: the dialogue as it was, in Exchange's format, without secrets and content."""

import base64
import csv

import pytest

from connectors.application_passwords import Login, Logins, digest
from tests.transport.receiving.conftest import make_site
from transport.protocol_log import Direction, LogFiles, Room, SessionLog, session_numbers
from transport.receiving.limits import Limits
from transport.receiving.session import Session
from transport.receiving.site import LogonWhen, Registry, Rights
from transport.receiving.transcript import Transcript

CANARY = "CANARY-7f3a"
CODED = base64.b64encode(CANARY.encode())
MAIL = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
CONTENT = b"Subject: CANARY-7f3a\r\n\r\nCANARY-7f3a\r\n.\r\n"


class Kept(list):
    """A log in memory."""

    number = "0000000000000001"

    def __call__(self, event, text, data="", /):
        self.append((event, text, data) if data else (event, text))

    def close(self):
        pass


@pytest.fixture
def talk():
    """Let a client say something to a connector that keeps a transcript; what the log holds."""

    def say(*lines, **fields):
        login = Login(login_id=7, user_name="scanner", digest=digest(CANARY))
        given = {
            "rights": Rights(anonymous=True, relay=True, logon=LogonWhen.ALWAYS),
            "registry": Registry(logins=Logins([login])),
            "limits": Limits(),
        }
        site, kept = make_site(**(given | fields)), Kept()
        session = Session(site, client_address="192.0.2.7", transcript=Transcript(kept, site=site))
        session.greet()
        kept.envelopes = []
        for line in lines:
            step = session.receive(line)
            while step.wait or step.envelope:
                if step.envelope:
                    kept.envelopes.append(step.envelope)
                    step = session.answer(b"250 2.6.0 <1@x> [InternalId=42, Hostname=e] Queued\r\n")
                else:
                    step = session.resume()
        return kept

    return say


def test_commands_and_replies_stand_in_the_order_of_the_dialogue_however_they_were_pipelined(talk):
    told = talk(b"EHLO client.example.test\r\n", MAIL, CONTENT + b"QUIT\r\n")
    events = [(line[0], line[1][:9]) for line in told if line[1][:4] not in ("250-", "250 ")]

    assert told[0] == ("*", "Set Session Permissions", "SMTPSubmit SMTPAcceptAnyRecipient")
    assert told[1] == (">", "220 e15mb1.admincenter.test ESMTP MAIL service ready")
    assert told[2] == ("<", "EHLO client.example.test")
    assert events[2:] == [
        ("<", "EHLO clie"),
        ("<", "MAIL FROM"),
        ("<", "RCPT TO:<"),
        ("<", "DATA"),
        (">", "354 Start"[:9]),
        ("<", "QUIT"),
        (">", "221 2.0.0"),
    ]
    assert told[told.index(("<", "MAIL FROM:<a@example.com>")) + 1][1].startswith("250 2.1.0")
    assert (">", "250 2.6.0 <1@x> [InternalId=42, Hostname=e] Queued") in told


def test_the_message_knows_the_session_that_brought_it(talk):
    told = talk(b"EHLO client.example.test\r\n", MAIL, CONTENT)

    assert [one.smtp_session for one in told.envelopes] == ["0000000000000001"]


def test_content_stands_in_no_log(talk):
    assert CANARY not in repr(talk(b"EHLO client.example.test\r\n", MAIL, CONTENT))


@pytest.mark.parametrize(
    "lines",
    [
        [b"AUTH PLAIN " + base64.b64encode(b"\0scanner\0" + CANARY.encode())],
        [b"AUTH PLAIN", base64.b64encode(b"\0scanner\0" + CANARY.encode())],
        [b"AUTH LOGIN", base64.b64encode(b"scanner"), CODED],
        [b"AUTH LOGIN " + base64.b64encode(b"scanner"), CODED],
        # Asked for what is not offered, and sent along with the secret all the same.
        [b"AUTH CRAM-MD5", CODED],
        [b"AUTH LOGIN", b"*", CODED, CANARY.encode()],
        [b"AUTH  PLAIN " + CODED],
        [b"AUTH " + CODED + b" " + CODED],
    ],
)
def test_no_password_stands_in_a_log_whatever_the_client_does_with_it(talk, lines):
    hello = b"EHLO client.example.test\r\n"
    for sent in ([line + b"\r\n" for line in lines], [b"".join(line + b"\r\n" for line in lines)]):
        text = repr(talk(hello, *sent))

        assert CANARY not in text
        assert CODED.decode() not in text
        assert base64.b64encode(b"\0scanner\0" + CANARY.encode()).decode() not in text
        assert "*****" in text


def test_whatever_a_client_says_is_one_printable_line(talk):
    told = talk(b"EHLO client.example.test\r\n", b"XYZ \x1b[2J\x00\xff\xe2\x80\xae" + b"y" * 300 + b"\r\n")

    assert all(text.isprintable() for _, *texts in told for text in texts)


def test_a_connection_is_written_to_a_file_from_the_first_line_to_the_last(serve, run, tmp_path):
    files = LogFiles(Direction.RECEIVE, room=lambda: Room(folder=tmp_path))
    numbers = session_numbers()

    def open_log(local, remote):
        log = SessionLog(files, connector="E15MB1\\Default")
        log.begin(numbers(), local=local, remote=remote)
        return log

    async def check():
        async with serve(open_log=open_log) as served:
            client = await served.dial()
            await client.begin()
            await client.ask(b"Subject: x\r\n\r\nbody\r\n.\r\n")
            await client.ask(b"QUIT\r\n")
            await client.close()
            await served.until(lambda: not served.listener.connection_count)
            second = await served.dial()
            await second.close()
            await served.until(lambda: not served.listener.connection_count)
            return served.port

    port = run(check())
    files.close()
    (path,) = tmp_path.glob("RECV*.log")
    rows = list(csv.reader(path.read_bytes().decode("utf-8-sig").split("\r\n")[5:-1]))
    first = [row for row in rows if row[2] == rows[0][2]]

    assert {row[1] for row in rows} == {"E15MB1\\Default"}
    assert {row[4] for row in rows} == {f"127.0.0.1:{port}"}
    assert len({row[2] for row in rows}) == 2
    assert [int(row[3]) for row in first] == list(range(len(first)))
    assert first[0][6] == "+"
    assert first[-1][6:] == ["-", "", "Local"]
    assert rows[-1][6:] == ["-", "", "Remote"]
    assert not any("body" in cell for row in rows for cell in row)
