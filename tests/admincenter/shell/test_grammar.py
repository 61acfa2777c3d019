import pytest
from hypothesis import given
from hypothesis import strategies as st

from admincenter.shell.errors import ShellError, locate
from admincenter.shell.grammar import parse
from admincenter.shell.tree import Block, Constant, Edit, Items, Nested, Option, Pipeline, Text


def plain(value):
    """A value without positions."""
    match value:
        case Text() | Block():
            return value.text
        case Constant():
            return value.value
        case Items():
            return [plain(item) for item in value.items]
        case Edit():
            return {"add": [*map(plain, value.add)], "remove": [*map(plain, value.remove)]}
        case Nested():
            return ("nested", *shape(value.pipeline))
        case Option():
            return f"-{value.name}" if value.value is None else (f"-{value.name}:", plain(value.value))


def shape(pipeline: Pipeline):
    """Cmdlet names, each followed by its arguments."""
    return [(call.name, *map(plain, call.arguments)) for call in pipeline.calls]


def refusal(text):
    """The error that a text is refused with, if any."""
    try:
        parse(text)
    except ShellError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Get-TransportService | Get-Queue", [("Get-TransportService",), ("Get-Queue",)]),
        (
            r"Get-Queue E15MB1\22206 | Get-Message | ft",
            [("Get-Queue", r"E15MB1\22206"), ("Get-Message",), ("ft",)],
        ),
        (
            'New-SendConnector -Name "Internet" -AddressSpaces "SMTP:*;1" -DNSRoutingEnabled $true',
            [
                (
                    *("New-SendConnector", "-Name", "Internet"),
                    *("-AddressSpaces", "SMTP:*;1", "-DNSRoutingEnabled", True),
                )
            ],
        ),
        ("a -Switch:$false -Name:value", [("a", ("-Switch:", False), ("-Name:", "value"))]),
        ("a -SortOrder: -Size,+Subject", [("a", ("-SortOrder:", ["-Size", "+Subject"]))]),
        ('a x,y,"c d"', [("a", ["x", "y", "c d"])]),
        ('a @("x","y")', [("a", ["x", "y"])]),
        ("a @()", [("a", [])]),
        ("a $NULL $True", [("a", None, True)]),
        ("a -5 25MB 00:10:00 1.00:00:00", [("a", "-5", "25MB", "00:10:00", "1.00:00:00")]),
        ("a * SMTP:* [192.0.2.1] a=b é", [("a", "*", "SMTP:*", "[192.0.2.1]", "a=b", "é")]),
        ('a \'it\'\'s\' "say ""x"""', [("a", "it's", 'say "x"')]),
        ('a "tab`t, `"quoted`", `$x, ``" \'`t\'', [("a", 'tab\t, "quoted", $x, `', "`t")]),
        ('a "NextRetryTime -ne $null costs $5"', [("a", "NextRetryTime -ne $null costs $5")]),
        ("a {Status -eq '}'}", [("a", "Status -eq '}'")]),
        (
            'a -x @{Add="a","b"; Remove="c"}',
            [("a", "-x", {"add": ["a", "b"], "remove": ["c"]})],
        ),
        ("a -x @{\n  remove = c\n}", [("a", "-x", {"add": [], "remove": ["c"]})]),
        ("a -c (b (d -e f) | g)", [("a", "-c", ("nested", ("b", ("nested", ("d", "-e", "f"))), ("g",)))]),
        ("a `\n  -b c # comment", [("a", "-b", "c")]),
        ("a |\n  b", [("a",), ("b",)]),
        ("a x#y", [("a", "x#y")]),
    ],
)
def test_a_line_reads_as_in_powershell(text, expected):
    (pipeline,) = parse(text)

    assert shape(pipeline) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("  # nothing", []),
        (";;\n", []),
        ("a; b", ["a", "b"]),
        ("\n# first\na\n\n;b;\nc # third\n", ["a", "b", "c"]),
        ("a\r\nb\r\n", ["a", "b"]),
    ],
)
def test_commands_stand_on_lines_or_between_semicolons(text, names):
    assert [pipeline.calls[0].name for pipeline in parse(text)] == names


@pytest.mark.parametrize(
    ("text", "position", "rule"),
    [
        ("| a", 1, "the name of a cmdlet is expected"),
        ("a |", 4, "the name of a cmdlet is expected"),
        ("a SMTP:*;1", 10, "text that holds one goes in quotes"),
        ('a "x', 3, "the quote is not closed"),
        ("a 'x'y", 3, "text follows it without a space"),
        ("a {x", 3, "the brace is not closed"),
        ("a $foo", 3, "there are no variables"),
        ('a "x$foo"', 5, "there are no variables"),
        ('a "$(b)"', 4, "there are no variables"),
        ("a (b", 5, "a parenthesis is not closed"),
        ("a b)", 4, "was never opened"),
        ("a b,", 5, "a value is expected"),
        ("a -x:", 6, "a value is expected"),
        ("a -x @{Foo=1}", 8, "once Add= and once Remove="),
        ("a -x @{Add=1; add=2}", 15, "once Add= and once Remove="),
        ("a -x @{", 8, "Add= or Remove= is expected"),
        ("a -x @{Add=$true}", 12, "a text is expected here"),
        ("a > b", 3, "there is no redirection"),
        ("a & b", 3, "& starts nothing"),
        ("a \u201cx\u201d", 3, "quotes are straight here"),
        ("a " + "(b " * 11 + ")" * 11, 7, "at most 10 deep"),
        ("a" * 100_001, 100_001, "at most 100000 characters"),
    ],
)
def test_a_wrong_line_is_refused_where_it_is_wrong(text, position, rule):
    refused = refusal(text)

    assert (refused.position, rule in refused.rule) == (position, True), refused.rule


def test_an_error_in_several_lines_names_the_line():
    source = "Get-Queue\nGet-Queue 'x\n"

    assert locate(refusal(source), source=source).startswith("line 2, character 11: the quote")


@given(st.text())
def test_any_text_is_a_command_or_a_one_line_error(text):
    refused = refusal(text)

    assert refused is None or len(locate(refused, source=text).splitlines()) == 1


PIECES = [
    "Get-Queue",
    "-Filter",
    "-x:",
    "'a'",
    '"',
    "'",
    "(",
    ")",
    "@{",
    "}",
    "{",
    "Add=",
    ",",
    ";",
    "|",
    "\n",
]
PIECES += ["$true", "$x", "@(", "#", "`", "-5", "*", "&"]


@given(st.lists(st.sampled_from(PIECES)).map(" ".join), st.booleans())
def test_any_order_of_words_is_a_command_or_a_one_line_error(text, spaced):
    text = text if spaced else text.replace(" ", "")
    refused = refusal(text)

    assert refused is None or 1 <= refused.position <= len(text) + 1


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_text_survives_single_quotes(text):
    quoted = text.replace("'", "''")
    (pipeline,) = parse(f"a '{quoted}'")

    assert plain(pipeline.calls[0].arguments[0]) == text


def test_an_error_never_repeats_a_value_that_may_be_a_password():
    refused = refusal("Set-SendConnector x -Password 'hunter2'hunter3")

    assert "hunter" not in refused.rule
    assert "hunter" not in repr(parse("a 'hunter2'"))
