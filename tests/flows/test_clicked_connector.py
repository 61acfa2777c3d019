"""The main job: a connector clicked in Chromium carries a message that swaks handed in.

Chromium ──▶ console ──▶ connector
swaks ──▶ smtp_in ──▶ queue ──▶ worker ──▶ receiving server, found by MX or through smart hosts
"""

import subprocess

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.pictures import FLAGS, sign_in
from tests.flows.test_first_connector import AS_SENT, below_received
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.flow, pytest.mark.browser]


@pytest.fixture
def page(program):
    """A window of the console, signed in with the password that the first start printed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        window = browser.new_page(base_url=program.web_url, reduced_motion="reduce")
        sign_in(window, program.password)
        yield window
        browser.close()


def press(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def begin(page: Page, name: str) -> None:
    page.get_by_role("link", name="Create a send connector").click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_label("Internet", exact=True).check()
    press(page, "Next")


def finish(page: Page, *, port: int, through_smart_hosts: bool = False) -> None:
    page.get_by_text("Advanced").click()
    page.get_by_role("textbox", name="Port").fill(str(port))
    press(page, "Next")
    if through_smart_hosts:
        expect(page.get_by_role("dialog").get_by_role("heading", level=1)).to_have_text(
            "Smart host authentication"
        )
        press(page, "Next")
    page.get_by_role("textbox", name="Domain of address space 1").fill("*")
    press(page, "Next")
    page.get_by_label("E15MB1").check()
    press(page, "Finish")
    expect(page.get_by_role("status")).to_contain_text("was made")


@pytest.mark.usefixtures("dns")
def test_a_clicked_mx_connector_delivers_byte_for_byte(page, receiver, swaks):
    begin(page, "Internet")
    page.get_by_label("Use the external DNS lookup settings").check()
    finish(page, port=receiver.port)
    swaks("bob@fabrikam.test", content=AS_SENT)
    mail = wait_until(lambda: receiver.to("bob@fabrikam.test"), what="the message arrives")[0]

    assert below_received(mail.content) == AS_SENT


def test_a_clicked_smart_host_connector_delivers_though_one_host_is_down(page, receiver, swaks):
    begin(page, "Provider")
    page.get_by_label("Route mail through smart hosts").check()
    page.get_by_role("textbox", name="Smart host 1").fill("127.0.0.9")
    press(page, "add smart host")
    page.get_by_role("textbox", name="Smart host 2").fill("127.0.0.1")
    finish(page, port=receiver.port, through_smart_hosts=True)
    for _ in range(2):
        swaks("bob@fabrikam.test", content=AS_SENT)

    wait_until(lambda: len(receiver.mails) == 2, what="both messages arrive")


def test_a_stuck_message_is_seen_in_the_queue_viewer_and_retried_there(page, receiver, swaks):
    begin(page, "Provider")
    page.get_by_label("Route mail through smart hosts").check()
    page.get_by_role("textbox", name="Smart host 1").fill("127.0.0.1")
    finish(page, port=receiver.port, through_smart_hosts=True)
    receiver.stop()
    swaks("bob@fabrikam.test", content=AS_SENT)
    page.get_by_role("link", name="queues", exact=True).click()
    row = page.get_by_role("row").filter(has_text="[127.0.0.1]")
    # The list follows by itself: nobody presses refresh.
    expect(row).to_contain_text("Connection refused", timeout=20_000)
    expect(row).to_contain_text("Retry")
    receiver.start()
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="retry", exact=True).click()

    wait_until(lambda: receiver.to("bob@fabrikam.test"), what="the retry delivers", seconds=5)


def test_the_listener_takes_mail_from_smtp_source_while_the_console_is_used(page, program, receiver):
    begin(page, "Provider")
    page.get_by_label("Route mail through smart hosts").check()
    page.get_by_role("textbox", name="Smart host 1").fill("127.0.0.1")
    finish(page, port=receiver.port, through_smart_hosts=True)
    load = subprocess.Popen(
        [
            "/usr/sbin/smtp-source", "-s", "5", "-m", "200", "-N", "-f", "anna@contoso.test",
            "-t", "b@fabrikam.test", f"{program.smtp[0]}:{program.smtp[1]}",
        ],
    )  # fmt: skip
    page.get_by_role("link", name="queues", exact=True).click()
    assert load.wait(60) == 0
    wait_until(lambda: len(receiver.copies()) == 200, what="all of it arrives", seconds=30)

    assert set(receiver.copies().values()) == {1}
