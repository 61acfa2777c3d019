"""The choice of connector: each step, its sentence, and what is true of every choice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.address_spaces import parse
from connectors.selection import Candidate, RoutingTable, Stage, Viewpoint, choose

SITES = {"E15MB1": "Paris", "E15MB2": "Paris", "E15MB3": "Oslo"}
FROM_PARIS = Viewpoint(server="E15MB1", sites=SITES)
SMALL = 1000


def connector(name, spaces="*", **fields):
    fields.setdefault("source_servers", ("E15MB1",))
    return Candidate(
        id=fields.pop("id", sum(name.encode())),
        name=name,
        address_spaces=tuple(parse(space) for space in spaces.split(",")),
        **fields,
    )


def ask(*candidates, domain="mail.contoso.com", size_bytes=SMALL, viewpoint=FROM_PARIS):
    return choose(candidates, domain=domain, size_bytes=size_bytes, viewpoint=viewpoint)


def test_nothing_configured_carries_nothing():
    choice = ask()

    assert (choice.winner, choice.considered, choice.too_large) == (None, (), False)


@pytest.mark.parametrize(
    ("winner", "loser", "stage", "reason"),
    [
        (
            connector("Roomy"),
            connector("Exact", "mail.contoso.com", max_message_bytes=999),
            Stage.SIZE,
            "It carries messages up to 999 B (999 bytes), and this one has 1000 B (1,000 bytes).",
        ),
        (
            connector("On"),
            connector("Off", "mail.contoso.com", enabled=False),
            Stage.ENABLED,
            "It is disabled.",
        ),
        (
            connector("Everywhere"),
            connector("Oslo only", "mail.contoso.com", scoped=True, source_servers=("E15MB3",)),
            Stage.SCOPE,
            "It is scoped to Oslo, and E15MB1 is in Paris.",
        ),
        (
            connector("Fits"),
            connector("Fabrikam", "fabrikam.com"),
            Stage.MATCH,
            "None of its address spaces matches mail.contoso.com.",
        ),
        (
            connector("Subdomains", "*.contoso.com;100", source_servers=("E15MB3",)),
            connector("All", "*;1"),
            Stage.SPECIFICITY,
            "Its address space * is less specific than *.contoso.com of Subdomains.",
        ),
        (
            connector("Cheap", "*;2", source_servers=("E15MB3",)),
            connector("Also all", "*;3"),
            Stage.COST,
            "Its cost for * is 3, and Cheap does it for 2.",
        ),
        (
            connector("Here"),
            connector("Beside", source_servers=("E15MB2",)),
            Stage.PROXIMITY,
            "Its nearest source server is another one in this site; Here has this very server, E15MB1.",
        ),
        (
            connector("Same site", source_servers=("E15MB2",)),
            connector("Far", source_servers=("E15MB3",)),
            Stage.PROXIMITY,
            "It has no source server in this site; Same site has one in the same site as E15MB1.",
        ),
        (connector("a"), connector("B"), Stage.NAME, "All else is equal, and the name a comes first."),
    ],
)
def test_each_step_decides_and_says_why(winner, loser, stage, reason):
    choice = ask(loser, winner)

    assert choice.winner == winner
    assert [(one.connector, one.stage, one.reason) for one in choice.considered] == [(loser, stage, reason)]


def test_the_space_that_matches_best_counts_for_its_connector():
    two = connector("Two", "contoso.com;50,*.com;1")
    one = connector("One", "contoso.com;10")

    choice = ask(two, one, domain="contoso.com")

    assert choice.winner == one
    assert str(choice.considered[0].space) == "SMTP:contoso.com;50"


def test_a_scoped_connector_is_seen_from_the_other_server_of_its_site():
    scoped = connector("Scoped", scoped=True, source_servers=("E15MB2",))

    assert ask(scoped).winner == scoped


def test_servers_of_unknown_site_share_no_site():
    scoped = connector("Scoped", scoped=True, source_servers=("GONE",))

    assert ask(scoped, viewpoint=Viewpoint(server="NEW", sites=SITES)).winner is None


def test_a_large_message_falls_to_a_less_specific_but_roomier_connector():
    exact = connector("Exact", "mail.contoso.com", max_message_bytes=10)
    roomy = connector("Roomy", "*;100")

    assert ask(exact, roomy).winner == roomy


def test_too_large_for_every_connector_is_told_apart_from_unreachable():
    small = connector("Small", max_message_bytes=10)

    assert ask(small).too_large
    assert not ask(small, size_bytes=10).too_large


@pytest.mark.parametrize(
    "other",
    [
        {"enabled": False},
        {"spaces": "fabrikam.com"},
        {"scoped": True, "source_servers": ("E15MB3",)},
    ],
)
def test_a_connector_that_could_not_serve_anyway_makes_nothing_too_large(other):
    assert not ask(connector("Small", max_message_bytes=10, **other)).too_large


def test_a_hostile_domain_is_harmless_in_a_reason():
    choice = ask(connector("Fabrikam", "fabrikam.com"), domain="<script>\x1b[2J\r\n" + "x" * 9000)

    assert choice.considered[0].reason.isprintable()
    assert len(choice.considered[0].reason) < 200


DOMAINS = (
    *("com", "contoso.com", "mail.contoso.com", "a.mail.contoso.com", "fabrikam.com"),
    *("[192.0.2.1]", "", "..", "a..com", ".contoso.com", "*", "*.com", "x" * 300, "x." * 300 + "contoso.com"),
    # 253 and 254 characters: the longest name that a pattern could have, and one more.
    *("x" * 241 + ".contoso.com", "x" * 242 + ".contoso.com"),
)
PATTERNS = ("*", "*.com", "*.contoso.com", "contoso.com", "mail.contoso.com", "*.mail.contoso.com", "FAX:1")
SPACES = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4, unique=True).flatmap(
    lambda patterns: st.lists(st.integers(1, 3), min_size=len(patterns), max_size=len(patterns)).map(
        lambda costs: ",".join(f"{pattern};{cost}" for pattern, cost in zip(patterns, costs, strict=True))
    )
)
CONNECTORS = st.lists(
    st.builds(
        connector,
        st.sampled_from(["a", "A", "b", "C", "ç"]),
        SPACES,
        enabled=st.sampled_from([True, True, True, False]),
        scoped=st.booleans(),
        max_message_bytes=st.sampled_from([None, None, 10, SMALL]),
        source_servers=st.lists(st.sampled_from([*SITES, "GONE"]), max_size=3, unique=True).map(tuple),
    ),
    max_size=7,
).map(lambda some: [Candidate(**{**_fields(one), "id": number}) for number, one in enumerate(some)])
VIEWPOINTS = st.builds(Viewpoint, server=st.sampled_from([*SITES, "NEW"]), sites=st.just(SITES))
QUESTIONS = st.fixed_dictionaries(
    {
        "domain": st.sampled_from(DOMAINS),
        "size_bytes": st.sampled_from([5, 500, 5000]),
        "viewpoint": VIEWPOINTS,
    }
)


def _fields(candidate):
    return {name: getattr(candidate, name) for name in candidate.__slots__}


@given(CONNECTORS, QUESTIONS)
@settings(max_examples=300)
def test_the_fast_route_is_the_explained_choice(candidates, question):
    choice = choose(candidates, **question)
    route = RoutingTable(candidates).route(**question)

    assert route.connector_id == (choice.winner.id if choice.winner else None)
    assert route.too_large is choice.too_large


@given(CONNECTORS, QUESTIONS, st.randoms(use_true_random=False))
def test_the_order_in_which_connectors_are_stored_decides_nothing(candidates, question, chance):
    shuffled = candidates[:]
    chance.shuffle(shuffled)

    assert choose(shuffled, **question) == choose(candidates, **question)
    assert RoutingTable(shuffled).route(**question) == RoutingTable(candidates).route(**question)


@given(CONNECTORS, QUESTIONS)
def test_winner_and_losers_are_all_connectors_each_once_and_each_with_a_sentence(candidates, question):
    choice = choose(candidates, **question)
    named = [loser.connector.id for loser in choice.considered]
    named += [choice.winner.id] if choice.winner else []

    assert sorted(named) == sorted(candidate.id for candidate in candidates)
    assert all(loser.reason.endswith(".") and loser.reason.isprintable() for loser in choice.considered)


@given(CONNECTORS, QUESTIONS)
def test_the_winner_may_carry_it_and_no_loser_that_may_is_more_specific_or_as_specific_and_cheaper(
    candidates, question
):
    choice = choose(candidates, **question)
    if choice.winner is None:
        return
    best = (-choice.space.specificity, choice.space.cost)

    assert choice.winner.enabled
    assert choice.winner.carries(question["size_bytes"])
    assert choice.space.matches(question["domain"])
    contested = {Stage.SPECIFICITY, Stage.COST, Stage.PROXIMITY, Stage.NAME}
    for loser in choice.considered:
        assert loser.stage not in contested or (-loser.space.specificity, loser.space.cost) >= best


@given(CONNECTORS, QUESTIONS)
def test_without_the_winner_the_next_best_wins_and_nobody_else_changes_place(candidates, question):
    order = []
    remaining = candidates
    while (winner := choose(remaining, **question).winner) is not None:
        order.append(winner.id)
        remaining = [candidate for candidate in remaining if candidate.id != winner.id]
    pairs = {
        (first, second)
        for first in order
        for second in order
        if first != second
        and choose([one for one in candidates if one.id in {first, second}], **question).winner.id == first
    }

    # A total order: every pair alone agrees with the ranking of all.
    assert pairs == {(a, b) for place, a in enumerate(order) for b in order[place + 1 :]}


def test_a_thousand_connectors_are_indexed_not_searched():
    some = [connector(f"c{number}", f"*.d{number}.com,e{number}.com", id=number) for number in range(1000)]
    table = RoutingTable(some)
    looked_at = []

    class Watched(dict):
        def get(self, key, default=None):
            looked_at.append(key)
            return super().get(key, default)

    watching = Viewpoint(server="E15MB1", sites=Watched(SITES))

    assert table.route("mail.d77.com", size_bytes=1, viewpoint=watching).connector_id == 77
    assert not looked_at
