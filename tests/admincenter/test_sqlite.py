"""Writers of the embedded database take turns, across connections and processes."""

import contextlib
import fcntl
import os
import resource
import sqlite3
import threading
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

from tests.support.waiting import wait_until
from transport import checkpoints
from transport.models import TransportServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _only_sqlite():
    if connection.vendor != "sqlite":
        pytest.fail("this file is about SQLite and carries no mark that brings it to another database")


def write(name: str) -> None:
    with transaction.atomic():
        TransportServer.objects.create(name=name, fqdn=f"{name}.test")


def names() -> list[str]:
    return list(TransportServer.objects.order_by("pk").values_list("name", flat=True))


def test_who_has_just_written_does_not_overtake_who_waits():
    begun, go_on = threading.Event(), threading.Event()

    def write_twice() -> None:
        with transaction.atomic():
            TransportServer.objects.create(name="first", fqdn="a.test")
            begun.set()
            go_on.wait(10)
        write("greedy")
        connection.close()

    def write_once() -> None:
        write("patient")
        connection.close()

    greedy = threading.Thread(target=write_twice)
    greedy.start()
    begun.wait(10)
    patient = threading.Thread(target=write_once)
    patient.start()
    wait_until(someone_waits, what="the second writer stands at the door")
    go_on.set()
    greedy.join(10)
    patient.join(10)

    assert names() == ["first", "patient", "greedy"]


def someone_waits() -> bool:
    """Whether the door is locked: only who waits for the turn behind it keeps it so."""
    with Path(f"{connection.settings_dict['NAME']}-door").open("a") as door:
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_transaction_that_fails_passes_the_turn_on():
    with pytest.raises(ValueError, match="no"), transaction.atomic():
        raise ValueError("no")
    other = threading.Thread(target=lambda: (write("other"), connection.close()))
    other.start()
    other.join(10)

    assert names() == ["other"]


def test_a_connection_that_is_closed_in_the_middle_passes_the_turn_on():
    def leave() -> None:
        transaction.atomic().__enter__()
        connection.close()

    leaving = threading.Thread(target=leave)
    leaving.start()
    leaving.join(10)
    write("next")

    assert names() == ["next"]


def test_a_process_that_has_no_descriptor_left_finds_a_locked_database_and_locks_nobody_out():
    """One descriptor is left: the door opens, the turn does not."""
    connection.ensure_connection()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, limits[1]))
    try:
        with pytest.raises(OperationalError, match="Too many open files"):
            write("nobody")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert not someone_waits()
    write("somebody")
    assert names() == ["somebody"]


def test_the_log_is_written_back_beside_the_writers():
    write("first")
    pages, written = checkpoints.write_back()

    assert 0 < written == pages


def test_a_log_that_was_written_back_while_nobody_wrote_begins_anew_although_somebody_always_writes():
    stopping = threading.Event()

    def write_on() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            write(f"busy{number}")
        connection.close()

    busy = threading.Thread(target=write_on)
    busy.start()
    try:
        wait_until(lambda: checkpoints.write_back()[0] > 300, what="the log grows")
        longest, _ = checkpoints.catch_up()
        wait_until(lambda: checkpoints.write_back()[0] < longest, what="the log begins anew")
    finally:
        stopping.set()
        busy.join(10)


def test_a_reader_keeps_the_log_and_nobody_waits_for_him():
    reading, go_on = threading.Event(), threading.Event()

    def read() -> None:
        # Not through Django: its transactions are writers.
        with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM transport_transportserver").fetchone()
            reading.set()
            go_on.wait(10)

    write("first")
    checkpoints.write_back()
    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(10)
    write("second")
    pages, written = checkpoints.write_back()
    beside_reader = checkpoints.catch_up()
    go_on.set()
    reader.join(10)

    assert written < pages
    assert beside_reader == (pages, written)
    assert checkpoints.write_back()[0] == checkpoints.write_back()[1]
