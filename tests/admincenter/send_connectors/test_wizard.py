"""The wizard at its HTTP border: drafts, secrets, and exactly one connector."""

import json
import logging
import uuid

import pytest
from django.contrib.sessions.models import Session

from admincenter.send_connectors.drafts import DRAFT_LIMIT
from connectors import credentials
from connectors.models import SendConnector
from connectors.services import spec_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]
LIST = "/mail-flow/send-connectors/"
SECRET = "canary-hunter2"
PAGES = {
    "name": {"name": "Relay", "usage": "Custom"},
    "network": {"delivery": "smart_host", "smart_hosts": ["relay.contoso.com"], "port": "25"},
    "authentication": {"auth": "BasicAuth", "username": "contoso", "password": SECRET},
    "address-space": {"space_type": ["SMTP"], "space_pattern": ["*"], "space_cost": ["1"]},
    "source-servers": {"source_servers": ["E15MB1"]},
}


@pytest.fixture
def guid():
    """The token of a wizard, and of the connector that it makes."""
    return uuid.uuid4()


@pytest.fixture
def send(signed_in, guid):
    """Send one page of the wizard."""

    def send(slug, go="next", token=guid, **changes):
        form = PAGES[slug] | changes
        return signed_in.post(f"{LIST}new/{token}/{slug}/", {**form, "go": go})

    return send


def send_all_but_the_last(send, **changes):
    """Click Next to the last page."""
    for slug in list(PAGES)[:-1]:
        assert send(slug, **changes.get(slug, {})).status_code == 302, slug


def test_finish_makes_the_connector_under_the_drafts_guid(send, guid):
    send_all_but_the_last(send)

    answer = send("source-servers", go="finish")

    connector = SendConnector.objects.get()
    assert answer.url == f"{LIST}?selected={connector.pk}"
    assert connector.guid == guid
    assert connector.created_by == "anna"
    assert credentials.open_sealed(connector.sealed_password, guid=guid) == SECRET


def test_a_second_finish_finds_the_connector_made(send):
    send_all_but_the_last(send)
    first = send("source-servers", go="finish")
    second = send("source-servers", go="finish")

    assert second.url == first.url
    assert SendConnector.objects.count() == 1


def test_the_password_is_sealed_at_once_and_shown_nowhere(send, signed_in, guid, caplog):
    caplog.set_level(logging.DEBUG)
    send("name")
    send("network")
    answers = [send("authentication", username=""), send("authentication", go="back")]
    answers += [signed_in.get(f"{LIST}new/{guid}/authentication/{query}") for query in ("", "?check=1")]

    stored = json.dumps([session.get_decoded() for session in Session.objects.all()])
    assert credentials.VERSION in stored
    for text in (stored, caplog.text, *(answer.content.decode() for answer in answers)):
        assert SECRET not in text
    assert "stored; leave blank to keep" in answers[2].content.decode()


def test_other_smart_hosts_forget_the_password(send):
    send_all_but_the_last(send)
    send("network", smart_hosts=["evil.example"])

    answer = send("authentication", password="")

    assert answer.status_code == 422
    assert "Password: basic authentication needs a password." in answer.content.decode()


XOAUTH2 = {
    "auth": "XOAUTH2",
    "username": "relay@contoso.com",
    "oauth_token_url": "https://login.example/token",
    "oauth_client_id": "ours",
    "oauth_scope": "send",
}


def test_the_wizard_makes_a_connector_that_signs_in_with_a_token(send, guid):
    send_all_but_the_last(send, authentication=XOAUTH2)
    send("source-servers", go="finish")
    connector = SendConnector.objects.get()

    assert (connector.auth, connector.oauth_token_url) == ("XOAUTH2", "https://login.example/token")
    assert (connector.oauth_client_id, connector.oauth_scope) == ("ours", "send")
    assert credentials.open_sealed(connector.sealed_password, guid=guid) == SECRET


def test_another_token_url_forgets_the_secret(send):
    send_all_but_the_last(send, authentication=XOAUTH2)
    elsewhere = XOAUTH2 | {"oauth_token_url": "https://evil.example/token", "password": ""}

    answer = send("authentication", **elsewhere)

    assert answer.status_code == 422
    assert "Password: XOAUTH2 needs the secret of the OAuth client." in answer.content.decode()


def test_an_internal_connector_cannot_use_mx_records(send, signed_in, guid):
    send("name", usage="Internal")
    page = signed_in.get(f"{LIST}new/{guid}/network/").content.decode()
    assert "An Internal connector hands mail to servers of your own organization" in page

    answer = send("network", delivery="mx")

    assert answer.status_code == 422


def test_mx_delivery_skips_the_authentication_page(send, signed_in, guid):
    send("name", usage="Internet")

    answer = send("network", delivery="mx", smart_hosts=[])

    assert answer.url.endswith("/address-space/")
    assert "Smart host authentication" not in signed_in.get(answer.url).content.decode()
    assert signed_in.get(f"{LIST}new/{guid}/authentication/").status_code == 302


def test_what_was_typed_for_smart_hosts_does_not_follow_to_mx(send):
    send_all_but_the_last(send)
    send("network", delivery="mx")
    send("source-servers", go="finish")

    spec = spec_of(SendConnector.objects.get())
    assert (spec.delivery, spec.smart_hosts, spec.auth, spec.username) == ("mx", (), "None", "")


def test_finish_leads_to_the_first_wrong_page(send, signed_in):
    send_all_but_the_last(send)
    send("address-space", go="back", space_pattern=["*contoso.com"])

    answer = send("source-servers", go="finish")

    assert answer.url.endswith("/address-space/?check=1")
    assert "Address space *contoso.com: a wildcard needs a dot" in signed_in.get(answer.url).content.decode()
    assert SendConnector.objects.count() == 0


def test_finish_on_an_unsent_wizard_asks_for_everything(send, guid):
    send("name", go="back", name="")

    answer = send("source-servers", go="finish")

    assert answer.url == f"{LIST}new/{guid}/name/?check=1"


def test_finish_shows_a_page_that_was_left_out_as_it_is_at_first(send, signed_in, guid):
    send("name")

    answer = send("source-servers", go="finish")

    assert answer.url == f"{LIST}new/{guid}/network/"
    assert "errorlist" not in signed_in.get(answer.url).content.decode()


def test_a_wrong_page_before_does_not_make_this_one_wrong(send):
    send("name")
    send("network", go="back", port="0")

    assert send("authentication").url.endswith("/address-space/")


def test_a_name_taken_since_the_first_page_is_said_on_that_page(send, make, signed_in):
    send_all_but_the_last(send)
    make("relay")

    answer = send("source-servers", go="finish")

    assert answer.url.endswith("/name/?check=1")
    assert "another send connector has this name" in signed_in.get(answer.url).content.decode()


def test_another_type_of_address_needs_a_smart_host(send):
    send("name")
    send("network", delivery="mx", smart_hosts=[])

    answer = send("address-space", space_type=["X400"], space_pattern=["c=us;a=adatum"], space_cost=["1"])

    assert answer.status_code == 422
    assert "has no MX records and needs a smart host" in answer.content.decode()


def test_pasted_smart_hosts_become_several(send):
    send_all_but_the_last(send, network={"smart_hosts": ["a.contoso.com, b.contoso.com  192.0.2.1", ""]})
    send("source-servers", go="finish")

    assert spec_of(SendConnector.objects.get()).smart_hosts == ("a.contoso.com", "b.contoso.com", "192.0.2.1")


def test_rows_come_and_go_on_the_server(send, signed_in):
    send("name")
    added = send("network", go="add-smart_hosts")
    assert added.url.endswith("?row=smart_hosts-2")
    assert 'id="smart_hosts-2"' in signed_in.get(added.url).content.decode()

    removed = send("network", go="remove-smart_hosts-1", smart_hosts=["one.example", "two.example"])

    page = signed_in.get(removed.url).content.decode()
    assert 'value="two.example"' in page
    assert "one.example" not in page


@pytest.mark.parametrize(
    "go", ["remove-smart_hosts-99", "remove-smart_hosts-x", "add-nothing", "remove", "-", "§"]
)
def test_a_strange_order_changes_nothing(send, signed_in, go):
    send("name")

    answer = send("network", go=go)

    assert 'value="relay.contoso.com"' in signed_in.get(answer.url).content.decode()


def test_cancel_forgets_the_draft(send, signed_in):
    send("name")

    answer = send("network", go="cancel")

    assert answer.url == LIST
    assert not any(signed_in.session.get("send_connector_drafts", {}))


def test_only_the_youngest_drafts_are_kept(send, signed_in):
    first = uuid.uuid4()
    send("name", token=first)
    for _ in range(DRAFT_LIMIT):
        send("name", token=uuid.uuid4())

    answer = signed_in.get(f"{LIST}new/{first}/network/", follow=True)

    assert "That draft is gone" in answer.content.decode()
    assert len(signed_in.session["send_connector_drafts"]) == DRAFT_LIMIT


def test_a_draft_is_bounded(send, signed_in):
    send("name", go="back", name="x" * 100_000)
    send("network", go="back", smart_hosts=["y"] * 3000)

    assert len(json.dumps(signed_in.session["send_connector_drafts"])) < 12_000


def test_an_unknown_page_leads_to_the_first(signed_in, send, guid):
    send("name")

    assert signed_in.get(f"{LIST}new/{guid}/nothing/").url == f"{LIST}new/{guid}/name/"


def test_a_finished_wizard_leads_to_its_connector(send, signed_in, guid):
    send_all_but_the_last(send)
    made = send("source-servers", go="finish").url

    assert signed_in.get(f"{LIST}new/{guid}/network/").url == made
