"""Reads protocol logs: which sessions there were, and what was said in one.

Files are read as a stream, line by line; lines that a full disk or a crash left in pieces are skipped.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from transport.protocol_log.files import Direction, files, head

LONGEST_LINE = 16 * 1024
Place = tuple[Direction, Path]
"""A log and its folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of a dialogue."""

    direction: Direction
    date_time: datetime
    connector: str
    session_id: str
    sequence_number: int
    local_endpoint: str
    remote_endpoint: str
    event: str
    data: str
    context: str


@dataclass(kw_only=True, slots=True)
class Dialogue:
    """One session as a list shows it."""

    direction: Direction
    session_id: str
    connector: str
    start: datetime
    end: datetime
    local_endpoint: str
    remote_endpoint: str
    remote_host: str = ""
    """The name of the host that was dialled, or what the client called itself."""
    lines: int = 0
    messages: int = 0
    last_reply: str = ""
    """The last refusal that was said, else how the session ended."""

    def take(self, entry: Entry) -> None:
        """Learn from one more line."""
        self.end = max(self.end, entry.date_time)
        self.start = min(self.start, entry.date_time)
        self.lines += 1
        self.local_endpoint = self.local_endpoint or entry.local_endpoint
        self.remote_endpoint = self.remote_endpoint or entry.remote_endpoint
        if entry.context.startswith("attempting to connect"):
            self.remote_host = entry.data
        elif entry.event == "<" and entry.data[:5].upper() in ("EHLO ", "HELO "):
            self.remote_host = entry.data[5:]
        if entry.context.startswith("sending message with") or "[InternalId=" in entry.data:
            self.messages += 1
        if _is_refusal(entry):
            self.last_reply = entry.data


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which sessions are meant; what is empty narrows nothing."""

    start: datetime | None = None
    end: datetime | None = None
    session_id: str = ""
    message_id: int | None = None
    """A message that it carried, by its internal number."""
    host: str = ""
    """Address, `address:port` or name of the other side."""
    connector: str = ""


def dialogues(places: Iterable[Place], wanted: Wanted) -> list[Dialogue]:
    """Find sessions, the oldest first."""
    found: dict[tuple[Direction, str], Dialogue] = {}
    for direction, folder in places:
        for entry in _meant(direction, folder, wanted):
            key = (direction, entry.session_id)
            if key not in found:
                found[key] = _begun(entry)
            found[key].take(entry)
    fitting = (one for one in found.values() if _fits(one, wanted))
    return sorted(fitting, key=lambda one: (one.start, one.session_id))


def entries(
    places: Iterable[Place], session_ids: Iterable[str], *, within: Wanted | None = None
) -> list[Entry]:
    """Give what was said in some sessions, session by session, in the order in which it was said.

    `within` names the time, so that not every file is read.
    """
    wanted = [session_id.upper() for session_id in session_ids]
    found = [
        entry
        for direction, folder in places
        for entry in _read(direction, folder, within or Wanted(), keep=_of_sessions(wanted))
        if entry.session_id in wanted
    ]
    found.sort(key=lambda one: (wanted.index(one.session_id), one.sequence_number, one.date_time))
    return found


def lines(said: Iterable[Entry], *, now: datetime) -> Iterator[bytes]:
    """Write entries in Exchange's format again: a head, then a line for each."""
    rest = iter(said)
    first = next(rest, None)
    yield head(first.direction if first else Direction.SEND, now=now)
    for entry in (first, *rest) if first else ():
        yield _line(entry)


def _meant(direction: Direction, folder: Path, wanted: Wanted) -> Iterator[Entry]:
    """All lines of the sessions that are named; those named by a message are looked up first."""
    session_ids: set[str] | None = {wanted.session_id.upper()} if wanted.session_id else None
    if wanted.message_id is not None:
        carried = _carriers(direction, folder, wanted)
        session_ids = carried if session_ids is None else session_ids & carried
    if session_ids is None:
        yield from _read(direction, folder, wanted)
        return
    for entry in _read(direction, folder, wanted, keep=_of_sessions(session_ids)):
        if entry.session_id in session_ids:
            yield entry


def _of_sessions(session_ids: Iterable[str]) -> Callable[[bytes], bool]:
    """Pick lines before they are taken apart, which takes far longer."""
    marks = [f",{session_id},".encode() for session_id in session_ids]
    return lambda line: any(mark in line for mark in marks)


def _carriers(direction: Direction, folder: Path, wanted: Wanted) -> set[str]:
    """The sessions in which a message was sent or accepted."""
    sending = f"sending message with RecordId {wanted.message_id} and"
    accepted = f"[InternalId={wanted.message_id},"

    def keep(line: bytes) -> bool:
        return sending.encode() in line or accepted.encode() in line

    told = _read(direction, folder, wanted, keep=keep)
    return {one.session_id for one in told if one.context.startswith(sending) or accepted in one.data}


def _read(
    direction: Direction, folder: Path, wanted: Wanted, *, keep: Callable[[bytes], bool] = lambda _: True
) -> Iterator[Entry]:
    for path in files(direction, folder):
        if not _may_hold(path, direction, wanted):
            continue
        try:
            with path.open("rb") as file:
                for line in iter(lambda: file.readline(LONGEST_LINE), b""):
                    entry = _entry(line, direction) if keep(line) else None
                    if entry is not None and _in_range(entry, wanted):
                        yield entry
        except FileNotFoundError:
            continue  # It was the oldest, and its time came.


def _may_hold(path: Path, direction: Direction, wanted: Wanted) -> bool:
    """Whether a file of that day can hold a line of that time."""
    day = path.name[len(direction.prefix) :][:8]
    before = wanted.start is not None and day < f"{wanted.start.astimezone(UTC):%Y%m%d}"
    after = wanted.end is not None and day > f"{wanted.end.astimezone(UTC):%Y%m%d}"
    return not before and not after


def _in_range(entry: Entry, wanted: Wanted) -> bool:
    return (wanted.start is None or entry.date_time >= wanted.start) and (
        wanted.end is None or entry.date_time <= wanted.end
    )


def _entry(line: bytes, direction: Direction) -> Entry | None:
    if not line.endswith(b"\r\n") or line.startswith((b"#", b"\xef\xbb\xbf")):
        return None
    try:
        (fields,) = csv.reader([line.decode().rstrip("\r\n")], strict=True)
        at, connector, session_id, sequence, local, remote, event, data, context = fields
        return Entry(
            direction=direction,
            date_time=datetime.fromisoformat(at),
            connector=connector,
            session_id=session_id,
            sequence_number=int(sequence),
            local_endpoint=local,
            remote_endpoint=remote,
            event=event,
            data=data,
            context=context,
        )
    except (ValueError, csv.Error):
        return None


def _begun(entry: Entry) -> Dialogue:
    return Dialogue(
        direction=entry.direction,
        session_id=entry.session_id,
        connector=entry.connector,
        start=entry.date_time,
        end=entry.date_time,
        local_endpoint=entry.local_endpoint,
        remote_endpoint=entry.remote_endpoint,
    )


def _fits(one: Dialogue, wanted: Wanted) -> bool:
    host, connector = wanted.host.lower(), wanted.connector.lower()
    address = one.remote_endpoint.rpartition(":")[0].strip("[]")
    return (not host or host in (one.remote_endpoint, address, one.remote_host.lower())) and (
        not connector or connector in (one.connector.lower(), one.connector.rpartition("\\")[2].lower())
    )


def _is_refusal(entry: Entry) -> bool:
    from_server = "<" if entry.direction is Direction.SEND else ">"
    return entry.event == from_server and entry.data[:1] in ("4", "5") and entry.data[:3].isdecimal()


def _line(entry: Entry) -> bytes:
    stamp = entry.date_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = (
        stamp,
        entry.connector,
        entry.session_id,
        str(entry.sequence_number),
        entry.local_endpoint,
        entry.remote_endpoint,
        entry.event,
        entry.data,
        entry.context,
    )
    return (",".join(map(_quoted, fields)) + "\r\n").encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
