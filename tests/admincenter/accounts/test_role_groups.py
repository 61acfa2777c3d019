"""Who may do what by which role group."""

import importlib

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, User

from admincenter.accounts.rights import Right, may
from admincenter.accounts.role_groups import (
    CONTENT,
    GRANTS,
    HYGIENE,
    ORGANIZATION,
    ROLE_GROUPS,
    SERVER,
    VIEW_ONLY,
    find,
    in_order,
    in_words,
    rights_of,
)
from admincenter.models import Membership


def test_every_right_is_said_in_words_and_belongs_to_role_groups():
    assert set(GRANTS) == set(Right)
    assert all(grant.words.endswith(".") for grant in GRANTS.values())
    assert {group for grant in GRANTS.values() for group in grant.groups} <= set(ROLE_GROUPS)
    assert all(ORGANIZATION not in grant.groups for grant in GRANTS.values())


@pytest.mark.parametrize(
    ("group", "rights"),
    [
        (ORGANIZATION, set(Right)),
        (SERVER, {Right.VIEW, Right.RECEIVE_CONNECTORS, Right.QUEUES, Right.TEST_MESSAGES}),
        (HYGIENE, {Right.VIEW, Right.RECEIVE_CONNECTORS}),
        (VIEW_ONLY, {Right.VIEW}),
        (CONTENT, {Right.VIEW, Right.MESSAGE_CONTENT}),
    ],
    ids=lambda value: getattr(value, "slug", ""),
)
def test_a_role_group_gives_these_rights(group, rights):
    """Exchange's table (exchange.md 12.2), so far as there are screens."""
    assert rights_of([group]) >= rights
    assert not (rights_of([group]) - rights) & {
        Right.CONNECTORS,
        Right.RECEIVE_CONNECTORS,
        Right.QUEUES,
        Right.MESSAGE_CONTENT,
        Right.PERMISSIONS,
    }
    assert len(in_words(group)) == len(rights_of([group]))


def test_rights_of_several_groups_add_up_and_no_group_gives_none():
    assert rights_of([VIEW_ONLY, CONTENT, SERVER]) == rights_of([SERVER]) | rights_of([CONTENT])
    assert rights_of([]) == frozenset()


def test_a_key_that_is_none_finds_nothing():
    assert find("server-management") is SERVER
    assert find("server") is None
    assert in_order(["view-only-organization-management", "gone", "server-management"]) == (SERVER, VIEW_ONLY)


@pytest.mark.django_db
class TestOfAPerson:
    def test_membership_decides_and_nothing_else(self):
        user = User.objects.create_user("bob", is_staff=True)
        assert not any(may(user, right) for right in Right)

        Membership.objects.create(user=user, role_group=VIEW_ONLY.slug)
        user = User.objects.get()

        assert [right for right in Right if may(user, right)] == [Right.VIEW]

    def test_a_superuser_of_the_command_line_is_a_member_and_leaves_like_others(self):
        user = User.objects.create_superuser("eva")
        assert may(user, Right.PERMISSIONS)

        user.memberships.all().delete()

        assert not may(User.objects.get(), Right.VIEW)

    def test_many_questions_are_one_query(self, django_assert_num_queries):
        user = User.objects.create_superuser("eva")

        with django_assert_num_queries(1):
            assert all(may(user, right) for right in Right)

    def test_a_user_who_is_not_active_may_nothing(self):
        user = User.objects.create_superuser("eva", is_active=False)

        assert not any(may(user, right) for right in Right)

    def test_nobody_may_nothing(self):
        assert not any(may(AnonymousUser(), right) for right in Right)

    def test_a_membership_of_a_group_that_is_gone_gives_nothing(self):
        user = User.objects.create_user("bob")
        Membership.objects.create(user=user, role_group="records-management")

        assert not any(may(user, right) for right in Right)

    def test_who_could_do_everything_before_there_were_role_groups_still_can(self):
        upgrade = importlib.import_module("admincenter.migrations.0003_administrators_are_members")
        admin, bob = User.objects.create_user("admin", is_staff=True), User.objects.create_user("bob")

        upgrade.admit_administrators(apps, None)

        assert may(admin, Right.PERMISSIONS)
        assert not may(bob, Right.VIEW)
