"""Users are made and changed, and somebody who may give rights always stays."""

import logging
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from admincenter.accounts import memberships, users
from admincenter.accounts.errors import AccountError, LastAdministrator, NoSuchUser, UserNameTaken
from admincenter.accounts.role_groups import ORGANIZATION, SERVER, VIEW_ONLY
from admincenter.accounts.services import change_password, ensure_first_administrator, must_change_password
from admincenter.accounts.users import Joining, Person
from admincenter.models import Membership
from connectors.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.state]
PAGE = "/mail-flow/queues/"
UNCHANGED = Joining()


def slugs(user):
    return sorted(user.memberships.values_list("role_group", flat=True))


def change(user, *, person=None, active=True, groups=UNCHANGED):
    person = person or Person(name=user.first_name, email=user.email)
    users.change(user.pk, person, active=active, groups=groups, actor="anna")


@pytest.fixture
def bob(anna):  # noqa: ARG001 - an administrator stays beside bob
    """A user who may look, and act on queues."""
    user, _ = users.create("bob", Person(name="Bob B."), groups=[SERVER, VIEW_ONLY], actor="anna")
    return user


@pytest.fixture
def lines(caplog, django_capture_on_commit_callbacks):
    """Do something, and return (event, fields) of what was logged when it was committed."""
    caplog.set_level(logging.INFO, logger="admincenter")

    def lines(deed, *args, **kwargs):
        caplog.clear()
        with django_capture_on_commit_callbacks(execute=True):
            deed(*args, **kwargs)
        return [(one.message, one.__dict__) for one in caplog.records]

    return lines


def test_a_new_user_has_a_one_time_password_that_must_be_changed(anna):
    user, password = users.create(
        "bob", Person(name="Bob Ö.", email="bob@contoso.com"), groups=[VIEW_ONLY], actor=anna.username
    )

    user.refresh_from_db()
    assert (user.first_name, user.email, user.is_staff, user.is_superuser) == (
        "Bob Ö.",
        "bob@contoso.com",
        False,
        False,
    )
    assert user.check_password(password)
    assert must_change_password(user)
    assert slugs(user) == [VIEW_ONLY.slug]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("name", ["bob", "BOB"])
def test_two_users_never_share_a_name(name):
    with pytest.raises(UserNameTaken, match=f"User name {name}: another user has this name."):
        users.create(name, Person(), groups=[], actor="anna")

    assert User.objects.count() == 2


def test_a_user_is_changed_as_a_whole(bob):
    change(
        bob,
        person=Person(name="Robert", email="bob@contoso.com"),
        groups=Joining(add=[ORGANIZATION], remove=[SERVER]),
    )

    bob.refresh_from_db()
    assert (bob.first_name, bob.email) == ("Robert", "bob@contoso.com")
    assert slugs(bob) == [ORGANIZATION.slug, VIEW_ONLY.slug]


def test_nothing_is_changed_of_what_would_take_the_last_administrator(anna):
    with pytest.raises(LastAdministrator, match="no active member"):
        change(anna, person=Person(name="Anna"), active=False, groups=Joining(add=[SERVER]))
    with pytest.raises(LastAdministrator):
        change(anna, person=Person(name="Anna"), groups=Joining(remove=[ORGANIZATION], add=[SERVER]))
    with pytest.raises(LastAdministrator):
        memberships.change_members(ORGANIZATION, remove=[anna.pk], actor="anna")
    with pytest.raises(LastAdministrator):
        users.set_active([anna.pk], active=False, actor="anna")

    anna.refresh_from_db()
    assert (anna.first_name, anna.is_active, slugs(anna)) == ("", True, [ORGANIZATION.slug])


def test_a_member_who_is_not_active_does_not_count(anna, bob):
    memberships.change_groups(bob.pk, add=[ORGANIZATION], actor="anna")
    users.set_active([bob.pk], active=False, actor="anna")

    with pytest.raises(LastAdministrator):
        memberships.change_members(ORGANIZATION, remove=[anna.pk], actor="anna")


def test_the_last_but_one_may_go(anna, bob):
    memberships.change_groups(bob.pk, add=[ORGANIZATION], actor="anna")

    users.set_active([anna.pk], active=False, actor="bob")

    anna.refresh_from_db()
    assert not anna.is_active


def test_members_come_and_go_at_once_and_twice_is_once(anna, bob):
    assert memberships.change_members(SERVER, add=[anna.pk], remove=[bob.pk], actor="anna") == 2
    assert memberships.change_members(SERVER, add=[anna.pk, 999], remove=[bob.pk], actor="anna") == 0

    assert slugs(anna) == [ORGANIZATION.slug, SERVER.slug]
    assert slugs(bob) == [VIEW_ONLY.slug]


def test_a_deactivated_user_is_out_at_once_and_no_session_comes_back(bob):
    change_password(bob, new="sunlit harbour 88")
    browser, other = Client(), Client()
    browser.force_login(bob)
    other.force_login(User.objects.get(username="anna"))
    assert browser.get(PAGE).status_code == 200

    users.set_active([bob.pk], active=False, actor="anna")

    assert browser.get(PAGE).status_code == 302
    users.set_active([bob.pk], active=True, actor="anna")
    assert browser.get(PAGE).status_code == 302
    assert other.get(PAGE).status_code == 200


def test_a_deactivated_user_cannot_sign_in(bob):
    change_password(bob, new="sunlit harbour 88")
    users.set_active([bob.pk], active=False, actor="anna")

    answer = Client().post("/sign-in/", {"username": "bob", "password": "sunlit harbour 88"})

    assert b"do not go together" in answer.content


def test_a_new_password_ends_sessions_and_must_be_changed(bob):
    change_password(bob, new="sunlit harbour 88")
    browser = Client()
    browser.force_login(bob)

    _, password = users.reset_password(bob.pk, actor="anna")

    bob.refresh_from_db()
    assert browser.get(PAGE).status_code == 302
    assert bob.check_password(password)
    assert must_change_password(bob)


def test_a_user_who_is_not_there_is_named_so():
    with pytest.raises(NoSuchUser):
        users.reset_password(999, actor="anna")


def test_each_change_writes_a_line_and_no_password(anna, bob, lines):
    made = lines(users.create, "eva", Person(), groups=[SERVER], actor="anna")
    eva = User.objects.get(username="eva")
    edited = lines(change, eva, person=Person(name="Eva"), active=False, groups=Joining(remove=[SERVER]))
    renewed = lines(users.reset_password, bob.pk, actor="anna")
    chosen = lines(change_password, bob, new="sunlit harbour 88")
    first = lines(Membership.objects.all().delete) + lines(User.objects.all().delete)
    first += lines(ensure_first_administrator)

    assert [event for event, _ in made] == ["user_created", "role_group_members_changed"]
    assert [event for event, _ in edited] == [
        "user_changed",
        "role_group_members_changed",
        "user_deactivated",
    ]
    assert (edited[1][1]["role_group"], edited[1][1]["removed"]) == ("Server Management", ["eva"])
    assert [event for event, _ in renewed + chosen + first] == [
        "user_password_reset",
        "own_password_changed",
        "first_administrator_created",
    ]
    assert all(fields["actor"] == anna.username for _, fields in made + edited + renewed)
    assert "password" not in {name for _, fields in made + renewed for name in fields}


def test_a_change_that_changes_nothing_writes_no_line(bob, lines):
    assert lines(change, bob) == []


def told():
    """Each entry of the audit log since the first: cmdlet, object and what it says of the parameters."""
    return [
        (one.cmdlet, one.objects_named, {part.name: part.new for part in one.changes}, one.succeeded)
        for one in AuditEntry.objects.order_by("pk")
    ]


def test_the_audit_log_tells_each_change_and_no_password(anna):
    eva, password = users.create("eva", Person(name="Eva"), groups=[SERVER], actor=anna.username)
    change(eva, person=Person(name="Eva Ö."), active=False, groups=Joining(remove=[SERVER]))
    users.reset_password(eva.pk, actor="anna")
    change_password(anna, new="sunlit harbour 88")

    assert told() == [
        ("New-User", "eva", {"UserName": "eva", "DisplayName": "Eva"}, True),
        ("Add-RoleGroupMember", "Server Management", {"Member": "eva"}, True),
        ("Set-User", "eva", {"DisplayName": "Eva Ö."}, True),
        ("Remove-RoleGroupMember", "Server Management", {"Member": "eva"}, True),
        ("Set-User", "eva", {"Enabled": False}, True),
        ("Set-User", "eva", {"Password": "changed"}, True),
        ("Set-User", "anna", {"Password": "changed"}, True),
    ]
    assert {one.actor for one in AuditEntry.objects.all()} == {"anna"}
    assert password not in str(list(AuditEntry.objects.values()))


def test_the_audit_log_tells_what_was_refused_once(anna):
    for refused in (
        lambda: change(anna, active=False, groups=Joining(add=[SERVER])),
        lambda: users.set_active([anna.pk], active=False, actor="anna"),
        lambda: memberships.change_members(ORGANIZATION, remove=[anna.pk], actor="anna"),
        lambda: users.create("ANNA", Person(), groups=[], actor="anna"),
    ):
        with pytest.raises(AccountError):
            refused()

    assert told() == [
        ("Set-User", "anna", {}, False),
        ("Set-User", "anna", {}, False),
        ("Remove-RoleGroupMember", "Organization Management", {}, False),
        ("New-User", "ANNA", {}, False),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_who_remove_each_other_leave_one(anna):
    bob, _ = users.create("bob", Person(), groups=[ORGANIZATION], actor="anna")
    refused = []
    start = threading.Barrier(2)

    def remove(user):
        start.wait()
        try:
            memberships.change_members(ORGANIZATION, remove=[user.pk], actor="anna")
        except LastAdministrator as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=[user]) for user in (anna, bob)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(refused) == 1
    assert Membership.objects.filter(role_group=ORGANIZATION.slug).count() == 1
