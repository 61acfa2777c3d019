import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admincenter.shell.catalogue import CMDLETS
from tests.support import queued_mail

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("Get-Quue", "character 1: there is no cmdlet Get-Quue; perhaps Get-Queue"),
        ("Frobnicate", "character 1: there is no cmdlet Frobnicate; Get-Command lists all"),
        ("Get-Queue -Filtr x", "character 11: Get-Queue has no parameter -Filtr; perhaps Filter is meant"),
        ("Get-Queue -S x", "character 11: -S is the beginning of -Server and -SortOrder"),
        ("Get-Queue -Filter", "character 11: -Filter needs a value"),
        ("Get-Queue -Filter -Server x", "character 11: -Filter needs a value"),
        ("Get-Queue -Server x -Server y", "character 29: -Server stands here twice"),
        ("Get-Queue a b", "character 13: Get-Queue takes no further value here"),
        ("Get-Queue a,b", "character 11: -Identity: one text is expected"),
        ("Get-Queue -ResultSize many", "character 23: -ResultSize: a whole number from 1, or unlimited"),
        ("Get-Queue -ResultSize 0", "character 23: -ResultSize: a whole number from 1"),
        (
            "Get-Queue | Get-TransportService",
            "character 13: Get-TransportService takes nothing from the pipeline",
        ),
        (
            "Get-TransportService | Get-Message",
            "character 24: Get-Message takes queues from the pipeline, not",
        ),
        ("Get-Queue | ft | fl", "character 13: Format-Table can only end a pipeline"),
        ("ft", "character 1: there is nothing to format"),
        (
            "Get-TransportService | ft Nmae",
            "character 27: a transport service has no property Nmae; perhaps Name",
        ),
        ('Get-Queue "a`0b"', "character 11: -Identity: a text has no NUL character"),
        ('Get-SendConnector "a\x00b"', "character 19: -Identity: a text has no NUL character"),
        ("Get-Queue \udcff", "character 11: this is not UTF-8 text"),
        ("Get-Queue; Get-Foo", "character 12: there is no cmdlet Get-Foo"),
        ("Get-Queue -Identity (Get-TransportService)", "there is no queue E15MB1"),
    ],
)
@pytest.mark.usefixtures("server")
def test_a_mistake_is_told_in_one_line_with_its_place(refused, command, line):
    assert line in refused(command)


def test_a_mistake_at_the_end_does_no_half_of_the_work(refused):
    queue = queued_mail.queue()
    refused(rf"Suspend-Queue E15MB1\{queue.pk} | Get-Foo")
    queue.refresh_from_db()

    assert not queue.suspended


def test_names_count_whatever_their_case_and_a_unique_beginning_is_enough(listed):
    queue = queued_mail.queue()

    assert listed(rf"GET-queue -IDENT e15mb1\{queue.pk}").names == [queue.identity]


WORDS = [
    "Get-Queue",
    "Get-Message",
    "Get-SendConnector",
    "Get-Help",
    "ft",
    "fl",
    "select",
    "where",
    "|",
    ";",
    "-Filter",
]
WORDS += [
    "'Status -eq Retry'",
    "{Status -eq Ready}",
    "Status",
    "-EQ",
    "Ready",
    "-First",
    "1",
    "*",
    "-Property",
    "measure",
]
WORDS += [
    "-Identity",
    r"E15MB1\1",
    "-Queue",
    "(",
    ")",
    "-ResultSize",
    "unlimited",
    "-SortOrder:-Size",
    "$null",
    ",",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
def test_whatever_is_typed_gives_objects_or_one_line(ems, command):
    queued_mail.server()
    answer = ems(command)

    assert "the fault is ours" not in answer.notes
    assert answer.status in {0, 1}
    if answer.status:
        assert len([line for line in answer.notes.splitlines() if line.startswith("ems: ")]) == 1


def test_a_fault_of_ours_shows_no_traceback_and_is_logged(refused, monkeypatch, caplog):
    monkeypatch.setattr("transport.servers.registered", lambda: 1 / 0)

    assert refused("Get-TransportService") == "that went wrong, and the fault is ours; the log says more"
    assert "ZeroDivisionError" in caplog.text


def test_json_is_one_array_of_everything(ems):
    queued_mail.queue("a.example")
    queued_mail.queue("b.example")
    answer = ems(
        "Get-Queue | select NextHopDomain,MessageCount; Get-TransportService | ft Name", as_json=True
    )

    assert answer.objects == [
        {"NextHopDomain": "a.example", "MessageCount": 0},
        {"NextHopDomain": "b.example", "MessageCount": 0},
        {"Name": "E15MB1"},
    ]


def test_json_is_an_array_even_when_nothing_is_found_or_something_fails(ems):
    assert ems("Get-SendConnector", as_json=True).objects == []
    assert ems("Get-TransportService; Get-Foo", as_json=True).objects == []


def test_json_keeps_types_and_shows_no_raw_control_character(ems):
    queue = queued_mail.queue_in_retry()
    queued_mail.message(queue, subject="\x1b[31mred\u202e")
    answer = ems("Get-Queue | Get-Message", as_json=True)
    (message,) = answer.objects

    assert answer.output.isascii()
    assert "\x1b" not in answer.output
    assert (message["Subject"], message["Size"]) == ("\x1b[31mred\u202e", 4000)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", message["DateReceived"])


def test_a_hostile_subject_cannot_write_to_the_terminal(ems):
    queued_mail.message(queued_mail.queue(), subject="a\x1b]0;owned\x07\nForged line\u202e\x9b")
    output = ems("Get-Message | ft Subject").output

    assert all(line.isprintable() for line in output.splitlines())
    assert r"a\x1b]0;owned\x07\nForged line\u202e\x9b" in output


def test_a_table_has_headings_and_numbers_to_the_right(ems):
    queued_mail.queue("fabrikam.com", message_count=7)
    heading, rule, row, *_ = ems("Get-Queue | ft NextHopDomain,MessageCount").output.splitlines()

    assert heading == "NextHopDomain MessageCount"
    assert rule == "------------- ------------"
    assert row == "fabrikam.com             7"


def test_wide_characters_keep_the_columns_straight(ems):
    queue = queued_mail.queue()
    queued_mail.message(queue, subject="日本")
    queued_mail.message(queue, subject="ab")
    _, _, wide, narrow, *_ = ems("Get-Message | ft Subject,RetryCount").output.splitlines()

    assert wide.removeprefix("日本") == narrow.removeprefix("ab").removeprefix("  ")


def test_a_list_shows_every_property_and_patterns_pick_some(ems):
    queued_mail.queue_in_retry()
    everything = ems("Get-Queue | fl").output
    some = ems("Get-Queue | fl next*,status").output.splitlines()

    assert "DeliveryType     : DnsConnectorDelivery" in everything
    assert [line.split()[0] for line in some if line] == [
        *("NextHopCategory", "NextHopDomain", "NextHopConnector", "NextRetryTime", "Status")
    ]


def test_help_is_written_from_the_declarations(ems):
    for cmdlet in CMDLETS:
        text = ems(f"Get-Help {cmdlet.name}").output
        assert "<>" not in text
        assert all(f"-{parameter.name}" in text for parameter in cmdlet.declared())
        assert cmdlet.synopsis in text
        assert all(example in text for example in cmdlet.examples)


def test_commands_are_listed_and_found_by_pattern(listed):
    assert [one["Name"] for one in listed("Get-Command").objects] == sorted(one.name for one in CMDLETS)
    assert [one["Name"] for one in listed("Get-Command *-queue").objects] == [
        *("Get-Queue", "Resume-Queue", "Retry-Queue", "Suspend-Queue")
    ]


def test_a_cmdlet_has_no_two_parameters_of_one_name_and_every_place_once():
    for cmdlet in CMDLETS:
        names = [one.name.lower() for one in cmdlet.declared()]
        places = [one.position for one in cmdlet.declared() if one.position is not None]
        assert len(names) == len(set(names)), cmdlet.name
        assert sorted(places) == list(range(len(places))), cmdlet.name


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("Get-Queue | where {$_.MessageCount -gt 1}", ["b.example", "c.example"]),
        ("Get-Queue | where MessageCount -ge 3", ["c.example"]),
        ("Get-Queue | ? NextHopDomain -like a*", ["a.example"]),
        ("Get-Queue | sort MessageCount -Descending", ["c.example", "b.example", "a.example"]),
        ("Get-Queue | sort NextHopDomain | select -First 1", ["a.example"]),
        ("Get-Queue | sort NextHopDomain | select -Last 1", ["c.example"]),
        ("Get-Queue | sort NextHopDomain | select * -Skip 1 -First 1", ["b.example"]),
    ],
)
def test_objects_are_filtered_sorted_and_picked(listed, command, expected):
    for count, name in enumerate(["a.example", "b.example", "c.example"], 1):
        queued_mail.queue(name, message_count=count)

    assert [one["NextHopDomain"] for one in listed(command).objects] == expected


def test_a_property_is_counted_and_added_up(listed, refused):
    for count, name in enumerate(["a.example", "b.example", "c.example"], 1):
        queued_mail.queue(name, message_count=count)
    (measured,) = listed("Get-Queue | measure MessageCount").objects

    assert measured == {
        "Count": 3,
        "Property": "MessageCount",
        "Sum": 6,
        "Average": 2.0,
        "Minimum": 1,
        "Maximum": 3,
    }
    assert "Status of a queue is no number" in refused("Get-Queue | measure Status")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("Get-Queue | where {Foo -eq 1}", "-FilterScript, its character 1: there is no property Foo"),
        ("Get-Queue | where {Status -eq}", "-FilterScript, its character 11: a value is expected"),
        ("Get-Queue | where", "Where-Object needs -FilterScript"),
        ("Get-Queue | sort Foo", "a queue has no property Foo"),
        ("Get-Queue | select -First 1 -Last 1", "-First and -Last exclude each other"),
    ],
)
def test_a_wrong_condition_is_refused(refused, command, line):
    queued_mail.queue()

    assert line in refused(command)


def test_more_rows_than_are_measured_flow_past(ems):
    for number in range(305):
        queued_mail.queue(f"n{number:03}.example")
    rows = ems("Get-Queue -SortOrder:+NextHopDomain | ft NextHopDomain").output.split()[2:]

    assert rows == [f"n{number:03}.example" for number in range(305)]


def test_the_json_of_a_text_object_is_its_record(listed):
    (topic,) = listed("Get-Help Get-Queue").objects

    assert topic["Name"] == "Get-Queue"
    assert json.dumps(topic)
