"""What a change does to waiting mail is said before it is made; without such mail nothing is asked."""

import re
from dataclasses import replace

import pytest
from django.test import Client

from connectors import credentials, services
from connectors.address_spaces import parse
from connectors.models import ConnectorVersion, SendConnector
from connectors.profiles import Delivery, SmartHostAuth
from connectors.services import spec_of
from tests.admincenter.send_connectors.test_list_and_edit import form_of, save
from tests.support import queued_mail
from tests.support.roles import somebody

pytestmark = pytest.mark.django_db
LIST = "/mail-flow/send-connectors/"
SECRET = "canary-hunter2"


@pytest.fixture
def internet(make):
    """A connector for every domain, and three messages that wait for it."""
    connector = make("Internet")
    queue = queued_mail.queue("fabrikam.com")
    for _ in range(3):
        queued_mail.message(queue)
    return connector


def text_of(answer):
    """The page in words, without the white space and the tags of its source."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.content.decode()))


def carried(answer):
    """What the question would send on, as a browser would."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.content.decode())
    form = {}
    for name, value in found:
        form.setdefault(name, []).append(value)
    return form


def test_a_change_that_touches_waiting_mail_is_told_and_saved_when_confirmed(signed_in, internet):
    told = save(signed_in, internet, space_pattern=["contoso.com"], reason="Ticket 42")

    assert told.status_code == 200
    assert "3 waiting messages become unreachable: no connector carries them any more." in text_of(told)
    assert "fabrikam.com 3 messages: Internet → unreachable" in text_of(told)
    assert spec_of(SendConnector.objects.get()) == spec_of(internet)

    answer = signed_in.post(f"{LIST}{internet.pk}/edit/", carried(told) | {"go": "confirm"})

    assert answer.status_code == 302
    assert spec_of(SendConnector.objects.get()).address_spaces == (parse("contoso.com"),)
    assert ConnectorVersion.objects.of(internet.guid).first().reason == "Ticket 42"


def test_a_change_that_touches_none_is_saved_at_once(signed_in, internet):
    assert save(signed_in, internet, comment="hello").status_code == 302


def test_back_leads_to_what_was_typed(signed_in, internet):
    told = save(signed_in, internet, space_pattern=["contoso.com"], comment="half done")

    back = signed_in.post(f"{LIST}{internet.pk}/edit/", carried(told) | {"go": "review"})

    assert 'value="contoso.com"' in back.content.decode()
    assert "half done" in back.content.decode()
    assert SendConnector.objects.get().comment == ""


def test_another_tls_policy_is_told(signed_in, internet):
    told = save(signed_in, internet, starttls="require")

    assert "3 waiting messages go under another TLS policy." in text_of(told)


def test_somebody_who_was_quicker_is_not_overwritten_by_confirming(signed_in, internet):
    told = save(signed_in, internet, space_pattern=["contoso.com"])
    spec = replace(spec_of(internet), comment="bob's")
    services.change(internet.pk, spec, actor="bob", expected_version=1)

    answer = signed_in.post(f"{LIST}{internet.pk}/edit/", carried(told) | {"go": "confirm"})

    assert answer.status_code == 409
    assert SendConnector.objects.get().comment == "bob's"


@pytest.fixture
def relay(make):
    """A smart host connector with a stored password, and mail that waits for it."""
    connector = make("Relay", delivery=Delivery.SMART_HOST, smart_hosts=("relay.contoso.com",))
    sealed = credentials.seal(SECRET, guid=connector.guid)
    basic = replace(spec_of(connector), auth=SmartHostAuth.BASIC, username="contoso", sealed_password=sealed)
    queued_mail.message(queued_mail.queue("fabrikam.com"))
    return services.change(connector.pk, basic, actor="anna", expected_version=None)


def test_a_password_that_was_typed_survives_the_question_and_is_in_no_page(signed_in, relay):
    told = save(signed_in, relay, smart_hosts=["other.contoso.com"], password="new-canary")
    held = carried(told)
    page = told.content.decode()
    assert told.status_code == 200
    assert "new-canary" not in page
    assert not [text for texts in held.values() for text in texts if "canary" in text]
    assert "new-canary" not in str(dict(signed_in.session))

    assert signed_in.post(f"{LIST}{relay.pk}/edit/", held | {"go": "confirm"}).status_code == 302

    relay.refresh_from_db()
    assert credentials.open_sealed(relay.sealed_password, guid=relay.guid) == "new-canary"
    assert (
        "send_connector_passwords" not in signed_in.session
        or not signed_in.session["send_connector_passwords"]
    )


def test_a_password_goes_only_where_it_was_typed_for(signed_in, relay):
    held = carried(save(signed_in, relay, smart_hosts=["other.contoso.com"], password="new-canary"))

    turned = held | {"go": "confirm", "smart_hosts": ["evil.example"]}
    answer = signed_in.post(f"{LIST}{relay.pk}/edit/", turned)

    assert answer.status_code == 422
    assert "type it again" in answer.content.decode()
    relay.refresh_from_db()
    assert credentials.open_sealed(relay.sealed_password, guid=relay.guid) == SECRET


def test_a_password_that_was_lost_meanwhile_is_asked_for(signed_in, relay):
    held = carried(save(signed_in, relay, smart_hosts=["other.contoso.com"], password="new-canary"))
    signed_in.post(f"{LIST}{relay.pk}/edit/", held | {"go": "cancel"})

    answer = signed_in.post(f"{LIST}{relay.pk}/edit/", held | {"go": "confirm"})

    assert answer.status_code == 422
    assert "type it again" in answer.content.decode()


@pytest.mark.parametrize(("verb", "word"), [("disable", "Disable"), ("enable", "Enable")])
def test_switching_is_asked_where_it_touches_waiting_mail(signed_in, internet, verb, word):
    SendConnector.objects.update(enabled=verb == "disable")
    picked = {"selected": internet.pk}

    asked = signed_in.post(f"{LIST}act/", picked | {"verb": verb}, follow=True)
    assert f"{word} this send connector?" in text_of(asked)
    told = "become unreachable" if verb == "disable" else "find a way"
    assert f"3 {'waiting' if verb == 'disable' else 'unreachable'} messages {told}" in text_of(asked)
    assert SendConnector.objects.get().enabled == (verb == "disable")

    refused = signed_in.post(f"{LIST}{verb}/", picked | {"reason": "x" * 501})
    assert refused.status_code == 422
    done = signed_in.post(f"{LIST}{verb}/", picked | {"reason": "Ticket 42"}, follow=True)
    assert f"1 send connector {verb}d." in text_of(done)
    assert SendConnector.objects.get().enabled == (verb == "enable")
    assert ConnectorVersion.objects.of(internet.guid).first().reason == "Ticket 42"


def test_deleting_says_what_becomes_of_waiting_mail(signed_in, internet):
    asked = signed_in.get(f"{LIST}remove/", {"selected": internet.pk})
    assert "3 waiting messages become unreachable" in text_of(asked)

    refused = signed_in.post(f"{LIST}remove/", {"selected": internet.pk, "reason": "x" * 501})
    assert refused.status_code == 422
    assert "Reason" in text_of(refused)
    signed_in.post(f"{LIST}remove/", {"selected": internet.pk, "reason": "Ticket 42"})
    assert ConnectorVersion.objects.of(internet.guid).first().reason == "Ticket 42"
    assert not SendConnector.objects.exists()


def test_going_back_is_asked_where_it_touches_waiting_mail(signed_in, internet):
    spec = replace(spec_of(internet), address_spaces=(parse("fabrikam.com"),))
    services.change(internet.pk, spec, actor="bert", expected_version=None)
    SendConnector.objects.get()
    queued_mail.message(queued_mail.queue("adatum.com"))
    back = {"number": 1, "version": 2}

    asked = signed_in.post(f"{LIST}history/{internet.guid}/revert/", back)
    assert asked.status_code == 200
    assert "1 unreachable message finds a way." in text_of(asked)
    assert SendConnector.objects.get().version == 2

    done = signed_in.post(f"{LIST}history/{internet.guid}/revert/", carried(asked))
    assert done.status_code == 302
    assert spec_of(SendConnector.objects.get()).address_spaces == (parse("*"),)


def test_who_may_not_change_is_told_nothing(internet):
    reader = Client()
    reader.force_login(somebody("V"))

    answers = [
        reader.post(f"{LIST}{internet.pk}/edit/", form_of(internet, space_pattern=["contoso.com"])),
        reader.get(f"{LIST}disable/", {"selected": internet.pk}),
        reader.post(f"{LIST}disable/", {"selected": internet.pk}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3


def test_a_hostile_domain_is_only_text(signed_in, make):
    connector = make("Internet")
    queued_mail.message(queued_mail.queue("<script>alert(1)</script>"))

    asked = signed_in.get(f"{LIST}remove/", {"selected": connector.pk})

    assert b"<script>alert" not in asked.content
