"""What the console's templates need beyond Django's own tags."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from admincenter import features as frame
from admincenter.components.lists import Order
from admincenter.components.moments import relative

register = template.Library()
_OPTION = re.compile(r"-[A-Za-z]{1,60}")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one symbol of the sprite; it is decoration, so a name must stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def moment(value: datetime | None, otherwise: str = "") -> SafeString | str:
    """Say a time relative to now, with the exact one on hover; `otherwise` stands for no time at all."""
    if value is None:
        return otherwise
    exact = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S %Z"),
        relative(value, now=timezone.now()),
    )


@register.inclusion_tag("components/_column.html", takes_context=True)
def column(context: Mapping[str, Any], name: str, label: str, css: str = "") -> dict[str, object]:
    """Draw the header of a sortable column; needs `order` and `request` in the context."""
    order: Order = context["order"]
    query = context["request"].GET.copy()
    query.pop("page", None)
    query["sort"] = order.toggled(name)
    direction = "descending" if order.descending else "ascending"
    return {
        "label": label,
        "css": css,
        "address": f"?{query.urlencode()}",
        "direction": direction if order.column == name else "",
    }


@register.inclusion_tag("components/_tool.html")
def tool(verb: str, symbol: str, label: str, needs: str = "") -> dict[str, str]:
    """Draw a toolbar button that posts `verb` for what is picked; `needs` is "", "one" or "some"."""
    return {"verb": verb, "symbol": symbol, "label": label, "needs": needs}


@register.filter
def lines(texts: Iterable[str]) -> str:
    """Put each text on a line of its own; the element must keep line ends."""
    return "\n".join(texts)


@register.inclusion_tag("components/_command.html")
def show_command(line: str, state: str = "") -> dict[str, object]:
    """Draw a line for the management shell with a copy button; `state` is "open", or "" for folded."""
    # A browser would break a line behind the hyphen of -Name.
    words = (
        format_html("<span>{}</span>", word) if _OPTION.fullmatch(word) else word for word in line.split(" ")
    )
    return {"line": format_html_join(" ", "{}", ((word,) for word in words)), "open": state == "open"}


@register.inclusion_tag("components/_features.html", takes_context=True)
def features(context: Mapping[str, Any]) -> dict[str, object]:
    """Draw the feature pane with what this person may see."""
    feature, _ = frame.current(_namespace(context))
    return {"features": list(frame.features_for(context["user"])), "here": feature}


@register.inclusion_tag("components/_tabs.html", takes_context=True)
def tabs(context: Mapping[str, Any]) -> dict[str, object]:
    """Draw the tabs of the feature that the page belongs to."""
    name, tab = frame.current(_namespace(context))
    found = [one for one in frame.features_for(context["user"]) if one.name == name] if name else []
    return {"feature": name, "tabs": found[0].tabs if found else (), "here": tab}


def _namespace(context: Mapping[str, Any]) -> str:
    """The namespace of the page's addresses; error pages have none."""
    match = getattr(context.get("request"), "resolver_match", None)
    return match.namespace if match is not None else ""
