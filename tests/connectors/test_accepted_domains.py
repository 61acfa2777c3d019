"""For which domains mail is taken in from anybody."""

import pytest
from django.db import IntegrityError, transaction

from connectors import domain_services, reception
from connectors.accepted_domains import AcceptedDomain, AcceptedDomains, DomainType, parse_pattern
from connectors.address_spaces import parse
from connectors.errors import InvalidSettings, InvalidValue, Missing
from connectors.models import AcceptedDomain as Row


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Contoso.COM", "contoso.com"),
        ("*.contoso.com", "*.contoso.com"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_an_accepted_domain_is_a_domain_or_all_below_it(text, stored):
    assert parse_pattern(text) == stored


@pytest.mark.parametrize(
    "text", ["", "*", "*.", "*.com", "com", "*contoso.com", "a.*.com", "a@b.com", "10.0.0.1"]
)
def test_what_would_relay_for_everybody_is_no_accepted_domain(text):
    with pytest.raises(InvalidValue, match="DomainName"):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("contoso.com", "Contoso"),
        ("CONTOSO.com.", "Contoso"),
        ("mail.contoso.com", "Below"),
        ("a.b.contoso.com", "Below"),
        ("deep.eu.contoso.com", "Europe"),
        ("eu.contoso.com", "Below"),
        ("notcontoso.com", None),
        ("contoso.com.evil.example", None),
        ("com", None),
        ("", None),
    ],
)
def test_the_nearest_accepted_domain_is_found(domain, name):
    domains = AcceptedDomains(
        [
            AcceptedDomain(name="Contoso", pattern="contoso.com"),
            AcceptedDomain(name="Below", pattern="*.contoso.com"),
            AcceptedDomain(name="Europe", pattern="*.eu.contoso.com"),
        ]
    )

    found = domains.find(domain)

    assert (found.name if found else None) == name


def make(name, domain, kind=DomainType.AUTHORITATIVE, **fields):
    return domain_services.create(name, domain=domain, type=kind, actor="anna", **fields)


@pytest.mark.django_db
@pytest.mark.state
def test_there_is_one_default_and_it_moves():
    first, second = make("One", "one.example", default=True), make("Two", "two.example")
    domain_services.change(second.pk, default=True, actor="anna")

    assert list(Row.objects.filter(default=True)) == [second]
    with pytest.raises(IntegrityError), transaction.atomic():
        Row.objects.filter(pk=first.pk).update(default=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "domain", "rule"),
    [
        ("one", "other.example", "another accepted domain has this name"),
        ("Other", "ONE.example", "it is an accepted domain already"),
        ("Other", "*", "an accepted domain is a domain"),
    ],
)
def test_a_name_and_a_domain_stand_once(name, domain, rule):
    make("One", "one.example")

    with pytest.raises(InvalidSettings, match=rule):
        make(name, domain)


@pytest.mark.django_db
def test_a_pattern_is_no_default():
    with pytest.raises(InvalidSettings, match="one domain and no pattern"):
        make("All", "*.one.example", default=True)


@pytest.mark.django_db
def test_what_was_removed_cannot_be_changed():
    row = make("One", "one.example")

    assert domain_services.remove([row.pk], actor="anna") == 1
    with pytest.raises(Missing):
        domain_services.change(row.pk, default=True, actor="anna")


@pytest.mark.django_db
@pytest.mark.state
@pytest.mark.parametrize(
    ("spaces", "kind", "pattern", "routable"),
    [
        (("*",), DomainType.AUTHORITATIVE, "contoso.com", False),
        (("*", "contoso.com"), DomainType.AUTHORITATIVE, "contoso.com", True),
        (("*.contoso.com",), DomainType.AUTHORITATIVE, "contoso.com", True),
        (("contoso.com",), DomainType.AUTHORITATIVE, "*.contoso.com", False),
        (("*.contoso.com",), DomainType.AUTHORITATIVE, "*.contoso.com", True),
        (("fabrikam.com",), DomainType.AUTHORITATIVE, "contoso.com", False),
        (("*",), DomainType.INTERNAL_RELAY, "contoso.com", True),
        (("*",), DomainType.EXTERNAL_RELAY, "contoso.com", True),
    ],
)
def test_an_authoritative_domain_needs_a_connector_that_names_it(
    make_connector, spaces, kind, pattern, routable
):
    make_connector(spaces)
    make("Contoso", pattern, kind)

    _, read = reception.read("E15MB1")

    assert read.domains.find("x.contoso.com" if "*" in pattern else "contoso.com").routable is routable


@pytest.mark.django_db
def test_a_disabled_connector_carries_nothing(make_connector):
    make_connector(("contoso.com",), enabled=False)
    make("Contoso", "contoso.com")

    _, read = reception.read("E15MB1")

    assert not read.domains.find("contoso.com").routable


@pytest.fixture
def make_connector(make_send_connector):
    return lambda spaces, **fields: make_send_connector(address_spaces=tuple(map(parse, spaces)), **fields)


@pytest.fixture
def make_send_connector(internet, request):
    create = request.getfixturevalue("make")
    return lambda **fields: create(internet, **fields)
