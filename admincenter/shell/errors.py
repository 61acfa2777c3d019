"""What a command line can be refused for: one line that names the position and the rule."""


class ShellError(Exception):
    """The command is refused, or could not be carried out."""

    def __init__(self, rule: str, *, position: int | None = None) -> None:
        self.rule = rule
        """One line; it never holds the value of a secret."""
        self.position = position
        """Of the character that is wrong, from 1; None when no single place is."""
        super().__init__(rule)


def locate(error: ShellError, *, source: str, line: int | None = None) -> str:
    """Say where and what, in one line: `character 12: …`, or `line 2, character 5: …` of a longer text.

    `line` is the number of `source` among other lines, when it is one of several.
    """
    rule = " ".join(error.rule.split())
    if error.position is None:
        return rule if line is None else f"line {line}: {rule}"
    before = source[: error.position - 1]
    if "\n" not in source.strip():
        place = "" if line is None else f"line {line}, "
        return f"{place}character {error.position}: {rule}"
    column = len(before) - before.rfind("\n")
    return f"line {before.count(chr(10)) + 1}, character {column}: {rule}"
