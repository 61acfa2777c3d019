"""The list of users, a new one, the edit dialog and a new password, at their HTTP border."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from admincenter.accounts import users
from admincenter.accounts.role_groups import ORGANIZATION, SERVER, VIEW_ONLY
from admincenter.accounts.services import must_change_password
from admincenter.accounts.users import Person

pytestmark = pytest.mark.django_db
LIST = "/permissions/users/"
NEW = {
    "go": "save",
    "user_name": "eva",
    "name": "Eva Östberg",
    "email": "eva@contoso.com",
    "role_groups": [SERVER.slug, VIEW_ONLY.slug],
}


@pytest.fixture
def bob(anna):
    """A user who acts on queues."""
    user, _ = users.create("bob", Person(name="Bob B."), groups=[SERVER], actor=anna.username)
    return user


def text(answer):
    return unescape(answer.content.decode())


def slugs(user):
    return sorted(user.memberships.values_list("role_group", flat=True))


def shown_password(answer):
    return re.search(r'id="one-time-password"\s+type="text"\s+value="([^"]+)"', text(answer))[1]


def form_of(user, **changes):
    """What the edit dialog sends when nothing was typed, and `changes`."""
    form = {
        "go": "save",
        "name": user.first_name,
        "email": user.email,
        "active": "on",
        "role_groups": slugs(user),
        "was": slugs(user),
    }
    form = {name: value for name, value in (form | changes).items() if value is not None}
    return f"{LIST}{user.pk}/edit/", form


def test_the_list_shows_who_there_is_and_who_one_is(signed_in, bob):
    page = text(signed_in.get(f"{LIST}?selected={bob.pk}"))

    assert '<p class="hint">you</p>' in page
    assert "Bob B." in page
    assert "Server Management" in page
    assert "One-time: the next sign-in asks for a new one" in page
    assert "2 users" in page


def test_details_come_alone_and_a_user_who_is_gone_is_told(signed_in, bob):
    headers = {"HX-Request": "true"}
    part = text(signed_in.get(f"{LIST}?selected={bob.pk}", headers=headers))
    gone = text(signed_in.get(f"{LIST}?selected=999", headers=headers))

    assert part.lstrip().startswith("<aside")
    assert "Not there any more" in gone


@pytest.mark.parametrize("sort", ["user", "-name", "status", "-signed_in", "password", "\0"])
def test_the_list_stands_in_any_order(signed_in, bob, sort):  # noqa: ARG001 - a second row
    assert signed_in.get(LIST, {"sort": sort}).status_code == 200


def test_the_list_costs_the_same_queries_for_many_users(signed_in, django_assert_max_num_queries):
    signed_in.get(LIST)
    for number in range(50):
        users.create(f"user{number}", Person(), groups=[SERVER, VIEW_ONLY], actor="anna")

    with django_assert_max_num_queries(15):
        page = signed_in.get(f"{LIST}?selected={User.objects.get(username='user7').pk}")

    assert "51 users" in text(page)


def test_a_new_user_gets_a_password_that_is_shown_once(signed_in):
    answer = signed_in.post(f"{LIST}new/", NEW)

    eva, password = User.objects.get(username="eva"), shown_password(answer)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert (eva.first_name, eva.email, eva.check_password(password)) == (
        "Eva Östberg",
        "eva@contoso.com",
        True,
    )
    assert slugs(eva) == [SERVER.slug, VIEW_ONLY.slug]
    assert password not in str(dict(signed_in.session))
    assert all(password not in text(signed_in.get(page)) for page in (LIST, f"{LIST}{eva.pk}/edit/"))
    again = signed_in.post(f"{LIST}new/", NEW)
    assert again.status_code == 422
    assert "User name eva: another user has this name." in text(again)


def test_the_first_sign_in_of_a_new_user_asks_for_a_password(signed_in):
    password = shown_password(signed_in.post(f"{LIST}new/", NEW))
    browser = Client()
    browser.post("/sign-in/", {"username": "eva", "password": password})

    assert browser.get("/mail-flow/queues/").url == "/account/password/"

    new = {"old_password": password, "new_password1": "sunlit harbour 88"}
    browser.post("/account/password/", new | {"new_password2": "sunlit harbour 88"})
    assert browser.get("/mail-flow/queues/").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("user_name", "", "User name: it is needed."),
        ("user_name", "eva östberg", "User name eva östberg: use letters, digits and @ . + - _ only."),
        ("user_name", "eva\0", "User name eva�: use letters"),
        ("user_name", "e" * 151, "at most 150 characters"),
        ("user_name", "<script>", "User name <script>: use letters"),
        ("name", "Eva\nÖ", "Name Eva�Ö: it has characters that cannot be shown."),
        ("name", "E" * 151, "at most 150 characters"),
        ("email", "eva", "Email eva: this is no address such as anna@contoso.com."),
        ("email", "e@" + "x" * 260, "at most 254 characters"),
        ("role_groups", ["gods"], "Role groups gods: there is no such role group."),
    ],
)
def test_what_makes_no_user_is_refused_and_kept(signed_in, field, value, said):
    answer = signed_in.post(f"{LIST}new/", NEW | {field: value})

    assert answer.status_code == 422
    assert said in text(answer)
    assert User.objects.count() == 1
    kept = "eva@contoso.com" if field != "email" else "Eva Östberg"
    assert kept in text(answer)


def test_a_user_is_edited(signed_in, bob):
    changes = {"name": "Robert", "email": "r@contoso.com", "role_groups": [VIEW_ONLY.slug]}
    answer = signed_in.post(*form_of(bob, **changes))

    bob.refresh_from_db()
    assert (answer.status_code, answer.url) == (302, f"{LIST}?selected={bob.pk}")
    assert (bob.first_name, bob.email, bob.is_active, slugs(bob)) == (
        "Robert",
        "r@contoso.com",
        True,
        [VIEW_ONLY.slug],
    )


def test_what_somebody_else_changed_meanwhile_stays(signed_in, bob):
    address, form = form_of(bob, role_groups=[SERVER.slug, VIEW_ONLY.slug])
    bob.memberships.all().delete()

    signed_in.post(address, form)

    assert slugs(bob) == [VIEW_ONLY.slug]


def test_a_wrong_address_is_refused_and_kept(signed_in, bob):
    answer = signed_in.post(*form_of(bob, email="nowhere", name="Robert"))

    bob.refresh_from_db()
    assert answer.status_code == 422
    assert "Email nowhere: this is no address" in text(answer)
    assert 'value="Robert"' in text(answer)
    assert bob.first_name == "Bob B."


@pytest.mark.parametrize("changes", [{"active": None}, {"role_groups": []}])
@pytest.mark.usefixtures("bob")
def test_the_last_administrator_stays_and_the_reason_is_told(signed_in, anna, changes):
    answer = signed_in.post(*form_of(anna, name="Anna", **changes))

    anna.refresh_from_db()
    assert answer.status_code == 409
    assert "Organization Management would have no active member" in text(answer)
    assert 'value="Anna"' in text(answer)
    assert (anna.first_name, anna.is_active, slugs(anna)) == ("", True, [ORGANIZATION.slug])


def test_the_button_does_not_deactivate_the_last_administrator_either(signed_in, anna, bob):
    answer = signed_in.post(f"{LIST}act/", {"verb": "deactivate", "selected": [anna.pk, bob.pk]})

    assert answer.status_code == 409
    assert "Organization Management would have no active member" in text(answer)
    assert User.objects.filter(is_active=True).count() == 2


def test_users_are_deactivated_and_activated(signed_in, bob):
    browser = Client()
    browser.force_login(bob)
    signed_in.post(f"{LIST}act/", {"verb": "deactivate", "selected": [bob.pk]})
    bob.refresh_from_db()
    assert not bob.is_active
    assert browser.get("/account/password/").url.startswith("/sign-in/")
    assert "Deactivated" in text(signed_in.get(LIST))

    signed_in.post(f"{LIST}act/", {"verb": "activate", "selected": [bob.pk]})

    bob.refresh_from_db()
    assert bob.is_active


@pytest.mark.parametrize(
    ("sent", "leads", "said"),
    [
        ({}, LIST, "No user is picked."),
        ({"verb": "edit", "selected": [7]}, f"{LIST}7/edit/", ""),
        ({"verb": "reset_password", "selected": [7]}, f"{LIST}7/reset-password/", ""),
        ({"verb": "edit", "selected": [7, 8]}, f"{LIST}?selected=7&selected=8", "Several users are picked."),
        ({"verb": "promote", "selected": [7]}, f"{LIST}?selected=7", "Nothing was done"),
        ({"verb": "activate", "selected": [7]}, f"{LIST}?selected=7", "Nothing to do"),
        ({"verb": "activate", "selected": ["x", "1" * 40]}, LIST, "No user is picked."),
    ],
)
def test_buttons_lead_on_or_say_why_not(signed_in, sent, leads, said):
    answer = signed_in.post(f"{LIST}act/", sent)

    assert answer.url == leads
    assert said in text(signed_in.get(LIST))


def test_a_password_is_reset_after_a_question(signed_in, bob):
    address = f"{LIST}{bob.pk}/reset-password/"
    assert "Reset the password of bob?" in text(signed_in.get(address))
    assert must_change_password(bob)

    password = shown_password(signed_in.post(address))

    bob.refresh_from_db()
    assert bob.check_password(password)
    assert must_change_password(bob)


def test_ones_own_password_is_chosen_and_not_reset(signed_in, anna):
    for answer in (
        signed_in.get(f"{LIST}{anna.pk}/reset-password/"),
        signed_in.post(f"{LIST}{anna.pk}/reset-password/"),
    ):
        assert answer.url == "/account/password/"
    anna.refresh_from_db()
    assert anna.check_password("a long enough password")


def test_a_user_who_is_not_there(signed_in):
    assert signed_in.get(f"{LIST}999/edit/").status_code == 404
    assert signed_in.get(f"{LIST}999/reset-password/").status_code == 404
    for address in (f"{LIST}999/edit/", f"{LIST}999/reset-password/"):
        assert signed_in.post(address, {"go": "save"}).url == LIST
        assert "This user does not exist any more" in text(signed_in.get(LIST))


def test_cancel_changes_nothing(signed_in, bob):
    answers = [
        signed_in.post(*form_of(bob, name="Robert", go="cancel")),
        signed_in.post(f"{LIST}new/", NEW | {"go": "cancel"}),
    ]

    bob.refresh_from_db()
    assert [answer.url for answer in answers] == [f"{LIST}?selected={bob.pk}", LIST]
    assert (bob.first_name, User.objects.count()) == ("Bob B.", 2)


def test_every_write_wants_the_csrf_token(anna, bob):
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)

    for path in ("act/", "new/", f"{bob.pk}/edit/", f"{bob.pk}/reset-password/"):
        assert client.post(LIST + path, NEW).status_code == 403


def test_a_hostile_name_is_text(signed_in):
    hostile = '<img src=x onerror="alert(1)">'
    signed_in.post(f"{LIST}new/", NEW | {"name": hostile})

    page = signed_in.get(LIST).content.decode()

    assert hostile not in page
    assert hostile in unescape(page)
