"""A program signs in with an application password and submits mail under TLS.

swaks ──TLS, AUTH──▶ smtp_in (connector Submission, made while it runs) ──▶ queue ──▶ worker ──▶ next hop
"""

import base64
import subprocess

import pytest

from tests.flows.conftest import ems, ems_rows, tool
from tests.support.ports import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow


@pytest.fixture
def submission(program, receiver):
    """A connector for logins whose senders are in contoso.test; its ports, and the password of `scanner`."""
    port, tls_port = free_port(), free_port()
    ems(
        program,
        'New-SendConnector Provider -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    ems(
        program,
        f"New-ReceiveConnector Submission -Usage Client -Bindings 127.0.0.1:{port},127.0.0.1:{tls_port}/tls"
        " -TarpitInterval 00:00:00 -ProtocolLoggingLevel Verbose",
    )
    (made,) = ems_rows(program, "New-ApplicationPassword scanner -Senders contoso.test")

    def send(*options, mail_from="scanner@contoso.test", password=made["Password"], implicit=False):
        command = [tool("swaks"), "--server", f"127.0.0.1:{tls_port if implicit else port}"]
        command += ["-tlsc"] if implicit else []
        command += [
            "--from",
            mail_from,
            "--to",
            "bob@fabrikam.test",
            "-au",
            "scanner",
            "-ap",
            password,
            *options,
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    send.password = made["Password"]
    wait_until(lambda: send("-tls").returncode == 0, what="the new connector takes mail")
    return send


def test_a_login_submits_under_tls_and_gets_what_its_mail_lacks(program, receiver, submission):
    body = "Subject: scan\nBcc: secret@contoso.test\nFrom: scanner@contoso.test\n\npage one\n"
    for options in (["-tls", "-a", "PLAIN"], ["-tls", "-a", "LOGIN"]):
        assert submission(*options, "--data", body).returncode == 0
    assert submission("-a", "PLAIN", "--data", body, implicit=True).returncode == 0
    mails = wait_until(
        lambda: [mail for mail in receiver.mails if b"page one" in mail.content][2:] and receiver.mails,
        what="three messages arrive",
    )

    for mail in [one for one in mails if b"page one" in one.content]:
        assert b" with ESMTPSA (version=TLSv1." in mail.content
        assert b"\r\nDate: " in mail.content
        assert b"\r\nMessage-ID: <" in mail.content
        assert b"Bcc" not in mail.content
    rows = wait_until(
        lambda: ems_rows(program, "Get-ApplicationPassword | where {$_.LastUsed -ne $null}"),
        what="the use is noted",
        seconds=20,
    )
    assert rows[0]["UserName"] == "scanner"


def test_the_password_stands_nowhere_on_disk(program, submission):
    for options in (
        ["-tls", "-a", "PLAIN"],
        ["-tls", "-a", "LOGIN"],
        ["-tls", "-a", "PLAIN", "-ap", "x" * 32],
    ):
        submission(*options)
    program.stop()
    secret = submission.password
    forms = [secret, base64.b64encode(secret.encode()).decode().rstrip("=")]
    forms += [base64.b64encode(f"\0scanner\0{secret}".encode()).decode().rstrip("=")]
    files = [path for path in program.data_dir.rglob("*") if path.is_file()]

    assert [path.name for path in files if path.name.startswith("RECV")]
    found = [path for path in files if any(form.encode() in path.read_bytes() for form in forms)]
    assert found == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "did not advertise authentication"),
        (["-tls", "-ap", "wrong"], "535 5.7.8 Authentication unsuccessful"),
        (["-tls", "--from", "boss@fabrikam.test"], "550 5.7.60 scanner is not permitted to send as boss"),
        (["-tls", "--header", "From: boss@fabrikam.test"], "550 5.7.60 scanner is not permitted"),
    ],
)
def test_who_may_not_is_told_so(submission, options, said):
    done = submission(*options)

    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_a_disabled_login_is_refused_within_seconds(program, submission):
    ems(program, "Set-ApplicationPassword scanner -Enabled $false")

    wait_until(lambda: "535 5.7.8" in submission("-tls").stdout, what="the login is refused")
