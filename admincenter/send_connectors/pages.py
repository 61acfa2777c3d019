"""The pages of the wizard, and what they say together (exchange.md 1.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.datastructures import MultiValueDict

from admincenter.components.forms import Section, place
from admincenter.components.rows import RowList
from admincenter.send_connectors.drafts import Draft
from admincenter.send_connectors.sections.delivery import AuthenticationForm, NetworkForm
from admincenter.send_connectors.sections.general import UsageForm
from admincenter.send_connectors.sections.scoping import AddressSpaceForm, SourceServerForm
from connectors.profiles import Delivery
from connectors.rules import problems
from connectors.specs import ConnectorSpec, Usage, ruled_out
from transport import servers

Typed = MultiValueDict[str, str]
FIRST = "name"
TITLES = {
    "name": "Name and type",
    "network": "Network settings",
    "authentication": "Smart host authentication",
    "address-space": "Address space",
    "source-servers": "Source server",
}
ROW_LISTS = (
    RowList("smart_hosts", {"smart_hosts": ""}),
    RowList("spaces", {"space_type": "SMTP", "space_pattern": "", "space_cost": "1"}),
)


@dataclass(frozen=True, slots=True)
class Review:
    """A draft read as a whole."""

    spec: ConnectorSpec
    sections: Mapping[str, Section]
    """The judged form of each page that was read."""

    @property
    def first_wrong(self) -> str:
        """The first page with an error, "" when there is none."""
        return next((slug for slug, section in self.sections.items() if section.errors), "")


def of(draft: Draft) -> Sequence[str]:
    """Return the pages that this draft has, in order: MX records need no authentication."""
    return [slug for slug in TITLES if slug != "authentication" or _delivery(draft) == Delivery.SMART_HOST]


def section(draft: Draft, slug: str, *, data: Typed | None = None, quiet: bool = False) -> Section:
    """Return the form of a page with what was typed, or with `data` that was just sent."""
    typed = data if data is not None else draft.page(slug)
    match slug:
        case "name":
            return UsageForm(typed, quiet=quiet)
        case "network":
            return NetworkForm(typed, quiet=quiet, usage=_usage(draft))
        case "authentication":
            return AuthenticationForm(typed, quiet=quiet, stored=bool(draft.sealed_password))
        case "address-space":
            return AddressSpaceForm(typed, quiet=quiet)
        case _:
            return SourceServerForm(typed, quiet=quiet, servers=servers.registered())


def review(draft: Draft, *, last: str, data: Typed | None = None) -> Review:
    """Judge all pages up to `last`, each with the ones before it; `data` is what `last` just sent."""
    slugs = of(draft)
    read = slugs[: slugs.index(last) + 1]
    sections = {
        slug: section(draft, slug, data=data if slug == last and data is not None else _sent(draft, slug))
        for slug in read
    }
    # What a wrong page says counts for nothing: rules speak of pages that are right in themselves.
    sound = [one for one in sections.values() if one.is_valid()]
    spec = ConnectorSpec(name="", delivery=Delivery(_delivery(draft)), sealed_password=draft.sealed_password)
    for one in sound:
        spec = replace(spec, **one.settings())
    place(problems(spec), sound)
    return Review(spec, sections)


def neighbour(draft: Draft, slug: str, *, step: int) -> str:
    """Return the page before (-1) or after (1) this one; the ends stay."""
    slugs = of(draft)
    return slugs[max(0, min(slugs.index(slug) + step, len(slugs) - 1))]


def _sent(draft: Draft, slug: str) -> Typed:
    """What a page sent; a page that never was sent is an empty one, and judged as such."""
    return draft.page(slug) or MultiValueDict()


def _usage(draft: Draft) -> Usage:
    text = draft.text("name", "usage")
    return Usage(text) if text in list(Usage) else Usage.CUSTOM


def _delivery(draft: Draft) -> str:
    """What was chosen, or the one way that the type leaves."""
    out = ruled_out(_usage(draft))
    left = [way.value for way in Delivery if way not in out]
    chosen = draft.text("network", "delivery")
    return chosen if chosen in left else left[0]
