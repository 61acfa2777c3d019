"""What a change of send connectors would do to waiting mail, seen before it is made."""

from collections.abc import Mapping

from connectors import services
from connectors.plans import plan
from connectors.specs import ConnectorSpec
from transport import previews
from transport.impacts import Impact


def foresee(changes: Mapping[int, ConnectorSpec | None]) -> Impact:
    """Compare the connectors as they are with those after the changes; None takes one away."""
    stored = services.specs()
    wanted = {number: spec for number, spec in {**stored, **changes}.items() if spec is not None}
    return previews.impact(plan(stored), plan(wanted))
