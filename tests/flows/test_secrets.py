"""No secret stands anywhere in clear: logs, protocol logs, exports, database, Redis, pages, processes (A38).

test ──AUTH──▶ smtp_in (Verbose) ──▶ queue ──▶ worker ──TLS, AUTH (Verbose)──▶ smart host
"""

import base64
import contextlib
import smtplib  # noqa: TID251 - an independent client
import ssl
from pathlib import Path

import pytest
import redis
import trustme
from playwright.sync_api import sync_playwright

from tests.browser.pictures import FLAGS, sign_in
from tests.flows.conftest import ems, ems_rows
from tests.support.smtp_peer import Peer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.flow, pytest.mark.browser]

CANARY = "CANARY-7f3a"
BODY = "BODY-CANARY-91c4"


def forms(secret: str) -> list[bytes]:
    """A secret as it could stand somewhere: in clear, and in base64 at each of the three offsets."""
    data = secret.encode()
    coded = [
        base64.b64encode(b"x" * shift + data)[4 if shift else 0 :].rstrip(b"=")[:-1] for shift in range(3)
    ]
    return [data, data.decode().encode("utf-16-le"), *coded]


def found_in(text: bytes, *secrets: str) -> list[bytes]:
    return [form for secret in secrets for form in forms(secret) if form in text]


@pytest.fixture
def smart_host():
    """Refuses the first login, takes the second, and says aloud what it was told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    answers = iter((b"535 5.7.8 I do not like %s\r\n", b"235 2.7.0 I like %s\r\n"))

    def repeat(talk):
        told = talk.commands[-1].split()[-1].encode()
        talk.say(next(answers, b"235 2.7.0 Again %s\r\n") % told)

    with Peer({"AUTH": repeat}, offers=("AUTH PLAIN LOGIN", "PIPELINING"), tls=context) as peer:
        yield peer


@pytest.fixture
def connector(program, smart_host, tmp_path):
    """A Verbose connector that logs in with the canary."""
    (tmp_path / "password").write_text(f"{CANARY}\n")
    ems(
        program,
        'New-SendConnector Provider -AddressSpaces "*" -DNSRoutingEnabled $false -SmartHosts 127.0.0.1'
        f" -Port {smart_host.port} -SmartHostAuthMechanism BasicAuth -UserName relay"
        f" -PasswordFile {tmp_path / 'password'} -ProtocolLoggingLevel Verbose",
    )
    ems(program, "Get-ReceiveConnector | Set-ReceiveConnector -ProtocolLoggingLevel Verbose")

    def logged():
        with smtplib.SMTP(*program.smtp, timeout=20) as client:
            client.noop()
        return list(program.data_dir.glob("logs/ProtocolLog/SmtpReceive/RECV*.log"))

    wait_until(logged, what="the listener notices the change")


def hand_in(program) -> None:
    """Submit a message after a login that is refused; the password is sent all the same."""
    with smtplib.SMTP(*program.smtp, timeout=20) as client:
        client.ehlo("client.contoso.test")
        client.docmd("AUTH", "PLAIN " + base64.b64encode(f"\0relay\0{CANARY}".encode()).decode())
        client.docmd("AUTH", "LOGIN")
        client.docmd(base64.b64encode(CANARY.encode()).decode())
        client.docmd(CANARY)
        client.sendmail("anna@contoso.test", ["bob@fabrikam.test"], f"Subject: hello\r\n\r\n{BODY}\r\n")


def dumped(program) -> bytes:
    """Everything that Redis holds."""
    with contextlib.closing(redis.Redis.from_url(redis_url(program))) as client:
        return b"".join((client.dump(key) or b"") + key for key in client.keys("*"))


def redis_url(program) -> str:
    return program.manage(
        "shell", "-c", "from django.conf import settings; print(settings.REDIS_URL)"
    ).stdout.splitlines()[-1]


def pages(program, message_id: int) -> bytes:
    """The pages on which the connector and its message are shown, the edit dialog too."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        window = browser.new_page(base_url=program.web_url)
        sign_in(window, program.password)
        window.get_by_role("link", name="Provider").first.click()
        seen = [window.content().encode()]
        for path in (
            "send-connectors/",
            "send-connectors/1/edit/",
            "queues/",
            f"queues/messages/{message_id}/",
        ):
            answer = window.request.get(f"/mail-flow/{path}")
            assert answer.ok, path
            seen.append(answer.body())
        browser.close()
    return b"".join(seen)


@pytest.mark.usefixtures("connector")
def test_no_password_and_no_content_stands_where_it_does_not_belong(program, smart_host, tmp_path):
    hand_in(program)
    wait_until(lambda: len(smart_host.talks) >= 1, what="the first login fails", seconds=20)
    queue = wait_until(lambda: ems_rows(program, "Get-Queue -Filter \"Status -eq 'Retry'\""), what="Retry")
    ems(program, "Get-Queue -Filter \"Status -eq 'Retry'\" | Retry-Queue")
    wait_until(lambda: smart_host.contents, what="the second login carries the message", seconds=30)
    message_id = ems_rows(program, "Get-MessageTrackingLog -EventId RECEIVE")[0]["InternalMessageId"]
    wait_until(
        lambda: ems_rows(program, f"Get-MessageTrackingLog {message_id} -EventId SEND"), what="the record"
    )

    exported = [tmp_path / "SEND.log", tmp_path / "MSGTRK.log"]
    sessions = wait_until(
        lambda: (rows := ems_rows(program, f"Get-ProtocolLog -InternalMessageId {message_id}"))[1:] and rows,
        what="both protocol logs tell of the message",
    )
    ems(
        program,
        f"Get-ProtocolLog | Get-ProtocolLogEvent | Export-ProtocolLog -Path {exported[0]}",
    )
    ems(program, f"Get-MessageTrackingLog | Export-MessageTrackingLog -Path {exported[1]}")
    said = "".join(
        ems(program, f"{cmdlet} | fl")
        for cmdlet in ("Get-SendConnector", "Get-ReceiveConnector", "Get-Queue", "Get-MessageTrackingLog")
    ).encode()
    said += "".join(ems(program, f"Get-ProtocolLogEvent {one['SessionId']}") for one in sessions).encode()
    in_redis, seen = dumped(program), pages(program, message_id)
    running = b"".join(
        (Path("/proc") / str(pid) / part).read_bytes()
        for pid in program.processes()
        for part in ("cmdline", "environ")
    )
    program.stop()
    files = {path: path.read_bytes() for path in program.data_dir.rglob("*") if path.is_file()}
    database = b"".join(data for path, data in files.items() if ".sqlite3" in path.name)
    logs = b"".join(data for path, data in files.items() if path.suffix == ".log")

    # What was looked for was there to be found.
    assert any(found_in(talk.received, CANARY) for talk in smart_host.talks)
    assert smart_host.talks[-1].encrypted
    assert "535 5.7.8 I do not like" in queue[0]["LastError"]
    assert logs.count(b"*****") >= 4
    assert b"AUTH PLAIN *****" in logs
    assert b"TLS negotiation succeeded" in logs
    assert BODY.encode() in database
    assert b"Provider" in seen

    assert found_in(program.output.encode(), CANARY, BODY) == []
    assert found_in(logs, CANARY, BODY) == []
    assert [path.name for path, data in files.items() if found_in(data, CANARY)] == []
    assert found_in(said, CANARY, BODY) == []
    assert found_in(b"".join(path.read_bytes() for path in exported), CANARY, BODY) == []
    assert found_in(in_redis, CANARY, BODY) == []
    assert found_in(seen, CANARY, BODY) == []
    assert found_in(running, CANARY) == []


@pytest.mark.parametrize("secret", [CANARY, BODY])
@pytest.mark.parametrize("before", [b"", b"\0relay\0", b"\0r\0", b"user\0user\0"])
def test_the_search_finds_a_secret_however_it_was_coded(secret, before):
    assert found_in(b"AUTH PLAIN " + base64.b64encode(before + secret.encode()), secret)
    assert found_in(b"... %s ..." % secret.encode(), secret)
