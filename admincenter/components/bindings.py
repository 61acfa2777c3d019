"""What a receive connector wanted of its server and could not have."""

from collections.abc import Iterable, Iterator, Mapping

from connectors.models import ReceiveConnector
from transport.models import BoundAddress


def troubles_of(connectors: Iterable[ReceiveConnector]) -> dict[int, tuple[str, ...]]:
    """Say, by id, which bindings or certificate of enabled connectors could not be had, and why: one query.

    A connector without trouble is not among them; nor is one whose server never ran with it.
    """
    enabled = [one for one in connectors if one.enabled]
    known = BoundAddress.objects.troubles(one.server_name for one in enabled)
    said = {one.pk: tuple(_sentences(one, known.get(one.server_name, {}))) for one in enabled}
    return {pk: sentences for pk, sentences in said.items() if sentences}


def _sentences(connector: ReceiveConnector, known: Mapping[str, str]) -> Iterator[str]:
    wanted = {*connector.bindings, BoundAddress.of_certificate(connector.certificate)}
    return (f"{binding}: {trouble}" for binding, trouble in known.items() if binding in wanted)
