"""The protocol logs as files: Exchange's format, whole lines, bounded room, and never an obstacle to mail."""

import csv
import logging
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from transport import protocol_log
from transport.protocol_log import Direction, LogFiles, Room, SessionLog, reading
from transport.protocol_log.reading import Wanted

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def log(tmp_path):
    """A send protocol log in a folder; `log(room facts)`."""
    opened = []

    def build(direction=Direction.SEND, folder=tmp_path, **facts):
        opened.append(LogFiles(direction, room=lambda: Room(folder=folder, **facts)))
        return opened[-1]

    yield build
    for one in opened:
        one.close()


def rows(folder, pattern="SEND*.log"):
    lines = [
        line
        for path in sorted(folder.glob(pattern), key=lambda one: int(one.stem.rpartition("-")[2]))
        for line in path.read_bytes().decode("utf-8-sig").split("\r\n")[:-1]
        if not line.startswith("#")
    ]
    return list(csv.reader(lines, strict=True))


def dialogue(files, number="0000000000010001", remote="192.0.2.7:25", text="QUIT"):
    """A short session."""
    session = SessionLog(files, connector="Internet, East")
    session.begin(number, remote=remote)
    session("*", "attempting to connect", "mx.test")
    session("+", "192.0.2.1:50000")
    session("<", "220 mx.test, ready")
    session(">", text)
    session("-", "Local")
    session.close()


def test_a_dialogue_is_written_in_exchanges_columns(log, tmp_path):
    dialogue(log())
    written = rows(tmp_path)

    assert [row[3] for row in written] == ["0", "1", "2", "3", "4"]
    assert {row[2] for row in written} == {"0000000000010001"}
    assert written[2][1:2] + written[2][4:] == [
        "Internet, East", "192.0.2.1:50000", "192.0.2.7:25", "<", "220 mx.test, ready", "",
    ]  # fmt: skip
    assert written[0][4:] == ["", "192.0.2.7:25", "*", "mx.test", "attempting to connect"]
    assert written[1][6:] == ["+", "", ""]
    assert written[4][6:] == ["-", "", "Local"]
    assert abs(datetime.fromisoformat(written[0][0]) - NOW) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("direction", "prefix", "title"),
    [
        (Direction.SEND, "SEND", b"SMTP Send Protocol Log"),
        (Direction.RECEIVE, "RECV", b"SMTP Receive Protocol Log"),
    ],
)
def test_the_file_begins_with_exchanges_header_and_carries_the_day(log, tmp_path, direction, prefix, title):
    dialogue(log(direction))
    (path,) = tmp_path.iterdir()
    head = path.read_bytes().split(b"\r\n")

    assert path.name == f"{prefix}{datetime.now(UTC):%Y%m%d}-1.log"
    assert path.stat().st_mode & 0o077 == 0
    assert head[0].startswith(b"\xef\xbb\xbf#Software:")
    assert head[2] == b"#Log-type: " + title
    assert head[4].startswith(b"#Fields: date-time,connector-id,session-id,sequence-number")


def test_a_full_file_is_followed_by_the_next_and_the_oldest_goes(log, tmp_path):
    files = log(max_file_bytes=500, max_directory_bytes=2000)
    for number in range(30):
        dialogue(files, text=f"NOOP {number} " + "x" * 100)
    names = {path.name for path in tmp_path.iterdir()}

    assert 1 < len(names) < 6
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4000
    assert rows(tmp_path)[-2][7].startswith("NOOP 29")


def test_a_restart_goes_on_in_the_newest_file(log, tmp_path):
    first = log()
    dialogue(first)
    first.close()
    dialogue(log())

    assert len(list(tmp_path.iterdir())) == 1
    assert len(rows(tmp_path)) == 10


def test_files_older_than_the_age_go_and_without_an_age_none(tmp_path):
    old = tmp_path / "SEND20200101-1.log"
    old.write_text("old")
    os.utime(old, (0, (NOW - 31 * DAY).timestamp()))
    other = tmp_path / "RECV20200101-1.log"
    other.write_text("other")
    os.utime(other, (0, 0))
    protocol_log.retire(Direction.SEND, Room(folder=tmp_path, max_age=timedelta(0)), now=NOW)
    assert old.exists()

    protocol_log.retire(Direction.SEND, Room(folder=tmp_path), now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_a_file_that_was_deleted_or_whose_folder_was_changed_is_left(tmp_path):
    folder = tmp_path / "first"
    facts = {"folder": folder}
    files = LogFiles(Direction.SEND, room=lambda: Room(**facts))
    dialogue(files)
    next(folder.iterdir()).unlink()
    dialogue(files)
    facts["folder"] = tmp_path / "second"
    dialogue(files)
    files.close()

    assert len(rows(tmp_path / "first")) == len(rows(tmp_path / "second")) == 5


def test_two_processes_never_write_one_file(log, tmp_path):
    dialogue(log())
    program = (
        "import sys; from pathlib import Path; from transport.protocol_log import *\n"
        "files = LogFiles(Direction.SEND, room=lambda: Room(folder=Path(sys.argv[1])))\n"
        "files.write('x,Internet,2,0,,,*,,hello\\r\\n')\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)

    assert sorted(path.name[-5:] for path in tmp_path.iterdir()) == ["1.log", "2.log"]
    assert [row[2] for row in rows(tmp_path)] == ["0000000000010001"] * 5 + ["2"]


def test_lines_of_parallel_sessions_stay_whole_and_in_their_order(log, tmp_path):
    files = log(max_file_bytes=50_000)
    threads = [
        threading.Thread(target=lambda number=number: [dialogue(files, f"{number:016X}") for _ in range(40)])
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = rows(tmp_path)

    assert len(written) == 8 * 40 * 5
    assert all(len(row) == 9 for row in written)
    for number in range(8):
        told = [row[3] for row in written if row[2] == f"{number:016X}"]
        assert told == ["0", "1", "2", "3", "4"] * 40


def test_lines_of_parallel_greenlets_stay_whole(tmp_path):
    program = """if True:
        from gevent import monkey; monkey.patch_all()
        import gevent, sys
        from pathlib import Path
        from transport.protocol_log import Direction, LogFiles, Room, SessionLog
        room = Room(folder=Path(sys.argv[1]), max_file_bytes=30_000)
        files = LogFiles(Direction.SEND, room=lambda: room)
        def talk(number):
            log = SessionLog(files, connector="Internet")
            log.begin(f"{number:016X}")
            for line in range(120):
                log(">", f"NOOP {line}, " + "x" * 50)
                gevent.sleep(0)
            log.close()
        gevent.joinall([gevent.spawn(talk, number) for number in range(20)], raise_error=True)
    """
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
    written = rows(tmp_path)

    assert len(list(tmp_path.iterdir())) > 5
    assert all(len(row) == 9 for row in written)
    for number in range(20):
        told = [int(row[3]) for row in written if row[2] == f"{number:016X}"]
        assert told == list(range(120))


def test_whatever_a_stranger_says_is_one_printable_line(log, tmp_path):
    dialogue(log(), text='\x1b[2J"evil",\r\n2026,\x00,\u202e' + "y" * 9000)
    said = rows(tmp_path)[3][7]

    assert len(rows(tmp_path)) == 5
    assert said.isprintable()
    assert said.startswith('"evil", 2026,')
    assert len(said) <= 2000


def test_a_folder_that_cannot_be_written_does_not_stop_mail_and_is_told_once(log, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    files = log(folder=tmp_path / "file")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            dialogue(files)

    assert [record.message for record in caplog.records] == ["protocol_log_not_written"]


def test_half_a_line_is_never_left_behind_by_a_full_disk(log, tmp_path, monkeypatch):
    files = log()
    dialogue(files)
    write = os.write
    monkeypatch.setattr(os, "write", lambda to, data: write(to, data[:7]) if len(data) > 7 else full())
    dialogue(files)
    monkeypatch.undo()
    dialogue(files)

    assert [row[3] for row in rows(tmp_path)] == ["0", "1", "2", "3", "4"] * 2


def full():
    raise OSError(28, "No space left on device")


# Reading


@pytest.fixture
def two_logs(log, tmp_path):
    """A session that sent messages 41 and 42, one that failed, one that came in."""
    sending = log()
    session = SessionLog(sending, connector="Internet")
    session.begin("0000000000010001", remote="192.0.2.7:25")
    for line in (
        ("*", "attempting to connect", "mx.fabrikam.com"),
        ("+", "192.0.2.1:50000"),
        ("<", "220 hello"),
        ("*", "sending message with RecordId 41 and InternetMessageId <a@b>", "41"),
        (">", "MAIL FROM:<anna@contoso.com>"),
        ("*", "sending message with RecordId 42 and InternetMessageId <c@d>", "42"),
        ("<", "550 5.7.1 no"),
        ("-", "Remote"),
    ):
        session(*line)
    session.close()
    dialogue(sending, "0000000000020001", remote="[2001:db8::1]:25")
    receiving = SessionLog(log(Direction.RECEIVE), connector="E15MB1\\Default")
    receiving.begin("00000000000000AA", remote="192.0.2.99:1234", local="192.0.2.1:25")
    receiving("+", "192.0.2.1:25")
    receiving("<", "EHLO client.contoso.com")
    receiving(">", "250 2.6.0 <a@b> [InternalId=41, Hostname=e] Queued mail for delivery")
    receiving("-", "Local")
    receiving.close()
    return [(direction, tmp_path) for direction in Direction]


@pytest.mark.parametrize(
    ("wanted", "sessions"),
    [
        ({}, ["00000000000000AA", "0000000000010001", "0000000000020001"]),
        ({"session_id": "0000000000020001"}, ["0000000000020001"]),
        ({"session_id": "00000000000000aa"}, ["00000000000000AA"]),
        ({"message_id": 41}, ["00000000000000AA", "0000000000010001"]),
        ({"message_id": 4}, []),
        ({"host": "192.0.2.7"}, ["0000000000010001"]),
        ({"host": "192.0.2.7:25"}, ["0000000000010001"]),
        ({"host": "2001:db8::1"}, ["0000000000020001"]),
        ({"host": "MX.fabrikam.com"}, ["0000000000010001"]),
        ({"host": "client.contoso.com"}, ["00000000000000AA"]),
        ({"connector": "default"}, ["00000000000000AA"]),
        ({"start": NOW + DAY}, []),
        ({"end": NOW - DAY}, []),
        ({"start": NOW - DAY, "end": NOW + DAY, "message_id": 42}, ["0000000000010001"]),
    ],
)
def test_sessions_are_found_by_number_message_host_connector_and_time(two_logs, wanted, sessions):
    found = reading.dialogues(two_logs, Wanted(**wanted))

    assert sorted(one.session_id for one in found) == sessions


def test_a_session_is_summed_up(two_logs):
    (one,) = reading.dialogues(two_logs, Wanted(message_id=42))

    assert (one.remote_host, one.remote_endpoint) == ("mx.fabrikam.com", "192.0.2.7:25")
    assert (one.local_endpoint, one.lines, one.messages) == ("192.0.2.1:50000", 8, 2)
    assert one.last_reply == "550 5.7.1 no"


def test_a_dialogue_is_read_in_its_order_and_written_again_byte_for_byte(two_logs, tmp_path):
    said = reading.entries(two_logs, ["0000000000020001"])
    again = b"".join(reading.lines(said, now=NOW))
    (path,) = tmp_path.glob("SEND*.log")

    assert [one.sequence_number for one in said] == [0, 1, 2, 3, 4]
    assert again.partition(b"context\r\n")[2] in path.read_bytes()
    assert again.count(b"\r\n") == 10


def test_what_is_no_line_is_skipped(two_logs, tmp_path):
    (path,) = tmp_path.glob("SEND*.log")
    with path.open("ab") as file:
        file.write(b'2026-11-27T00:00:00.000Z,In"ternet,torn\r\n\xff\xfe\r\n' + b"x" * 100_000 + b"\r\nhalf")

    assert len(reading.dialogues(two_logs, Wanted())) == 3
