import csv
from datetime import UTC, datetime

from transport import protocol_log
from transport.protocol_log import SessionLog


def rows(folder):
    lines = [
        line
        for path in sorted(folder.glob("SEND*.log"))
        for line in path.read_text(encoding="utf-8-sig").splitlines()
        if not line.startswith("#")
    ]
    return list(csv.reader(lines))


def test_a_dialogue_is_written_in_exchanges_columns(tmp_path):
    log = SessionLog(tmp_path, connector="Internet")
    log.remote = "192.0.2.7:25"
    log("*", "attempting to connect")
    log("+", "192.0.2.1:50000")
    log("<", "220 mx.test, ready")
    log(">", "EHLO mail.contoso.test")
    log("-", "Local")
    log.close()
    written = rows(tmp_path)

    assert [row[3] for row in written] == ["0", "1", "2", "3", "4"]
    assert len({row[2] for row in written}) == 1
    assert written[2][1:2] + written[2][4:] == [
        "Internet", "192.0.2.1:50000", "192.0.2.7:25", "<", "220 mx.test, ready", "",
    ]  # fmt: skip
    assert written[0][6:] == ["*", "", "attempting to connect"]


def test_the_file_begins_with_exchanges_header_and_carries_the_day(tmp_path):
    log = SessionLog(tmp_path, connector="Internet")
    log(">", "QUIT")
    log.close()
    path = next(tmp_path.iterdir())
    head = path.read_bytes().split(b"\r\n")

    assert path.name == f"SEND{datetime.now(UTC):%Y%m%d}-1.log"
    assert head[0].startswith(b"\xef\xbb\xbf#Software:")
    assert head[2] == b"#Log-type: SMTP Send Protocol Log"
    assert head[4].startswith(b"#Fields: date-time,connector-id,session-id,sequence-number")


def test_a_full_file_is_followed_by_the_next_and_the_oldest_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol_log, "FILE_BYTES", 500)
    monkeypatch.setattr(protocol_log, "FOLDER_BYTES", 2000)
    for number in range(30):
        log = SessionLog(tmp_path, connector="Internet")
        log(">", f"NOOP {number} " + "x" * 100)
        log.close()
    files = list(tmp_path.iterdir())

    assert len(files) > 1
    assert sum(path.stat().st_size for path in files) < 3000
    assert rows(tmp_path)[-1][7].startswith("NOOP")


def test_a_folder_that_cannot_be_written_does_not_stop_mail(tmp_path):
    (tmp_path / "file").write_text("in the way")
    log = SessionLog(tmp_path / "file", connector="Internet")
    log(">", "QUIT")

    log.close()
