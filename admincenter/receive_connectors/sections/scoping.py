"""Where a receive connector listens, and whom it serves."""

from typing import Any

from admincenter.components.forms import LinesField, Section
from connectors.ranges import parse_binding, parse_range
from connectors.receive_rules import MAX_BINDINGS, MAX_REMOTE_RANGES


class ScopeForm(Section):
    """Bindings and IP ranges. What is listed twice is refused by the rules, which see the whole list."""

    places = {"bindings": "bindings", "remote_ranges": "remote_ranges"}

    bindings = LinesField(
        judge=parse_binding,
        limit=MAX_BINDINGS,
        label="Bindings",
        help_text="One a line: local address and port, as in 0.0.0.0:25 or [::]:587; with implicit TLS"
        " 0.0.0.0:465/tls. 0.0.0.0 is every IPv4 address, [::] every IPv6 address of the server.",
    )
    remote_ranges = LinesField(
        judge=parse_range,
        limit=MAX_REMOTE_RANGES,
        rows=5,
        label="Remote IP ranges (RemoteIPRanges)",
        help_text="One a line: an address, a network as in 10.0.0.0/8, or first-last. Of all connectors on a"
        " binding, the one with the most specific range serves a client.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("bindings", "remote_ranges"):
            self.fields[name].widget.attrs["aria-required"] = "true"
