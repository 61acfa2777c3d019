"""Looking changes nothing, and shows nobody what they may not do."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

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


def kind_of(address):
    """One page of a kind is enough: numbers, rows and orders look alike."""
    parts = urlsplit(address)
    return re.sub(r"\d+", "1", parts.path), tuple(parse_qs(parts.query).get("selected", ()))


def links_of(address, answer):
    """Where a page leads to within the console."""
    links = offers(answer).links
    return [urljoin(address, one) for one in links if not urlsplit(one).netloc and not one.startswith("#")]


def offers(answer):
    """What an answer offers; a file offers nothing."""
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    return Offers(answer.content.decode() if is_page else "")


def crawl(browser, starts):
    """Follow every link from these pages; return the address and the answer of each kind of page."""
    waiting, found = list(starts), {}
    while waiting:
        address = waiting.pop()
        if kind_of(address) not in found:
            answer = browser.get(address)
            found[kind_of(address)] = (address, answer)
            waiting += links_of(address, answer)
    return found


def starts(world):
    """Where one gets without a link: every address, and in every list each thing picked."""
    addresses = [world.address(route) for route in routes() if "sign-" not in route]
    picked = {str(value) for name, value in world.values.items() if "/" in name}
    return addresses + [f"{one}?selected={this}" for one in addresses for this in picked]


@pytest.mark.parametrize("letter", ROLES)
def test_no_page_links_to_one_that_its_reader_may_not_open(browsers, world, letter):
    found = crawl(browsers[letter], starts(world))
    refused = {kind for kind, (_, answer) in found.items() if answer.status_code == 403}

    dead_ends = {
        (address, link)
        for address, answer in found.values()
        for link in links_of(address, answer)
        if kind_of(link) in refused
    }

    assert dead_ends == set()


@pytest.mark.parametrize("letter", ROLES)
def test_no_page_has_a_button_that_its_reader_may_not_press(browsers, world, letter):
    pressed = {}
    for address, answer in crawl(browsers[letter], starts(world)).values():
        for action, verb in offers(answer).buttons - {("/sign-out/", "")}:
            field = {"go": "cancel"} if verb in {"save", "cancel", "next"} else {"verb": verb}
            pressed[address, action, verb] = browsers[letter].post(action or urlsplit(address).path, field)

    assert [button for button, answer in pressed.items() if answer.status_code == 403] == []


@pytest.mark.parametrize("letter", ["V", "N"])
def test_who_only_looks_finds_no_button_but_those_of_their_account(browsers, world, letter):
    pages = crawl(browsers[letter], starts(world)).values()

    found = {action for _, answer in pages for action, _ in offers(answer).buttons}

    assert found == {"/sign-out/", "/account/password/"}
