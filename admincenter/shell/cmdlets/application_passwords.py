"""Get-, New-, Set- and Remove-ApplicationPassword: with which programs submit mail."""

from collections.abc import Iterator

from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.refusals import Places, changed_list, told
from admincenter.shell.cmdlets.selecting import chosen
from admincenter.shell.parameters import CHANGE, FLAG, SWITCH, TEXT, TIME, Parameter, or_nothing
from admincenter.shell.rows import Column, Row, RowType
from connectors import login_services
from connectors.application_passwords import ANY_SENDER, parse_sender
from connectors.models import ApplicationPassword
from connectors.validators import name_key

COLUMNS = (
    Column(name="Identity", read=lambda one: one.user_name),
    Column(name="UserName", read=lambda one: one.user_name),
    Column(name="Description", read=lambda one: one.description),
    Column(name="Senders", read=lambda one: tuple(one.senders)),
    Column(name="Enabled", read=lambda one: one.enabled, kind=Kind.FLAG),
    Column(name="Expires", read=lambda one: one.expires_at, kind=Kind.TIME),
    Column(name="LastUsed", read=lambda one: one.last_used_at, kind=Kind.TIME),
    Column(name="WhenCreated", read=lambda one: one.created_at, kind=Kind.TIME),
    Column(name="WhenChanged", read=lambda one: one.changed_at, kind=Kind.TIME),
    Column(name="ChangedBy", read=lambda one: one.changed_by),
)
APPLICATION_PASSWORD = RowType(
    name="application password",
    table=("UserName", "Senders", "Enabled", "Expires", "LastUsed"),
    columns=COLUMNS,
)
NEW_APPLICATION_PASSWORD = RowType(
    name="application password",
    table=("UserName", "Password"),
    columns=(
        Column(name="Identity", read=lambda one: one[0].user_name),
        Column(name="UserName", read=lambda one: one[0].user_name),
        # The one time that it is ever shown.
        Column(name="Password", read=lambda one: one[1]),
    ),
)
SHOWN_ONCE = "The password is shown only now; only a digest of it is kept."
IDENTITY = Parameter(name="Identity", kind=TEXT, position=0, help="The user name.", from_pipeline=True)
USER_NAME = Parameter(
    name="UserName",
    kind=TEXT,
    position=0,
    required=True,
    help="What the program signs in as: letters, digits and . _ @ + - between them.",
)
SENDERS = Parameter(
    name="Senders",
    kind=CHANGE,
    help="Whom it may send as, in the envelope and in From: addresses, domains, *.domain, or * for any.",
)
DESCRIPTION = Parameter(name="Description", kind=TEXT, help="What uses it.")
ENABLED = Parameter(name="Enabled", kind=FLAG, help="Whether it signs in.")
EXPIRES = Parameter(name="Expires", kind=or_nothing(TIME), help="From when on it is refused. $null: never.")
RENEW = Parameter(name="Renew", kind=SWITCH, help="Make a new password; the old one ends at once.")
PLACES: Places = {"user_name": USER_NAME, "senders": SENDERS, "comment": DESCRIPTION}


def _identified(cmdlet: Cmdlet, identity: str) -> ApplicationPassword:
    found = ApplicationPassword.objects.filter(user_key=name_key(identity)).first()
    if found is None:
        cmdlet.refuse(f"there is no application password of {identity}", IDENTITY)
    return found


def _chosen(cmdlet: Cmdlet, rows: Iterator[Row] | None) -> list[ApplicationPassword]:
    return chosen(cmdlet, rows, identity=IDENTITY, find=lambda text: _identified(cmdlet, text))


class GetApplicationPassword(Cmdlet):
    """Lists logins."""

    name = "Get-ApplicationPassword"
    synopsis = "Lists the application passwords, without the passwords."
    examples = ("Get-ApplicationPassword", "Get-ApplicationPassword | where {$_.Enabled -eq $false}")
    parameters = (IDENTITY,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by user name."""
        del rows
        identity = self.bound.get(IDENTITY) or "*"
        if "*" not in identity:
            yield APPLICATION_PASSWORD.row(_identified(self, identity))
            return
        for login in ApplicationPassword.objects.order_by("user_key"):
            if matches(login.user_name, identity):
                yield APPLICATION_PASSWORD.row(login)


class NewApplicationPassword(Cmdlet):
    """Makes a login."""

    name = "New-ApplicationPassword"
    synopsis = "Makes a user name with a random password, with which a program submits mail."
    remarks = (
        f"{SHOWN_ONCE} It signs in at receive connectors with BasicAuth and the group ExchangeUsers, such as "
        "the Default one, under TLS, and is the bearer token of POST /api/v1/messages. Without -Senders it "
        "may send as anybody."
    )
    examples = ("New-ApplicationPassword scanner -Senders scanner@contoso.com -Description 'Second floor'",)
    parameters = (USER_NAME, SENDERS, DESCRIPTION, EXPIRES)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Make it, and give it with its password."""
        del rows
        senders = changed_list(self, SENDERS, (ANY_SENDER,), read=parse_sender)
        user_name = self.bound.get(USER_NAME) or ""
        if self.approved(f"make an application password of {user_name}"):
            made = told(self, lambda: self._create(senders), places=PLACES)
            self.shell.console.note(SHOWN_ONCE)
            yield NEW_APPLICATION_PASSWORD.row(made)

    def _create(self, senders: tuple[str, ...]) -> tuple[ApplicationPassword, str]:
        return login_services.create(
            self.bound.get(USER_NAME) or "",
            senders=senders,
            description=self.bound.get(DESCRIPTION) or "",
            expires_at=self.bound.get(EXPIRES),
            actor=self.shell.actor,
        )


class SetApplicationPassword(Cmdlet):
    """Changes logins."""

    name = "Set-ApplicationPassword"
    synopsis = "Changes whom a login may send as, disables it, or makes a new password."
    remarks = "Open sessions feel it with their next message."
    examples = (
        "Set-ApplicationPassword scanner -Enabled $false",
        'Set-ApplicationPassword scanner -Senders @{Add="*.contoso.com"}',
        "Set-ApplicationPassword scanner -Renew",
    )
    parameters = (IDENTITY, SENDERS, DESCRIPTION, ENABLED, EXPIRES, RENEW)
    accepts = (APPLICATION_PASSWORD,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Change one after the other; a new password is given."""
        for login in _chosen(self, rows):
            senders = changed_list(self, SENDERS, tuple(login.senders), read=parse_sender)
            if not self.approved(f"change the application password of {login.user_name}"):
                continue
            if self.bound.given(SENDERS, DESCRIPTION, ENABLED, EXPIRES):
                told(self, lambda one=login, to=senders: self._change(one, to), places=PLACES)  # type: ignore[misc]
            if self.bound.get(RENEW):
                password = told(self, lambda one=login: self._renew(one), places=PLACES)  # type: ignore[misc]
                self.shell.console.note(SHOWN_ONCE)
                yield NEW_APPLICATION_PASSWORD.row((login, password))

    def _change(self, login: ApplicationPassword, senders: tuple[str, ...]) -> ApplicationPassword:
        bound = self.bound
        enabled, description = bound.get(ENABLED), bound.get(DESCRIPTION)
        return login_services.change(
            login.pk,
            senders=senders,
            description=login.description if description is None else description,
            enabled=login.enabled if enabled is None else enabled,
            expires_at=bound.get(EXPIRES) if bound.given(EXPIRES) else login.expires_at,
            actor=self.shell.actor,
        )

    def _renew(self, login: ApplicationPassword) -> str:
        return login_services.renew(login.pk, actor=self.shell.actor)


class RemoveApplicationPassword(Cmdlet):
    """Removes logins."""

    name = "Remove-ApplicationPassword"
    synopsis = "Removes an application password; open sessions of it send nothing more."
    examples = ("Remove-ApplicationPassword scanner -Confirm:$false",)
    parameters = (IDENTITY,)
    accepts = (APPLICATION_PASSWORD,)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Remove all that came in."""
        logins = _chosen(self, rows)
        names = ", ".join(login.user_name for login in logins)
        if logins and self.approved(f"remove the application password of {names}"):
            count = login_services.remove([one.pk for one in logins], actor=self.shell.actor)
            self.shell.console.note(f"Application passwords removed: {count}.")
        return iter(())
