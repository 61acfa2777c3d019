"""Get-, New-, Set- and Remove-AcceptedDomain: for which domains mail of strangers is taken in."""

from collections.abc import Iterator

from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.refusals import Places, told
from admincenter.shell.cmdlets.selecting import chosen
from admincenter.shell.parameters import FLAG, TEXT, Parameter, one_of
from admincenter.shell.rows import Column, Row, RowType
from connectors import domain_services
from connectors.accepted_domains import DomainType
from connectors.domains import readable
from connectors.models import AcceptedDomain

ACCEPTED_DOMAIN = RowType(
    name="accepted domain",
    table=("Name", "DomainName", "DomainType", "Default"),
    columns=(
        Column(name="Identity", read=lambda one: one.name),
        Column(name="Name", read=lambda one: one.name),
        Column(name="DomainName", read=lambda one: readable(one.pattern)),
        Column(name="DomainType", read=lambda one: one.type),
        Column(name="Default", read=lambda one: one.default, kind=Kind.FLAG),
        Column(name="WhenChanged", read=lambda one: one.changed_at, kind=Kind.TIME),
        Column(name="ChangedBy", read=lambda one: one.changed_by),
    ),
)
IDENTITY = Parameter(
    name="Identity", kind=TEXT, position=0, help="A name, or the domain itself.", from_pipeline=True
)
NAME = Parameter(name="Name", kind=TEXT, position=0, required=True, help="The name; no two share one.")
NEW_NAME = Parameter(name="Name", kind=TEXT, help="A new name.")
DOMAIN_NAME = Parameter(
    name="DomainName",
    kind=TEXT,
    required=True,
    help="A domain, or *.domain for every domain below it. It stays; make another one for another domain.",
)
DOMAIN_TYPE = Parameter(
    name="DomainType",
    kind=one_of(DomainType),
    help="InternalRelay: ours, with mailboxes elsewhere. ExternalRelay: somebody else's. Authoritative"
    " (the default): taken only if a send connector carries the domain by name, never by *.",
)
MAKE_DEFAULT = Parameter(
    name="MakeDefault", kind=FLAG, help="Whether it completes postmaster without a domain."
)
PLACES: Places = {"name": NAME, "domain": DOMAIN_NAME, "default": MAKE_DEFAULT}


def _identified(cmdlet: Cmdlet, identity: str) -> AcceptedDomain:
    found = AcceptedDomain.objects.identified(identity).first()
    if found is None:
        cmdlet.refuse(f"there is no accepted domain {identity}", IDENTITY)
    return found


def _chosen(cmdlet: Cmdlet, rows: Iterator[Row] | None) -> list[AcceptedDomain]:
    return chosen(cmdlet, rows, identity=IDENTITY, find=lambda text: _identified(cmdlet, text))


class GetAcceptedDomain(Cmdlet):
    """Lists accepted domains."""

    name = "Get-AcceptedDomain"
    synopsis = "Lists the accepted domains, or one of them."
    examples = ("Get-AcceptedDomain", "Get-AcceptedDomain contoso.com | fl")
    parameters = (IDENTITY,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by name."""
        del rows
        identity = self.bound.get(IDENTITY) or "*"
        if "*" not in identity or AcceptedDomain.objects.identified(identity).exists():
            yield ACCEPTED_DOMAIN.row(_identified(self, identity))
            return
        for domain in AcceptedDomain.objects.order_by("name_key"):
            if matches(domain.name, identity):
                yield ACCEPTED_DOMAIN.row(domain)


class NewAcceptedDomain(Cmdlet):
    """Makes an accepted domain."""

    name = "New-AcceptedDomain"
    synopsis = "Makes an accepted domain: from then on anonymous clients may send to it."
    remarks = (
        "There are no mailboxes here. Mail for an Authoritative domain is refused with 550 5.1.10 unless an "
        "enabled send connector has the domain in its address space other than by *: that connector leads to "
        "the mailboxes, and the mail can never come back to this server in a loop."
    )
    examples = (
        "New-AcceptedDomain -Name Contoso -DomainName contoso.com -DomainType InternalRelay",
        "New-AcceptedDomain Branches -DomainName *.contoso.com -DomainType InternalRelay",
    )
    parameters = (NAME, DOMAIN_NAME, DOMAIN_TYPE, MAKE_DEFAULT)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Make it and give it."""
        del rows
        domain = self.bound.get(DOMAIN_NAME) or ""
        if self.approved(f"make the accepted domain {domain}"):
            made = told(self, self._create, places=PLACES)
            yield ACCEPTED_DOMAIN.row(AcceptedDomain.objects.get(pk=made.pk))

    def _create(self) -> AcceptedDomain:
        return domain_services.create(
            self.bound.get(NAME) or "",
            domain=self.bound.get(DOMAIN_NAME) or "",
            type=self.bound.get(DOMAIN_TYPE) or DomainType.AUTHORITATIVE,
            default=self.bound.get(MAKE_DEFAULT) or False,
            actor=self.shell.actor,
        )


class SetAcceptedDomain(Cmdlet):
    """Changes accepted domains."""

    name = "Set-AcceptedDomain"
    synopsis = "Changes name, type or default of an accepted domain."
    examples = ("Set-AcceptedDomain contoso.com -DomainType InternalRelay -MakeDefault $true",)
    parameters = (IDENTITY, NEW_NAME, DOMAIN_TYPE, MAKE_DEFAULT)
    accepts = (ACCEPTED_DOMAIN,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Change one after the other."""
        for domain in _chosen(self, rows):
            if self.approved(f"change the accepted domain {domain.name}"):
                told(self, lambda domain=domain: self._change(domain), places=PLACES)  # type: ignore[misc]
        return iter(())

    def _change(self, domain: AcceptedDomain) -> AcceptedDomain:
        return domain_services.change(
            domain.pk,
            name=self.bound.get(NEW_NAME),
            type=self.bound.get(DOMAIN_TYPE),
            default=self.bound.get(MAKE_DEFAULT),
            actor=self.shell.actor,
        )


class RemoveAcceptedDomain(Cmdlet):
    """Removes accepted domains."""

    name = "Remove-AcceptedDomain"
    synopsis = "Removes an accepted domain; anonymous clients may no longer send to it."
    examples = ("Remove-AcceptedDomain contoso.com -Confirm:$false",)
    parameters = (IDENTITY,)
    accepts = (ACCEPTED_DOMAIN,)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Remove all that came in."""
        domains = _chosen(self, rows)
        names = ", ".join(domain.name for domain in domains)
        if domains and self.approved(f"remove the accepted domain {names}"):
            count = domain_services.remove([one.pk for one in domains], actor=self.shell.actor)
            self.shell.console.note(f"Accepted domains removed: {count}.")
        return iter(())
