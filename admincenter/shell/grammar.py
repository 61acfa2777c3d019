"""The grammar of the management shell: PowerShell's, as far as Exchange's documentation uses it.

Pipelines, parameters, strings, lists, `@{Add=…; Remove=…}`, `(Get-Credential)`, `{filters}` and comments.
Nothing is ever evaluated: there are no variables, no arithmetic and no programs.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

from admincenter.filtering.syntax import expected_terminals
from admincenter.shell.errors import ShellError
from admincenter.shell.tree import Block, Call, Constant, Edit, Items, Nested, Option, Pipeline, Text, Value

MAX_CHARACTERS = 100_000
MAX_DEPTH = 10

_GRAMMAR = r"""
    start: _separators? (pipeline (_separators pipeline)* _separators?)?
    _separators: (_SEMICOLON | _NL)+
    pipeline: call (_PIPE _NL? call)*
    call: NAME argument*
    ?argument: OPTION -> option
        | OPTION_WITH loose -> option
        | value
    ?value: scalar
        | scalar (_COMMA _NL? item)+ -> items
        | complex
    ?loose: item
        | item (_COMMA _NL? item)+ -> items
        | complex
    ?complex: _OPEN pipeline _CLOSE -> nested
        | ARRAY [item (_COMMA _NL? item)*] _CLOSE -> array
        | BLOCK -> block
        | TABLE _breaks? entry (_breaks entry)* _breaks? _END -> edit
    _breaks: (_SEMICOLON | _NL)+
    entry: KEY "=" item (_COMMA _NL? item)*
    ?item: scalar
        | DASHED -> word
    ?scalar: WORD -> word
        | SINGLE -> single
        | DOUBLE -> double
        | CONSTANT -> constant

    _SEMICOLON: ";"
    _PIPE: "|"
    _COMMA: ","
    _OPEN: "("
    _CLOSE: ")"
    _END: "}"
    ARRAY: "@("
    TABLE: "@{"
    _NL: /(\r?\n[ \t]*(#[^\n]*)?)+/
    NAME: /[A-Za-z?][A-Za-z0-9-]*(?=[\s;|)]|\Z)/
    KEY.1: /[A-Za-z]+(?=\s*=)/
    OPTION_WITH: /-[A-Za-z][A-Za-z0-9]*:/
    OPTION: /-[A-Za-z?][A-Za-z0-9]*(?=[\s;|)]|\Z)/
    CONSTANT: /\$(true|false|null)(?=[\s;|),}]|\Z)/i
    WORD: /([^\s;|(){},"'$#@<>&`\u2018\u2019\u201c\u201d-]|-[0-9])[^\s;|(){},"'`<>&]*(?=[\s;|),}]|\Z)/
    DASHED.-1: /-[^\s;|(){},"'`<>&]+(?=[\s;|),}]|\Z)/
    SINGLE: /'([^']|'')*'(?=[\s;|),}]|\Z)/
    DOUBLE: /"([^"`]|""|`[\s\S])*"(?=[\s;|),}]|\Z)/
    BLOCK: /\{([^{}'"]|'[^']*'|"[^"]*")*\}(?=[\s;|),}]|\Z)/
    %ignore /[ \t]+/
    %ignore /#[^\n]*/
    %ignore /`\r?\n/
"""
_ESCAPED = re.compile(r'""|`([\s\S])|\$(?=[A-Za-z_{(])(?!(?:true|false|null)(?![A-Za-z0-9_]))', re.IGNORECASE)
_NOT_A_CHARACTER = re.compile(r"[\ud800-\udfff]")
"""What Python makes of bytes that are not UTF-8."""
_SPECIAL = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_EXPECTED: tuple[tuple[str, str], ...] = (
    ("NAME", "the name of a cmdlet is expected; Get-Command lists them"),
    ("KEY", 'Add= or Remove= is expected, as in @{Add="a","b"; Remove="c"}'),
    ("EQUAL", "= is expected"),
    ("OPTION", "a parameter, a value, | or the end of the command is expected"),
    ("WORD", "a value is expected"),
    ("_CLOSE", "a parenthesis is not closed"),
    ("_END", "} is expected"),
)
_HINTS = {
    "$": "there are no variables here, only $true, $false and $null; text with a $ goes in single quotes",
    "'": "the quote is not closed, or text follows it without a space",
    '"': "the quote is not closed, or text follows it without a space",
    "{": "the brace is not closed, or its quotes are not paired",
    ";": "a ; ends the command; text that holds one goes in quotes",
    "`": "a backtick escapes inside double quotes, or goes on in the next line",
    "&": "& starts nothing here; text that holds one goes in quotes",
    "<": "there is no redirection; text that holds < goes in quotes",
    ">": "there is no redirection; text that holds > goes in quotes",
} | dict.fromkeys("\u2018\u2019\u201c\u201d", "quotes are straight here: ' or \"")


def parse(source: str) -> tuple[Pipeline, ...]:
    """Read a text of pipelines, one per line or with `;` between. Raises ShellError."""
    if len(source) > MAX_CHARACTERS:
        raise ShellError(f"a command has at most {MAX_CHARACTERS} characters", position=MAX_CHARACTERS + 1)
    broken = _NOT_A_CHARACTER.search(source)
    if broken is not None:
        raise ShellError("this is not UTF-8 text", position=broken.start() + 1)
    try:
        pipelines: tuple[Pipeline, ...] = _parser()(source)
    except UnexpectedInput as error:
        raise _explained(error, source=source) from None
    return pipelines


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Makes the tree bottom up, while the parser runs."""

    def start(self, *pipelines: Pipeline) -> tuple[Pipeline, ...]:
        return pipelines

    def pipeline(self, *calls: Call) -> Pipeline:
        return Pipeline(calls)

    def call(self, name: Token, *arguments: Option | Value) -> Call:
        return Call(name=str(name), position=_position(name), arguments=arguments)

    def option(self, name: Token, value: Value | None = None) -> Option:
        return Option(name=name.strip("-:"), position=_position(name), value=value)

    def items(self, *items: Text | Constant) -> Items:
        return Items(items=items, position=items[0].position)

    def array(self, opening: Token, *items: Text | Constant | None) -> Items:
        return Items(items=tuple(item for item in items if item), position=_position(opening))

    def nested(self, pipeline: Pipeline) -> Nested:
        position = pipeline.calls[0].position
        if _depth(pipeline) >= MAX_DEPTH:
            raise ShellError(f"parentheses stand at most {MAX_DEPTH} deep", position=position)
        return Nested(pipeline=pipeline, position=position)

    def block(self, token: Token) -> Block:
        return Block(text=token[1:-1], position=_position(token) + 1)

    def edit(self, opening: Token, *entries: tuple[Token, tuple[Text | Constant, ...]]) -> Edit:
        parts: dict[str, tuple[Text, ...]] = {}
        for key, items in entries:
            word = key.lower()
            if word not in {"add", "remove"} or word in parts:
                raise ShellError("once Add= and once Remove= stand in @{…}", position=_position(key))
            parts[word] = _texts(items)
        return Edit(add=parts.get("add", ()), remove=parts.get("remove", ()), position=_position(opening))

    def entry(self, key: Token, *items: Text | Constant) -> tuple[Token, tuple[Text | Constant, ...]]:
        return key, items

    def word(self, token: Token) -> Text:
        return Text(text=str(token), position=_position(token))

    def single(self, token: Token) -> Text:
        return Text(text=token[1:-1].replace("''", "'"), position=_position(token))

    def double(self, token: Token) -> Text:
        return Text(text=_unescaped(token), position=_position(token))

    def constant(self, token: Token) -> Constant:
        value = {"$true": True, "$false": False}.get(token.lower())
        return Constant(value=value, position=_position(token))


def _texts(items: tuple[Text | Constant, ...]) -> tuple[Text, ...]:
    for item in items:
        if isinstance(item, Constant):
            raise ShellError("a text is expected here", position=item.position)
    return tuple(item for item in items if isinstance(item, Text))


def _depth(pipeline: Pipeline) -> int:
    """How deep parentheses stand in it; its parts were measured before, so this ends at MAX_DEPTH."""
    values = [
        argument.value if isinstance(argument, Option) else argument
        for call in pipeline.calls
        for argument in call.arguments
    ]
    return 1 + max((_depth(value.pipeline) for value in values if isinstance(value, Nested)), default=0)


def _unescaped(token: Token) -> str:
    """A double-quoted string: `` `n ``, `""`, and no variables but the three constants, which stay text."""

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$":
            raise ShellError(_HINTS["$"], position=_position(token) + 1 + match.start())
        return '"' if match[1] is None else _SPECIAL.get(match[1], match[1])

    return _ESCAPED.sub(replacement, token[1:-1])


def _position(token: Token) -> int:
    return (token.start_pos or 0) + 1


@cache
def _parser() -> Callable[[str], Any]:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False).parse


def _explained(error: UnexpectedInput, *, source: str) -> ShellError:
    """One rule for what the parser met. Its text is not repeated: it can be part of a password."""
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    offset = len(source) if at_end else getattr(error, "pos_in_stream", None) or 0
    expected = expected_terminals(error)
    met = source[offset : offset + 1]
    if met == ")" and not expected & {"NAME", "WORD"}:
        return ShellError("this parenthesis was never opened", position=offset + 1)
    if met in _HINTS and not (met == ";" and "NAME" in expected):
        return ShellError(_HINTS[met], position=offset + 1)
    if not at_end and "NAME" in expected and source[:offset].rstrip().endswith(";"):
        return ShellError(_HINTS[";"], position=offset + 1)
    rule = next((rule for name, rule in _EXPECTED if name in expected), "this cannot stand here")
    return ShellError(rule, position=offset + 1)
