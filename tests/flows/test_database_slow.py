"""Somebody holds the database: mail that cannot be stored is refused, and all comes back by itself."""

import contextlib
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
import sqlite3
import threading
from collections.abc import Iterator

import pytest

from tests.flows.conftest import ems, ems_rows
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
PLAIN = "Subject: plain\r\n\r\nHello.\r\n"


@contextlib.contextmanager
def database_held(program) -> Iterator[None]:
    """Another program writes, and does not end."""
    with contextlib.closing(sqlite3.connect(program.data_dir / "admincenter.sqlite3", timeout=30)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def mail(program):
    """What MAIL gets now."""
    with smtplib.SMTP(*program.smtp, local_hostname="client.test", timeout=60) as client:
        client.ehlo()
        return client.mail("anna@contoso.test")


def test_commits_that_do_not_end_are_back_pressure_until_they_do(program):
    answers = []

    def hand_in(recipient):
        with smtplib.SMTP(*program.smtp, local_hostname="client.test", timeout=120) as client:
            try:
                client.sendmail("anna@contoso.test", [recipient], PLAIN)
                answers.append((recipient, 250))
            except smtplib.SMTPResponseException as error:
                answers.append((recipient, error.smtp_code))

    with database_held(program):
        waiting = threading.Thread(target=hand_in, args=["bob@fabrikam.test"])
        waiting.start()
        wait_until(lambda: mail(program)[0] == 452, what="MAIL is refused", seconds=30)
        assert mail(program) == (452, b"4.3.1 Insufficient system resources")
    waiting.join(60)
    wait_until(lambda: mail(program)[0] == 250, what="MAIL is taken again", seconds=60)

    hand_in("eva@fabrikam.test")
    said = {recipient for recipient, code in answers if code == 250}
    kept = {one["Recipients"][0]["Address"] for one in ems_rows(program, "Get-Message -IncludeRecipientInfo")}
    assert "eva@fabrikam.test" in said <= kept
    assert (
        ems(program, "Get-BackPressure | where Resource -eq CommitLatency | select Level").count("Normal")
        == 1
    )
    assert "back_pressure_rose" in program.output
