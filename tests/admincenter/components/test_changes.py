"""Changes on one line, for people."""

import pytest

from admincenter.components.changes import in_short
from connectors.commands import Change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change(name="Port", old=25, new=587), "Port: 25 → 587"),
        (Change(name="Enabled", old=True, new=False), "Enabled: True → False"),
        (Change(name="Comment", old="", new="a\nb"), "Comment: empty → a b"),
        (Change(name="Comment", old="x" * 70, new=""), f"Comment: {'x' * 59}… → empty"),
        (Change(name="SmartHosts", old=["a", "b"], new=["b", "c"]), "SmartHosts: + c, − a"),  # noqa: RUF001
        (Change(name="SmartHosts", old=["a", "b"], new=["b", "a"]), "SmartHosts: in another order"),
        (Change(name="SmartHosts", old=[], new=list("abcde")), "SmartHosts: + a, + b, + c and 2 more"),
        (Change(name="Credential", new="changed", secret=True), "Credential: changed"),
    ],
)
def test_a_change_on_one_line(change, said):
    assert in_short(change) == said
