"""Runs what was read: finds the cmdlets, binds their parameters, and lets objects flow through them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from admincenter.filtering.properties import nearest
from admincenter.shell.binding import bind
from admincenter.shell.cmdlet import Cmdlet, Shell
from admincenter.shell.errors import ShellError
from admincenter.shell.rows import Row
from admincenter.shell.tree import Call, Pipeline
from admincenter.shell.views import Formatter, View


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What a pipeline gives, and how it wants to be shown."""

    rows: Iterator[Row]
    view: View


def run(pipeline: Pipeline, shell: Shell) -> Output:
    """Start a pipeline; its work is done while the rows are read. Raises ShellError.

    Every call is bound before the first one runs, so that a mistake at the end does no half of the work.
    """
    stages = [_bound(call, shell) for call in pipeline.calls]
    view = _take_view(stages)
    _check_joints(stages)
    rows: Iterator[Row] | None = None
    for stage in stages:
        rows = stage.run(rows if rows is None else _accepted(rows, stage))
    return Output(rows=rows or iter(()), view=view)


def find(call: Call, catalogue: Iterable[type[Cmdlet]]) -> type[Cmdlet]:
    """Find a cmdlet by name or alias, whatever the case. Raises ShellError."""
    word = call.name.lower()
    for cmdlet in catalogue:
        if word in {cmdlet.name.lower(), *(alias.lower() for alias in cmdlet.aliases)}:
            return cmdlet
    hint = nearest(call.name, [cmdlet.name for cmdlet in catalogue])
    hint = hint if hint.startswith("perhaps") else "Get-Command lists all"
    raise ShellError(f"there is no cmdlet {call.name}; {hint}", position=call.position)


def _bound(call: Call, shell: Shell) -> Cmdlet:
    cmdlet = find(call, shell.catalogue)
    bound = bind(call, cmdlet.declared(), evaluate=lambda pipeline: run(pipeline, shell).rows)
    for parameter in cmdlet.parameters:
        if parameter.required and not bound.given(parameter):
            rule = f"{cmdlet.name} needs -{parameter.name} {parameter.kind.word}"
            raise ShellError(rule, position=call.position)
    return cmdlet(bound, shell)


def _take_view(stages: list[Cmdlet]) -> View:
    view = View()
    last = stages[-1]
    if isinstance(last, Formatter):
        view = last.view()
        stages.pop()
    for stage in stages:
        if isinstance(stage, Formatter):
            raise ShellError(f"{stage.name} can only end a pipeline", position=stage.bound.call.position)
    if not stages:
        raise ShellError("there is nothing to format: a cmdlet stands before it", position=1)
    return view


def _check_joints(stages: list[Cmdlet]) -> None:
    for stage in stages[1:]:
        if not stage.accepts and not stage.accepts_anything:
            raise ShellError(
                f"{stage.name} takes nothing from the pipeline", position=stage.bound.call.position
            )


def _accepted(rows: Iterator[Row], stage: Cmdlet) -> Iterator[Row]:
    for row in rows:
        if not stage.accepts_anything and row.type.name not in {kind.name for kind in stage.accepts}:
            wanted = " or ".join(kind.plural for kind in stage.accepts)
            rule = f"{stage.name} takes {wanted} from the pipeline, not {row.type.plural}"
            raise ShellError(rule, position=stage.bound.call.position)
        yield row
