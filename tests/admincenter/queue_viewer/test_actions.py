"""What is done to queues and messages: through the address, said truthfully, refused clearly."""

import time

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support import queued_mail
from transport.models import Message, Queue, QueuedMessage, Recipient
from transport.states import DeliveryType, Pending, QueuedState, RecipientState

pytestmark = pytest.mark.django_db
ACT = "/mail-flow/queues/act/"


def test_retry_opens_the_gate_of_a_queue_and_says_why_others_were_left_alone(act, said):
    waiting = queued_mail.queue_in_retry("fabrikam.com", message_count=1)
    empty = queued_mail.queue("empty.test")
    stopped = queued_mail.queue("stopped.test", suspended=True, message_count=1)

    response = act("act", "retry", waiting, empty, stopped, 999)

    waiting.refresh_from_db()
    assert waiting.next_retry_at <= timezone.now()
    assert said(response) == (
        "1 queue tried now, whatever the next retry time said. 1 left alone: nothing waits in it."
        " 1 left alone: suspended, resume it first. 1 no longer there."
    )


def test_suspend_and_resume_a_queue(act, said):
    queue, other = queued_mail.queue("fabrikam.com"), queued_mail.queue("contoso.de", suspended=True)

    response = act("act", "suspend", queue, other, confirmed="yes")
    assert (
        said(response) == "1 queue suspended: nothing leaves until resumed. 1 left alone: suspended already."
    )
    assert Queue.objects.get(pk=queue.pk).suspended

    response = act("act", "resume", queue, other, confirmed="yes")
    assert said(response) == "2 queues resumed."
    assert not Queue.objects.filter(suspended=True).exists()


def test_resuming_what_is_not_suspended_does_nothing_and_says_why(act, said):
    response = act("act", "resume", queued_mail.queue())

    assert said(response) == "Nothing was done. 1 left alone: not suspended."
    assert [message.level_tag for message in response.context["messages"]] == ["warning"]


def test_an_action_leads_back_to_the_list_with_its_filter(act):
    queue = queued_mail.queue("fabrikam.com")

    response = act("act", "suspend", queue, query="?next_hop=fab&sort=-messages", confirmed="yes")

    assert response.redirect_chain == [("/mail-flow/queues/?next_hop=fab&sort=-messages", 302)]


@pytest.mark.parametrize(
    ("verb", "removal"), [("remove_with_ndr", "remove_ndr"), ("remove_without_ndr", "remove")]
)
def test_removing_the_messages_of_queues_asks_first_and_names_the_count(act, said, verb, removal):
    queue, other = queued_mail.queue("fabrikam.com"), queued_mail.queue("contoso.de")
    for sender in ("anna@contoso.com", "anna@contoso.com", "ben@contoso.com", ""):
        queued_mail.message(queue, mail_from=sender)
    queued_mail.message(other)

    question = act("act", verb, queue, other, 999)

    assert not Queue.objects.exclude(removal="").exists()
    assert "Remove 5 messages in 2 queues" in question.text
    assert f"E15MB1\\{queue.pk}: 4 messages for fabrikam.com" in question.text
    assert "1 of what you picked is no longer there" in question.text
    told = "This sends 4 non-delivery reports to 2 senders. It cannot be undone."
    assert (told in question.text) == (verb == "remove_with_ndr")

    response = act("act", verb, *question.context["question"].selected, confirmed="yes")

    assert said(response).startswith("5 messages being removed")
    assert set(Queue.objects.values_list("removal", flat=True)) == {removal}


def test_what_a_removal_costs_a_large_queue_is_not_counted(act, django_assert_max_num_queries):
    queue = queued_mail.queue(message_count=5000)

    with django_assert_max_num_queries(12):
        question = act("act", "remove_with_ndr", queue)

    assert "Remove 5,000 messages in 1 queue with NDR?" in question.text
    assert "Each sender gets a non-delivery report" in question.text


def test_removing_from_an_empty_queue_does_nothing_and_says_why(act, said):
    response = act("act", "remove_with_ndr", queued_mail.queue(), confirmed="yes")

    assert said(response) == "Nothing was done. 1 left alone: nothing waits in it."


def test_the_page_of_a_queue_acts_on_that_queue_only(act, said):
    queue, other = queued_mail.queue("fabrikam.com"), queued_mail.queue("contoso.de")

    response = act("act_on_queue", "suspend", queue, other, args=[queue.pk], confirmed="yes")

    assert said(response) == "1 queue suspended: nothing leaves until resumed. 1 no longer there."
    assert response.redirect_chain == [(f"/mail-flow/queues/{queue.pk}/", 302)]
    assert not Queue.objects.get(pk=other.pk).suspended


def state_of(queued):
    return QueuedState(QueuedMessage.objects.values_list("state", flat=True).get(pk=queued.pk))


def test_retry_messages(act, said):
    queue = queued_mail.queue_in_retry("fabrikam.com")
    late = queued_mail.message(queue, state=QueuedState.RETRY, more={"next_attempt_at": queue.next_retry_at})
    stopped = queued_mail.message(queue, state=QueuedState.SUSPENDED)
    active = queued_mail.message(queue, state=QueuedState.ACTIVE)

    response = act("act_on_messages", "retry", late, stopped, active, args=[queue.pk])

    assert said(response) == (
        "1 message tried now. 1 left alone: being sent right now. 1 left alone: suspended, resume it first."
    )
    assert state_of(late) == QueuedState.READY
    assert QueuedMessage.objects.get(pk=late.pk).next_attempt_at <= timezone.now()
    assert state_of(stopped) == QueuedState.SUSPENDED


def test_suspend_and_resume_messages(act, said):
    queue = queued_mail.queue("fabrikam.com")
    waiting = queued_mail.message(queue)
    active = queued_mail.message(queue, state=QueuedState.ACTIVE)

    response = act("act_on_messages", "suspend", waiting, active, args=[queue.pk], confirmed="yes")

    assert said(response).startswith("2 messages suspended. What is being sent right now follows")
    assert state_of(waiting) == QueuedState.SUSPENDED
    assert QueuedMessage.objects.get(pk=active.pk).pending == Pending.SUSPEND

    again = act("act_on_messages", "suspend", waiting, active, args=[queue.pk], confirmed="yes")
    assert said(again) == "Nothing was done. 2 left alone: suspended already."

    response = act("act_on_messages", "resume", waiting, active, args=[queue.pk], confirmed="yes")

    assert said(response) == "2 messages resumed."
    assert state_of(waiting) == QueuedState.READY


def test_resuming_in_a_suspended_queue_says_that_the_message_still_waits(act, said):
    queue = queued_mail.queue("fabrikam.com", suspended=True)
    stopped = queued_mail.message(queue, state=QueuedState.SUSPENDED)

    response = act("act_on_messages", "resume", stopped, args=[queue.pk], confirmed="yes")

    assert said(response) == "1 message resumed. Their queue is suspended, so they wait until it is resumed."


def test_messages_in_the_submission_queue_are_left_alone(act, said):
    queue = queued_mail.queue("Submission", kind=DeliveryType.SUBMISSION)
    queued = queued_mail.message(queue)

    for verb in ("suspend", "remove_without_ndr"):
        response = act("act_on_messages", verb, queued, args=[queue.pk], confirmed="yes")

        assert (
            said(response) == "Nothing was done. 1 left alone: still on its way through the submission queue."
        )
    assert state_of(queued) == QueuedState.READY


def test_removing_messages_asks_first_and_then_ends_them(act, said):
    queue = queued_mail.queue("fabrikam.com")
    first = queued_mail.message(queue, subject="<b>First")
    second = queued_mail.message(queue)

    question = act(
        "act_on_messages", "remove_without_ndr", first, second, args=[queue.pk], query="?subject=x"
    )
    assert "Remove 2 messages without NDR?" in question.text
    assert "&lt;b&gt;First, from anna@contoso.com" in question.text
    assert "The senders are not told." in question.text
    assert QueuedMessage.objects.count() == 2

    response = act(
        "act_on_messages",
        "remove_without_ndr",
        first,
        second,
        args=[queue.pk],
        query="?subject=x",
        confirmed="yes",
    )

    assert said(response) == "2 messages removed; the senders are not told."
    assert response.redirect_chain == [(f"/mail-flow/queues/{queue.pk}/?subject=x", 302)]
    assert not QueuedMessage.objects.exists()
    assert set(Recipient.objects.values_list("state", flat=True)) == {RecipientState.REMOVED}


def test_removal_with_a_report_sends_one(act, said):
    queue = queued_mail.queue("fabrikam.com")
    queued = queued_mail.message(queue, content=[b"Subject: Hello\r\n\r\nHello.\r\n"])

    question = act("act_on_messages", "remove_with_ndr", queued, args=[queue.pk])
    assert "This sends 1 non-delivery report to 1 sender." in question.text
    response = act("act_on_messages", "remove_with_ndr", queued, args=[queue.pk], confirmed="yes")

    assert said(response) == "1 message removed; the senders get a report (NDR)."
    report = Message.objects.get(mail_from="")
    assert report.recipients.get().address == "anna@contoso.com"


def test_messages_that_all_vanished_are_not_asked_about(act, said):
    queue = queued_mail.queue("fabrikam.com")

    response = act("act_on_messages", "remove_with_ndr", 41, 42, args=[queue.pk])

    assert said(response) == "Nothing was done. 2 no longer there."


def test_the_page_of_a_queue_touches_no_message_of_another(act, said):
    queue, other = queued_mail.queue("fabrikam.com"), queued_mail.queue("contoso.de")
    foreign = queued_mail.message(other)

    response = act("act_on_messages", "suspend", foreign, args=[queue.pk], confirmed="yes")

    assert said(response) == "Nothing was done. 1 no longer there."
    assert state_of(foreign) == QueuedState.READY


def test_a_message_is_acted_on_from_its_own_page(act, said):
    queued = queued_mail.message(queued_mail.queue())

    response = act("act_on_message", "suspend", queued, args=[queued.message_id], confirmed="yes")

    assert said(response) == "1 message suspended."
    assert response.redirect_chain == [(f"/mail-flow/queues/messages/{queued.message_id}/", 302)]


def test_export_leads_to_the_file_of_one_message(client, htmx, act):
    queue = queued_mail.queue()
    queued, other = (queued_mail.message(queue, content=[b"x"]) for _ in range(2))
    address = reverse("queue_viewer:act_on_messages", args=[queue.pk])
    file = f"/mail-flow/queues/export/{queued.pk}/"

    assert client.post(address, {"verb": "export", "selected": queued.pk})["Location"] == file
    assert htmx.act(address, "export", queued.pk)["HX-Redirect"] == file
    assert "Pick one message" in act("act_on_messages", "export", queued, other, args=[queue.pk]).text
    assert "no longer there" in act("act_on_messages", "export", 999, args=[queue.pk]).text


@pytest.mark.parametrize(
    ("verb", "selected", "sentence"),
    [
        ("retry", [], "No queue is picked. Tick one first."),
        ("explode", [1], "Action “explode”: it is none of retry, suspend, resume"),
        ("", [1], "Action “”"),
        ("retry", ["x"], "Something that is picked is no queue"),
        ("retry", ["1", "-2"], "Something that is picked is no queue"),
        ("retry", ["9" * 40], "Something that is picked is no queue"),
        ("retry", ["\u0661"], "Something that is picked is no queue"),
        ("remove_with_ndr", [], "No queue is picked"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(act, htmx, verb, selected, sentence):
    queue = queued_mail.queue_in_retry(message_count=1)

    response = act("act", verb, *selected)
    assert response.status_code == 422
    assert sentence in response.text

    response = htmx.act(ACT, verb, *selected)
    assert response.status_code == 422
    assert sentence in response.text
    assert 'hx-swap-oob="beforeend:#toasts"' in response.text
    assert Queue.objects.get(pk=queue.pk).retry_count == 3


def test_more_than_can_be_picked_is_refused(act, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None

    response = act("act", "retry", *range(1, 1002))

    assert response.status_code == 422
    assert "At most 1,000 queues can be picked at once" in response.text


def test_htmx_gets_the_toast_and_lets_the_rows_ask(htmx):
    response = htmx.act(ACT, "suspend", queued_mail.queue().pk, confirmed="yes")

    assert response.status_code == 200
    assert "list-changed" in response["HX-Trigger"]
    assert "1 queue suspended" in response.text
    assert "<table" not in response.text


def test_htmx_gets_only_the_question(htmx):
    queue = queued_mail.queue(message_count=3)

    response = htmx.act(ACT, "remove_with_ndr", queue.pk)

    assert response.text.lstrip().startswith("<dialog")
    assert "Remove 3 messages in 1 queue with NDR?" in response.text
    assert "<html" not in response.text


def test_a_form_without_its_token_is_refused(anna):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(anna)
    queue = queued_mail.queue()
    queued = queued_mail.message(queue)
    data = {"verb": "suspend", "selected": 1, "confirmed": "yes"}

    for name, args in (
        ("act", []),
        ("act_on_queue", [queue.pk]),
        ("act_on_messages", [queue.pk]),
        ("act_on_message", [queued.message_id]),
    ):
        assert browser.post(reverse(f"queue_viewer:{name}", args=args), data).status_code == 403
        assert browser.get(reverse(f"queue_viewer:{name}", args=args)).status_code == 405
    assert not Queue.objects.filter(suspended=True).exists()


def test_who_has_no_right_reads_nothing_and_does_nothing():
    queue = queued_mail.queue()
    queued = queued_mail.message(queue, content=[b"x"])
    stranger = Client()
    stranger.force_login(get_user_model().objects.create_user("stranger"))

    for path in ("", f"{queue.pk}/", f"messages/{queued.message_id}/", f"export/{queued.pk}/"):
        assert stranger.get(f"/mail-flow/queues/{path}").status_code == 403
    assert stranger.post(ACT, {"verb": "suspend", "selected": queue.pk}).status_code == 403
    assert not Queue.objects.get(pk=queue.pk).suspended


def test_reading_changes_nothing(client):
    queue = queued_mail.queue_in_retry()
    queued = queued_mail.message(queue, content=[b"x"])
    before = [list(model.objects.values()) for model in (Queue, QueuedMessage, Message, Recipient)]

    for path in ("", f"{queue.pk}/", f"messages/{queued.message_id}/", f"export/{queued.pk}/"):
        client.get(f"/mail-flow/queues/{path}?verb=suspend&selected={queue.pk}&confirmed=yes")

    assert before == [list(model.objects.values()) for model in (Queue, QueuedMessage, Message, Recipient)]


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_redis_that_is_gone(act, said, settings):
    """One ring alone takes `socket_connect_timeout` times the tries of Celery; here are forty."""
    queues = [queued_mail.queue_in_retry(f"d{n}.test", message_count=1) for n in range(40)]
    began = time.monotonic()

    response = act("act", "retry", *queues)

    assert said(response) == "40 queues tried now, whatever the next retry time said."
    assert time.monotonic() - began < settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_connect_timeout"]


def test_suspending_asks_for_a_reason_and_an_end_and_shows_both_with_the_owner(act, client):
    queue = queued_mail.queue("fabrikam.com", message_count=3)
    asked = act("act", "suspend", queue)
    assert "Suspend 3 messages in 1 queue?" in asked.text
    assert not Queue.objects.get(pk=queue.pk).suspended

    act("act", "suspend", queue, confirmed="yes", reason="they <move>", span="4h")
    page = client.get(reverse("queue_viewer:queue", args=[queue.pk])).text
    assert "Suspended by anna: they &lt;move&gt;" in page
    assert "It ends by itself" in page


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"reason": "x" * 501}, "Reason: at most 500 characters, not 501."),
        ({"span": "9y"}, "How long: “9y” is none of the choices."),
    ],
)
def test_a_wrong_note_suspends_nothing_and_keeps_what_was_typed(act, said, problem):
    queue = queued_mail.queue("fabrikam.com")
    asked = act("act", "suspend", queue, confirmed="yes", **said)

    assert asked.status_code == 422
    assert problem in asked.text
    assert said.get("reason", "") in asked.text
    assert not Queue.objects.get(pk=queue.pk).suspended


def test_resuming_says_first_what_will_go_out(act):
    queue = queued_mail.queue("fabrikam.com", suspended=True)
    queued_mail.message(queue, "bob@fabrikam.com")
    queued_mail.message(queue, "eva@fabrikam.com", state=QueuedState.SUSPENDED)
    asked = act("act", "resume", queue)

    assert "Resume 2 messages in 1 queue?" in asked.text
    assert "1 message may leave at once. Not the 1 message suspended one by one." in asked.text
    assert Queue.objects.get(pk=queue.pk).suspended


def test_a_suspended_message_names_who_suspended_it(act, client):
    queue = queued_mail.queue("fabrikam.com")
    held = queued_mail.message(queue, "bob@fabrikam.com")
    act("act_on_messages", "suspend", held, args=[queue.pk], confirmed="yes", reason="looks odd")

    for address in (
        reverse("queue_viewer:queue", args=[queue.pk]),
        reverse("queue_viewer:message", args=[held.message_id]),
    ):
        assert "Suspended by anna: looks odd" in client.get(address).text
