"""Who is in a role group."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth.models import User

from admincenter.accounts.role_groups import RoleGroup
from admincenter.components.forms import Option, Section
from admincenter.components.lists import SELECTION_LIMIT

GONE = "Members: somebody who was ticked does not exist any more. Look at the list again."


class MembersForm(Section):
    """A box for each user. `was` are the members the page showed: what others changed meanwhile stays."""

    members = forms.TypedMultipleChoiceField(
        label="Members", required=False, coerce=int, error_messages={"invalid_choice": GONE}
    )
    was = forms.TypedMultipleChoiceField(
        required=False,
        coerce=int,
        widget=forms.MultipleHiddenInput,
        error_messages={"invalid_choice": GONE},
    )

    def __init__(self, *args: Any, users: Collection[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hints = {str(user.pk): _hint(user) for user in users}
        for name in ("members", "was"):
            choices = [(str(user.pk), user.username) for user in users]
            self.fields[name].choices = choices  # type: ignore[attr-defined] # a choice field

    def member_options(self) -> list[Option]:
        """All users, each with their name."""
        return list(self.options("members", hints=self.hints))

    def joining(self) -> set[int]:
        """Who was ticked on the page."""
        return set(self.cleaned_data["members"]) - set(self.cleaned_data["was"])

    def leaving(self) -> set[int]:
        """Who was unticked."""
        return set(self.cleaned_data["was"]) - set(self.cleaned_data["members"])


def members_form(group: RoleGroup, data: Any = None) -> MembersForm:
    """Fill the form with who is in the group, or with what was ticked."""
    users = list(User.objects.order_by("username")[:SELECTION_LIMIT])
    members = User.objects.filter(memberships__role_group=group.slug, pk__in=[user.pk for user in users])
    present = [str(pk) for pk in members.values_list("pk", flat=True)]
    return MembersForm(data, initial={"members": present, "was": present}, users=users)


def _hint(user: User) -> str:
    return ", ".join(filter(None, [user.first_name, "" if user.is_active else "deactivated"]))
