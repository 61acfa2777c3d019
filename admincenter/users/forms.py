"""The forms of a new user and of a stored one."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth.models import User

from admincenter.accounts import user_rules
from admincenter.accounts.role_groups import ROLE_GROUPS, RoleGroup, in_order
from admincenter.accounts.users import Joining, Person
from admincenter.components.forms import JudgedField, Option, Section

UNKNOWN = "Role groups %(value)s: there is no such role group."
_GROUPS = [(group.slug, group.name) for group in ROLE_GROUPS]


def _quiet_input(**more: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input", "autocomplete": "off", **more})


class PersonForm(Section):
    """Who it is, and what they may do."""

    name = JudgedField(judge=user_rules.full_name, label="Name", widget=_quiet_input())
    email = JudgedField(judge=user_rules.email, label="Email", widget=_quiet_input(inputmode="email"))
    role_groups = forms.MultipleChoiceField(
        label="Role groups",
        required=False,
        choices=_GROUPS,
        error_messages={"invalid_choice": UNKNOWN},
    )

    def group_options(self) -> list[Option]:
        """The role groups, each with what it is for."""
        return list(self.options("role_groups", hints={one.slug: one.description for one in ROLE_GROUPS}))

    def person(self) -> Person:
        """What the valid form says of the person."""
        return Person(name=self.cleaned_data["name"], email=self.cleaned_data["email"])

    def groups(self) -> Collection[RoleGroup]:
        """The role groups that are ticked."""
        return in_order(self.cleaned_data["role_groups"])


class NewUserForm(PersonForm):
    """A user who is not there yet."""

    field_order = ("user_name",)
    user_name = JudgedField(
        judge=user_rules.user_name,
        needed="User name: it is needed.",
        label="User name",
        help_text="To sign in with. It cannot be changed: logs and histories name people by it.",
        widget=_quiet_input(autocapitalize="none", spellcheck="false"),
    )


class EditUserForm(PersonForm):
    """A stored user. `was` are the role groups that the page showed: what others changed meanwhile stays."""

    active = forms.BooleanField(
        label="Active",
        required=False,
        help_text="Who is not active cannot sign in. Clearing the box ends this user's sessions at once.",
    )
    was = forms.MultipleChoiceField(
        required=False,
        choices=_GROUPS,
        widget=forms.MultipleHiddenInput,
        error_messages={"invalid_choice": UNKNOWN},
    )

    def joining(self) -> Joining:
        """The groups that were ticked and unticked on the page."""
        chosen, was = set(self.groups()), set(in_order(self.cleaned_data["was"]))
        return Joining(add=chosen - was, remove=was - chosen)


def edit_form(user: User, data: Any = None) -> EditUserForm:
    """Fill the form with what is stored, or with what was typed."""
    slugs = [row.role_group for row in user.memberships.all()]
    stored = {
        "name": user.first_name,
        "email": user.email,
        "active": user.is_active,
        "role_groups": slugs,
        "was": slugs,
    }
    return EditUserForm(data, initial=stored)
