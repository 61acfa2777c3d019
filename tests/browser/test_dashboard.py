"""An administrator looks in the morning, leaves the page open, and follows where it leads."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.support import queued_mail
from transport.models import MailMinute, Queue
from transport.states import DeliveryType

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/dashboard/"
LOOKS = [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)]
HIDE = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})"


@pytest.fixture
def troubles(make):
    """Mail that came and went, and queues in trouble of four kinds."""
    server = queued_mail.server()
    now = timezone.now().replace(second=0, microsecond=0)
    MailMinute.objects.bulk_create(
        MailMinute(server=server, minute=now - timedelta(minutes=ago), incoming=ago % 50, outgoing=ago % 40)
        for ago in range(1, 1440)
        if ago % 300 > 20
    )
    relay = make("W" * 64)
    for number in range(3):
        queued_mail.queue_in_retry(f"dead{number}.test", connector_id=relay.pk, message_count=20)
    queued_mail.queue_in_retry(
        f"{'a' * 60}.test", message_count=9, last_error="451 4.7.1 " + "Greylisted" * 90
    )
    queued_mail.queue("held.test", suspended=True, message_count=2)
    unreachable = queued_mail.queue("Unreachable Domain", kind=DeliveryType.UNREACHABLE, connector_id=0)
    queued_mail.message(unreachable)


def barriers(console):
    """Look at the page as it is, in both themes, wide and narrow."""
    found = []
    for theme, width in LOOKS:
        console.page.emulate_media(color_scheme=theme)
        console.page.set_viewport_size({"width": width, "height": 840})
        found += [f"{theme} {width}: {barrier}" for barrier in console.find_barriers()]
        overflow = console.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{width}: the page is {overflow} px too wide"] if overflow > 0 else []
    return found


def refresh(console):
    """Let the page ask now rather than in ten seconds."""
    with console.page.expect_response(lambda answer: "hx-target" in answer.request.headers) as answer:
        console.page.evaluate("document.body.dispatchEvent(new CustomEvent('list-changed'))")
    return answer.value.status


def test_the_first_day_leads_to_a_send_connector(console):
    console.open("/")
    expect(console.page.get_by_role("heading", name="No mail can leave yet")).to_be_visible()
    found = barriers(console)
    console.page.get_by_role("link", name="Create a send connector").click()

    expect(console.page.get_by_role("dialog")).to_be_visible()
    assert found == []


@pytest.mark.usefixtures("troubles")
def test_axe_finds_nothing_with_the_numbers_open(console):
    console.open(PAGE)
    console.page.get_by_text("Numbers of the last day").click()
    expect(console.page.get_by_role("region", name="Numbers of the last day")).to_be_visible()

    assert barriers(console) == []


@pytest.mark.usefixtures("troubles")
def test_a_cause_leads_to_its_queues(console):
    console.open(PAGE)
    console.page.get_by_role("link", name="Show these queues: Connection refused").click()

    expect(console.page.locator("tbody tr")).to_have_count(3)
    expect(console.page.get_by_label("Last error contains")).to_have_value("421 4.4.1 Connection refused")


@pytest.mark.usefixtures("troubles")
def test_a_refresh_changes_numbers_and_keeps_focus_and_what_is_open(console):
    console.open(PAGE)
    console.page.get_by_text("Numbers of the last hour").click()
    link = console.page.get_by_role("link", name="Show these queues: Connection refused")
    link.focus()
    Queue.objects.filter(next_hop_domain="dead0.test").update(message_count=1000)
    Queue.objects.filter(next_hop_domain="held.test").update(message_count=5000)

    assert refresh(console) == 200
    expect(console.page.locator("#tiles")).to_contain_text("6,050")
    expect(link).to_be_focused()
    expect(console.page.locator("#chart-hour details")).to_have_attribute("open", "")
    assert refresh(console) == 204


@pytest.mark.usefixtures("troubles")
def test_a_page_that_nobody_sees_asks_nothing(console):
    console.open(PAGE)
    asked = []
    console.page.on("request", lambda request: asked.append(request.url))
    console.page.evaluate(HIDE)
    console.page.evaluate("document.body.dispatchEvent(new CustomEvent('list-changed'))")
    console.page.evaluate("delete document.hidden")

    assert asked == []
    assert refresh(console) == 204


@pytest.mark.usefixtures("troubles")
def test_both_lines_are_there_and_differ_without_colour(console):
    console.open(PAGE)
    lines = console.page.locator("#chart-hour .lines path")

    expect(lines).to_have_count(2)
    dashes = [lines.nth(place).evaluate("one => getComputedStyle(one).strokeDasharray") for place in (0, 1)]
    assert dashes[0] == "none"
    assert dashes[1] != "none"
    assert all(lines.nth(place).bounding_box()["width"] > 100 for place in (0, 1))
