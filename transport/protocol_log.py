"""The SMTP send protocol log: dialogues of Verbose connectors in Exchange's file format.

Files are `SENDyyyymmdd-n.log`, CSV in UTF-8 with a byte order mark, times in UTC. Lines of parallel
sessions interleave: group by session-id, order by sequence-number.
"""

import csv
import io
import logging
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

logger = logging.getLogger(__name__)
FILE_BYTES = 10 * 1024 * 1024
FOLDER_BYTES = 250 * 1024 * 1024
KEPT = timedelta(days=30)
LINES_HELD = 50
"""A session writes after so many lines and at its end."""
FIELDS = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"


class SessionLog:
    """The dialogue of one session; call it with each event, close it at the end.

    A log that cannot be written never stops mail: the trouble goes to the program's own log.
    """

    def __init__(self, folder: Path, *, connector: str) -> None:
        self._folder = folder
        self._connector = connector
        self._session = secrets.token_hex(8).upper()
        self._sequence = 0
        self._local = ""
        self.remote = ""
        """`ip:port` of the host that is being tried."""
        self._lines: list[list[str]] = []

    def __call__(self, event: str, text: str) -> None:
        """Note one event: `+` connect, `-` disconnect, `>` sent, `<` received, `*` information."""
        if event == "+":
            self._local = text
        said = text if event in "<>" else ""
        context = text if event in "*-" else ""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        place = [self._local, self.remote]
        self._lines.append(
            [stamp, self._connector, self._session, str(self._sequence), *place, event, said, context]
        )
        self._sequence += 1
        if len(self._lines) >= LINES_HELD:
            self.close()

    def close(self) -> None:
        """Write what is held."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            _append(self._folder, lines)
        except OSError:
            logger.exception("protocol_log_not_written")


def _append(folder: Path, lines: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    today = datetime.now(UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _current_file(folder, today=today)
    new = not path.exists()
    with path.open("ab") as file:
        file.write((_head(today) if new else b"") + text.getvalue().encode("utf-8", "replace"))
    if new:
        _retire(folder, now=today)


def _current_file(folder: Path, *, today: datetime) -> Path:
    """The newest file of the day, or the next one when that is full."""
    number = max((_number(path) for path in folder.glob(f"SEND{today:%Y%m%d}-*.log")), default=1)
    path = folder / f"SEND{today:%Y%m%d}-{number}.log"
    if path.exists() and path.stat().st_size >= FILE_BYTES:
        return folder / f"SEND{today:%Y%m%d}-{number + 1}.log"
    return path


def _number(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 1


def _head(now: datetime) -> bytes:
    lines = [
        "\ufeff#Software: Mail Flow Admin Center",
        "#Version: 15.0.0.0",
        "#Log-type: SMTP Send Protocol Log",
        f"#Date: {now.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}",
        f"#Fields: {FIELDS}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _retire(folder: Path, *, now: datetime) -> None:
    """Delete what is too old, then the oldest while the folder is too large."""
    files = sorted(folder.glob("SEND*.log"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in files)
    for path in files[:-1]:
        stat = path.stat()
        if now.timestamp() - stat.st_mtime > KEPT.total_seconds() or total > FOLDER_BYTES:
            path.unlink(missing_ok=True)
            total -= stat.st_size
