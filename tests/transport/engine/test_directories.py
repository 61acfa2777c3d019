"""The Pickup and Replay directories: what becomes of the files that programs drop there."""

import os
import time
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from tests.support.engine import connector, server
from transport import directories, intervals
from transport.back_pressure import Level, Pressure
from transport.directories import PICKUP, REPLAY, Directory, Pace
from transport.drop_files import BadFile, DropDirectory
from transport.models import HandedIn, Message, Recipient, TransportServer
from transport.operations import export_message
from transport.receiving.limits import MIB
from transport.submission import accept

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
MAIL = b"From: anna@contoso.test\nTo: bob@fabrikam.test\nSubject: %s\n\nHello.\n"
OLD = time.time() - 60
NOBODY = 65_534


@pytest.fixture
def pressure():
    return Pressure()


@pytest.fixture
def open_directory(settings, tmp_path, pressure):
    """Make a directory as the program would at its start."""
    settings.DATA_DIR = tmp_path

    def make(kind=PICKUP):
        directory = Directory(kind, server=server(), pressure=pressure)
        directory.files.prepare()
        return directory

    return make


@pytest.fixture
def pickup(open_directory):
    return open_directory()


def drop(directory, name, data=MAIL % b"plain", *, at=OLD):
    """A file that was written a minute ago."""
    path = directory.files.path / name
    path.write_bytes(data)
    os.utime(path, (at, at))
    return path


def names(directory):
    return sorted(path.name for path in directory.files.path.iterdir())


def subjects():
    return list(Message.objects.order_by("pk").values_list("subject", flat=True))


def test_a_file_becomes_a_message_and_goes(pickup):
    connector()
    drop(pickup, "x.eml")

    assert pickup.look() == 1
    message = Message.objects.get()
    assert (message.mail_from, message.source, message.trusted_sender) == (
        "anna@contoso.test",
        "Pickup",
        True,
    )
    assert Recipient.objects.get().address == "bob@fabrikam.test"
    assert names(pickup) == []


def test_the_directory_belongs_to_the_program_alone(pickup):
    assert pickup.files.path.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_anybody_may_write_into_is_not_read(pickup, caplog):
    drop(pickup, "x.eml")
    pickup.files.path.chmod(0o777)

    assert [pickup.look(), pickup.look()] == [0, 0]
    (said,) = (record for record in caplog.records if record.message == "directory_not_read")
    assert "everybody on this machine may write into it" in said.reason
    assert names(pickup) == ["x.eml"]


def test_the_oldest_file_comes_first(pickup):
    drop(pickup, "a.eml", MAIL % b"second", at=OLD)
    drop(pickup, "b.eml", MAIL % b"first", at=OLD - 10)
    pickup.look()

    assert subjects() == ["first", "second"]


def test_a_file_that_no_message_can_be_made_of_stays_as_bad_and_the_log_says_why(pickup, caplog):
    drop(pickup, "x.eml", b"no mail at all\n")
    drop(pickup, "y.eml")

    assert pickup.look() == 1
    assert names(pickup) == ["x.bad"]
    (said,) = (record for record in caplog.records if record.message == "file_set_aside")
    assert (said.directory, said.file) == ("Pickup", "x.bad")
    assert "no blank line" in said.reason


def test_bad_files_of_one_name_stand_beside_each_other(pickup):
    for _ in range(3):
        drop(pickup, "x.eml", b"no mail at all\n")
        pickup.look()

    assert names(pickup) == ["x.2.bad", "x.3.bad", "x.bad"]


def test_what_is_no_regular_file_is_never_opened(pickup, tmp_path):
    secret = tmp_path / "secret_key"
    secret.write_bytes(MAIL % b"secret")
    os.utime(secret, (OLD, OLD))
    (pickup.files.path / "link.eml").symlink_to(secret)
    os.link(secret, pickup.files.path / "hard.eml")
    os.mkfifo(pickup.files.path / "fifo.eml")
    (pickup.files.path / "folder.eml").mkdir()
    (pickup.files.path / "gone.eml").symlink_to(tmp_path / "nowhere")

    assert pickup.look() == 0
    assert names(pickup) == ["fifo.bad", "folder.bad", "gone.bad", "hard.bad", "link.bad"]
    assert secret.exists()


def test_a_file_of_somebody_else_counts_if_the_directory_was_opened_to_him(pickup):
    os.chown(drop(pickup, "x.eml"), NOBODY, NOBODY)

    assert pickup.look() == 1


def test_a_file_that_we_may_not_read_is_bad(tmp_path):
    files = DropDirectory(tmp_path / "Pickup")
    files.prepare()
    (files.path / "x.eml").write_bytes(MAIL)
    (files.path / "x.eml").chmod(0o600)
    for path in (*tmp_path.parents, tmp_path):
        if path.stat().st_uid == 0 and path.name.startswith(("pytest", "popen", "test_")):
            path.chmod(0o711)
    os.chown(files.path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        taken = files.take(files.path / "x.eml", most_bytes=1000)
        with pytest.raises(BadFile, match="cannot be read"):
            files.read(taken, most_bytes=1000)
    finally:
        os.seteuid(0)


def test_a_file_over_the_size_limit_is_not_even_read(pickup):
    with drop(pickup, "x.eml").open("r+b") as file:
        file.truncate(100 * 1024 * MIB)
    os.utime(pickup.files.path / "x.eml", (OLD, OLD))

    assert pickup.look() == 0
    assert names(pickup) == ["x.bad"]


def test_a_file_that_is_still_written_waits(pickup):
    path = drop(pickup, "x.eml", at=time.time())

    assert pickup.look() == 0
    assert names(pickup) == ["x.eml"]

    os.utime(path, (OLD, OLD))
    assert pickup.look() == 1


def test_other_names_are_left_alone(pickup):
    kept = ["x.eml.part", "x.txt", ".hidden.eml", "x.bad"]
    for name in kept:
        drop(pickup, name)

    assert pickup.look() == 0
    assert names(pickup) == sorted(kept)


@pytest.mark.parametrize(
    "name",
    [
        "with space.EML",
        "line\nfeed.eml",
        "\x1b[31mred.eml",
        "ümlaut.eml",
        os.fsdecode(b"\xff\xfe.eml"),
        "-rf.eml",
        "'; drop table.eml",
        "x" * 251 + ".eml",
        "a.b.c.eml",
    ],
)
def test_odd_names_are_read_set_aside_and_logged_in_one_printable_line(pickup, caplog, name):
    caplog.set_level("INFO")
    drop(pickup, name)
    assert pickup.look() == 1

    drop(pickup, name, b"bad\n")
    assert pickup.look() == 0
    assert [one.endswith(".bad") for one in names(pickup)] == [True]
    logged = [record.file for record in caplog.records if record.message.startswith("file_")]
    assert len(logged) == 2
    assert all(text.isprintable() and len(text) <= 200 for text in logged)


def test_a_temporary_file_of_somebody_else_is_not_overwritten(pickup):
    pickup.look()
    drop(pickup, "x.tmp", b"a program writes here")
    drop(pickup, "x.eml")

    assert pickup.look() == 0
    assert (pickup.files.path / "x.tmp").read_bytes() == b"a program writes here"


def test_files_that_cannot_be_taken_keep_no_others_from_their_turn(pickup):
    pickup.look()
    for number in range(20):
        drop(pickup, f"{number}.tmp", b"a program writes here")
        drop(pickup, f"{number}.eml")
    drop(pickup, "young.eml", at=OLD + 30)

    assert pickup.look() == 1


def test_after_a_crash_before_the_commit_the_file_is_read_again(open_directory):
    directory = open_directory()
    drop(directory, "x.eml")
    directory.files.take(directory.files.path / "x.eml", most_bytes=1000)
    assert names(directory) == ["x.tmp"]

    assert open_directory().look() == 1
    assert names(directory) == []


def test_after_a_crash_between_commit_and_removal_nothing_is_sent_twice(open_directory, monkeypatch):
    directory = open_directory()
    drop(directory, "x.eml")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", die)
        with pytest.raises(Killed):
            directory.look()
    assert names(directory) == ["x.tmp"]
    assert Message.objects.count() == 1

    assert open_directory().look() == 0
    assert names(directory) == []
    assert Message.objects.count() == 1


class Killed(BaseException):
    """The process ends here."""


def die(*_arguments, **_options):
    raise Killed


def test_a_copy_of_a_file_that_was_sent_is_sent_too(pickup):
    """Not even with the same name, size and time: they are what `cp -p` keeps."""
    for _ in range(2):
        drop(pickup, "x.eml")
        pickup.look()

    assert Message.objects.count() == 2


def test_a_database_that_is_away_puts_the_file_back_and_the_next_look_takes_it(pickup, caplog):
    drop(pickup, "x.eml")
    drop(pickup, "y.eml")

    def away(*_arguments, **_options):
        raise OperationalError("the database is away")

    intervals.refresh()
    with connection.execute_wrapper(away):
        assert pickup.look() == 0
    assert names(pickup) == ["x.eml", "y.eml"]
    assert "directory_not_read" in [record.message for record in caplog.records]

    assert pickup.look() == 2


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH])
def test_under_back_pressure_files_wait(pickup, pressure, level):
    drop(pickup, "x.eml")
    pressure.level = level
    assert pickup.look() == 0

    pressure.level = Level.NORMAL
    assert pickup.look() == 1


def test_no_more_than_a_hundred_a_minute_come_in(pickup):
    for number in range(30):
        drop(pickup, f"{number}.eml")

    assert [pickup.look() for _ in range(4)] == [8, 8, 9, 5]


@pytest.mark.parametrize("per_minute", [1, 7, 100, 20_000])
def test_the_pace_holds_over_minutes_and_saves_nothing_up(per_minute):
    pace, taken = Pace(), []
    for look in range(12 * 60):
        if look == 12 * 30:
            for _ in range(12):
                pace.allow(per_minute)
        allowed = pace.allow(per_minute)
        pace.used(allowed)
        taken.append(allowed)

    busiest = max(sum(taken[start : start + 12]) for start in range(len(taken) - 12))
    assert busiest <= per_minute + 1
    assert abs(sum(taken) - 60 * per_minute) <= 60


def test_the_limits_of_pickup_are_settings_of_the_server(pickup):
    TransportServer.objects.update(
        pickup_directory_max_recipients_per_message=1, pickup_directory_max_messages_per_minute=12
    )
    intervals.forget()
    drop(pickup, "x.eml", MAIL.replace(b"\nSubject", b", eva@fabrikam.test\nSubject") % b"two")
    drop(pickup, "y.eml", at=OLD + 1)
    drop(pickup, "z.eml", at=OLD + 2)

    assert pickup.look() == 1
    assert names(pickup) == ["x.bad", "z.eml"]
    assert pickup.look() == 1


def test_a_message_that_breaks_us_does_not_keep_the_others_from_being_read(pickup, monkeypatch):
    def broken(envelopes, **facts):
        if b"poison" in envelopes[0].content:
            raise RecursionError
        return accept(envelopes, **facts)

    monkeypatch.setattr("transport.submission.accept", broken)
    drop(pickup, "x.eml", MAIL % b"poison")
    drop(pickup, "y.eml")

    assert pickup.look() == 1
    assert names(pickup) == ["x.bad"]
    assert Message.objects.count() == 1


def test_an_exported_message_goes_back_in_through_replay_with_its_envelope(open_directory):
    connector()
    pickup, replay = open_directory(), open_directory(REPLAY)
    drop(
        pickup, "x.eml", b"From: anna@contoso.test\nTo: shown@fabrikam.test\nBcc: secret@adatum.test\n\nHi\n"
    )
    pickup.look()
    first = Message.objects.get()
    for queued in first.queued.select_related("message", "queue__server"):
        drop(replay, f"{queued.pk}.eml", b"".join(export_message(queued, for_replay=True).chunks))

    assert replay.look() == 2
    again = Message.objects.exclude(pk=first.pk).order_by("pk")
    assert {one.recipients.get().address for one in again} == {"shown@fabrikam.test", "secret@adatum.test"}
    for one in again:
        assert (one.mail_from, one.source) == ("anna@contoso.test", "Pickup")
        stored, original = (b"".join(bytes(c.data) for c in m.chunks.all()) for m in (one, first))
        assert stored.endswith(original)
        assert stored.startswith(b"Received: from localhost\r\n\tby e15mb1.admincenter.test (Replay) id ")


def test_an_exported_message_goes_back_in_through_pickup_by_its_header(open_directory):
    connector()
    pickup = open_directory()
    drop(pickup, "x.eml")
    pickup.look()
    first = Message.objects.get()
    drop(pickup, "again.eml", b"".join(export_message(first.queued.get(), for_replay=True).chunks))

    assert pickup.look() == 1
    again = Message.objects.exclude(pk=first.pk).get()
    content = b"".join(bytes(chunk.data) for chunk in again.chunks.all())
    assert content.count(b"Received:") == 1
    assert b"X-Receiver" not in content
    assert again.internet_message_id == first.internet_message_id


def test_the_memory_of_what_was_handed_in_goes_after_a_day(pickup):
    drop(pickup, "x.eml")
    pickup.look()
    HandedIn.objects.update(at=directories.timezone.now() - directories.timedelta(hours=25))
    drop(pickup, "y.eml")
    pickup.look()

    assert HandedIn.objects.count() == 1
