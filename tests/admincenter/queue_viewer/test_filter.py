"""The filter in Exchange's syntax, and the builder that writes it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import queued_mail
from transport.models import Queue

pytestmark = [pytest.mark.django_db, pytest.mark.state]
LIST = "/mail-flow/queues/"
PART = "queue-list"


@pytest.fixture
def queues():
    """One in Retry, one suspended, one ready."""
    queued_mail.queue_in_retry("fabrikam.com", message_count=300, incoming_rate=2)
    queued_mail.queue("contoso.de", message_count=20, suspended=True)
    queued_mail.queue("o'hara.test", message_count=150, at="E15MB2", connector_name="Partner")


def domains(response):
    return [row.next_hop for row in response.context["page"].rows]


@pytest.mark.usefixtures("queues")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Status -eq 'Retry' -and MessageCount -gt 100", ["fabrikam.com"]),
        ("MessageCount -gt 100", ["fabrikam.com", "o'hara.test"]),
        ("NextHopDomain -eq 'O''HARA.test'", ["o'hara.test"]),
        ("Velocity -lt 0", ["fabrikam.com"]),
        ("NextRetryTime -gt '2020-01-01'", ["fabrikam.com"]),
        ("Status -eq 'Suspended' -or Server -like '*2'", ["contoso.de", "o'hara.test"]),
        ("LastError -like '*refused*'", ["fabrikam.com"]),
        ("NextHopConnector -eq 'nobody'", []),
        ("", ["fabrikam.com", "contoso.de", "o'hara.test"]),
    ],
)
def test_the_filter_narrows_list_and_count(client, text, found):
    response = client.get(LIST, {"filter": text})

    assert response.status_code == 200
    assert domains(response) == found
    assert response.context["page"].count == len(found)
    assert (f"{len(found)} queue" in response.text) == bool(found)


@pytest.mark.usefixtures("queues")
def test_the_simple_filters_narrow_beside_it(client):
    response = client.get(LIST, {"filter": "MessageCount -gt 100", "next_hop": "hara"})

    assert domains(response) == ["o'hara.test"]
    assert 'value="MessageCount -gt 100"' in response.text


@pytest.mark.usefixtures("queues")
@pytest.mark.parametrize(
    ("text", "position", "rule"),
    [
        ("Status -eq 'Happy'", 12, "Status is one of a few words: Active, Connecting"),
        ("Stetus -eq 'Retry'", 1, "perhaps Status is meant"),
        ("Status -like 'R*'", 8, "-like does not fit Status"),
        ("MessageCount -gt many", 18, "MessageCount is a number"),
        ("Status -eq", 11, "a value is expected"),
        ("Status -eq 'Retry", 12, "the quote is not closed"),
        ("100% -eq '%s'", 1, "the name of a property is expected"),
        ("x" * 5000, 4097, "a filter has at most 4096 characters"),
        ("(" * 3000, 3000, "a filter has at most 20 parentheses"),
        ("NextHopDomain -eq '\x00'", 19, "a text has printable characters only"),
    ],
)
def test_a_wrong_filter_is_told_with_its_place_and_the_list_stays(client, text, position, rule):
    response = client.get(LIST, {"filter": text})

    assert response.status_code == 422
    assert f"Filter, character {position}: " in response.text
    assert rule in response.text
    assert len(domains(response)) == 3


@pytest.mark.usefixtures("queues")
def test_a_hostile_filter_is_shown_as_text_and_reaches_no_statement(client):
    evil = "Status -eq '\"><script>alert(1)</script>'"
    page = client.get(LIST, {"filter": evil})

    assert page.status_code == 422
    assert "<script>alert" not in page.text
    assert "<mark>&#x27;</mark>&quot;&gt;&lt;script&gt;" in page.text

    injected = client.get(LIST, {"filter": "NextHopDomain -eq 'x'' OR 1=1 --'"})
    assert injected.status_code == 200
    assert domains(injected) == []
    assert Queue.objects.count() == 3


@pytest.mark.usefixtures("queues")
def test_percent_and_underscore_are_themselves(client):
    assert domains(client.get(LIST, {"filter": "NextHopDomain -like '%'"})) == []
    assert domains(client.get(LIST, {"filter": "NextHopDomain -like 'fabrikam_com'"})) == []


@pytest.mark.usefixtures("queues")
def test_a_wrong_filter_with_htmx_changes_the_box_alone(htmx):
    response = htmx.refresh(LIST, PART, query="?filter=Status+-eq+Happy")

    assert response.status_code == 422
    assert response["HX-Reswap"] == "none"
    assert "HX-Replace-Url" not in response
    assert 'id="filter-box" hx-swap-oob="live"' in response.text
    assert "The list stays as it was" in response.text
    assert "queue-table" not in response.text


@pytest.mark.usefixtures("queues")
def test_a_right_filter_with_htmx_lands_in_the_address_and_clears_the_box(htmx):
    response = htmx.refresh(LIST, PART, query="?filter=MessageCount+-gt+100&status=")

    assert response["HX-Replace-Url"] == f"{LIST}?filter=MessageCount+-gt+100"
    assert 'id="filter-box" hx-swap-oob="live"' in response.text
    assert "filter-mistake" not in response.text


@pytest.mark.usefixtures("queues")
def test_a_refresh_of_a_filtered_list_brings_no_box(htmx):
    response = htmx.refresh(LIST, PART, query="?filter=MessageCount+-gt+100", seen="old")

    assert domains(response) == ["fabrikam.com", "o'hara.test"]
    assert "filter-box" not in response.text


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        ("", ("Status", "-eq", "Retry"), "Status -eq 'Retry'"),
        (
            "Status -eq 'Retry'",
            ("MessageCount", "-gt", "100"),
            "Status -eq 'Retry' -and MessageCount -gt 100",
        ),
        ("", ("NextHopDomain", "-like", "hara"), "NextHopDomain -like '*hara*'"),
        ("", ("NextHopDomain", "-like", "*.test"), "NextHopDomain -like '*.test'"),
        ("", ("NextHopDomain", "-eq", "o'hara.test"), "NextHopDomain -eq 'o''hara.test'"),
        (
            "Server -eq a -or Server -eq b",
            ("LastError", "-ne", ""),
            "(Server -eq a -or Server -eq b) -and LastError -ne ''",
        ),
        ("Status -eq", ("MessageCount", "-gt", "x"), "Status -eq -and MessageCount -gt 'x'"),
    ],
)
def test_the_builder_adds_a_condition_to_the_filter_in_the_address(client, before, added, after):
    fields = dict(zip(("property", "operator", "value"), added, strict=True))
    response = client.get(
        LIST, {"filter": before, "next_hop": "x", "page": "2", "add": "condition", **fields}
    )

    assert response.status_code == 302
    target = urlsplit(response["Location"])
    assert (target.path, target.fragment) == (LIST, "builder-value")
    assert parse_qs(target.query) == {"filter": [after], "next_hop": ["x"]}


@pytest.mark.usefixtures("queues")
def test_the_builder_with_a_value_that_does_not_fit_ends_at_the_box_with_all_of_it(client):
    response = client.get(
        LIST, {"property": "MessageCount", "operator": "-gt", "value": "many", "add": "1"}, follow=True
    )

    assert response.status_code == 422
    assert "MessageCount is a number" in response.text
    assert 'value="MessageCount -gt &#x27;many&#x27;"' in response.text


def test_the_messages_of_a_queue_take_the_same_filter(client):
    queue = queued_mail.queue("fabrikam.com")
    queued_mail.message(queue, "bob@fabrikam.com", subject="Small")
    queued_mail.message(queue, "eve@fabrikam.com", subject="Large", size_bytes=20_000_000)
    address = f"{LIST}{queue.pk}/"

    large = client.get(address, {"filter": "Size -gt 10MB"})
    to_bob = client.get(address, {"filter": "Recipients -eq 'bob@fabrikam.com'", "subject": "small"})
    wrong = client.get(address, {"filter": "Colour -eq 'red'"})

    assert [row.subject for row in large.context["page"].rows] == ["Large"]
    assert [row.subject for row in to_bob.context["page"].rows] == ["Small"]
    assert wrong.status_code == 422
    assert "there is no property Colour" in wrong.text
    assert len(wrong.context["page"].rows) == 2


@pytest.mark.usefixtures("queues")
def test_a_filtered_page_takes_few_queries(client, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        client.get(LIST, {"filter": "Status -eq 'Retry' -and HeldBackBy -ne 'x'"})
