"""`*` in a text, for the database and for memory alike; whatever the case."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Lookup, TextField
from django.db.models.sql.compiler import SQLCompiler

_ESCAPE = "!"


def matches(text: str, pattern: str) -> bool:
    """Tell whether `text` fits `pattern`, in which `*` stands for any characters; linear in their lengths."""
    first, *rest = pattern.lower().split("*")
    text = text.lower()
    if not rest:
        return text == first
    if not text.startswith(first):
        return False
    position = len(first)
    for part in rest[:-1]:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(text) - position >= len(rest[-1]) and text.endswith(rest[-1])


def to_like(pattern: str) -> str:
    """Give the SQL LIKE pattern, escaped with `!`: a `%` or `_` that was typed means itself."""
    for special in (_ESCAPE, "%", "_"):
        pattern = pattern.replace(special, _ESCAPE + special)
    return pattern.replace("*", "%")


@CharField.register_lookup
@TextField.register_lookup
class Wildcard(Lookup):
    """`field__wildcard="a*b"`: one LIKE; unlike a regular expression no pattern makes it slow."""

    lookup_name = "wildcard"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Give the SQL; both sides fold their case in the database."""
        left, parameters = self.process_lhs(compiler, connection)
        sql = f"UPPER({left}) LIKE UPPER(%s) ESCAPE '{_ESCAPE}'"
        return sql, (*parameters, to_like(str(self.rhs)))
