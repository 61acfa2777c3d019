"""Role groups and what their members may do (exchange.md 12.2). They are fixed; only their members change.

A new right gets a row in GRANTS, which says it in words and names its groups; Organization Management has
every right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What a page or an action asks for."""

    VIEW = "view"
    CONNECTORS = "connectors"
    RECEIVE_CONNECTORS = "receive connectors"
    QUEUES = "queues"
    TEST_MESSAGES = "test messages"
    MESSAGE_CONTENT = "message content"
    PERMISSIONS = "permissions"
    AUDIT_LOG = "audit log"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleGroup:
    """One role group; `slug` is its key in the table and in addresses, and never changes."""

    slug: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A right in words, and the groups that have it besides Organization Management."""

    words: str
    groups: tuple[RoleGroup, ...] = ()


ORGANIZATION = RoleGroup(
    slug="organization-management",
    name="Organization Management",
    description="Members may do everything, and give rights to others. One active member always stays.",
)
SERVER = RoleGroup(
    slug="server-management",
    name="Server Management",
    description="Members run the transport servers: they act on queues and decide how servers take mail.",
)
HYGIENE = RoleGroup(
    slug="hygiene-management",
    name="Hygiene Management",
    description="Members decide who may hand in mail, and under which conditions.",
)
VIEW_ONLY = RoleGroup(
    slug="view-only-organization-management",
    name="View-Only Organization Management",
    description="Members see how mail flows and how everything is set, and change nothing.",
)
CONTENT = RoleGroup(
    slug="message-content-readers",
    name="Message Content Readers",
    description="Members may read the messages themselves. Give it to few: mail is confidential.",
)
ROLE_GROUPS = (ORGANIZATION, SERVER, HYGIENE, VIEW_ONLY, CONTENT)

GRANTS: Mapping[Right, Grant] = {
    Right.VIEW: Grant(
        "See connectors, queues, messages without their content, and delivery reports.",
        (SERVER, HYGIENE, VIEW_ONLY, CONTENT),
    ),
    Right.CONNECTORS: Grant("Make, change and remove send connectors."),
    Right.RECEIVE_CONNECTORS: Grant("Make, change and remove receive connectors.", (SERVER, HYGIENE)),
    Right.QUEUES: Grant("Retry, suspend, resume and remove queues and messages.", (SERVER,)),
    Right.TEST_MESSAGES: Grant("Send test messages.", (SERVER,)),
    Right.MESSAGE_CONTENT: Grant("Read and export the content of messages.", (CONTENT,)),
    Right.PERMISSIONS: Grant("Make users, and decide who is in which role group."),
    Right.AUDIT_LOG: Grant("See and export the audit log: who changed what."),
}
_BY_SLUG = {group.slug: group for group in ROLE_GROUPS}


def find(slug: str) -> RoleGroup | None:
    """Return the role group of this key, None where there is none."""
    return _BY_SLUG.get(slug)


def in_order(slugs: Iterable[str]) -> tuple[RoleGroup, ...]:
    """Return the role groups of these keys as they are listed; a key of none is left out."""
    wanted = set(slugs)
    return tuple(group for group in ROLE_GROUPS if group.slug in wanted)


def rights_of(groups: Iterable[RoleGroup]) -> frozenset[Right]:
    """Return what the members of all these groups may do."""
    held = set(groups)
    if ORGANIZATION in held:
        return frozenset(Right)
    return frozenset(right for right, grant in GRANTS.items() if held.intersection(grant.groups))


def in_words(group: RoleGroup) -> tuple[str, ...]:
    """Say what the members of a group may do, a sentence for each right."""
    rights = rights_of([group])
    return tuple(GRANTS[right].words for right in Right if right in rights)
