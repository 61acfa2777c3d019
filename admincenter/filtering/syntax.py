"""The filter language of the shell and of the queue viewer: text to a tree, without Django.

`Status -eq 'Retry' -and MessageCount -gt 100` (exchange.md 4.6). Beyond Exchange: `-or`, `-not (…)` and
parentheses; `-and` and `-or` side by side need parentheses, so that nobody has to know which one binds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

MAX_CHARACTERS = 4096
MAX_DEPTH = 20
MAX_CONDITIONS = 50
"""Bounds of what a person writes; each condition costs the database work."""


class FilterError(ValueError):
    """The filter is refused."""

    def __init__(self, rule: str, *, position: int) -> None:
        self.rule = rule
        """Lower case start, no full stop."""
        self.position = position
        """Of the character that is wrong, from 1."""
        super().__init__(f"character {position}: {rule}")


class Operator(StrEnum):
    """How a property and a value are compared."""

    EQ = "-eq"
    NE = "-ne"
    GT = "-gt"
    GE = "-ge"
    LT = "-lt"
    LE = "-le"
    LIKE = "-like"


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """What stands right of an operator."""

    text: str
    quoted: bool
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One comparison, as written: nothing is known of the property yet."""

    name: str
    position: int
    operator: Operator
    operator_position: int
    value: Value


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold (-and)."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds (-or)."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The part does not hold (-not)."""

    part: "Expression"


Expression = Condition | Every | Some | Negated

_GRAMMAR = r"""
    ?start: expression
    ?expression: factor
        | factor (_AND factor)+ -> every
        | factor (_OR factor)+ -> some
    ?factor: condition
        | _OPEN expression _CLOSE
        | _NOT _OPEN expression _CLOSE -> negated
    condition: NAME OPERATOR (WORD | SINGLE | DOUBLE)
    _AND.2: /-and(?![A-Za-z])/i
    _OR.2: /-or(?![A-Za-z])/i
    _NOT.2: /-not(?![A-Za-z])|!/i
    _OPEN: "("
    _CLOSE: ")"
    NAME: /(\$_\.)?[A-Za-z][A-Za-z0-9]*/
    OPERATOR: /-[A-Za-z]+/
    WORD: /(?!-[A-Za-z])[^\s()'"]+/
    SINGLE: /'([^']|'')*'/
    DOUBLE: /"([^"]|"")*"/
    %ignore /\s+/
"""
_OPERATORS = ", ".join(operator.value for operator in Operator)
_EXPECTED: tuple[tuple[str, str], ...] = (
    ("WORD", "a value is expected, in quotes when it holds spaces"),
    ("OPERATOR", f"an operator is expected: {_OPERATORS}"),
    ("NAME", "the name of a property is expected"),
    ("_AND", "-and is expected, or the end of the filter"),
    ("_OR", "-or is expected, or the end of the filter"),
    ("_CLOSE", "a parenthesis is not closed"),
    ("_OPEN", "-not needs a parenthesis after it"),
)


def parse(text: str) -> Expression:
    """Read a filter. Raises FilterError."""
    if len(text) > MAX_CHARACTERS:
        raise FilterError(f"a filter has at most {MAX_CHARACTERS} characters", position=MAX_CHARACTERS + 1)
    if text.count("(") > MAX_DEPTH:
        raise FilterError(f"a filter has at most {MAX_DEPTH} parentheses", position=text.rindex("(") + 1)
    try:
        tree: Expression = _parser()(text)
    except UnexpectedInput as error:
        raise _explained(error, text=text) from None
    _bound(tree)
    return tree


def _bound(tree: Expression) -> None:
    waiting, conditions = [tree], 0
    while waiting:
        match waiting.pop():
            case Every(parts) | Some(parts):
                waiting += reversed(parts)
            case Negated(part):
                waiting.append(part)
            case Condition(position=position):
                conditions += 1
                if conditions > MAX_CONDITIONS:
                    rule = f"a filter has at most {MAX_CONDITIONS} conditions"
                    raise FilterError(rule, position=position)


@v_args(inline=True)
class _Builder(Transformer[Token, Expression]):
    """Makes the tree bottom up, while the parser runs: no recursion over what a stranger nested."""

    def every(self, *parts: Expression) -> Every:
        return Every(parts)

    def some(self, *parts: Expression) -> Some:
        return Some(parts)

    def negated(self, part: Expression) -> Negated:
        return Negated(part)

    def condition(self, name: Token, operator: Token, value: Token) -> Condition:
        return Condition(
            name=name.removeprefix("$_."),
            position=_position(name),
            operator=_operator(operator),
            operator_position=_position(operator),
            value=Value(text=_unquoted(value), quoted=value.type != "WORD", position=_position(value)),
        )


def _operator(token: Token) -> Operator:
    try:
        return Operator(token.lower())
    except ValueError:
        rule = f"{token} is no operator; there are {_OPERATORS}"
        raise FilterError(rule, position=_position(token)) from None


def _unquoted(token: Token) -> str:
    if token.type == "WORD":
        return str(token)
    quote = token[0]
    return token[1:-1].replace(quote * 2, quote)


def _position(token: Token) -> int:
    return (token.start_pos or 0) + 1


@cache
def _parser() -> Callable[[str], Any]:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder()).parse


def _explained(error: UnexpectedInput, *, text: str) -> FilterError:
    """One rule for what the parser met; it only knows which kinds of token it could have taken."""
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    offset = len(text) if at_end else getattr(error, "pos_in_stream", None) or 0
    met = text[offset : offset + 1]
    expected = expected_terminals(error)
    if met in {"'", '"'} and "WORD" in expected:
        return FilterError("the quote is not closed", position=offset + 1)
    joins = text[offset : offset + 4].lower()
    if joins.startswith(("-or", "-and")) and expected & {"_AND", "_OR"}:
        return FilterError("-and and -or side by side need parentheses", position=offset + 1)
    if met == ")" and not expected & {"NAME", "WORD", "OPERATOR"}:
        return FilterError("this parenthesis was never opened", position=offset + 1)
    rule = next((rule for name, rule in _EXPECTED if name in expected), "nothing more is expected here")
    return FilterError(rule, position=offset + 1)


def expected_terminals(error: UnexpectedInput) -> set[str]:
    """Name the terminals that could have stood where the parser stopped."""
    if isinstance(error, UnexpectedToken):
        return set(error.expected)
    if isinstance(error, UnexpectedCharacters):
        return set(error.allowed)
    return set()
