"""Address spaces: what is taken, what is refused with which sentence, and what matches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.address_spaces import AddressSpace, InvalidAddressSpace, build, parse

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda one: one[2:4] != "--")
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("contoso.com", "SMTP:contoso.com;1"),
        ("SMTP:contoso.com", "SMTP:contoso.com;1"),
        ("contoso.com;1", "SMTP:contoso.com;1"),
        ("smtp:CONTOSO.com.;100", "SMTP:contoso.com;100"),
        ("  *  ", "SMTP:*;1"),
        ("*.com;7", "SMTP:*.com;7"),
        ("*.contoso.com; 10", "SMTP:*.contoso.com;10"),
        ("com", "SMTP:com;1"),
        ("r3---sn-4g5e.contoso.com", "SMTP:r3---sn-4g5e.contoso.com;1"),
        ("*.Bücher.example", "SMTP:*.xn--bcher-kva.example;1"),
        ("bücher。example", "SMTP:xn--bcher-kva.example;1"),
        ("straße.example", "SMTP:xn--strae-oqa.example;1"),
        ("X400:o=MySite;p=MyOrg;a=adatum;c=us;5", "X400:o=MySite;p=MyOrg;a=adatum;c=us;5"),
        ("X400:c=us", "X400:c=us;1"),
        ("fax:+49 30 *", "FAX:+49 30 *;1"),
    ],
)
def test_every_written_form_has_one_stored_form(written, stored):
    assert str(parse(written)) == stored


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("*contoso.com", "a wildcard needs a dot after it"),
        ("**", "a wildcard needs a dot after it"),
        ("*.*", "a wildcard can only stand in front"),
        ("mail.*.com", "a wildcard can only stand in front"),
        ("*.", "an empty label"),
        ("", "a domain is needed"),
        ("SMTP:", "a domain is needed"),
        ("contoso..com", "an empty label"),
        (".contoso.com", "an empty label"),
        ("--", "Edge"),
        ("bob@contoso.com", "not a mail address"),
        ("con toso.com", "letters, digits and hyphens"),
        ("-contoso.com", "letters, digits and hyphens"),
        ("contoso-.com", "letters, digits and hyphens"),
        ("con_toso.com", "letters, digits and hyphens"),
        ("contoso.com\r\nRCPT TO:<x>", "a type is made of"),
        ("contoso.com\n", None),
        ("con\x00toso.com", "letters, digits and hyphens"),
        ("a" * 64 + ".com", "63 characters"),
        ("a." * 200 + "com", "253 characters"),
        ("ü" * 100_000, "253 characters"),
        ("192.0.2.1", "an IP address is not a domain"),
        ("xn--a.example", "no valid internationalized name"),
        ("☃.example", "no valid internationalized name"),
        ("contoso.com;0", "from 1 to 100"),
        ("contoso.com;101", "from 1 to 100"),
        ("contoso.com;-1", "from 1 to 100"),
        ("contoso.com;1.5", "from 1 to 100"),
        ("contoso.com;", "from 1 to 100"),
        ("contoso.com;٣", "from 1 to 100"),
        ("contoso.com;99999999999999999999", "from 1 to 100"),
        ("SM TP:contoso.com", "a type is made of"),
        (":contoso.com", "a type is made of"),
        ("X400:o=MySite;p=MyOrg;a=adatum;c=us", "needs its cost at the end"),
        ("X400:nonsense", "reads like o=MySite"),
        ("FAX:", "a pattern is needed"),
        ("FAX:\x07", "printable"),
        ("FAX:" + "1" * 500, "400 printable"),
    ],
)
def test_a_refused_form_names_its_rule(written, rule):
    if rule is None:
        assert parse(written).pattern == "contoso.com"
        return
    with pytest.raises(InvalidAddressSpace) as caught:
        parse(written)

    assert rule in caught.value.problem.rule


def test_a_wildcard_needs_a_dot_after_it():
    with pytest.raises(InvalidAddressSpace) as caught:
        parse("*contoso.com")

    assert str(caught.value) == "Address space *contoso.com: a wildcard needs a dot after it."


def test_a_refused_value_is_shown_cleaned_and_cut():
    with pytest.raises(InvalidAddressSpace) as caught:
        parse("\x1b[31m" + "x" * 5000)

    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


def test_a_form_names_the_cost_as_its_own_field():
    with pytest.raises(InvalidAddressSpace) as caught:
        build(pattern="contoso.com", cost="many")

    assert (caught.value.problem.field, caught.value.problem.value) == ("cost", "many")


@pytest.mark.parametrize(
    ("pattern", "domain", "expected"),
    [
        ("*", "contoso.com", True),
        ("*", "[192.0.2.1]", True),
        ("contoso.com", "contoso.com", True),
        ("contoso.com", "mail.contoso.com", False),
        ("*.contoso.com", "contoso.com", True),
        ("*.contoso.com", "a.b.contoso.com", True),
        ("*.contoso.com", "xcontoso.com", False),
        ("*.contoso.com", "contoso.com.evil.example", False),
        ("*.com", "com", True),
    ],
)
def test_a_domain_matches_as_exchange_says(pattern, domain, expected):
    assert parse(pattern).matches(domain) is expected


def test_another_type_matches_no_mail_domain():
    assert not AddressSpace("FAX", "*", 1).matches("contoso.com")


def test_an_exact_domain_is_more_specific_than_the_longest_suffix_and_that_than_everything():
    spaces = [parse(text) for text in ("*", "*.com", "*.contoso.com", "*." + "a." * 120 + "com", "com")]

    assert sorted(spaces, key=lambda space: space.specificity) == spaces


@pytest.mark.parametrize(
    ("written", "readable"),
    [
        ("*.bücher.example", "*.bücher.example"),
        ("日本語.example", "日本語.example"),
        ("почта.example", "почта.example"),
        ("contoso.com", "contoso.com"),
        # Right to left: would turn the sentence around it.
        ("דוגמה.example", "xn--6dbbec0c.example"),
        # All of it passes for Latin letters.
        ("xn--80ak6aa92e.example", "xn--80ak6aa92e.example"),
        # Latin with one Cyrillic letter.
        ("p\u0430ypal.example", "xn--pypal-4ve.example"),
    ],
)
def test_international_domains_are_shown_readable_unless_that_could_deceive(written, readable):
    assert parse(written).readable == readable


@given(st.one_of(st.just("*"), DOMAINS, DOMAINS.map("*.".__add__)), st.integers(1, 100))
def test_what_was_written_out_reads_back_the_same(pattern, cost):
    space = build(pattern=pattern, cost=cost)

    assert parse(str(space)) == space


@given(DOMAINS, DOMAINS)
def test_a_suffix_matches_exactly_the_domain_and_what_ends_in_dot_domain(domain, other):
    space = parse(f"*.{domain}")

    assert space.matches(f"{other}.{domain}")
    assert space.matches(domain)
    assert space.matches(other) is (f".{other}".endswith(f".{domain}"))


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused_with_a_sentence(text):
    try:
        space = parse(text)
    except InvalidAddressSpace as error:
        sentence = str(error)
    else:
        sentence = str(space)
        assert parse(sentence) == space

    assert sentence.isprintable()
