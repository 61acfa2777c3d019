"""POST /api/v1/messages: programs submit with an application password."""

import base64
import email
import email.policy
import json
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admincenter.message_api import tokens
from connectors import login_services
from tests.support.engine import connector, server
from transport import intervals
from transport.back_pressure import Level
from transport.models import Message, Recipient, ResourcePressure, SubmissionWindow, TransportServer

pytestmark = [pytest.mark.django_db, pytest.mark.state]
ADDRESS = "/api/v1/messages"
WHOLE = b"From: Anna <anna@contoso.test>\r\nTo: bob@fabrikam.test\r\nSubject: Hello\r\n\r\nHello.\r\n"
PARTS = {"from": "anna@contoso.test", "to": ["bob@fabrikam.test"], "subject": "Hello", "text": "Hello."}


@pytest.fixture(autouse=True)
def world():
    tokens._known.clear()
    server()
    connector()


@pytest.fixture
def token():
    """An application password that may send as everybody at contoso.test."""
    return login_services.create("printer", senders=["contoso.test"], actor="tests")[1]


@pytest.fixture
def post(token):
    """Submit something; headers and query as given."""

    def send(body, *, kind=None, bearer=token, query="", **headers):
        if not isinstance(body, bytes):
            body, kind = json.dumps(body).encode(), kind or "application/json"
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        # As a program does: no cookie, no CSRF token.
        client = Client(enforce_csrf_checks=True)
        return client.post(ADDRESS + query, body, content_type=kind or "message/rfc822", headers=headers)

    return send


def content(message):
    return b"".join(bytes(chunk.data) for chunk in message.chunks.order_by("position"))


def recipients():
    return sorted(Recipient.objects.values_list("address", flat=True))


def test_a_whole_message_is_taken_and_the_answer_names_it(post):
    answer = post(WHOLE)
    message = Message.objects.get()

    assert answer.status_code == 202
    assert answer.json() == {"id": message.pk, "internet_message_id": message.internet_message_id}
    assert (message.mail_from, message.source, message.login) == ("anna@contoso.test", "HTTP", "printer")
    assert message.trusted_sender
    assert recipients() == ["bob@fabrikam.test"]
    assert content(message).endswith(WHOLE)
    assert content(message).startswith(b"Received: ")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_envelope_may_stand_in_the_query(post):
    answer = post(
        WHOLE,
        query="?from=bounces@contoso.test&to=eva@fabrikam.test&to=carl@adatum.test&notify=SUCCESS,FAILURE",
    )

    assert answer.status_code == 202
    assert Message.objects.get().mail_from == "bounces@contoso.test"
    assert recipients() == ["carl@adatum.test", "eva@fabrikam.test"]
    assert set(Recipient.objects.values_list("notify", flat=True)) == {"SUCCESS,FAILURE"}


def test_bcc_is_obeyed_and_taken_out(post):
    post(b"Bcc: secret@fabrikam.test\r\n" + WHOLE)

    assert recipients() == ["bob@fabrikam.test", "secret@fabrikam.test"]
    assert b"secret" not in content(Message.objects.get())


def test_a_message_may_come_in_parts(post):
    attached = {
        "filename": "ü.pdf",
        "content_type": "application/pdf",
        "content": base64.b64encode(b"%PDF").decode(),
    }
    answer = post(
        {
            "from": {"address": "anna@contoso.test", "name": "Anna Müller"},
            "to": [{"address": "bob@fabrikam.test", "name": "Bob"}, "eva@fabrikam.test"],
            "cc": "carl@adatum.test",
            "bcc": ["secret@adatum.test"],
            "reply_to": "office@contoso.test",
            "subject": "Grüße",
            "text": "Hallo",
            "html": "<p>Hallo</p>",
            "attachments": [attached],
            "notify": "never",
        }
    )
    assert answer.status_code == 202
    stored = email.message_from_bytes(content(Message.objects.get()), policy=email.policy.default)

    assert recipients() == [
        "bob@fabrikam.test",
        "carl@adatum.test",
        "eva@fabrikam.test",
        "secret@adatum.test",
    ]
    assert stored["From"] == "Anna Müller <anna@contoso.test>"
    assert stored["To"] == "Bob <bob@fabrikam.test>, eva@fabrikam.test"
    assert (stored["Cc"], stored["Reply-To"], stored["Subject"]) == (
        "carl@adatum.test",
        "office@contoso.test",
        "Grüße",
    )
    assert stored["Bcc"] is None
    assert [part.get_filename() for part in stored.iter_attachments()] == ["ü.pdf"]
    assert answer.json()["internet_message_id"] == stored["Message-ID"]
    assert set(Recipient.objects.values_list("notify", flat=True)) == {"NEVER"}


def problem(answer, status):
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Message.objects.exists()
    body = answer.json()
    assert (body["status"], body["type"]) == (status, "about:blank")
    return body


@pytest.mark.parametrize("bearer", ["", "x", "a" * 32, "x" * 5000, "é"])
def test_without_a_token_that_counts_nothing_is_even_read(post, bearer):
    answer = post(WHOLE, bearer=bearer)

    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer-like"])
def test_another_scheme_is_no_token(post, token, scheme):
    problem(post(WHOLE, bearer="", Authorization=f"{scheme} {token}"), 401)


def test_a_token_that_was_removed_or_has_run_out_counts_no_more(post):
    login, other = login_services.create(
        "short", expires_at=timezone.now() + timedelta(hours=1), actor="tests"
    )
    assert post(WHOLE, bearer=other).status_code == 202
    Message.objects.all().delete()
    login_services.change(
        login.pk, senders=["*"], description="", enabled=True, expires_at=timezone.now(), actor="tests"
    )
    problem(post(WHOLE, bearer=other), 401)

    login_services.remove([login.pk], actor="tests")
    problem(post(WHOLE, bearer=other), 401)


def test_the_use_of_a_token_is_noted(post):
    from connectors.models import ApplicationPassword

    tokens._noted.clear()
    post(WHOLE)

    assert ApplicationPassword.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"from": "eve@evil.test"}, "eve@evil.test"),
        ({"from": "anna@sub.contoso.test"}, "anna@sub.contoso.test"),
    ],
)
def test_a_token_sends_only_as_those_it_is_for(post, change, value):
    body = problem(post(PARTS | change), 403)

    assert (body["field"], body["value"]) == ("from", value)
    assert body["rule"] == "printer may not send as this address"


def test_neither_envelope_nor_header_may_speak_for_others(post):
    problem(post(WHOLE, query="?from=eve@evil.test"), 403)
    problem(post(WHOLE.replace(b"anna@contoso.test", b"eve@evil.test"), query="?from=anna@contoso.test"), 403)
    problem(post(b"Sender: eve@evil.test\r\n" + WHOLE, query="?from=anna@contoso.test"), 403)
    problem(post(b"From: eve@evil.test\r\n" + WHOLE, query="?from=anna@contoso.test"), 403)


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({}, "from", "one sender is needed"),
        (PARTS | {"from": ["a@contoso.test", "b@contoso.test"]}, "from", "one sender"),
        (PARTS | {"from": ""}, "from", "The address is empty"),
        (PARTS | {"to": []}, "to", "a recipient is needed"),
        (PARTS | {"to": "bob"}, "to", "needs a domain"),
        (PARTS | {"to": "Bob <bob@fabrikam.test>"}, "to", "not of the form"),
        (PARTS | {"to": "bob@fabrikam.test\r\nBcc: eve@evil.test"}, "to", "does not print"),
        (PARTS | {"to": "bob@fabrikam.test>,<eve@evil.test"}, "to", "Something follows"),
        (PARTS | {"to": "\ud800@fabrikam.test"}, "to", "does not print"),
        (PARTS | {"to": 7}, "to", "an address, or an object"),
        (PARTS | {"to": {"name": "Bob"}}, "to", "an address, or an object"),
        (PARTS | {"to": {"address": "b@c.test", "x": 1}}, "to", "an address, or an object"),
        (PARTS | {"subject": "x\r\nBcc: eve@evil.test"}, "subject", "one line"),
        (PARTS | {"subject": "x\u2028y"}, "subject", "one line"),
        (PARTS | {"subject": 1}, "subject", "a text is needed"),
        (PARTS | {"text": None}, "text", "a text is needed"),
        (PARTS | {"html": "\udfff"}, "html", "half a character"),
        (PARTS | {"headers": {"X": "y"}}, "headers", "it is none of"),
        (PARTS | {"notify": "OFTEN"}, "notify", "it is NEVER"),
        (PARTS | {"notify": "NEVER,SUCCESS"}, "notify", "it is NEVER"),
        (PARTS | {"attachments": [{"filename": "x"}]}, "attachments", "an entry has"),
        (PARTS | {"attachments": ["x"]}, "attachments", "an entry has"),
        (PARTS | {"attachments": [{"filename": "x", "content_type": "a/b", "content": "?"}]}, "attachments",
         "base64"),
        (PARTS | {"to": [f"{n}@fabrikam.test" for n in range(201)]}, "message", "200 are allowed"),
        ([], "body", "one JSON object"),
    ],
)  # fmt: skip
def test_parts_that_make_no_message_name_the_field_and_the_rule(post, body, field, rule):
    found = problem(post(body), 422)

    assert found["field"] == field
    assert rule in found["rule"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b'{"from": 1e999',
        b"[" * 100_000,
        b'{"to": "a@b.test", "to": "c@d.test"}',
        b"1" * 5000,
        b'"text"',
    ],
)
def test_what_is_no_json_is_refused(post, body):
    assert post(body, kind="application/json").status_code in {400, 422}
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("body", "query", "field", "rule"),
    [
        (b"no message", "", "message", "no blank line"),
        (WHOLE.replace(b"Hello.\r\n", b"bare\nfeed\r\n"), "", "message", "bare line feed"),
        (WHOLE + b"\0\r\n", "", "message", "NUL"),
        (WHOLE, "?to=bob", "to", "needs a domain"),
        (WHOLE, "?from=a@contoso.test&from=b@contoso.test", "from", "one sender"),
        (WHOLE, "?cc=a@contoso.test", "cc", "it is none of"),
        (WHOLE, "?notify=x", "notify", "it is NEVER"),
        (b"Received: x\r\n" * 31 + WHOLE, "", "message", "Hop count"),
    ],
)
def test_a_whole_message_that_breaks_a_rule_is_refused_with_it(post, body, query, field, rule):
    found = problem(post(body, query=query), 422)

    assert found["field"] == field
    assert rule in found["rule"]


def test_sizes_are_refused_by_what_is_declared(post):
    huge = {"CONTENT_LENGTH": str(40 * 1024 * 1024)}
    answer = Client().generic(
        "POST", ADDRESS, WHOLE, "message/rfc822", headers={"Authorization": "Bearer x"}, **huge
    )
    problem(answer, 401)

    found = problem(post(b"x" * (10 * 1024 * 1024 + 1), kind="application/json"), 413)
    assert found["field"] == "Content-Length"


@pytest.mark.parametrize(
    ("length", "status"), [("", 411), ("-1", 411), ("1e3", 411), ("9" * 30, 413), ("40000000", 413)]
)
def test_a_length_is_needed_and_bounded_before_anything_is_read(token, length, status):
    answer = Client().generic(
        "POST",
        ADDRESS,
        WHOLE,
        "message/rfc822",
        headers={"Authorization": f"Bearer {token}"},
        CONTENT_LENGTH=length,
    )

    problem(answer, status)


def test_other_media_types_encodings_and_methods_are_refused(post, client):
    assert problem(post(WHOLE, kind="text/plain"), 415)["field"] == "Content-Type"
    assert problem(post(WHOLE, kind="multipart/form-data; boundary=x"), 415)["value"] == "multipart/form-data"
    assert problem(post(WHOLE, **{"Content-Encoding": "gzip"}), 415)["field"] == "Content-Encoding"
    for method in (client.get, client.put, client.delete, client.head):
        answer = method(ADDRESS)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_the_same_key_makes_a_repetition_and_not_a_second_message(post):
    first = post(WHOLE, **{"Idempotency-Key": "order 7"})
    again = post(WHOLE, **{"Idempotency-Key": "order 7"})
    other = post(WHOLE, **{"Idempotency-Key": "order 8"})

    assert first.json() == again.json() != other.json()
    assert (first.status_code, again.status_code) == (202, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Message.objects.count() == 2


def test_a_key_belongs_to_one_content_and_to_one_token(post):
    assert post(WHOLE, **{"Idempotency-Key": "k"}).status_code == 202
    for body, query in ((WHOLE + b"more\r\n", ""), (WHOLE, "?to=eva@fabrikam.test")):
        answer = post(body, query=query, **{"Idempotency-Key": "k"})
        assert answer.status_code == 422
        assert answer.json()["field"] == "Idempotency-Key"
    other = login_services.create("other", actor="tests")[1]
    assert post(WHOLE, bearer=other, **{"Idempotency-Key": "k"}).status_code == 202
    assert Message.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "é"])
def test_a_key_is_short_and_printable(post, key):
    assert problem(post(WHOLE, **{"Idempotency-Key": key}), 400)["field"] == "Idempotency-Key"


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH])
def test_under_back_pressure_programs_come_again_later(post, level):
    ResourcePressure.objects.create(
        server=server(), resource="UsedDiskSpace", level=level, value=97, normal=94, medium=96, high=98,
        since=timezone.now(),
    )  # fmt: skip
    answer = post(WHOLE)

    assert problem(answer, 503)["detail"] == "Insufficient system resources"
    assert answer.headers["Retry-After"] == "30"


def test_a_database_that_will_not_take_it_never_gives_202(post):
    def full(execute, sql, *rest):
        if sql.startswith("INSERT INTO") and "transport_content" in sql:
            raise OperationalError("database or disk is full")
        return execute(sql, *rest)

    with connection.execute_wrapper(full):
        answer = post(WHOLE)

    problem(answer, 503)
    assert answer.headers["Retry-After"] == "10"


def test_a_token_that_is_too_fast_waits_and_others_do_not(post):
    TransportServer.objects.update(http_submission_max_messages_per_minute=2)
    intervals.forget()
    assert [post(WHOLE).status_code for _ in range(3)] == [202, 202, 429]
    answer = post(WHOLE)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    other = login_services.create("other", actor="tests")[1]
    assert post(WHOLE, bearer=other).status_code == 202

    SubmissionWindow.objects.update(began_at=timezone.now() - timedelta(seconds=61))
    assert post(WHOLE).status_code == 202


def test_the_answer_never_shows_the_token(post, token, caplog):
    caplog.set_level("DEBUG")
    for answer in (post(WHOLE), post(b"x"), post(WHOLE, bearer=token[:-1])):
        assert token[:-1].encode() not in answer.content
    assert token[:-1] not in caplog.text


hostile = st.text("<>\"',;:@ \r\n\x00\u2028=?ab.é\\", max_size=25)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(name=hostile, subject=hostile, to=hostile)
def test_whatever_is_said_makes_one_message_with_the_fields_that_were_meant_or_none(post, name, subject, to):
    Message.objects.all().delete()
    sender = {"address": "anna@contoso.test", "name": name}
    answer = post(
        PARTS | {"from": sender, "subject": subject, "to": ["bob@fabrikam.test", *([to] if to else [])]}
    )
    if answer.status_code == 422:
        assert not Message.objects.exists()
        return
    assert answer.status_code == 202
    stored = email.message_from_bytes(content(Message.objects.get()), policy=email.policy.default)
    assert [one.lower() for one in stored] == [
        "received", "from", "to", "subject", "date", "message-id", "mime-version", "content-type",
        "content-transfer-encoding",
    ]  # fmt: skip
    assert [one.addr_spec for one in stored["From"].addresses] == ["anna@contoso.test"]
