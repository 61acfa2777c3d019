"""Takes the README's pictures (`make pictures`) of the running program, with some mail that got stuck."""

import subprocess
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.ports import free_port
from tests.support.program import ROOT, Program
from tests.support.smtp_peer import Peer
from tests.support.waiting import wait_until

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
SIZE = {"width": 1280, "height": 760}
DASHBOARD = "/dashboard/"
CONNECTORS = "/mail-flow/send-connectors/"
QUEUES = "/mail-flow/queues/"
FOLDER = ROOT / "docs" / "pictures"
GREYLISTING = {"RCPT": "451 4.7.1 Greylisted, please come back in five minutes"}
PASSWORD = "picture this, a password"


def main() -> None:
    """Take every picture in the light theme, and the queues in the dark one too."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Program(server="E15MB1") as program, Peer(GREYLISTING) as peer, sync_playwright() as playwright:
        stage(program, greylisting_port=peer.port)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport=SIZE, base_url=program.web_url, reduced_motion="reduce")
        sign_in(page, program.password or "")
        take_all(page, FOLDER)
        browser.close()


def stage(program: Program, *, greylisting_port: int) -> None:
    """Make connectors of which one is dead, one greylists, and one leaves mail without a route."""
    connect(program, "Internet", spaces="contoso.com", port=free_port())
    connect(program, "Partner Fabrikam", spaces="*.fabrikam.net;5", port=greylisting_port)
    send(program, "bob@contoso.com", subject="Order 4711", times=3)
    send(program, "eva@mail.fabrikam.net", subject="Delivery note", times=2)
    send(program, "carl@adatum.com", subject="No way out yet", times=1)
    wait_until(
        lambda: program.manage("ems", "-c", "Get-Queue").stdout.count("Retry") > 0, what="a queue in Retry"
    )


def connect(program: Program, name: str, *, spaces: str, port: int) -> None:
    """Make a smart host connector on loopback."""
    line = (
        f'New-SendConnector -Name "{name}" -AddressSpaces "{spaces}" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {port}"
    )
    program.manage("ems", "-c", line)


def send(program: Program, recipient: str, *, subject: str, times: int) -> None:
    """Hand in the same message a few times."""
    server = f"{program.smtp[0]}:{program.smtp[1]}"
    command = ["swaks", "--server", server, "--from", "anna@contoso.com", "--to", recipient]
    for _ in range(times):
        subprocess.run([*command, "--h-Subject", subject, "--hide-all"], check=True)


def sign_in(page: Page, password: str) -> None:
    """Sign in for the first time, with the change of the password that this asks for."""
    page.goto("/sign-in/")
    page.get_by_role("textbox", name="User name").fill("admin")
    page.get_by_role("textbox", name="Password").fill(password)
    page.keyboard.press("Enter")
    page.get_by_label("Present password").fill(password)
    page.get_by_label("New password", exact=False).nth(0).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{DASHBOARD}")


def take_all(page: Page, folder: Path) -> None:
    """Go from page to page."""
    take_wizard(page, folder)
    take_list(page, folder, CONNECTORS, "send-connectors")
    take_list(page, folder, QUEUES, "queues")
    page.emulate_media(color_scheme="dark")
    take_list(page, folder, QUEUES, "queues-dark")


def take_wizard(page: Page, folder: Path) -> None:
    """Fill two pages of the wizard, and leave it."""
    page.goto(f"{CONNECTORS}new/")
    page.get_by_role("textbox", name="Name").fill("Provider relay of the README")
    page.keyboard.press("Enter")
    page.get_by_label("Route mail through smart hosts").check()
    page.get_by_role("textbox", name="Smart host 1").fill("relay1.fabrikam.net")
    page.get_by_role("button", name="add smart host").click()
    page.get_by_role("textbox", name="Smart host 2").fill("relay2.fabrikam.net")
    take(page, folder, "wizard")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"**{CONNECTORS}")


def take_list(page: Page, folder: Path, path: str, name: str) -> None:
    """Show a list with its first row picked, where it has one."""
    page.goto(path)
    first = page.locator("tbody .pick").first
    if first.count():
        first.check()
    take(page, folder, name)


def take(page: Page, folder: Path, name: str) -> None:
    """Wait until nothing moves, and press the shutter."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main()
