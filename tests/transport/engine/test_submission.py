import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.support.engine import PLAIN, accept, connector, server
from transport import operations, rerouting, servers, submission
from transport.envelope import Envelope
from transport.models import Content, Message, Queue, QueuedMessage, Recipient
from transport.queue import keys
from transport.states import DeliveryType, RecipientState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


def test_a_message_without_a_connector_waits_in_the_unreachable_queue_and_says_why():
    server()
    message_id = accept("bob@fabrikam.test")
    queued = QueuedMessage.objects.get(message=message_id)

    assert queued.queue.delivery_type == DeliveryType.UNREACHABLE
    assert queued.queue.identity == "E15MB1\\Unreachable"
    assert queued.queue.last_error == queued.last_error
    assert queued.last_error == "A matching connector cannot be found to route the external recipient"


def test_recipients_of_two_domains_wait_in_two_queues_with_one_copy_of_the_content():
    server()
    connector()
    message_id = accept("bob@fabrikam.test", "eva@fabrikam.test", "carl@adatum.test")
    queued = QueuedMessage.objects.filter(message=message_id).order_by("queue__next_hop_domain")

    assert [one.queue.next_hop_domain for one in queued] == ["adatum.test", "fabrikam.test"]
    assert [Recipient.objects.filter(queued_message_id=one.pk).count() for one in queued] == [1, 2]
    assert Content.objects.filter(message=message_id).count() == 1


def test_queues_are_counted_in_the_order_of_their_numbers_whatever_their_names():
    """Two transactions that take the same rows in two orders wait for each other until one is broken off."""
    server()
    connector()
    accept("bob@zebra.test")
    accept("eva@adatum.test")
    numbers: list[int] = []

    def note(execute, sql, params, many, context):
        if sql.startswith("UPDATE transport_queue "):
            numbers.extend(row[-1] for row in (params if many else [params]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        accept("eva@adatum.test", "carl@fabrikam.test", "bob@zebra.test")

    assert len(numbers) == 3
    assert numbers == sorted(numbers)


def test_one_queue_serves_all_domains_of_a_smart_host_connector():
    server()
    connector(smart_hosts=("smart1.test", "192.0.2.7"))
    accept("bob@fabrikam.test", "carl@adatum.test")
    queue = Queue.objects.get()

    assert queue.delivery_type == DeliveryType.SMART_HOST
    assert queue.next_hop_domain == "smart1.test,[192.0.2.7]"
    assert queue.message_count == 1


def test_a_recipient_named_twice_gets_one_copy():
    server()
    connector()
    message_id = accept("bob@fabrikam.test", "bob@fabrikam.test")

    assert Recipient.objects.filter(message=message_id).count() == 1


def test_the_counters_of_a_queue_follow_what_came_in():
    server()
    connector()
    for _ in range(3):
        accept("bob@fabrikam.test")
    queue = Queue.objects.get()

    assert (queue.message_count, queue.entered, queue.departed) == (3, 3, 0)


def test_a_large_message_is_stored_in_chunks_that_give_the_same_bytes():
    server()
    connector()
    content = b"Subject: big\r\n\r\n" + b"x" * 998 + b"\r\n"
    content += (b"y" * 998 + b"\r\n") * 2500
    message_id = accept("bob@fabrikam.test", content=content)
    chunks = Content.objects.filter(message=message_id).order_by("position")

    assert chunks.count() == 3
    assert b"".join(bytes(chunk.data) for chunk in chunks) == content


def test_a_message_larger_than_every_connector_takes_is_reported_to_its_sender():
    server()
    connector(max_message_bytes=1024)
    connector("Way back", spaces="contoso.test")
    message_id = accept("bob@fabrikam.test", content=b"Subject: x\r\n\r\n" + b"z" * 2000 + b"\r\n")
    recipient = Recipient.objects.get(message=message_id)
    report = Message.objects.exclude(pk=message_id).get()

    assert recipient.state == RecipientState.FAILED
    assert "5.3.4" in recipient.last_reply
    assert (report.mail_from, report.source) == ("", "DSN")
    assert Recipient.objects.get(message=report).address == "anna@contoso.test"


def test_nothing_is_reported_to_the_null_sender():
    server()
    connector(max_message_bytes=1024)
    message_id = accept("bob@fabrikam.test", mail_from="", content=b"\r\n" + b"z" * 2000 + b"\r\n")

    assert list(Message.objects.values_list("pk", flat=True)) == [message_id]


def test_mail_is_placed_on_a_source_server_that_is_alive():
    server()
    server("E15MB2", alive=False)
    server("E15MB3")
    connector(on=("E15MB2", "E15MB3"))
    for _ in range(4):
        accept("bob@fabrikam.test")

    assert Queue.objects.get().server.name == "E15MB3"


def test_with_no_source_server_alive_mail_waits_for_one():
    server()
    server("E15MB2", alive=False)
    connector(on=("E15MB2",))
    accept("bob@fabrikam.test")

    assert Queue.objects.get().server.name == "E15MB2"


def test_a_suspended_submission_queue_keeps_new_mail_unrouted():
    here = server()
    connector()
    keys.enter({keys.submission_key(here.pk): 0}, now=timezone.now())
    operations.suspend_queues(Queue.objects.all(), actor="tests")
    server()
    accept("bob@fabrikam.test")
    queued = QueuedMessage.objects.get()

    assert queued.queue.identity == "E15MB1\\Submission"
    operations.resume_queues(Queue.objects.all(), actor="tests")
    server()
    rerouting.reroute(here, now=timezone.now())

    assert QueuedMessage.objects.get().queue.next_hop_domain == "fabrikam.test"


def test_an_internationalized_domain_waits_under_its_a_label():
    server()
    connector()
    accept("bob@bücher.test")

    assert Queue.objects.get().next_hop_domain == "xn--bcher-kva.test"


def test_a_message_remembers_who_submitted_it():
    server()
    envelope = Envelope(
        mail_from="anna@contoso.test",
        recipients=("bob@fabrikam.test",),
        content=PLAIN,
        received_at=timezone.now(),
        login="scanner",
        trusted_sender=True,
    )
    with transaction.atomic():
        (accepted,) = submission.accept([envelope], server=servers.own(), now=timezone.now())
    stored = Message.objects.get(pk=accepted.message_id)
    stranger = Message.objects.get(pk=accept(trusted_sender=False))

    assert (stored.login, stored.trusted_sender) == ("scanner", True)
    assert (stranger.login, stranger.trusted_sender) == ("", False)
