"""What the templates of the queue viewer need beyond those of the console."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from admincenter.components.moments import relative

register = template.Library()


@register.simple_tag
def due(value: datetime | None, otherwise: str = "") -> SafeString | str:
    """Say when something is going to happen; once its time has come it is due "now", never "ago"."""
    if value is None:
        return otherwise
    now = timezone.now()
    exact = timezone.localtime(value)
    return format_html(
        '<time data-due datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S %Z"),
        relative(max(value, now), now=now),
    )


@register.filter
def badge(word: str, mark: str) -> SafeString:
    """Draw a state in one word."""
    return format_html('<span class="badge {}">{}</span>', mark, word)


@register.filter
def thousands(number: int) -> str:
    """Group the digits: 1,204."""
    return f"{number:,}"


@register.filter
def breakable(identity: str) -> SafeString:
    """Let a long identity break after its backslashes."""
    return format_html_join(mark_safe("\\<wbr>"), "{}", ((part,) for part in identity.split("\\")))
