"""What the templates of the dashboard need beyond those of the console."""

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from admincenter.dashboard.causes import Ailment, Cause

register = template.Library()


@register.filter
def queues_of(cause: Cause) -> str:
    """Give the address of the queue viewer that shows the queues of a cause."""
    wanted = {
        Ailment.SUSPENDED: {"status": "Suspended"},
        Ailment.UNROUTED: {"next_hop": "Unreachable Domain"},
        Ailment.POISON: {"next_hop": "Poison Message"},
        Ailment.ERROR: {"error": cause.pattern},
    }[cause.ailment]
    return f"{reverse('queue_viewer:list')}?{urlencode(wanted)}"
