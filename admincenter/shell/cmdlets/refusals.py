"""What a service refuses, said about the parameters that were typed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.errors import ShellError
from admincenter.shell.parameters import ListChange, Parameter
from connectors.errors import ConnectorError, InvalidSettings, InvalidValue, Problem

T = TypeVar("T")
Places = Mapping[str, Parameter[Any]]
"""Parameters by the field of a problem."""


def told(cmdlet: Cmdlet, write: Callable[[], T], *, places: Places) -> T:
    """Do it; what is refused becomes one sentence at its parameter."""
    try:
        return write()
    except InvalidSettings as error:
        _refuse(cmdlet, error.problems, places=places)
    except InvalidValue as error:
        _refuse(cmdlet, [error.problem], places=places)
    except ConnectorError as error:
        raise ShellError(str(error), position=cmdlet.bound.call.position) from None


def changed_list(
    cmdlet: Cmdlet, parameter: Parameter[ListChange], current: tuple[T, ...], *, read: Callable[[str], T]
) -> tuple[T, ...]:
    """Give a list with what was typed, or as it is when nothing was."""
    change = cmdlet.bound.get(parameter)
    if change is None:
        return current
    try:
        return change.applied(current, read=read)
    except InvalidValue as error:
        cmdlet.refuse(_of_parameter(parameter, error.problem), parameter)
    except ValueError as error:
        cmdlet.refuse(f"-{parameter.name}: {error}", parameter)


def _refuse(cmdlet: Cmdlet, problems: Sequence[Problem], *, places: Places) -> NoReturn:
    found = [places[one.field] for one in problems if one.field in places]
    cmdlet.refuse("; ".join(_sentence(one, places=places) for one in problems), *found)


def _sentence(problem: Problem, *, places: Places) -> str:
    if problem.field not in places:
        return str(problem).rstrip(".")
    return _of_parameter(places[problem.field], problem)


def _of_parameter(parameter: Parameter[Any], problem: Problem) -> str:
    value = f" {problem.value}" if problem.value else ""
    return f"-{parameter.name}{value}: {problem.rule}"
