"""Role groups and their members, at their HTTP border."""

from html import unescape

import pytest

from admincenter.accounts import memberships, users
from admincenter.accounts.role_groups import CONTENT, GRANTS, ORGANIZATION, ROLE_GROUPS, SERVER, Right
from admincenter.accounts.users import Person
from admincenter.models import Membership

pytestmark = pytest.mark.django_db
LIST = "/permissions/admin-roles/"


@pytest.fixture
def bob(anna):
    """A user who acts on queues."""
    user, _ = users.create("bob", Person(name="Bob B."), groups=[SERVER], actor=anna.username)
    return user


def text(answer):
    return unescape(answer.content.decode())


def save(client, group, *, members, was):
    """Send the dialog with these users ticked, who were ticked before."""
    ids = {"members": [user.pk for user in members], "was": [user.pk for user in was]}
    return client.post(f"{LIST}{group.slug}/edit/", {"go": "save"} | ids)


def members_of(group):
    return set(Membership.objects.filter(role_group=group.slug).values_list("user__username", flat=True))


def test_the_list_has_every_role_group_and_the_details_its_rights_and_members(signed_in, bob):
    page = text(signed_in.get(f"{LIST}?selected={SERVER.slug}"))

    assert all(group.name in page for group in ROLE_GROUPS)
    assert GRANTS[Right.QUEUES].words in page
    assert GRANTS[Right.CONNECTORS].words not in page
    assert f'<a href="/permissions/users/?selected={bob.pk}">bob</a>' in page


@pytest.mark.parametrize("selected", ["", "gods", "\0", "server-management&selected=hygiene-management"])
def test_any_selection_shows_the_list(signed_in, selected):
    assert signed_in.get(f"{LIST}?selected={selected}").status_code == 200


def test_details_come_alone(signed_in):
    part = text(signed_in.get(f"{LIST}?selected={CONTENT.slug}", headers={"HX-Request": "true"}))

    assert part.lstrip().startswith("<aside")
    assert CONTENT.description in part


def test_the_list_costs_the_same_queries_for_many_members(signed_in, django_assert_max_num_queries):
    signed_in.get(LIST)
    for number in range(60):
        users.create(f"user{number}", Person(), groups=[SERVER], actor="anna")

    with django_assert_max_num_queries(15):
        page = signed_in.get(f"{LIST}?selected={SERVER.slug}")

    assert "and 10 more" in text(page)


def test_members_are_edited(signed_in, anna, bob):
    answer = save(signed_in, SERVER, members=[anna], was=[bob])

    assert (answer.status_code, answer.url) == (302, f"{LIST}?selected={SERVER.slug}")
    assert members_of(SERVER) == {"anna"}
    assert "The members of Server Management were saved." in text(signed_in.get(LIST))


def test_what_somebody_else_changed_meanwhile_stays(signed_in, anna, bob):
    memberships.change_members(CONTENT, add=[bob.pk], actor="ben")

    save(signed_in, CONTENT, members=[anna], was=[])

    assert members_of(CONTENT) == {"anna", "bob"}


def test_the_last_administrator_stays_and_the_reason_is_told(signed_in, anna, bob):
    users.set_active([bob.pk], active=False, actor="anna")

    answer = save(signed_in, ORGANIZATION, members=[bob], was=[anna])

    assert answer.status_code == 409
    assert "Organization Management would have no active member" in text(answer)
    assert members_of(ORGANIZATION) == {"anna"}


@pytest.mark.parametrize("members", ["999", "anna", "\0", "9" * 40])
def test_somebody_who_does_not_exist_is_refused(signed_in, members):
    answer = signed_in.post(f"{LIST}{SERVER.slug}/edit/", {"go": "save", "members": members})

    assert answer.status_code == 422
    assert "does not exist any more" in text(answer)


def test_cancel_changes_nothing(signed_in, bob):
    answer = signed_in.post(f"{LIST}{SERVER.slug}/edit/", {"go": "cancel", "was": [bob.pk]})

    assert answer.url == f"{LIST}?selected={SERVER.slug}"
    assert members_of(SERVER) == {"bob"}


def test_there_is_no_other_role_group(signed_in):
    assert signed_in.get(f"{LIST}gods/edit/").status_code == 404
    assert signed_in.post(f"{LIST}gods/edit/", {"go": "save"}).status_code == 404


@pytest.mark.parametrize(
    ("sent", "leads"),
    [
        ({"verb": "edit", "selected": SERVER.slug}, f"{LIST}{SERVER.slug}/edit/"),
        ({"verb": "edit"}, LIST),
        ({"verb": "remove", "selected": SERVER.slug}, f"{LIST}?selected={SERVER.slug}"),
        ({"verb": "edit", "selected": "gods"}, LIST),
    ],
)
def test_the_button_opens_the_dialog_of_one(signed_in, sent, leads):
    assert signed_in.post(f"{LIST}act/", sent).url == leads
