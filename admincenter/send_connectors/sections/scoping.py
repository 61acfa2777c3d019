"""What a send connector carries, from which servers, and under which name."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from admincenter.components.forms import (
    EntriesField,
    Entry,
    JudgedField,
    Section,
    judged,
    refuses,
    side_by_side,
)
from connectors import address_spaces, validators
from transport.models import TransportServer
from transport.servers import is_alive


class AddressSpaceForm(Section):
    """What the connector carries, and for whom."""

    places = {"address_spaces": "space_pattern", "cost": "space_pattern"}

    space_type = forms.Field(required=False, widget=forms.MultipleHiddenInput)
    space_pattern = forms.Field(required=False, widget=forms.MultipleHiddenInput)
    space_cost = forms.Field(required=False, widget=forms.MultipleHiddenInput)
    scoped = forms.BooleanField(
        label="Scoped send connector",
        required=False,
        help_text="Only transport servers in the same site as a source server use this connector.",
    )

    def space_rows(self) -> list[Entry]:
        """What is typed, and an empty row where there is nothing."""
        rows = self._typed() or [(address_spaces.SMTP, "", str(address_spaces.DEFAULT_COST))]
        is_empty = not any(map(_says_something, rows))
        return [self._entry(number, row, alone=is_empty) for number, row in enumerate(rows, start=1)]

    def _entry(self, number: int, row: tuple[str, ...], *, alone: bool) -> Entry:
        kind, pattern, cost = row
        if self.quiet or "space_pattern" not in self.errors:
            return Entry(number=number, values=row, wrong=False)
        if not _says_something(row):
            return Entry(number=number, values=row, wrong=alone)
        return Entry(
            number=number,
            values=row,
            wrong=refuses(_space, (kind, pattern, "")),
            wrong_cost=refuses(_space, (address_spaces.SMTP, address_spaces.EVERY_DOMAIN, cost)),
        )

    def clean(self) -> dict[str, Any]:
        """Put the parallel inputs together; a row without a pattern was added and not used."""
        cleaned = super().clean() or {}
        rows = [row for row in self._typed() if _says_something(row)]
        try:
            cleaned["address_spaces"] = tuple(judged(iter(rows), judge=_space))
        except forms.ValidationError as error:
            self.add_error("space_pattern", error)
        return cleaned

    def settings(self) -> Mapping[str, Any]:
        """Address spaces and scope."""
        return {"address_spaces": self.cleaned_data["address_spaces"], "scoped": self.cleaned_data["scoped"]}

    def _typed(self) -> list[tuple[str, ...]]:
        return side_by_side(*(self.texts(name) for name in ("space_type", "space_pattern", "space_cost")))


class SourceServerForm(Section):
    """Which transport servers send the mail."""

    places = {"source_servers": "source_servers"}

    source_servers = EntriesField(judge=validators.server)

    def __init__(self, *args: Any, servers: Sequence[TransportServer], **kwargs: Any) -> None:
        self.servers = servers
        super().__init__(*args, **kwargs)

    def picks(self) -> list[dict[str, Any]]:
        """Every registered server, and every chosen one that is not registered any more."""
        chosen = {text.upper() for text in self.texts("source_servers")}
        known = [
            {
                "name": server.name,
                "server": server,
                "alive": is_alive(server),
                "chosen": server.name.upper() in chosen,
            }
            for server in self.servers
        ]
        lost = sorted(chosen - {server.name.upper() for server in self.servers})
        return known + [{"name": name, "server": None, "alive": False, "chosen": True} for name in lost]

    def clean_source_servers(self) -> tuple[str, ...]:
        """Refuse a server that never registered; one that is gone may stay where it was."""
        names: tuple[str, ...] = tuple(dict.fromkeys(self.cleaned_data["source_servers"]))
        known = {server.name.upper() for server in self.servers} | set(self.initial.get("source_servers", ()))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise forms.ValidationError(
                [
                    f"Source server {name}: no transport server of this name ever registered."
                    for name in unknown
                ]
            )
        return names


class HelloForm(Section):
    """The name that the connector gives itself."""

    places = {"fqdn": "fqdn"}

    fqdn = JudgedField(
        judge=validators.fqdn,
        label="FQDN for HELO or EHLO",
        help_text="Empty: the name of the server that sends. Its address in DNS should lead back.",
    )


def _says_something(row: tuple[str, ...]) -> bool:
    """A row whose pattern is empty was added and not used; a cost alone is no address space."""
    return bool(row[1].strip())


def _space(row: tuple[str, ...]) -> address_spaces.AddressSpace:
    kind, pattern, cost = row
    return address_spaces.build(type=kind, pattern=pattern, cost=cost.strip() or address_spaces.DEFAULT_COST)
