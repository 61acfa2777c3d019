import pytest

from tests.support import queued_mail
from transport.models import Message, Queue, QueuedMessage
from transport.states import DeliveryType, Pending, QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def retrying():
    queue = queued_mail.queue_in_retry("fabrikam.com")
    queued_mail.message(queue, subject="One")
    queued_mail.message(queue, subject="Two", size_bytes=2_000_000)
    return queue


@pytest.fixture
def elsewhere():
    return queued_mail.queue("contoso.com", at="E15MB2")


@pytest.fixture
def lost():
    kind = DeliveryType.UNREACHABLE
    return queued_mail.queue("Unreachable Domain", kind=kind, connector_id=0, connector_name="")


def test_the_queues_of_all_servers_are_listed_through_the_pipeline(listed, retrying, elsewhere):
    answer = listed("Get-TransportService | Get-Queue")

    assert answer.names == [retrying.identity, elsewhere.identity]


@pytest.mark.usefixtures("elsewhere")
def test_without_a_server_the_own_one_is_meant(listed, retrying, refused):
    assert listed("Get-Queue").names == [retrying.identity]
    assert len(listed("Get-Queue -Server *").names) == 2
    assert "there is no transport server E15MB9" in refused("Get-Queue -Server E15MB9")


def test_a_queue_shows_what_exchange_shows(listed, retrying):
    (shown,) = listed("Get-Queue").objects

    assert shown["Identity"] == rf"E15MB1\{retrying.pk}"
    assert (shown["DeliveryType"], shown["NextHopCategory"]) == ("DnsConnectorDelivery", "External")
    assert (shown["Status"], shown["MessageCount"], shown["RetryCount"]) == ("Retry", 2, 3)
    assert (shown["NextHopDomain"], shown["NextHopConnector"]) == ("fabrikam.com", "Internet")
    assert shown["LastError"] == "421 4.4.1 Connection refused"
    assert shown["NextRetryTime"] == retrying.next_retry_at.isoformat()


@pytest.mark.parametrize(
    "identity",
    [r"E15MB1\{pk}", "{pk}", r"e15mb1\FABRIKAM.com", "fabrikam.com", r"*\fabrikam.com", r"E15MB1\*.com"],
)
@pytest.mark.usefixtures("elsewhere", "lost")
def test_a_queue_has_many_names(listed, retrying, identity):
    assert listed(f"Get-Queue {identity.format(pk=retrying.pk)}").names == [retrying.identity]


@pytest.mark.usefixtures("retrying")
def test_a_persistent_queue_goes_by_its_word(listed, lost, refused):
    assert listed("Get-Queue unreachable").names == [r"E15MB1\Unreachable"]
    assert "there is no queue" in refused(f"Get-Queue {lost.pk}")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (r"Get-Queue E15MB1\99999", r"character 11: there is no queue E15MB1\99999"),
        ("Get-Queue nowhere.example", "there is no queue nowhere.example"),
        (r"Get-Queue a\b\c", r"a queue is named SERVER\42"),
        ("Get-Queue 1 -Filter \"Status -eq 'Retry'\"", "-Identity and -Filter exclude each other"),
        ("Get-Queue 1 -Server E15MB1", "-Identity and -Server exclude each other"),
        ("Get-Queue -Filter 'Status -eq Gone'", "character 19: -Filter, its character 12: Status is one of"),
        ("Get-Queue -Include Everything", "-Include: there is no Everything"),
        ("Get-Queue -SortOrder Nothing", "-SortOrder, its character 1: there is no property Nothing"),
        ("Retry-Queue", "character 1: Retry-Queue needs -Identity, -Filter, or queues from the pipeline"),
        (
            "Get-Queue | Retry-Queue -Filter 'MessageCount -gt 0'",
            "queues from the pipeline exclude -Identity",
        ),
        ("Suspend-Queue -Server E15MB1", "needs -Identity, -Filter"),
        (
            "Get-TransportService | Retry-Queue",
            "Retry-Queue takes queues from the pipeline, not transport services",
        ),
        ("Get-Queue -Confirm", "no parameter -Confirm"),
        ("Retry-Queue fabrikam.com -Confirm", "-Confirm asks on a terminal, and there is none"),
    ],
)
@pytest.mark.usefixtures("retrying")
def test_a_wrong_call_is_refused(refused, command, line):
    assert line in refused(command)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-Filter \"Status -eq 'Retry' -and MessageCount -gt 1\"", {"retrying"}),
        ("-Filter {Status -ne 'Retry'}", {"lost"}),
        ("-Include External", {"retrying"}),
        ("-Include Empty,DnsConnectorDelivery", {"retrying", "lost"}),
        ("-Exclude Empty", {"retrying"}),
        ("-Exclude Internal -Filter 'MessageCount -gt 5'", set()),
    ],
)
def test_queues_are_filtered_included_and_excluded(listed, retrying, lost, arguments, expected):
    queues = {"retrying": retrying.identity, "lost": lost.identity}

    assert set(listed(f"Get-Queue {arguments}").names) == {queues[name] for name in expected}


def test_queues_are_sorted_and_counted_off(listed):
    for count in (3, 30, 7):
        queued_mail.queue(f"n{count}.example", message_count=count)
    answer = listed("Get-Queue -SortOrder:-MessageCount -ResultSize 2")

    assert [one["MessageCount"] for one in answer.objects] == [30, 7]
    assert answer.notes == "There are more than 2: -ResultSize unlimited gives all.\n"
    assert len(listed("Get-Queue -ResultSize unlimited").objects) == 3


@pytest.mark.usefixtures("lost")
def test_the_line_of_exchanges_documentation_retries_what_is_in_retry(ems, retrying):
    answer = ems("Get-Queue -Filter \"Status -eq 'Retry'\" | Retry-Queue")
    retrying.refresh_from_db()

    assert answer.notes == "Queues retried: 1 of 1.\n"
    assert retrying.retry_count == 0


def test_a_queue_that_was_not_retried_is_not_counted(ems, retrying):
    Queue.objects.update(suspended=True)
    answer = ems(f"Retry-Queue {retrying.pk}")

    assert answer.notes.startswith("Queues retried: 0 of 1. The others are left alone: a suspended queue")


def test_queues_are_suspended_and_resumed(ems, retrying, elsewhere):
    suspended = ems("Get-TransportService | Get-Queue | Suspend-Queue")
    assert Queue.objects.filter(suspended=True).count() == 2
    resumed = ems(r"Resume-Queue -Filter \"MessageCount -ge 0\"".replace("\\", ""))

    assert suspended.notes == "Queues suspended: 2 of 2.\n"
    assert resumed.notes == "Queues resumed: 1 of 1.\n"
    assert list(Queue.objects.filter(suspended=True)) == [elsewhere]
    assert not Queue.objects.get(pk=retrying.pk).suspended


def test_what_if_moves_no_queue(ems, retrying):
    answer = ems(f"Suspend-Queue {retrying.pk} -WhatIf")

    assert answer.notes == "What if: suspend 1 queue\n"
    assert not Queue.objects.filter(suspended=True).exists()


def test_an_action_on_nothing_says_so(ems, retrying):
    assert (
        ems("Get-Queue -Filter 'MessageCount -gt 99' | Suspend-Queue").notes
        == "Queues suspended: there was none.\n"
    )
    assert not Queue.objects.get(pk=retrying.pk).suspended


def test_a_next_hop_that_two_queues_share_must_be_named_by_number(refused, retrying):
    queued_mail.queue("fabrikam.com", connector_id=2)

    assert "means 2 queues; name one by its number" in refused("Suspend-Queue fabrikam.com")
    assert not Queue.objects.get(pk=retrying.pk).suspended


def test_the_messages_of_a_queue_are_listed_through_the_pipeline(ems, retrying):
    queued_mail.message(queued_mail.queue("contoso.com"), subject="Elsewhere")
    answer = ems(rf"Get-Queue E15MB1\{retrying.pk} | Get-Message | ft")
    first = QueuedMessage.objects.get(message__subject="One")

    assert answer.output.split()[:5] == ["Identity", "FromAddress", "Status", "Queue", "Subject"]
    assert f"{first.identity} anna@contoso.com Retry" in answer.output
    assert "Two" in answer.output
    assert "Elsewhere" not in answer.output


def test_a_message_shows_what_exchange_shows(listed, retrying):
    message = queued_mail.message(
        retrying,
        "bob@fabrikam.com",
        "eve@fabrikam.com",
        mail_from="",
        source="DSN",
        subject="Three",
        client_address="192.0.2.1",
    )
    (shown,) = listed(f"Get-Message {message.identity} -IncludeRecipientInfo").objects

    assert (shown["FromAddress"], shown["MessageSourceName"], shown["SourceIP"]) == ("<>", "DSN", "192.0.2.1")
    assert (shown["Status"], shown["Size"], shown["Queue"]) == ("Retry", 4000, retrying.identity)
    assert shown["NextRetryTime"] == retrying.next_retry_at.isoformat()
    assert shown["Recipients"] == [
        {"Address": f"{name}@fabrikam.com", "Type": "External", "Status": "Ready", "LastError": ""}
        for name in ("bob", "eve")
    ]


@pytest.mark.usefixtures("elsewhere")
def test_a_message_has_many_names(listed, retrying):
    one = QueuedMessage.objects.get(message__subject="One")
    names = [one.identity, rf"E15MB1\fabrikam.com\{one.message_id}", rf"E15MB1\*\{one.message_id}"]
    names += [rf"{retrying.pk}\{one.message_id}", str(one.message_id)]

    assert {tuple(listed(f"Get-Message {name}").names) for name in names} == {(one.identity,)}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {"One", "Two", "Three"}),
        ("-Filter 'Size -gt 1MB'", {"Two"}),
        ("-Filter \"Subject -like 'T*' -and Size -lt 1MB\"", {"Three"}),
        (r"-Queue E15MB1\fabrikam.com", {"One", "Two"}),
        (r"-Queue E15MB1\*", {"One", "Two", "Three"}),
        ("-Queue *.example", {"Three"}),
    ],
)
@pytest.mark.usefixtures("retrying")
def test_messages_are_found_by_filter_and_by_queue(listed, arguments, expected):
    queued_mail.message(queued_mail.queue("n.example"), subject="Three")

    assert {one["Subject"] for one in listed(f"Get-Message {arguments}").objects} == expected


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("Get-Message 1 -Queue x", "-Identity and -Queue exclude each other"),
        ("Get-Message -Filter 'Size -gt 1' -Queue x", "-Filter and -Queue exclude each other"),
        ("Get-Message 99999", "there is no message 99999 in a queue"),
        ("Get-Message abc", r"a message is named SERVER\42\1001"),
        (r"Get-Message -Queue a\b\c", "a queue is named"),
        ("Get-Queue | Get-Message -Queue x", "queues from the pipeline exclude"),
        ("Remove-Message", "Remove-Message needs -Identity, -Filter, or messages from the pipeline"),
        ("Remove-Message 99999", "there is no message 99999"),
        (
            "Remove-Message -Filter 'Foo -eq 1'",
            "character 24: -Filter, its character 1: there is no property Foo",
        ),
        ("Get-Queue | Remove-Message", "Remove-Message takes messages from the pipeline, not queues"),
        ("Export-Message", "Export-Message needs -Identity"),
        ("AssembleMessage x.eml", "AssembleMessage needs an exported message"),
    ],
)
@pytest.mark.usefixtures("retrying")
def test_a_wrong_call_about_messages_is_refused(refused, command, line):
    assert line in refused(command)
    assert QueuedMessage.objects.count() == 2


def test_messages_are_suspended_and_resumed(ems, retrying):
    one = QueuedMessage.objects.get(message__subject="One")
    assert ems(f"Suspend-Message {one.identity}").notes == "Messages suspended: 1 of 1.\n"
    one.refresh_from_db()
    assert one.state == QueuedState.SUSPENDED
    answer = ems("Get-Message | Resume-Message")
    one.refresh_from_db()

    assert answer.notes.startswith(
        "Messages resumed: 1 of 2. The others are left alone: they were not suspended"
    )
    assert (one.state, one.queue) == (QueuedState.READY, retrying)


@pytest.mark.usefixtures("retrying")
def test_a_message_in_two_queues_is_acted_on_in_one_at_a_time(refused):
    one = QueuedMessage.objects.get(message__subject="One")
    other = queued_mail.message(queued_mail.queue("contoso.com"))
    QueuedMessage.objects.filter(pk=other.pk).update(message=one.message)
    Message.objects.filter(pk=other.message_id).delete()

    assert "is in more than one queue" in refused(f"Suspend-Message {one.message_id}")
    assert not QueuedMessage.objects.filter(state=QueuedState.SUSPENDED).exists()


def test_removed_messages_bring_reports_unless_told_otherwise(ems, retrying):
    QueuedMessage.objects.filter(message__subject="Two").update(state=QueuedState.SUSPENDED)
    two = QueuedMessage.objects.get(message__subject="Two")
    assert ems(f"Remove-Message {two.identity} -WithNDR $false").notes == "Messages removed: 1 of 1.\n"
    assert Message.objects.filter(source="DSN").count() == 0
    assert (
        ems("Get-Message -Filter \"Subject -eq 'One'\" | Remove-Message").notes
        == "Messages removed: 1 of 1.\n"
    )

    assert Message.objects.filter(source="DSN").count() == 1
    assert not QueuedMessage.objects.filter(queue=retrying).exists()


def test_a_message_in_transfer_is_marked_for_removal(ems):
    active = queued_mail.message(queued_mail.queue(), state=QueuedState.ACTIVE)
    ems(f"Remove-Message {active.identity} -WithNDR:$false")
    active.refresh_from_db()

    assert active.pending == Pending.REMOVE


def test_what_if_names_the_count_and_the_consequence(ems, retrying):
    answer = ems("Remove-Message -Filter 'Size -gt 0' -WhatIf")

    assert answer.notes == "What if: remove 2 messages with a report to the senders\n"
    assert QueuedMessage.objects.filter(queue=retrying).count() == 2


def test_a_selection_larger_than_one_statement_is_removed_whole(ems):
    queue = queued_mail.queue()
    first = queued_mail.message(queue)
    rows = [
        QueuedMessage(
            message=first.message,
            queue=queue,
            next_attempt_at=first.next_attempt_at,
            entered_at=first.entered_at,
            expires_at=first.expires_at,
        )
        for _ in range(1200)
    ]
    QueuedMessage.objects.bulk_create(rows)
    answer = ems("Get-Message -ResultSize unlimited | Remove-Message -WithNDR $false")

    assert answer.notes == "Messages removed: 1201 of 1201.\n"
    assert not QueuedMessage.objects.exists()


CONTENT = (b"Subject: x\r\n\r\n", b"\x00\xff body\r\n")


def exportable(**fields):
    return queued_mail.message(queued_mail.queue(), content=CONTENT, **fields)


def test_a_message_is_exported_byte_for_byte_for_its_reader_alone(ems, listed, tmp_path):
    message = exportable()
    (exported,) = listed(f"Export-Message {message.identity} -Path '{tmp_path / 'x.eml'}'").objects
    ems(f"Export-Message {message.identity} | AssembleMessage -Path '{tmp_path / 'y.eml'}'")

    assert exported["Path"] == str(tmp_path / "x.eml")
    assert (tmp_path / "x.eml").read_bytes() == (tmp_path / "y.eml").read_bytes() == b"".join(CONTENT)
    assert (tmp_path / "x.eml").stat().st_mode & 0o777 == 0o600
    assert QueuedMessage.objects.filter(pk=message.pk).exists()


@pytest.mark.parametrize(
    ("message_id", "name"),
    [
        ("<1@client.example>", "1@client.example.eml"),
        ("<../../etc/passwd>", "_.._etc_passwd.eml"),
        ("<a\x00b\n/c>", "a_b__c.eml"),
        ("<...>", None),
        ("", None),
    ],
)
def test_in_a_folder_the_file_is_named_after_the_message_id_made_safe(ems, tmp_path, message_id, name):
    message = exportable(internet_message_id=message_id.replace("\x00", "\x01"))
    ems(f"Get-Message | Export-Message -Path '{tmp_path}'")

    assert [file.name for file in tmp_path.iterdir()] == [name or f"{message.message_id}.eml"]


def test_a_file_that_is_there_is_kept_without_force(ems, refused, tmp_path):
    message = exportable()
    (tmp_path / "x.eml").write_text("precious")
    path = tmp_path / "x.eml"

    assert "that file exists; -Force overwrites it" in refused(
        f"Export-Message {message.identity} -Path '{path}'"
    )
    assert path.read_text() == "precious"
    ems(f"Export-Message {message.identity} -Path '{path}' -Force")
    assert path.read_bytes() == b"".join(CONTENT)


def test_a_folder_that_is_not_there_is_an_error(refused):
    message = exportable()

    assert "-Path /nonexistent/x.eml: No such file" in refused(
        f"Export-Message {message.identity} -Path /nonexistent/x.eml"
    )


def test_the_priority_of_messages_is_shown_filtered_and_set(ems, listed, refused, retrying):
    first, second = (
        f"{retrying.identity}\\{one}" for one in retrying.messages.values_list("message", flat=True)
    )
    assert ems(f"Set-Message {first} -Priority High").notes == "Messages changed: 1 of 1.\n"

    assert listed("Get-Message -Filter \"Priority -eq 'High'\"").names == [first]
    assert listed("Get-Message -Filter \"Priority -eq 'Normal'\"").names == [second]
    assert listed(f"Get-Message {first}").objects[0]["Priority"] == "High"
    assert "one of High, Normal, Low is expected" in refused(f"Set-Message {first} -Priority Urgent")
    assert "-Priority" in refused(f"Set-Message {first}")


def test_a_queue_says_what_holds_it_back(listed, retrying):
    busy = queued_mail.queue("busy.test", throttled_by="20 connections")
    queued_mail.message(busy)
    (shown,) = listed("Get-Queue -Filter \"HeldBackBy -like '*connections'\"").objects

    assert (shown["Identity"], shown["HeldBackBy"]) == (busy.identity, "20 connections")
    (shown,) = listed(f"Get-Queue {retrying.identity}").objects
    assert shown["HeldBackBy"] == f"Retry until {retrying.next_retry_at:%Y-%m-%d %H:%M:%S} UTC"
