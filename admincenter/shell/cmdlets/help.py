"""Get-Command and Get-Help, written from what the cmdlets declare; and Get-Credential."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.parameters import TEXT, Parameter
from admincenter.shell.rows import Column, Row, RowType
from connectors.profiles import Credentials

COMMAND = RowType(
    name="command",
    table=("Name", "Synopsis"),
    columns=(
        Column(name="Name", read=lambda one: one.name),
        Column(name="Synopsis", read=lambda one: one.synopsis),
        Column(name="Aliases", read=lambda one: one.aliases),
        Column(name="Parameters", read=lambda one: tuple(parameter.name for parameter in one.declared())),
    ),
)
USAGE_PARAMETERS = 3
COMMAND_NAME = Parameter(name="Name", kind=TEXT, position=0, help="A name; * stands for any characters.")


class GetCommand(Cmdlet):
    """Lists cmdlets."""

    name = "Get-Command"
    synopsis = "Lists the cmdlets."
    examples = ("Get-Command *-Queue",)
    parameters = (COMMAND_NAME,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by name."""
        del rows
        for cmdlet in fitting(self, self.bound.get(COMMAND_NAME) or "*"):
            yield COMMAND.row(cmdlet)


def fitting(cmdlet: Cmdlet, pattern: str) -> list[type[Cmdlet]]:
    """Find cmdlets by name or alias, whatever the case, and refuse a name that none has."""
    found = [
        one
        for one in cmdlet.shell.catalogue
        if any(matches(name, pattern) for name in (one.name, *one.aliases))
    ]
    if not found:
        cmdlet.refuse(f"there is no cmdlet {pattern}; Get-Command lists all", COMMAND_NAME)
    return sorted(found, key=lambda one: one.name)


def _help(row: Row) -> str:
    return help_text(row.source)


HELP = RowType(name="help topic", table=COMMAND.table, columns=COMMAND.columns, text=_help)


class GetHelp(Cmdlet):
    """Explains cmdlets."""

    name = "Get-Help"
    aliases = ("help", "man")
    synopsis = "Explains a cmdlet: its parameters and examples."
    examples = ("Get-Help New-SendConnector",)
    parameters = (COMMAND_NAME,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give the help of each that fits; without a name the list."""
        del rows
        name = self.bound.get(COMMAND_NAME)
        for cmdlet in fitting(self, name or "*"):
            yield (HELP if name else COMMAND).row(cmdlet)


def help_text(cmdlet: type[Cmdlet]) -> str:
    """Write the help of one cmdlet."""
    parts = [f"{cmdlet.name}: {cmdlet.synopsis}", "", f"    {_usage(cmdlet)}", ""]
    if cmdlet.aliases:
        parts += [f"Also: {', '.join(cmdlet.aliases)}", ""]
    for parameter in cmdlet.declared():
        parts += [f"-{parameter.name} {parameter.kind.word}".rstrip(), _indented(parameter.help)]
    if cmdlet.accepts:
        parts += ["", f"From the pipeline: {', '.join(kind.plural for kind in cmdlet.accepts)}."]
    if cmdlet.remarks:
        parts += ["", fill(cmdlet.remarks, width=100)]
    parts += ["", *(f"    {example}" for example in cmdlet.examples)]
    return "\n".join(parts)


def _usage(cmdlet: type[Cmdlet]) -> str:
    shown = cmdlet.parameters[:USAGE_PARAMETERS]
    rest = ["…"] * (len(cmdlet.parameters) > len(shown))
    return " ".join([cmdlet.name, *map(_bracketed, shown), *rest])


def _bracketed(parameter: Parameter[Any]) -> str:
    name = f"-{parameter.name}" if parameter.position is None else f"[-{parameter.name}]"
    text = f"{name} <{parameter.kind.word}>" if parameter.kind.word else name
    return text if parameter.required else f"[{text}]"


def _indented(text: str) -> str:
    return fill(text, width=100, initial_indent="    ", subsequent_indent="    ")


CREDENTIAL = RowType(
    name="credential", table=("UserName",), columns=(Column(name="UserName", read=lambda one: one.username),)
)
USER_NAME = Parameter(
    name="UserName", kind=TEXT, position=0, help="The user name, if it need not be asked for."
)


class GetCredential(Cmdlet):
    """Asks a person."""

    name = "Get-Credential"
    synopsis = "Asks for a user name and a password on the terminal; the password is not shown."
    examples = ("Set-SendConnector Relay -AuthenticationCredential (Get-Credential)",)
    parameters = (USER_NAME,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give the credential."""
        del rows
        console = self.shell.console
        if not console.interactive:
            self.refuse(
                "Get-Credential asks on a terminal, and there is none; use -UserName and -PasswordFile"
            )
        username = self.bound.get(USER_NAME) or console.ask("User name:")
        yield CREDENTIAL.row(Credentials(username=username, password=console.ask_secret("Password")))
