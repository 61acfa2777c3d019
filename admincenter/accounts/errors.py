"""What can be wrong with a change of users and role groups, as sentences for administrators.

AccountError
├── LastAdministrator   nobody would be left who may give rights
├── UserNameTaken       another user has this name
└── NoSuchUser          there is no such user
"""


class AccountError(ValueError):
    """Base of all errors of accounts; the audit log tells what was refused."""


class LastAdministrator(AccountError):  # noqa: N818 - reads as a sentence where it is raised
    """The change would take the last active member from Organization Management."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing was changed: Organization Management would have no active member, and nobody could give"
            " rights any more. Make somebody else an active member first."
        )


class UserNameTaken(AccountError):  # noqa: N818 - reads as a sentence where it is raised
    """User names differ in more than upper and lower case."""

    def __init__(self, user_name: str) -> None:
        super().__init__(f"User name {user_name}: another user has this name.")


class NoSuchUser(AccountError):  # noqa: N818 - reads as a sentence where it is raised
    """The user never was, or is gone."""

    def __init__(self) -> None:
        super().__init__("This user does not exist.")
