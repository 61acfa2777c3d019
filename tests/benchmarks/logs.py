"""What the message tracking log and the protocol logs cost: `python -m tests.benchmarks.logs [messages]`.

Tracking: the two lines of a plain delivery, through the real functions into the database of the settings
(SQLite by default, WAL, synchronous=FULL), one statement and one transaction a batch. CPU time, not wall
time, is what counts: it is what every message pays.
"""

import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.core.management import call_command  # noqa: E402 - Django must be set up first
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from transport import tracking  # noqa: E402
from transport.envelope import Envelope, Reply, Stage  # noqa: E402
from transport.headers import HeaderSummary  # noqa: E402
from transport.models import TransportServer  # noqa: E402
from transport.protocol_log import Direction, LogFiles, Room, SessionLog  # noqa: E402
from transport.queue import records  # noqa: E402
from transport.queue.outcome import Outcome, Try  # noqa: E402
from transport.receiving.limits import Limits  # noqa: E402
from transport.receiving.session import Session  # noqa: E402
from transport.receiving.site import Memory, Rights, Site  # noqa: E402
from transport.receiving.transcript import Transcript  # noqa: E402

QUEUED = Reply(
    code=250, enhanced="2.0.0", text="Ok: queued as ABCDEF123", stage=Stage.DOT, host="mx1.fabrikam.test",
    address="192.0.2.7:25",
)  # fmt: skip
CONTENT = b"x" * 4096
SENT = (
    ("*", "sending message with RecordId 12345 and InternetMessageId <12345@client.contoso.test>", "12345"),
    (">", "MAIL FROM:<anna@contoso.test> SIZE=4096"),
    (">", "RCPT TO:<bob@fabrikam.test>"),
    (">", "DATA"),
    ("<", "250 2.1.0 Ok"),
    ("<", "250 2.1.5 Ok"),
    ("<", "354 End data with <CR><LF>.<CR><LF>"),
    ("<", "250 2.0.0 Ok: queued as ABCDEF123, id=7"),
)
HANDED_IN = (
    b"MAIL FROM:<anna@contoso.test>\r\nRCPT TO:<bob@fabrikam.test>\r\nDATA\r\n",
    b"Subject: Hello\r\n\r\n" + b"x" * 70 + b"\r\n.\r\n",
)


def say(line: str) -> None:
    """To whoever waits for the figures."""
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Measure one after the other."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    call_command("migrate", verbosity=0)
    server, _ = TransportServer.objects.get_or_create(name="E15MB1", defaults={"fqdn": "e15mb1.test"})
    for batch in (20, 100):
        first = 1 if batch == 20 else count // 2 + 1
        inputs = [_inputs(number, server.pk) for number in range(first, first + count // 2)]
        _write(inputs, server, batch=batch)
    _search(server, number=1000)
    _purge(server)
    with tempfile.TemporaryDirectory() as folder:
        _protocol_logs(Path(folder))


def _inputs(number: int, server_id: int) -> tuple[Envelope, HeaderSummary, Outcome]:
    """What a plain delivery knows anyway."""
    recipient = f"bob{number}@fabrikam.test"
    envelope = Envelope(
        mail_from="anna@contoso.test", recipients=(recipient,), content=CONTENT, received_at=timezone.now(),
        source="SMTP:Default E15MB1", client_address="192.0.2.1", client_name="client.contoso.test",
    )  # fmt: skip
    outcome = Outcome(
        session_id=1, queue_id=1, queue_identity="E15MB1\\1", connector_name="Internet", connector_version=1,
        queued_id=number, message_id=number, server_id=server_id, smtp_session="0000000000010001",
        delivered=((number, recipient, QUEUED),), tries=(Try(reply=QUEUED, outcome="delivered"),),
    )  # fmt: skip
    return (
        envelope,
        HeaderSummary(message_id=f"<{number}@client.contoso.test>", subject=f"Hello {number}"),
        outcome,
    )


def _write(
    inputs: list[tuple[Envelope, HeaderSummary, Outcome]],
    server: TransportServer,
    *,
    batch: int,
) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    written = 0
    for at in range(0, len(inputs), batch // 2):
        with transaction.atomic():
            lines = []
            for envelope, summary, outcome in inputs[at : at + batch // 2]:
                number = outcome.message_id
                lines.append(tracking.opening(envelope, summary, message_id=number, server_id=server.pk))
                lines += records.tracking_lines(outcome)
            tracking.write(lines, now=timezone.now())
        written += len(lines)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    empty = _empty_transactions(written // batch)
    say(
        f"tracking, batch {batch:3}: {written / wall:8.0f} lines/s, {cpu / written * 1e6:5.1f} µs CPU a line,"
        f" {(cpu - empty) / written * 1e6:5.1f} without the transaction that is there anyway"
    )


def _empty_transactions(count: int) -> float:
    """CPU of as many transactions that write one small row."""
    cpu = time.process_time()
    for number in range(count):
        with transaction.atomic():
            TransportServer.objects.filter(name="E15MB1").update(version=str(number))
    return time.process_time() - cpu


def _search(server: TransportServer, *, number: int) -> None:
    searches = {
        "by number": tracking.Search(servers=(server,), message_id=number),
        "by Message-ID": tracking.Search(
            servers=(server,), internet_message_id=f"<{number}@client.contoso.test>"
        ),
        "by a sender that never sent": tracking.Search(servers=(server,), sender="nobody@contoso.test"),
    }
    for name, search in searches.items():
        wall = time.perf_counter()
        found = sum(1 for _ in tracking.find(search))
        say(f"search {name}: {found} lines in {(time.perf_counter() - wall) * 1000:.1f} ms")


def _purge(server: TransportServer) -> None:
    retention, later = tracking.Retention(), timezone.now() + timedelta(days=31)
    cpu, wall, gone = time.process_time(), time.perf_counter(), 0
    while deleted := retention.purge(server, now=later):
        gone += deleted
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    say(f"purge: {gone / wall:.0f} lines/s, {cpu / gone * 1e6:.1f} µs CPU a line")


def _protocol_logs(folder: Path) -> None:
    files = LogFiles(Direction.SEND, room=lambda: Room(folder=folder))
    log = SessionLog(files, connector="Internet")
    log.begin("0000000000010001", remote="192.0.2.7:25", local="192.0.2.1:50000")
    rounds = 20_000
    cpu = time.process_time()
    for _ in range(rounds):
        for line in SENT:
            log(*line)
    log.close()
    say(f"send protocol log: {(time.process_time() - cpu) / rounds * 1e6:.1f} µs CPU a message")
    silent, verbose = (_receive(rounds, folder, verbose=verbose) for verbose in (False, True))
    say(f"receive protocol log: {(verbose - silent) / rounds * 1e6:.1f} µs CPU a message")


def _receive(rounds: int, folder: Path, *, verbose: bool) -> float:
    limits = Limits()
    site = Site(
        fqdn="e15mb1.test",
        memory=Memory(limits.max_buffered_bytes),
        limits=limits,
        rights=Rights(anonymous=True, relay=True),
    )
    log = SessionLog(
        LogFiles(Direction.RECEIVE, room=lambda: Room(folder=folder)), connector="E15MB1\\Default"
    )
    log.begin("0000000000010001")
    transcript = Transcript(log, site=site) if verbose else None
    session = Session(site, client_address="192.0.2.1", transcript=transcript)
    session.receive(b"EHLO client.contoso.test\r\n")
    cpu = time.process_time()
    for _ in range(rounds):
        for data in HANDED_IN:
            session.receive(data)
        session.answer(b"250 2.6.0 <1@x> [InternalId=42, Hostname=e] Queued mail for delivery\r\n")
    log.close()
    return time.process_time() - cpu


if __name__ == "__main__":
    main()
