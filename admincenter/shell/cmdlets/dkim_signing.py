"""Get-, Test- and Remove-DkimSigningConfig: keys that sign mail of our domains, and their DNS records."""

from collections.abc import Iterator

from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets import selecting
from admincenter.shell.parameters import TEXT, Parameter
from admincenter.shell.rows import Column, Row, RowType
from connectors import dkim_keys
from connectors.models import DkimKey
from transport import published_keys
from transport.published_keys import Publication, Status

# The private key has no column: it goes in or is made here, and never comes out.
DKIM_SIGNING_CONFIG = RowType(
    name="DKIM signing configuration",
    table=("Identity", "Enabled", "Algorithm", "KeySize", "KeyCreationTime"),
    columns=(
        Column(name="Identity", read=lambda one: one.identity),
        Column(name="Domain", read=lambda one: one.domain),
        Column(name="Selector", read=lambda one: one.selector),
        Column(name="Enabled", read=lambda one: one.enabled, kind=Kind.FLAG),
        Column(name="Algorithm", read=lambda one: one.algorithm),
        Column(name="KeySize", read=lambda one: one.size_bits, kind=Kind.NUMBER),
        Column(name="IncludeSubdomains", read=lambda one: one.include_subdomains, kind=Kind.FLAG),
        Column(name="HeaderCanonicalization", read=lambda _: "Relaxed"),
        Column(name="BodyCanonicalization", read=lambda _: "Relaxed"),
        Column(name="RecordName", read=lambda one: one.record.name),
        Column(name="RecordValue", read=lambda one: one.record.strings),
        Column(name="ZoneRecord", read=lambda one: one.record.zone_line),
        Column(name="KeyCreationTime", read=lambda one: one.created_at, kind=Kind.TIME),
        Column(name="CreatedBy", read=lambda one: one.created_by),
        Column(name="WhenChanged", read=lambda one: one.changed_at, kind=Kind.TIME),
        Column(name="ChangedBy", read=lambda one: one.changed_by),
    ),
)
PUBLICATION = RowType(
    name="DKIM test",
    table=("Identity", "Status", "Detail"),
    columns=(
        Column(name="Identity", read=lambda one: one[0].identity),
        Column(name="RecordName", read=lambda one: one[0].record.name),
        Column(name="Status", read=lambda one: one[1].status.value),
        Column(name="Detail", read=lambda one: one[1].detail),
    ),
)
IDENTITY = Parameter(
    name="Identity",
    kind=TEXT,
    position=0,
    help=r"contoso.com\selector; the domain alone where it has one key.",
    from_pipeline=True,
)


class GetDkimSigningConfig(Cmdlet):
    """Lists keys."""

    name = "Get-DkimSigningConfig"
    synopsis = "Lists the keys that sign mail by DKIM, with the DNS records to publish."
    examples = (
        "Get-DkimSigningConfig",
        "Get-DkimSigningConfig contoso.com | fl RecordName,RecordValue,ZoneRecord",
    )
    parameters = (IDENTITY,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by domain."""
        del rows
        identity = self.bound.get(IDENTITY) or "*"
        if "*" not in identity:
            yield from map(DKIM_SIGNING_CONFIG.row, _identified(self, identity))
            return
        for key in DkimKey.objects.by_domain():
            if matches(key.identity, identity):
                yield DKIM_SIGNING_CONFIG.row(key)


class TestDkimSigningConfig(Cmdlet):
    """Asks the DNS."""

    name = "Test-DkimSigningConfig"
    synopsis = "Asks the DNS whether the published record of a key is the right one, and says what is wrong."
    remarks = "It asks the ExternalDNSServers of this server, else the InternalDNSServers, else the system's."
    examples = ("Test-DkimSigningConfig contoso.com", "Get-DkimSigningConfig | Test-DkimSigningConfig")
    parameters = (IDENTITY,)
    accepts = (DKIM_SIGNING_CONFIG,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Ask for one after the other."""
        for key in chosen(self, rows):
            yield PUBLICATION.row((key, _publication(self, key)))


class RemoveDkimSigningConfig(Cmdlet):
    """Removes keys."""

    name = "Remove-DkimSigningConfig"
    synopsis = "Removes a key for good; mail of its domain is no longer signed with it."
    examples = (r"Remove-DkimSigningConfig contoso.com\s20261127",)
    parameters = (IDENTITY,)
    accepts = (DKIM_SIGNING_CONFIG,)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Remove all that came in, in one transaction."""
        keys = chosen(self, rows)
        names = ", ".join(key.identity for key in keys)
        if keys and self.approved(f"remove the DKIM key {names}"):
            count = dkim_keys.remove([key.pk for key in keys], actor=self.shell.actor)
            self.shell.console.note(f"DKIM keys removed: {count}.")
        return iter(())


def chosen(cmdlet: Cmdlet, rows: Iterator[Row] | None) -> list[DkimKey]:
    """Find the keys that a call means; an Identity means exactly one."""
    return selecting.chosen(cmdlet, rows, identity=IDENTITY, find=lambda text: _one(cmdlet, text))


def _one(cmdlet: Cmdlet, identity: str) -> DkimKey:
    found = _identified(cmdlet, identity)
    if len(found) == 1:
        return found[0]
    # Of the keys of a domain, the one that signs is the one that is replaced.
    signing = [key for key in found if key.enabled]
    if cmdlet.name != "Rotate-DkimSigningConfig" or len(signing) != 1:
        names = ", ".join(key.identity for key in found)
        cmdlet.refuse(f"{identity} has several keys, name one: {names}", IDENTITY)
    return signing[0]


def _identified(cmdlet: Cmdlet, identity: str) -> list[DkimKey]:
    found = list(DkimKey.objects.identified(identity).by_domain())
    if not found:
        cmdlet.refuse(f"there is no DKIM key {identity}", IDENTITY)
    return found


def _publication(cmdlet: Cmdlet, key: DkimKey) -> Publication:
    return published_keys.look(key.record, server_name=cmdlet.shell.server)


def fault_of(cmdlet: Cmdlet, key: DkimKey) -> str:
    """Say what keeps receivers from verifying; empty when nothing does."""
    found = _publication(cmdlet, key)
    return "" if found.status is Status.VALID else f"{key.record.name}: {found.detail}"
