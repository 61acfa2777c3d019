"""An administrator's browser without JavaScript, and htmx as it speaks to the server."""

import pytest
from django.test import Client
from django.urls import reverse


class Htmx:
    """Asks the way htmx does from a page that is open."""

    def __init__(self, client):
        self.client = client

    def refresh(self, address, part, *, seen="", query=""):
        """A live part asks for itself."""
        headers = {"HX-Request": "true", "HX-Target": part}
        if seen:
            headers["Seen"] = seen
        return self.client.get(f"{address}{query}", headers=headers)

    def act(self, address, verb, *selected, **fields):
        """A toolbar button is pressed."""
        data = {"verb": verb, "selected": list(selected), **fields}
        return self.client.post(address, data, headers={"HX-Request": "true", "HX-Target": "dialog-place"})


@pytest.fixture
def client(anna):
    """Anna's browser."""
    browser = Client()
    browser.force_login(anna)
    return browser


@pytest.fixture
def htmx(client):
    """Her browser with JavaScript."""
    return Htmx(client)


@pytest.fixture
def act(client):
    """Press a button on a page without JavaScript and follow where it leads."""

    def press(name, verb, *selected, args=(), query="", **fields):
        address = reverse(f"queue_viewer:{name}", args=args)
        data = {"verb": verb, "selected": [getattr(one, "pk", one) for one in selected], **fields}
        return client.post(f"{address}{query}", data, follow=True)

    return press


@pytest.fixture
def said():
    """What the toasts of an answer say."""

    def sentences(response):
        return " ".join(str(message) for message in response.context["messages"])

    return sentences
