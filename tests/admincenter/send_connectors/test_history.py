"""The history of a connector at its HTTP border: read by all, gone back to by those who may."""

import re
from dataclasses import replace

import pytest
from django.test import Client

from admincenter.send_connectors.versions import ROWS
from connectors import credentials, services
from connectors.models import SendConnector
from connectors.profiles import Delivery, SmartHostAuth
from connectors.services import spec_of
from tests.support.roles import somebody

pytestmark = pytest.mark.django_db
LIST = "/mail-flow/send-connectors/"
SECRET = "canary-hunter2"


def change(connector, *, reason="", **fields):
    """Change settings of a stored connector."""
    stored = SendConnector.objects.get(pk=connector.pk)
    spec = replace(spec_of(stored), **fields)
    return services.change(connector.pk, spec, actor="bert", expected_version=None, reason=reason)


def page_of(client, connector, **query):
    """The page, with the white space that only the source has taken out."""
    answer = client.get(f"{LIST}history/{connector.guid}/", query)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def go_back(client, connector, number, **fields):
    """Press the button."""
    form = {"number": number, "version": SendConnector.objects.get(pk=connector.pk).version}
    return client.post(f"{LIST}history/{connector.guid}/revert/", form | fields)


@pytest.fixture
def relay(make):
    """A smart host connector with a stored password."""
    connector = make("Relay", delivery=Delivery.SMART_HOST, smart_hosts=("relay.contoso.com",))
    sealed = credentials.seal(SECRET, guid=connector.guid)
    basic = {"auth": SmartHostAuth.BASIC, "username": "contoso", "sealed_password": sealed}
    return change(connector, **basic)


def test_the_details_lead_to_the_history(signed_in, make):
    connector = make("Internet")

    page = signed_in.get(LIST, {"selected": connector.pk}).content.decode()

    assert f"{LIST}history/{connector.guid}/" in page


def test_each_version_says_what_differs_from_the_one_before(signed_in, make):
    connector = make("Internet")
    change(connector, port=2525, comment="to all", reason="Ticket 42")
    services.disable([connector.pk], actor="carl")

    page = page_of(signed_in, connector)

    for said in (
        "Comment: empty → to all",
        "Port: 25 → 2525",
        "“Ticket 42”",
        "Enabled: True → False",
        "carl",
    ):
        assert said in page
    assert page.count('class="deed"') == 3


def test_the_newest_is_compared_with_the_one_before_and_any_two_can_be(signed_in, make):
    connector = make("Internet")
    change(connector, port=2525)
    change(connector, comment="to all")

    newest = page_of(signed_in, connector)
    both = page_of(signed_in, connector, **{"from": 1, "to": 3})
    backwards = page_of(signed_in, connector, **{"from": 3, "to": 1})

    assert "Compared with version 2" in newest
    assert "<dt>Port</dt>" not in newest
    assert "<dt>Port</dt>" in both
    assert "<del>25</del>" in both
    assert "<del>2525</del>" in backwards


def test_a_password_is_told_as_changed_and_never_shown(signed_in, relay):
    page = page_of(signed_in, relay)

    assert "AuthenticationCredential: changed" in page
    assert SECRET not in page
    assert relay.sealed_password not in page


@pytest.mark.parametrize(
    "query", [{"to": "9"}, {"from": "9", "to": "1"}, {"to": "9" * 40, "from": "x", "before": "-"}]
)
def test_a_version_that_is_not_there_harms_nothing(signed_in, make, query):
    connector = make("Internet")

    page = page_of(signed_in, connector, **query)

    assert "No such version" in page or "The history begins here." in page


def test_a_connector_that_never_was_is_404(signed_in):
    guid = "6f2f5bd2-95f5-4cbb-8f1f-3a3a1f6b7b10"

    assert signed_in.get(f"{LIST}history/{guid}/").status_code == 404
    assert signed_in.post(f"{LIST}history/{guid}/revert/").status_code == 404


def test_one_click_goes_back(signed_in, make):
    connector = make("Internet")
    change(connector, port=2525)

    answer = go_back(signed_in, connector, 1)

    assert answer.url == f"{LIST}?selected={connector.pk}"
    connector.refresh_from_db()
    assert (connector.port, connector.version) == (25, 3)
    assert "Reverted to version 1" in page_of(signed_in, connector)


def test_a_password_that_goes_elsewhere_is_asked_for_and_then_taken(signed_in, relay):
    sealed = credentials.seal(SECRET, guid=relay.guid)
    change(relay, smart_hosts=("other.contoso.com",), sealed_password=sealed)

    asked = go_back(signed_in, relay, 2)
    assert asked.status_code == 422
    assert "which clears the stored password: type it again" in asked.content.decode()
    assert 'name="password"' in asked.content.decode()

    again = go_back(signed_in, relay, 2, password="typed", reason="back")
    assert again.status_code == 302
    relay.refresh_from_db()
    assert credentials.open_sealed(relay.sealed_password, guid=relay.guid) == "typed"


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"version": "1"}, 409, "was changed by bert at"),
        ({"version": ""}, 409, "Nothing was saved"),
        ({"reason": "x" * 501}, 422, "a reason has at most 500 characters"),
        ({"password": "a\nb"}, 422, "Password"),
    ],
)
def test_what_stands_in_the_way_is_said_and_nothing_is_changed(signed_in, make, fields, status, sentence):
    connector = make("Internet")
    change(connector, port=2525)

    answer = go_back(signed_in, connector, 1, **fields)

    assert answer.status_code == status
    assert sentence in answer.content.decode()
    connector.refresh_from_db()
    assert connector.port == 2525


def test_a_name_that_another_connector_took_is_refused(signed_in, make):
    connector = make("Internet")
    change(connector, name="World")
    make("Internet")

    answer = go_back(signed_in, connector, 1)

    assert answer.status_code == 422
    assert "another send connector has this name" in answer.content.decode()


def test_the_history_stays_when_the_connector_is_gone(signed_in, make):
    connector = make("Internet")
    services.remove([connector.pk], actor="anna")

    page = page_of(signed_in, connector)

    assert "This send connector was deleted. Its history stays." in page
    assert "Go back to" not in page


def test_who_only_reads_sees_the_history_and_no_button(make):
    connector = make("Internet")
    change(connector, port=2525)
    reader = Client()
    reader.force_login(somebody("V"))

    assert "Go back to" not in page_of(reader, connector, to=1)
    assert go_back(reader, connector, 1).status_code == 403


def test_texts_from_people_are_escaped(signed_in, make):
    connector = make("Internet")
    change(connector, comment="<script>alert(1)</script>", reason="<script>alert(2)</script>")

    assert "<script>alert" not in page_of(signed_in, connector)


def test_a_long_history_comes_in_pages_at_the_same_cost(signed_in, make, django_assert_max_num_queries):
    connector = make("Internet")
    for number in range(ROWS + 5):
        change(connector, port=1000 + number)
    page_of(signed_in, connector)

    with django_assert_max_num_queries(15):
        newest = page_of(signed_in, connector)
    older = page_of(signed_in, connector, before=7)

    assert newest.count('class="deed"') == ROWS
    assert "?before=7" in newest
    assert older.count('class="deed"') == 6
    assert "No older ones." in older
