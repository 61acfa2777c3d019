"""Takes the README's pictures from a running server, as somebody who is signed in.

python tests/browser/pictures.py ADDRESS USER PASSWORD FOLDER
Nothing is changed there: the wizard is opened, filled and cancelled.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
SIZE = {"width": 1280, "height": 760}
CONNECTORS = "/mail-flow/send-connectors/"
QUEUES = "/mail-flow/queues/"


def main() -> int:
    """Take every picture in the light theme, and the list in the dark one too."""
    if len(sys.argv) != len(("program", "address", "user", "password", "folder")):
        sys.stderr.write(__doc__ or "")
        return 2
    address, user, password, folder = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport=SIZE, base_url=address, reduced_motion="reduce")
        sign_in(page, user, password)
        take_all(page, Path(folder))
        browser.close()
    return 0


def sign_in(page: Page, user: str, password: str) -> None:
    """Fill in the sign-in page."""
    page.goto("/sign-in/")
    page.get_by_role("textbox", name="User name").fill(user)
    page.get_by_role("textbox", name="Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{CONNECTORS}**")


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
    raise SystemExit(main())
