"""An administrator watches the queues and works them."""

import pytest
from playwright.sync_api import expect

from tests.support import queued_mail
from transport.models import Queue, QueuedMessage
from transport.states import DeliveryType, QueuedState

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUEUES = "/mail-flow/queues/"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def queues():
    """Three queues in trouble."""
    return [
        queued_mail.queue_in_retry(name, message_count=count)
        for name, count in (("fabrikam.com", 3), ("contoso.de", 2), ("litware.com", 1))
    ]


def refresh(console):
    """Let the live part ask now rather than in five seconds."""
    with console.page.expect_response(lambda response: "hx-target" in response.request.headers) as answer:
        console.page.evaluate("document.body.dispatchEvent(new CustomEvent('list-changed'))")
    return answer.value.status


def row(console, name):
    return console.page.locator("tbody tr").filter(has_text=name)


@pytest.mark.usefixtures("queues")
def test_the_filter_is_typed_and_shared_as_an_address(console):
    console.open(QUEUES)
    console.page.get_by_label("Next hop domain contains").type("FABRI")

    expect(console.page.locator("tbody tr")).to_have_count(1)
    expect(console.page).to_have_url(console.address + QUEUES + "?next_hop=FABRI")
    expect(console.page.get_by_label("Next hop domain contains")).to_be_focused()

    console.page.get_by_label("Status").select_option("Suspended")
    expect(console.page.get_by_role("heading", name="No queue matches")).to_be_visible()

    console.page.reload()
    expect(console.page.get_by_label("Next hop domain contains")).to_have_value("FABRI")
    expect(console.page.get_by_label("Status")).to_have_value("Suspended")


def test_the_list_asks_under_the_address_that_was_filtered(console, queues):
    console.open(QUEUES)
    console.page.get_by_label("Next hop domain contains").type("contoso")
    expect(console.page.locator("tbody tr")).to_have_count(1)

    Queue.objects.filter(pk=queues[1].pk).update(message_count=77)

    assert refresh(console) == 200
    expect(row(console, "contoso.de")).to_contain_text("77")
    expect(console.page.locator("tbody tr")).to_have_count(1)


def test_a_refresh_keeps_picks_focus_scroll_and_an_open_menu(console, queues):
    for number in range(40):
        queued_mail.queue(f"d{number:02}.test")
    console.open(QUEUES)
    console.page.get_by_label(f"Select E15MB1\\{queues[1].pk}", exact=True).check()
    console.page.get_by_label(f"Select E15MB1\\{queues[2].pk}", exact=True).check()
    console.page.evaluate("window.scrollTo(0, 400)")
    link = console.page.locator(f"#open-{queues[2].pk}")
    link.evaluate("link => link.focus({preventScroll: true})")
    console.page.evaluate("document.getElementById('help-menu').showPopover()")
    link.evaluate("link => link.focus({preventScroll: true})")

    Queue.objects.filter(pk=queues[0].pk).delete()
    Queue.objects.filter(pk=queues[2].pk).update(message_count=99, last_error="451 4.7.1 Greylisted")
    queued_mail.queue("aaa.test", at="E15MB0")

    assert refresh(console) == 200
    expect(row(console, "aaa.test")).to_be_visible()
    expect(row(console, "fabrikam.com")).to_have_count(0)
    expect(row(console, "litware.com")).to_contain_text("Greylisted")
    assert console.page.locator("tbody .pick:checked").count() == 2
    assert console.page.evaluate("document.activeElement.id") == f"open-{queues[2].pk}"
    assert console.page.evaluate("scrollY") == 400
    expect(console.page.locator("#help-menu")).to_be_visible()
    expect(console.page.locator("[data-count]")).to_have_text("2 selected")


def test_a_picked_queue_that_goes_is_not_counted_any_more(console, queues):
    console.open(QUEUES)
    console.page.get_by_label(f"Select E15MB1\\{queues[1].pk}", exact=True).check()
    Queue.objects.filter(pk=queues[1].pk).delete()

    assert refresh(console) == 200
    expect(console.page.locator("[data-count]")).to_have_text("")
    expect(console.page.get_by_role("button", name="retry")).to_be_disabled()


@pytest.mark.usefixtures("queues")
def test_nothing_new_is_answered_with_nothing_and_rows_stay_the_same_nodes(console):
    console.open(QUEUES)
    console.page.evaluate("window.first = document.querySelector('tbody tr')")

    assert refresh(console) == 204
    Queue.objects.update(message_count=50)
    assert refresh(console) == 200
    expect(row(console, "fabrikam.com")).to_contain_text("50")
    assert console.page.evaluate(
        "window.first === document.querySelector('tbody tr') && window.first.isConnected"
    )


@pytest.mark.usefixtures("queues")
def test_the_list_asks_by_itself_but_not_while_nobody_looks(console):
    console.page.clock.install()
    console.open(QUEUES)
    asked = []
    console.page.on(
        "request", lambda request: asked.append(request.url) if "seen" in request.headers else None
    )

    with console.page.expect_response(lambda response: response.status == 204):
        console.page.clock.run_for(5100)
    assert len(asked) == 1

    console.page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    console.page.clock.run_for(20_000)
    assert len(asked) == 1

    console.page.evaluate("delete document.hidden")
    with console.page.expect_response(lambda response: response.status == 204):
        console.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert len(asked) == 2


def test_relative_times_stay_true_without_an_answer(console):
    queued_mail.queue_in_retry("fabrikam.com", message_count=1)
    console.page.clock.install()
    console.open(QUEUES)
    expect(row(console, "fabrikam.com").locator("time")).to_have_text("in 4 minutes")

    console.page.clock.run_for(120_000)
    expect(row(console, "fabrikam.com").locator("time")).to_have_text("in 2 minutes")
    console.page.clock.run_for(300_000)
    expect(row(console, "fabrikam.com").locator("time")).to_have_text("now")


def test_suspend_and_resume_with_the_toolbar(console, queues):
    console.open(QUEUES)
    console.page.get_by_label(f"Select E15MB1\\{queues[0].pk}", exact=True).check()
    console.page.get_by_role("button", name="suspend").click()
    question = console.page.get_by_role("dialog")
    question.get_by_label("Reason").fill("they move")
    question.get_by_label("How long").select_option("for a day")
    assert console.find_barriers() == []
    question.get_by_role("button", name="Suspend").click()

    expect(row(console, "fabrikam.com")).to_contain_text("Suspended")
    expect(console.page.locator(".toast")).to_contain_text("1 queue suspended")
    expect(console.page.get_by_label(f"Select E15MB1\\{queues[0].pk}", exact=True)).to_be_checked()

    console.page.get_by_role("button", name="resume").click()
    expect(question).to_contain_text("may leave at once")
    question.get_by_role("button", name="Resume").click()

    expect(row(console, "fabrikam.com")).to_contain_text("Retry")


def test_removal_asks_with_the_count_and_can_be_called_off(console, queues):
    console.open(QUEUES)
    for queue in queues[:2]:
        console.page.get_by_label(f"Select E15MB1\\{queue.pk}", exact=True).check()
    tool = console.page.get_by_role("button", name="remove with NDR")
    tool.click()

    question = console.page.get_by_role("dialog")
    expect(question).to_contain_text("Remove 5 messages in 2 queues with NDR?")
    question.get_by_role("link", name="Cancel").click()
    expect(question).to_have_count(0)
    expect(tool).to_be_focused()
    assert not Queue.objects.exclude(removal="").exists()

    tool.click()
    expect(question).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(question).to_have_count(0)

    tool.click()
    question.get_by_role("button", name="Remove").click()

    expect(console.page.locator(".toast")).to_contain_text("5 messages being removed")
    expect(question).to_have_count(0)
    expect(row(console, "fabrikam.com")).to_contain_text("removing")
    assert Queue.objects.filter(removal="remove_ndr").count() == 2


def test_from_a_queue_to_a_message_and_its_removal(console):
    queue = queued_mail.queue_in_retry("fabrikam.com")
    queued = queued_mail.message(queue, subject=EVIL, content=[b"Subject: x\r\n\r\nHello\r\n"])
    queued_mail.message(queue, subject="Another")
    queued_mail.attempt(queued.message, text=EVIL, host=EVIL)
    console.open(QUEUES)
    console.page.get_by_role("link", name=f"E15MB1\\{queue.pk}").click()
    expect(console.page.get_by_role("heading", name="fabrikam.com")).to_be_visible()
    expect(console.page.locator("tbody tr")).to_have_count(2)

    console.page.get_by_role("link", name=EVIL).click()
    expect(console.page.get_by_role("heading", name=EVIL)).to_be_visible()
    with console.page.expect_download() as download:
        console.page.get_by_role("button", name="export").click()
    assert download.value.suggested_filename == f"{queued.message_id}.eml"

    console.page.get_by_role("button", name="remove without NDR").click()
    expect(console.page.get_by_role("dialog")).to_contain_text("Remove 1 message without NDR?")
    console.page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    expect(console.page.get_by_text("This message has ended")).to_be_visible()
    assert QueuedMessage.objects.count() == 1


def test_a_queue_is_worked_from_its_page_while_its_facts_stay_live(console):
    queue = queued_mail.queue("fabrikam.com")
    queued = queued_mail.message(queue)
    console.open(f"{QUEUES}{queue.pk}/")

    console.page.get_by_role("button", name="Suspend queue").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Suspend").click()
    expect(console.page.get_by_role("button", name="Resume queue")).to_be_visible()
    expect(console.page.locator("#queue-facts")).to_contain_text("An administrator stopped this queue")

    console.page.locator(f"#pick-{queued.pk}").check()
    console.page.get_by_role("toolbar").get_by_role("button", name="suspend").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Suspend").click()
    expect(console.page.locator("tbody tr")).to_contain_text("Suspended")
    assert QueuedMessage.objects.get().state == QueuedState.SUSPENDED

    QueuedMessage.objects.all().delete()
    Queue.objects.all().delete()
    assert refresh(console) == 286
    expect(console.page.get_by_role("heading", name="This queue is gone")).to_be_visible()
    expect(console.page.locator("#queue-facts")).to_have_text("")


def test_messages_are_picked_and_worked_by_keyboard_alone(console):
    queue = queued_mail.queue("fabrikam.com")
    first, second = (queued_mail.message(queue, subject=name) for name in ("first", "second"))
    console.open(f"{QUEUES}{queue.pk}/")
    console.page.locator(f"#pick-{first.pk}").focus()
    console.page.keyboard.press("ArrowDown")
    console.page.keyboard.press("Space")
    console.page.get_by_role("toolbar").get_by_role("button", name="suspend").focus()
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_label("Reason")).to_be_focused()
    # Nobody types within the 20 ms in which htmx makes the form its own.
    console.page.locator("#dialog-place:not(.htmx-settling) dialog").wait_for()
    console.page.keyboard.type("looks odd")
    console.page.keyboard.press("Enter")

    expect(row(console, "second")).to_contain_text("Suspended")
    expect(console.page.get_by_role("toolbar").get_by_role("button", name="suspend")).to_be_focused()
    assert QueuedMessage.objects.get(pk=second.pk).state == QueuedState.SUSPENDED
    assert QueuedMessage.objects.get(pk=first.pk).state == QueuedState.READY


def test_it_all_works_without_javascript(chromium, console, queues):
    context = chromium.new_context(
        java_script_enabled=False, storage_state=console.page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"{console.address}{QUEUES}?error=refused")
    page.get_by_label(f"Select E15MB1\\{queues[0].pk}", exact=True).check()
    page.get_by_role("button", name="remove without NDR").click()
    page.get_by_role("button", name="Remove", exact=True).click()

    expect(page).to_have_url(f"{console.address}{QUEUES}?error=refused")
    expect(page.locator(".toast")).to_contain_text("3 messages being removed")
    context.close()


@pytest.fixture
def everything():
    """Rows of every kind, and long and hostile words."""
    long = "a-very-long-host-name." * 10 + "example"
    troubled = queued_mail.queue_in_retry(
        long, connector_name="W" * 64, last_error="550 5.7.1 " + "word " * 190
    )
    queued_mail.queue("[10.1.0.25]", kind=DeliveryType.SMART_HOST, suspended=True, message_count=2)
    queued_mail.queue("Unreachable Domain", kind=DeliveryType.UNREACHABLE, message_count=1)
    queued_mail.queue("growing.test", incoming_rate=9, message_count=120_345)
    queued_mail.queue("draining.test", outgoing_rate=9, message_count=10)
    queued_mail.session(queued_mail.queue("active.test", message_count=1))
    queued_mail.session(queued_mail.queue("connecting.test", message_count=1), connected=False)
    for state in QueuedState:
        one = queued_mail.message(
            troubled,
            f"{'b' * 64}@{long}",
            "c@fabrikam.com",
            state=state,
            subject=f"{EVIL} {'x' * 200}",
            mail_from=f"{'a' * 64}@{long}",
            more={"last_error": "451 " + "y" * 900},
        )
    queued_mail.attempt(one.message, host=long, text="z" * 500, in_doubt=True, tls="TLSv1.3 " + "t" * 200)
    queued_mail.attempt(one.message, outcome="delivered", code=250)
    queued_mail.attempt(one.message, outcome="failed", code=550)
    queued_mail.message(troubled, subject="Order 4711", more={"last_error": queued_mail.REFUSED})
    return troubled, one


@pytest.mark.parametrize("width", [1280, 1440])
def test_the_last_error_can_be_read_in_the_list(console, width):
    sentence = "451 4.7.1 Greylisted, please come back in five minutes"
    queued_mail.queue_in_retry("fabrikam.com", last_error=sentence, message_count=1)
    console.page.set_viewport_size({"width": width, "height": 800})
    console.open(QUEUES)

    cell = console.page.get_by_title(sentence)
    assert cell.inner_text() == sentence
    assert cell.evaluate("cell => cell.scrollHeight - cell.clientHeight") <= 1


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_axe_finds_nothing(console, theme, width, everything):
    queue, queued = everything
    paths = ["", "?next_hop=nowhere", f"{queue.pk}/", f"{queue.pk}/?subject=nowhere"]
    console.page.emulate_media(color_scheme=theme)
    console.page.set_viewport_size({"width": width, "height": 900})
    found = []
    for path in [*paths, f"messages/{queued.message_id}/"]:
        console.open(QUEUES + path)
        found += [f"{path}: {barrier}" for barrier in console.find_barriers()]
        too_wide = console.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{path} is {too_wide} px too wide"] if too_wide > 0 else []
    console.open(QUEUES)
    console.page.locator(f"#pick-{queue.pk}").check()
    console.page.get_by_role("button", name="remove with NDR").click()
    expect(console.page.get_by_role("dialog")).to_be_visible()

    assert found + console.find_barriers() == []
