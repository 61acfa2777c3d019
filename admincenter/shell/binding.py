"""Gives what was typed to the parameters that are meant, as PowerShell does."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from admincenter.filtering.properties import nearest
from admincenter.shell.errors import ShellError
from admincenter.shell.parameters import Given, Objects, Parameter
from admincenter.shell.rows import Row
from admincenter.shell.tree import Call, Constant, Nested, Option, Pipeline, Value

T = TypeVar("T")
Declared = Sequence[Parameter[Any]]


class Bound:
    """The values of one call, by parameter."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._values: dict[Parameter[Any], Any] = {}
        self._positions: dict[Parameter[Any], int] = {}

    def put(self, parameter: Parameter[T], value: T, *, position: int) -> None:
        """Keep a value that was read."""
        self._values[parameter] = value
        self._positions[parameter] = position

    def get(self, parameter: Parameter[T]) -> T | None:
        """Give the value; None when the parameter was not used."""
        value: T | None = self._values.get(parameter)
        return value

    def given(self, *parameters: Parameter[Any]) -> list[Parameter[Any]]:
        """Give those of these parameters that were used."""
        return [parameter for parameter in parameters if parameter in self._values]

    def position(self, *parameters: Parameter[Any]) -> int:
        """Where the value of the first used one stands, else the cmdlet."""
        return next((self._positions[one] for one in self.given(*parameters)), self.call.position)


def bind(call: Call, declared: Declared, *, evaluate: Callable[[Pipeline], Iterable[Row]]) -> Bound:
    """Read the arguments of a call; `evaluate` runs what stands in parentheses. Raises ShellError."""
    bound = Bound(call)
    places = iter(sorted((one for one in declared if one.position is not None), key=_place))
    waiting = list(call.arguments)
    while waiting:
        argument = waiting.pop(0)
        if isinstance(argument, Option):
            parameter = find(argument, declared, cmdlet=call.name)
            value = argument.value or _following(argument, parameter, waiting)
        else:
            parameter, value = _next_place(places, bound, argument=argument, cmdlet=call.name), argument
        _keep(bound, parameter, value, evaluate=evaluate)
    return bound


def find(option: Option, declared: Declared, *, cmdlet: str) -> Parameter[Any]:
    """Find a parameter by its name, an alias, or the beginning of one name. Raises ShellError."""
    word = option.name.lower()
    for parameter in declared:
        if word in {parameter.name.lower(), *(alias.lower() for alias in parameter.aliases)}:
            return parameter
    fitting = [one for one in declared if one.name.lower().startswith(word)]
    if len(fitting) == 1:
        return fitting[0]
    names = [one.name for one in fitting or declared]
    if fitting:
        rule = f"-{option.name} is the beginning of {' and '.join(f'-{name}' for name in names)}"
    else:
        rule = f"{cmdlet} has no parameter -{option.name}; {nearest(option.name, names)}"
    raise ShellError(rule, position=option.position)


def _place(parameter: Parameter[Any]) -> int:
    return parameter.position or 0


def _following(option: Option, parameter: Parameter[Any], waiting: list[Option | Value]) -> Value:
    if parameter.kind.is_switch:
        return Constant(value=True, position=option.position)
    if not waiting or isinstance(waiting[0], Option):
        rule = f"-{parameter.name} needs a value: {parameter.kind.word}"
        raise ShellError(rule, position=option.position)
    value = waiting.pop(0)
    if isinstance(value, Option):
        raise ShellError(f"-{parameter.name} needs a value", position=option.position)
    return value


def _next_place(
    places: Iterable[Parameter[Any]], bound: Bound, *, argument: Value, cmdlet: str
) -> Parameter[Any]:
    for parameter in places:
        if not bound.given(parameter):
            return parameter
    rule = f"{cmdlet} takes no further value here; a value stands behind the name of its parameter"
    raise ShellError(rule, position=argument.position)


def _keep(
    bound: Bound,
    parameter: Parameter[Any],
    value: Value,
    *,
    evaluate: Callable[[Pipeline], Iterable[Row]],
) -> None:
    if bound.given(parameter):
        raise ShellError(f"-{parameter.name} stands here twice", position=value.position)
    given: Given = Objects(tuple(evaluate(value.pipeline))) if isinstance(value, Nested) else value
    try:
        read = parameter.kind.read(given)
    except ValueError as error:
        rule = f"-{parameter.name}: {str(error).rstrip('.')}"
        raise ShellError(rule, position=value.position) from None
    bound.put(parameter, read, position=value.position)
