"""Who may do what where: a status for each role, address and method. A new address needs a row here."""

from dataclasses import dataclass

import pytest

from tests.support.roles import ROLES, routes

pytestmark = pytest.mark.django_db
MEMBERS = "OSHVC"
SIGNED_IN = MEMBERS + "N"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What an address answers to an empty request of who may (letters of ROLES); others get 403."""

    get: int
    post: int
    who: str
    who_posts: str = ""
    """Where that differs."""


def page(who=MEMBERS):
    """It is only looked at."""
    return Row(get=200, post=405, who=who)


def form(who, *, get=200, post=422):
    """It shows a form and takes it; an empty one is refused."""
    return Row(get=get, post=post, who=who)


def action(who, *, post=302):
    """It only takes what a button sends; nothing is picked here."""
    return Row(get=405, post=post, who=who)


TABLE = {
    "": Row(get=302, post=302, who=SIGNED_IN),
    "sign-in/": Row(get=302, post=302, who=SIGNED_IN),
    "sign-out/": Row(get=405, post=302, who=SIGNED_IN),
    "account/password/": form(SIGNED_IN),
    "dashboard/": page(),
    "mail-flow/send-connectors/": page(),
    "mail-flow/send-connectors/act/": action("O"),
    "mail-flow/send-connectors/remove/": form("O", get=302, post=302),
    "mail-flow/send-connectors/enable/": form("O", get=302, post=302),
    "mail-flow/send-connectors/disable/": form("O", get=302, post=302),
    "mail-flow/send-connectors/new/": Row(get=302, post=405, who="O"),
    "mail-flow/send-connectors/new/<uuid:guid>/<slug:slug>/": form("O"),
    "mail-flow/send-connectors/<int:connector_id>/edit/": form("O"),
    "mail-flow/send-connectors/history/<uuid:guid>/": page(),
    "mail-flow/send-connectors/history/<uuid:guid>/revert/": action("O", post=409),
    "mail-flow/receive-connectors/": page(),
    "mail-flow/receive-connectors/act/": action("OSH"),
    "mail-flow/receive-connectors/remove/": form("OSH", get=302, post=302),
    "mail-flow/receive-connectors/new/": form("OSH"),
    "mail-flow/receive-connectors/<int:connector_id>/edit/": form("OSH"),
    "api/v1/messages": Row(get=405, post=401, who=SIGNED_IN),
    "mail-flow/test-message/": form("OS"),
    "mail-flow/delivery-reports/": page(),
    "mail-flow/delivery-reports/export/": page(),
    "mail-flow/delivery-reports/<int:message_id>/": page(),
    "mail-flow/delivery-reports/<int:message_id>/dialogue/<str:session_id>/": page(),
    "mail-flow/queues/": page(),
    "mail-flow/queues/export/": page(),
    "mail-flow/queues/act/": action("OS", post=422),
    "mail-flow/queues/<int:queue_id>/": page(),
    "mail-flow/queues/<int:queue_id>/act/": action("OS", post=422),
    "mail-flow/queues/<int:queue_id>/messages/act/": Row(get=405, post=422, who=MEMBERS, who_posts="OS"),
    "mail-flow/queues/<int:queue_id>/messages/export/": page(),
    "mail-flow/queues/messages/<int:message_id>/": page(),
    "mail-flow/queues/messages/<int:message_id>/act/": Row(get=405, post=422, who=MEMBERS, who_posts="OS"),
    "mail-flow/queues/export/<int:queued_id>/": page("OC"),
    "permissions/admin-roles/": page("O"),
    "permissions/admin-roles/act/": action("O"),
    "permissions/admin-roles/<slug:slug>/edit/": form("O", post=302),
    "permissions/users/": page("O"),
    "permissions/users/act/": action("O"),
    "permissions/users/new/": form("O"),
    "permissions/users/<int:user_id>/edit/": form("O", post=302),
    "permissions/users/<int:user_id>/reset-password/": form("O", post=200),
    "compliance/audit-log/": page("O"),
    "compliance/audit-log/export/": page("O"),
}
OPEN = {"sign-in/", "sign-out/", "api/v1/messages"}
"""What needs no sign-in."""


def test_every_address_has_a_row_and_every_row_an_address():
    known = list(routes())

    assert {"no row for": set(known) - set(TABLE), "no address for": set(TABLE) - set(known)} == {
        "no row for": set(),
        "no address for": set(),
    }
    assert len(known) == len(set(known))


@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("route", TABLE)
def test_an_address_answers_each_role_as_its_row_says(browsers, world, route, method):
    row, address = TABLE[route], world.address(route)
    who = row.who_posts or row.who if method == "post" else row.who
    status = row.post if method == "post" else row.get
    expected = dict.fromkeys(ROLES, 403) | dict.fromkeys(who, status)

    answers = {letter: getattr(browsers[letter], method)(address) for letter in ROLES}

    assert {letter: answer.status_code for letter, answer in answers.items()} == expected


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_a_stranger_is_led_to_the_sign_in_page_from_everywhere(browsers, world, method):
    addresses = [world.address(route) for route in TABLE if route not in OPEN]

    answers = {one: getattr(browsers["A"], method)(one) for one in addresses}

    led = {one: (answer.status_code, answer.url.split("?")[0]) for one, answer in answers.items()}
    assert led == dict.fromkeys(addresses, (302, "/sign-in/"))


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("letter", ROLES)
def test_no_address_takes_another_method(browsers, world, letter, method):
    addresses = [world.address(route) for route in TABLE if route not in {"", "sign-in/"}]

    answers = {one: getattr(browsers[letter], method)(one).status_code for one in addresses}

    assert {one: status for one, status in answers.items() if status not in {403, 405}} == {}


def test_a_stranger_finds_the_way_in_and_no_more(browsers):
    answers = [
        browsers["A"].get("/sign-in/"),
        browsers["A"].post("/sign-in/"),
        browsers["A"].post("/sign-out/"),
        browsers["A"].post("/api/v1/messages"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 302, 401]


@pytest.mark.parametrize("place", ["{queue_id}/messages/act/", "messages/{message_id}/act/"])
def test_a_message_is_exported_by_who_may_read_it_and_by_nobody_else(browsers, world, place):
    address = "/mail-flow/queues/" + place.format(**world.values)
    export = {"verb": "export", "selected": world.values["queued_id"]}
    retry = {"verb": "retry", "selected": world.values["queued_id"]}

    exported = {letter: browsers[letter].post(address, export).status_code for letter in ROLES}
    retried = {letter: browsers[letter].post(address, retry).status_code for letter in ROLES}

    assert exported == dict.fromkeys(ROLES, 403) | {"O": 302, "C": 302}
    assert retried == dict.fromkeys(ROLES, 403) | {"O": 302, "S": 302}
