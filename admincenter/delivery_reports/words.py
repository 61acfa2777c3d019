"""The events of a message's life in plain words. Pure: an event in, a sentence out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from transport.cleaning import clean_text
from transport.tracking import EventId, Fate, Tracked

_TEXT_LIMIT = 600


@dataclass(frozen=True, slots=True)
class Said:
    """One step of the story."""

    title: str
    mark: str
    """The look of its badge."""
    sentence: str


def fate_in_words(fate: Fate, *, recipients: int) -> tuple[str, str]:
    """Return what became of a message, and the look of that word."""
    delivered, failed = len(fate.delivered), len(fate.failed - fate.delivered)
    if delivered + failed < recipients:
        return ("Waiting", "is-warn") if fate.put_off else ("On its way", "is-busy")
    if not failed:
        return "Delivered", "is-good"
    return ("Partly failed", "is-warn") if delivered else ("Failed", "is-bad")


def tell(event: Tracked) -> Said:
    """Say one event; an unknown one is shown as it stands."""
    title, mark, sentence = _STEPS.get(event.event_id, (event.event_id, "", _as_it_stands))
    return Said(title, mark, shown(sentence(event)))


def shown(text: str) -> str:
    """Foreign text as one harmless line."""
    return clean_text(text, limit=_TEXT_LIMIT)


def _accepted(event: Tracked) -> str:
    name, address = event.client_hostname, event.client_ip
    client = f"{name} [{address}]" if name and address else name or address or "this server"
    door = f" through receive connector {event.connector_id}" if event.connector_id else ""
    return f"From {client}, by {event.server_hostname}{door} ({event.source})."


def _report(event: Tracked) -> str:
    about = f" It is about {event.reference}." if event.reference else ""
    return f"{event.server_hostname} made this report.{about}"


def _parted(event: Tracked) -> str:
    return f"{_people(event)} by send connector {event.connector_id} to {event.source_context}."


def _delivered(event: Tracked) -> str:
    way = f" by send connector {event.connector_id}" if event.connector_id else ""
    return f"{_host(event)} took it for {_people(event)}{way}. {_replies(event)}"


def _put_off(event: Tracked) -> str:
    if not event.recipient_status:
        return f"{_people(event)}: {event.source_context}"
    return f"{_host(event)} put off {_people(event)}. {_replies(event)}"


def _failed(event: Tracked) -> str:
    return f"{_people(event)} will not get it. {_replies(event)}"


def _suppressed(event: Tracked) -> str:
    return f"A report was due, and none was sent: {event.source_context}"


def _moved(event: Tracked) -> str:
    return f"{_people(event)}. {event.source_context}"


def _poison(_event: Tracked) -> str:
    return "Its handling broke a worker. It waits in the poison queue until a person resumes or removes it."


def _as_it_stands(event: Tracked) -> str:
    return f"{event.source} {event.source_context} {_replies(event)}"


def _people(event: Tracked) -> str:
    count = len(event.recipients)
    return event.recipients[0] if count == 1 else f"{count:,} recipients"


def _host(event: Tracked) -> str:
    address = f" [{event.server_ip}]" if event.server_ip and event.server_ip != event.server_hostname else ""
    return f"{event.server_hostname}{address}"


def _replies(event: Tracked) -> str:
    said = list(dict.fromkeys(event.recipient_status))
    return said[0] if len(said) == 1 else " | ".join(said)


_STEPS: Mapping[str, tuple[str, str, Callable[[Tracked], str]]] = {
    EventId.RECEIVE: ("Accepted", "is-active", _accepted),
    EventId.DSN: ("Report made", "is-active", _report),
    EventId.TRANSFER: ("Split", "", _parted),
    EventId.SEND: ("Delivered", "is-good", _delivered),
    EventId.DEFER: ("Put off", "is-warn", _put_off),
    EventId.FAIL: ("Failed", "is-bad", _failed),
    EventId.DROP: ("Dropped", "is-bad", _failed),
    EventId.SUPPRESSED: ("No report", "is-held", _suppressed),
    EventId.RESUBMIT: ("Sent once more", "is-busy", _moved),
    EventId.REDIRECT: ("Moved", "is-busy", _moved),
    EventId.POISONMESSAGE: ("Laid aside", "is-bad", _poison),
}
