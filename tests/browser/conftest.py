"""A person at Chromium, signed in to the console on a live server."""

import os
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, sync_playwright

from connectors import services
from connectors.address_spaces import parse
from connectors.specs import ConnectorSpec
from transport.models import TransportServer

# Playwright's synchronous interface keeps an event loop in this thread; our ORM calls here are not inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REFUSED = "Failed to load resource: the server responded with a status of"


@dataclass
class Console:
    """One window, and what it complained about."""

    page: Page
    address: str

    def open(self, path):
        """Go to a page of the console."""
        self.page.goto(self.address + path)
        self.page.wait_for_load_state("networkidle")

    def find_barriers(self):
        """What axe finds wrong on the page as it is now."""
        found = Axe().run(self.page)
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium, for one module: Playwright's event loop runs on in this thread till the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def servers(transactional_db):  # noqa: ARG001 - the tables
    """Two transport servers that beat, and one that does not."""
    now = timezone.now()
    for name, silent_for in (("E15MB1", 2), ("E15MB2", 4), ("E15MB3", 7200)):
        TransportServer.objects.create(
            name=name,
            fqdn=f"{name.lower()}.contoso.com",
            version="0.1.0",
            last_beat_at=now - timedelta(seconds=silent_for),
        )


@pytest.fixture
def administrator(transactional_db):  # noqa: ARG001 - the tables
    """Anna, who may do everything."""
    return get_user_model().objects.create_superuser("anna", password="a long enough password")


@pytest.fixture
def visitor(chromium, live_server):
    """A window of somebody who is not signed in; its scripts must run without an error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: (
            complaints.append(line.text)
            if line.type == "error" and not line.text.startswith(REFUSED)
            else None
        ),
    )
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    yield Console(page, live_server.url)
    context.close()

    assert complaints == []


@pytest.fixture
def console(visitor, administrator):
    """Anna's window."""
    client = Client()
    client.force_login(administrator)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    visitor.page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": visitor.address}]
    )
    return visitor


@pytest.fixture
def make(transactional_db):  # noqa: ARG001 - the tables
    """Make a send connector without clicking."""
    plain = ConnectorSpec(name="", address_spaces=(parse("*"),), source_servers=("E15MB1",))

    def make(name, **fields):
        return services.create(replace(plain, name=name, **fields), guid=uuid.uuid4(), actor="anna")

    return make
