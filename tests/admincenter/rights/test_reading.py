"""Looking changes nothing, and shows nobody what they may not do."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.apps import apps

from tests.support.roles import ROLES, routes

pytestmark = pytest.mark.django_db


def contents():
    """Every row of every table."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: sorted(map(repr, model._default_manager.values())) for model in models}


def test_no_get_changes_anything(browsers, world):
    administrator, addresses = browsers["O"], [world.address(route) for route in routes()]
    selected = [f"{one}?selected={world.values['users/user_id']}&sort=-name&page=1" for one in addresses]
    # The first page of all notes since when one is signed in.
    administrator.get("/")
    before = contents()

    for address in [*addresses, *selected]:
        administrator.get(address)
        administrator.get(address, headers={"HX-Request": "true"})
        administrator.head(address)

    assert contents() == before


class Offers(HTMLParser):
    """What a page offers: links, and forms that have a button."""

    def __init__(self, page):
        super().__init__()
        self.links, self.buttons, self.form = set(), set(), None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        if tag == "a" and told.get("href"):
            self.links.add(told["href"])
        elif tag == "form":
            self.form = (told.get("method", "get").lower(), told.get("action", ""))
        elif tag in {"button", "input"} and told.get("type", "submit" if tag == "button" else "") == "submit":
            method, action = self.form or ("", "")
            if method == "post":
                self.buttons.add((urlsplit(action).path, told.get("value", "")))

    def handle_endtag(self, tag):
        if tag == "form":
            self.form = None


def crawl(browser, starts):
    """Follow every link from these pages; return (page, what it offers) of those that are there."""
    waiting, seen = list(starts), set()
    while waiting:
        address = waiting.pop()
        # One page of a kind is enough: rows, orders and selections look alike.
        kind = re.sub(r"\d+", "1", urlsplit(address).path)
        if kind in seen:
            continue
        seen.add(kind)
        answer = browser.get(address)
        yield address, answer
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            links = Offers(answer.content.decode()).links
            ours = [one for one in links if not urlsplit(one).netloc and not one.startswith("#")]
            waiting += [urljoin(address, one) for one in ours]


def starts(world):
    """Where one gets without a link: everything that a role may see, with something picked in each list."""
    addresses = [world.address(route) for route in routes() if "sign-" not in route]
    return [f"{one}?selected={world.values['send-connectors/connector_id']}" for one in addresses]


@pytest.mark.parametrize("letter", ROLES)
def test_no_page_links_to_one_that_its_reader_may_not_open(browsers, world, letter):
    pages = dict(crawl(browsers[letter], starts(world)))

    for address, answer in pages.items():
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        for link in Offers(answer.content.decode()).links:
            if not urlsplit(link).netloc:
                status = browsers[letter].get(urljoin(address, link)).status_code
                # The start is a dead end for who has no role group; there is no other page for them.
                assert status != 403 or letter == "N", f"{address} links to {link}"


@pytest.mark.parametrize("letter", ROLES)
def test_no_page_has_a_button_that_its_reader_may_not_press(browsers, world, letter):
    refused = []
    for address, answer in crawl(browsers[letter], starts(world)):
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        for action, verb in Offers(answer.content.decode()).buttons - {("/sign-out/", "")}:
            field = {"go": "cancel"} if verb in {"save", "cancel", "next"} else {"verb": verb}
            pressed = browsers[letter].post(action or urlsplit(address).path, field)
            refused += [(address, action, verb)] if pressed.status_code == 403 else []

    assert refused == []


@pytest.mark.parametrize("letter", ["V", "N"])
def test_who_only_looks_finds_no_button_but_those_of_their_account(browsers, world, letter):
    found = set()
    for _, answer in crawl(browsers[letter], starts(world)):
        if answer["Content-Type"].startswith("text/html") and not answer.streaming:
            found |= {action for action, _ in Offers(answer.content.decode()).buttons}

    assert found == {"/sign-out/", "/account/password/"}
