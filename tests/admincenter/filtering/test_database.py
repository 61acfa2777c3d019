from datetime import timedelta

import pytest
from django.utils import timezone

from admincenter.filtering import messages, queues
from admincenter.filtering.conditions import compile_filter, parse_order
from admincenter.filtering.syntax import FilterError
from tests.support import queued_mail
from transport.states import DeliveryType, QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def four_queues():
    retrying = queued_mail.queue_in_retry("Fabrikam.com", outgoing_rate=1.0, incoming_rate=3.0)
    queued_mail.message(retrying)
    relay = queued_mail.queue(
        "[192.0.2.9],relay_1.example", kind=DeliveryType.SMART_HOST, connector_name="Relay"
    )
    held = queued_mail.queue("contoso.com", at="E15MB2", suspended=True)
    lost = queued_mail.queue(
        "Unreachable Domain", kind=DeliveryType.UNREACHABLE, connector_id=0, connector_name=""
    )
    return {"retrying": retrying, "relay": relay, "held": held, "lost": lost}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Status -eq 'Retry'", {"retrying"}),
        ("status -ne retry", {"relay", "held", "lost"}),
        ("Status -eq Suspended", {"held"}),
        ("MessageCount -gt 0", {"retrying"}),
        ("MessageCount -eq 0 -and NextHopCategory -eq External", {"relay", "held"}),
        ("NextHopDomain -eq 'FABRIKAM.COM'", {"retrying"}),
        ("NextHopDomain -like '*.com'", {"retrying", "held"}),
        ("NextHopDomain -like '*RELAY_1*'", {"relay"}),
        ("NextHopDomain -like '*relay%*'", set()),
        ("NextHopDomain -like '*relayx1*'", set()),
        ("DeliveryType -eq smarthostconnectordelivery", {"relay"}),
        ("NextHopConnector -eq 'relay'", {"relay"}),
        ("NextHopConnector -eq ''", {"lost"}),
        ("Velocity -lt -1.5", {"retrying"}),
        ("RetryCount -ge 3", {"retrying"}),
        ("NextRetryTime -ne $null", {"retrying"}),
        ("NextRetryTime -eq $null -and Server -eq e15mb1", {"relay", "lost"}),
        ("NextRetryTime -lt '2999-01-01'", {"retrying"}),
        ("LastError -like '*refused*'", {"retrying"}),
        ("LastError -eq $null", {"relay", "held", "lost"}),
        (r"Identity -eq 'e15mb1\unreachable'", {"lost"}),
        (r"Identity -eq 'E15MB2\contoso.com'", {"held"}),
        (r"Identity -like 'E15MB2\*'", {"held"}),
        (r"Identity -like '*\Unreach*'", {"lost"}),
        (r"Identity -ne 'E15MB1\Unreachable'", {"retrying", "relay", "held"}),
        ("-not (Status -eq Retry -or Status -eq Suspended)", {"relay", "lost"}),
    ],
)
def test_a_filter_finds_the_queues_that_it_describes(four_queues, text, expected):
    found = set(queues.listing().filter(compile_filter(text, queues.PROPERTIES)))

    assert found == {four_queues[name] for name in expected}


def test_a_queue_is_found_by_its_number(four_queues):
    number = four_queues["held"].pk
    found = queues.listing().filter(compile_filter(rf"Identity -eq 'E15MB2\{number}'", queues.PROPERTIES))
    elsewhere = queues.listing().filter(compile_filter(rf"Identity -eq 'E15MB1\{number}'", queues.PROPERTIES))

    assert [*found] == [four_queues["held"]]
    assert [*elsewhere] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("External",), {"retrying", "relay", "held"}),
        (("internal",), {"lost"}),
        (("Empty",), {"relay", "held", "lost"}),
        (("Unreachable", "SmartHostConnectorDelivery"), {"lost", "relay"}),
        ((), set()),
    ],
)
def test_classes_of_queues(four_queues, words, expected):
    assert set(queues.listing().filter(queues.in_classes(words))) == {four_queues[name] for name in expected}


@pytest.fixture
def three_messages():
    first = queued_mail.queue("fabrikam.com")
    second = queued_mail.queue_in_retry("contoso.com", at="E15MB2")
    now = timezone.now()
    return {
        "large": queued_mail.message(first, "bob@fabrikam.com", size_bytes=3_000_000, subject="Größe 100%"),
        "report": queued_mail.message(
            second, "anna@contoso.com", "Bob@Contoso.com", mail_from="", source="DSN"
        ),
        "old": queued_mail.message(
            second,
            state=QueuedState.SUSPENDED,
            internet_message_id="<1@x>",
            client_address="192.0.2.7",
            more={"entered_at": now - timedelta(days=3), "retry_count": 9, "last_error": "451 4.7.1 Later"},
        ),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Size -gt 1MB", {"large"}),
        ("Subject -like '*100%'", {"large"}),
        ("Subject -like '*100_'", set()),
        ("FromAddress -eq '<>'", {"report"}),
        ("FromAddress -ne '<>'", {"large", "old"}),
        ("FromAddress -like '*@CONTOSO.com'", {"large", "old"}),
        ("Recipients -like '*@contoso.com'", {"report"}),
        ("Recipients -eq 'bob@contoso.COM'", {"report"}),
        ("Recipients -ne 'bob@fabrikam.com'", {"report"}),
        ("Status -eq Ready", {"large"}),
        ("Status -eq Retry", {"report"}),
        ("Status -eq Suspended -and RetryCount -gt 3", {"old"}),
        ("NextRetryTime -ne $null", {"report", "old"}),
        ("MessageSourceName -eq 'dsn'", {"report"}),
        ("SourceIP -like '192.0.2.*'", {"old"}),
        ("InternetMessageId -eq '<1@x>'", {"old"}),
        ("LastError -like '451 4.7.*'", {"old"}),
        (r"Queue -eq 'E15MB2\contoso.com'", {"report", "old"}),
        (r"Queue -like 'E15MB1\*'", {"large"}),
        (r"Identity -like 'E15MB2\*'", {"report", "old"}),
    ],
)
def test_a_filter_finds_the_messages_that_it_describes(three_messages, text, expected):
    found = set(messages.listing().filter(compile_filter(text, messages.PROPERTIES)))

    assert found == {three_messages[name] for name in expected}


def test_messages_are_filtered_by_the_time_they_came_in(three_messages):
    two_days_ago = (timezone.now() - timedelta(days=2)).isoformat()
    found = messages.listing().filter(
        compile_filter(f"DateReceived -lt '{two_days_ago}'", messages.PROPERTIES)
    )

    assert [*found] == [three_messages["old"]]


@pytest.mark.parametrize(
    "text", [r"Identity -eq 'a\b\c\d'", r"Identity -eq 'E15MB1\5\x'", "Identity -eq ''", r"Queue -eq 'a\b\c'"]
)
def test_an_identity_that_can_name_nothing_is_refused(text):
    with pytest.raises(FilterError, match=r"named|empty part") as refused:
        compile_filter(text, messages.PROPERTIES)

    assert refused.value.position == text.index("'") + 1


def test_an_order_sorts_by_several_properties(four_queues):
    keys = parse_order("+Server,-MessageCount", queues.PROPERTIES)
    columns = [column for key in keys for column in key.columns]
    first, *_, last = queues.listing().order_by(*columns)

    assert (first, last) == (four_queues["retrying"], four_queues["held"])


def test_what_has_no_value_comes_last_whichever_way_it_is_sorted(four_queues):
    for text in ("+NextRetryTime", "-NextRetryTime"):
        (key,) = parse_order(text, queues.PROPERTIES)
        assert queues.listing().order_by(*key.columns).first() == four_queues["retrying"]


@pytest.mark.parametrize(
    ("text", "position", "rule"),
    [
        ("+Size,-Recipients", 7, "no order by Recipients"),
        ("Size,Nonsense", 6, "there is no property Nonsense"),
        ("", 1, "there is no property"),
        (",".join(["Size"] * 9), 1, "at most 8"),
    ],
)
def test_an_order_that_cannot_be_is_refused(text, position, rule):
    with pytest.raises(FilterError) as refused:
        parse_order(text, messages.PROPERTIES)

    assert (refused.value.position, rule in refused.value.rule) == (position, True), refused.value
