"""Export-Message and AssembleMessage: the stored bytes of a message as an .eml file."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.messages import IDENTITY, MESSAGE, one_identified
from admincenter.shell.parameters import SWITCH, TEXT, Parameter
from admincenter.shell.rows import Column, Row, RowType, Size
from transport.models import QueuedMessage
from transport.operations import export_message

LONGEST_NAME = 120
EXPORTED_MESSAGE = RowType(
    name="exported message",
    table=("Identity", "Size", "Path"),
    columns=(
        Column(name="Identity", read=lambda one: one[0].identity),
        Column(name="InternetMessageId", read=lambda one: one[0].message.internet_message_id),
        Column(name="Size", read=lambda one: Size(one[0].message.size_bytes), kind=Kind.SIZE),
        Column(name="Path", read=lambda one: str(one[1] or "")),
    ),
)
EXPORTED_LOG = RowType(
    name="exported log",
    table=("Path", "Count"),
    columns=(
        Column(name="Path", read=lambda one: str(one[0])),
        Column(name="Count", read=lambda one: one[1], kind=Kind.NUMBER),
    ),
)
LOG_PATH = Parameter(name="Path", kind=TEXT, position=0, required=True, help="The file to write.")
_PATH_HELP = "The file to write, or a folder, where the file is named after the InternetMessageId."
PATH = Parameter(name="Path", kind=TEXT, position=1, help=_PATH_HELP)
ASSEMBLED_PATH = Parameter(name="Path", kind=TEXT, position=0, required=True, help=_PATH_HELP)
FORCE = Parameter(name="Force", kind=SWITCH, help="Overwrite a file that is there.")
FOR_REPLAY = Parameter(
    name="ForReplay",
    kind=SWITCH,
    help="Put sender and recipients in X-headers in front, so that the Replay directory takes the file back.",
)


class ExportMessage(Cmdlet):
    """Gives the bytes of messages."""

    name = "Export-Message"
    synopsis = "Copies a message out of its queue as an .eml file; the message stays in the queue."
    remarks = "The file is readable by you alone. Without -Path the bytes go to AssembleMessage."
    examples = (
        r"Export-Message E15MB1\3\17 -Path x.eml",
        r"Export-Message E15MB1\3\17 | AssembleMessage -Path x.eml",
        r"Export-Message E15MB1\3\17 -ForReplay -Path x.eml",
    )
    parameters = (IDENTITY, PATH, FORCE, FOR_REPLAY)
    accepts = (MESSAGE,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Write each when there is a path, and give what was exported."""
        for queued in self._chosen(rows):
            path = write_eml(self, queued, path=PATH) if self.bound.given(PATH) else None
            yield EXPORTED_MESSAGE.row((queued, path))

    def _chosen(self, rows: Iterator[Row] | None) -> Iterator[QueuedMessage]:
        identity = self.bound.get(IDENTITY)
        if rows is None and not identity:
            self.refuse("Export-Message needs -Identity, or messages from the pipeline")
        if rows is None:
            yield one_identified(self, identity or "")
            return
        if identity:
            self.refuse("-Identity and the pipeline exclude each other", IDENTITY)
        for row in rows:
            yield row.source


class AssembleMessage(Cmdlet):
    """Writes what Export-Message gave."""

    name = "AssembleMessage"
    synopsis = "Writes an exported message into an .eml file."
    examples = (r"Export-Message E15MB1\3\17 | AssembleMessage -Path x.eml",)
    parameters = (ASSEMBLED_PATH, FORCE, FOR_REPLAY)
    accepts = (EXPORTED_MESSAGE,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Write each."""
        if rows is None:
            self.refuse("AssembleMessage needs an exported message from the pipeline")
        for row in rows:
            queued, _ = row.source
            yield EXPORTED_MESSAGE.row((queued, write_eml(self, queued, path=ASSEMBLED_PATH)))


def write_eml(cmdlet: Cmdlet, queued: QueuedMessage, *, path: Parameter[str]) -> Path:
    """Write a message chunk by chunk, readable by its owner alone; -Force overwrites a file that is there."""
    written = cmdlet.bound.get(path)
    target = Path(written or "")
    if target.is_dir():
        target /= file_name(queued)
    exported = export_message(queued, for_replay=cmdlet.bound.get(FOR_REPLAY) is True)
    write_file(cmdlet, target, exported.chunks, path=path)
    return target


def write_file(cmdlet: Cmdlet, target: Path, chunks: Iterable[bytes], *, path: Parameter[str]) -> None:
    """Write a file that its owner alone can read; -Force overwrites one that is there."""
    how = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if cmdlet.bound.get(FORCE) else os.O_EXCL)
    try:
        with os.fdopen(os.open(target, how, 0o600), "wb") as file:
            file.writelines(chunks)
    except FileExistsError:
        cmdlet.refuse(f"-Path {target}: that file exists; -Force overwrites it", path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is no path"
        cmdlet.refuse(f"-Path {target}: {reason}", path)


def file_name(queued: QueuedMessage) -> str:
    """Name a file after the InternetMessageId, whatever a stranger wrote into it; else after the number."""
    wanted = queued.message.internet_message_id.strip("<>")
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "@.-_+=") else "_" for one in wanted)
    return f"{kept.lstrip('.')[:LONGEST_NAME] or queued.message_id}.eml"
