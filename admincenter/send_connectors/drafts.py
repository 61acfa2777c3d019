"""What was typed in an unfinished wizard: in the session, bounded, and never a password in the clear."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.utils.datastructures import MultiValueDict

from admincenter.components.forms import ENTRY_LIMIT
from connectors import credentials, validators
from connectors.errors import InvalidValue

DRAFT_LIMIT = 20
"""Drafts per session; beyond that the oldest goes."""
TEXT_LIMIT = 5000
"""More than the longest field takes, a pasted list of smart hosts with its commas too."""
_KEY = "send_connector_drafts"


@dataclass(kw_only=True, slots=True)
class Draft:
    """A connector to be: its guid is the token of the wizard, so two tabs never share one."""

    guid: UUID
    typed: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Page -> input -> values, as typed."""
    sealed_password: str = field(default="", repr=False)

    def page(self, slug: str) -> MultiValueDict[str, str] | None:
        """Return what was typed on a page, None when it was never sent."""
        return MultiValueDict(self.typed[slug]) if slug in self.typed else None

    def text(self, slug: str, name: str) -> str:
        """Return one typed value, "" when there is none."""
        return (self.typed.get(slug, {}).get(name) or [""])[-1]

    def keep(self, slug: str, data: MultiValueDict[str, str], *, names: Iterable[str]) -> None:
        """Remember the inputs of a page; the password is sealed here, at once, and remembered only so."""
        kept = (name for name in names if name != "password")
        self.typed[slug] = {
            name: [text[:TEXT_LIMIT] for text in data.getlist(name)[:ENTRY_LIMIT]] for name in kept
        }

    def seal(self, password: str) -> None:
        """Seal a password that was typed; what the rule refuses is not kept at all."""
        try:
            self.sealed_password = credentials.seal(validators.password(password), guid=self.guid)
        except InvalidValue:
            self.sealed_password = ""


def load(session: SessionBase, guid: UUID) -> Draft | None:
    """Return the draft of this guid, None when it was finished, cancelled or dropped."""
    stored = _drafts(session).get(str(guid))
    return Draft(guid=guid, typed=stored["typed"], sealed_password=stored["sealed"]) if stored else None


def save(session: SessionBase, draft: Draft) -> None:
    """Remember a draft as the youngest."""
    kept = _drafts(session)
    kept.pop(str(draft.guid), None)
    kept[str(draft.guid)] = {"typed": draft.typed, "sealed": draft.sealed_password}
    session[_KEY] = dict(list(kept.items())[-DRAFT_LIMIT:])


def drop(session: SessionBase, guid: UUID) -> None:
    """Forget a draft."""
    kept = _drafts(session)
    if kept.pop(str(guid), None):
        session[_KEY] = kept


def _drafts(session: SessionBase) -> dict[str, dict[str, Any]]:
    return dict(session.get(_KEY, {}))
