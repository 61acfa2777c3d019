"""The feature pane and the tabs of each feature, in their order: where a screen gets its entry."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from admincenter.accounts.rights import Right, may


@dataclass(frozen=True, slots=True)
class Tab:
    """One screen; `namespace` is that of its addresses."""

    name: str
    namespace: str
    page: str = "list"
    """The address of the namespace that the tab leads to."""
    right: Right = Right.VIEW

    @property
    def address_name(self) -> str:
        """As `reverse` wants it."""
        return f"{self.namespace}:{self.page}"


@dataclass(frozen=True, slots=True)
class Feature:
    """One entry of the feature pane; it leads to its first tab."""

    name: str
    tabs: tuple[Tab, ...]


FEATURES = (
    Feature("dashboard", (Tab("dashboard", "dashboard", "show"),)),
    Feature(
        "mail flow",
        (
            Tab("send connectors", "send_connectors"),
            Tab("receive connectors", "receive_connectors"),
            Tab("queues", "queue_viewer"),
            Tab("delivery reports", "delivery_reports", "search"),
        ),
    ),
    Feature(
        "permissions",
        (
            Tab("admin roles", "admin_roles", right=Right.PERMISSIONS),
            Tab("users", "users", right=Right.PERMISSIONS),
        ),
    ),
    Feature("compliance", (Tab("audit log", "audit_log", "search", right=Right.AUDIT_LOG),)),
)
BELONGS_TO = {"test_message": "queue_viewer"}
"""Pages without a tab of their own, by namespace."""


def features_for(user: AbstractBaseUser | AnonymousUser) -> Iterator[Feature]:
    """Yield what this person may see, each with the tabs that are open to them."""
    for feature in FEATURES:
        tabs = tuple(tab for tab in feature.tabs if may(user, tab.right))
        if tabs:
            yield Feature(feature.name, tabs)


def current(namespace: str) -> tuple[str, str]:
    """Return the names of the feature and the tab that a page belongs to, empty for a page of none."""
    namespace = BELONGS_TO.get(namespace, namespace)
    for feature in FEATURES:
        for tab in feature.tabs:
            if tab.namespace == namespace:
                return feature.name, tab.name
    return "", ""
