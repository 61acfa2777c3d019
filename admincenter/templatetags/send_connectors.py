"""A send connector in the words of a list's cell."""

from django import template

from admincenter.components.lists import shortened
from admincenter.send_connectors.listing import space_in_words
from connectors.models import SendConnector
from connectors.profiles import Delivery

register = template.Library()


@register.simple_tag
def spaces(connector: SendConnector) -> str:
    """Name the first address spaces and the number of the others."""
    return shortened([space_in_words(row.space) for row in connector.address_spaces.all()])


@register.simple_tag
def next_hop(connector: SendConnector) -> str:
    """Say "MX record", or name the first smart hosts and the number of the others."""
    if connector.delivery == Delivery.MX:
        return "MX record"
    return shortened([row.host for row in connector.smart_hosts.all()])
