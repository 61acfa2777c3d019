"""Compliance, audit log: searched, read, exported; who has not the right sees none of it."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from connectors import audit, services
from connectors.commands import Change
from connectors.models import AuditEntry

pytestmark = pytest.mark.django_db
SCREEN = "/compliance/audit-log/"
EXPORT = f"{SCREEN}export/"


def record(cmdlet="Set-SendConnector", *, at="2026-11-23 12:00", actor="anna", name="Internet", **more):
    """An entry of that time."""
    with time_machine.travel(datetime.fromisoformat(at).replace(tzinfo=UTC), tick=False):
        audit.record(cmdlet, actor=actor, objects=[name], **more)
    return AuditEntry.objects.latest("pk")


def listed(answer):
    """The objects of the rows, in their order."""
    return re.findall(r'<td>\s*<span class="clip" title="([^"]*)">', answer.content.decode())


def exported(client, query=""):
    """The rows of the file, without its head."""
    answer = client.get(f"{EXPORT}{query}")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_newest_change_stands_first(signed_in):
    record(name="First")
    record(name="Second", at="2026-11-24 12:00")

    assert listed(signed_in.get(SCREEN)) == ["Second", "First"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("start=2026-11-24", ["C", "B"]),
        ("start=2026-11-23&end=2026-11-24", ["B", "A"]),
        ("user=BERT", ["B"]),
        ("cmdlet=New-", ["C"]),
        ("object=a", ["A"]),
        ("user=bert&object=a", []),
    ],
)
def test_it_is_narrowed_by_days_user_cmdlet_and_object(signed_in, query, found):
    record(name="A", at="2026-11-23 00:00")
    record(name="B", at="2026-11-24 23:59", actor="bert")
    record("New-SendConnector", name="C", at="2026-11-25 00:00")

    assert listed(signed_in.get(f"{SCREEN}?{query}")) == found
    assert [row["Objects"] for row in exported(signed_in, f"?{query}")] == found


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("start=yesterday", "From: “yesterday” is no date; write it as 2026-11-23."),
        ("start=2026-11-24&end=2026-11-23", "To: 2026-11-23 is before 2026-11-24, the first day."),
        ("end=9999-12-31", "To: 9999-12-31 is out of range."),
        (f"user={'x' * 201}", "User: at most 200 characters, not 201."),
        ("object=%00", "Null characters are not allowed."),
    ],
)
def test_a_wrong_search_is_refused_with_the_field_the_value_and_the_rule(signed_in, query, said):
    for address in (SCREEN, EXPORT):
        answer = signed_in.get(f"{address}?{query}")

        assert answer.status_code == 422
        assert said in answer.content.decode()


def test_pages_follow_one_another_without_a_gap(signed_in):
    for number in range(120):
        record(name=f"C{number:03}")
    address, names = SCREEN, []
    while address:
        page = signed_in.get(address)
        names += listed(page)
        older = re.search(r'<a href="(\?[^"]*)">Older</a>', page.content.decode())
        address = older and SCREEN + older[1].replace("&amp;", "&")

    assert names == [f"C{number:03}" for number in reversed(range(120))]
    assert len(exported(signed_in)) == 120


def test_a_page_costs_few_queries_however_long_the_log(signed_in, django_assert_max_num_queries):
    for number in range(60):
        record(name=f"C{number}", changes=[Change(name="Port", old=25, new=587)])
    chosen = AuditEntry.objects.latest("pk")
    signed_in.get(SCREEN)
    with django_assert_max_num_queries(15):
        signed_in.get(f"{SCREEN}?selected={chosen.pk}")


def test_the_details_show_what_was_what_is_and_the_line(signed_in):
    changes = [
        Change(name="Comment", old="<b>old</b>", new=""),
        Change(name="TlsAuthLevel", known=True, new="DomainValidation"),
        Change(name="AuthenticationCredential", new="changed", secret=True),
    ]
    with audit.coming_from("192.0.2.77"):
        entry = record(changes=changes)
    text = signed_in.get(f"{SCREEN}?selected={entry.pk}").content.decode()

    assert "<del>&lt;b&gt;old&lt;/b&gt;</del>" in text
    assert '<span class="unseen">was</span> <span class="muted">empty</span>' in text
    assert "192.0.2.77" in text
    assert "<span>-AuthenticationCredential</span> (Get-Credential)" in text


def test_a_refused_change_shows_its_error_and_no_line(signed_in):
    entry = record(count=0, error="Name Internet: another send connector has this name.")
    text = signed_in.get(f"{SCREEN}?selected={entry.pk}").content.decode()

    assert "another send connector has this name" in text
    assert "Show command" not in text


def test_what_the_shell_has_no_cmdlet_for_has_no_line(signed_in):
    entry = record("Add-RoleGroupMember", changes=[Change(name="Member", new="bob")])
    text = signed_in.get(f"{SCREEN}?selected={entry.pk}").content.decode()

    assert "bob" in text
    assert "Show command" not in text


def test_htmx_gets_list_and_details_alone(signed_in):
    entry = record()
    text = signed_in.get(f"{SCREEN}?selected={entry.pk}", headers={"HX-Request": "true"}).content.decode()

    assert text.lstrip().startswith('<div class="split"')
    assert "<html" not in text


def test_an_entry_whose_time_is_over_says_so(signed_in):
    answer = signed_in.get(f"{SCREEN}?selected=999")

    assert answer.status_code == 200
    assert "Not there any more" in answer.content.decode()
    assert "No older entries" in signed_in.get(f"{SCREEN}?after=999").content.decode()


def test_a_click_in_the_console_is_told_with_the_address_of_the_client(signed_in, make):
    connector = make("Internet")
    signed_in.post(
        "/mail-flow/send-connectors/act/",
        {"selected": connector.pk, "verb": "disable"},
        REMOTE_ADDR="192.0.2.9",
    )
    entry = AuditEntry.objects.latest("pk")

    assert (entry.actor, entry.origin, entry.cmdlet) == ("anna", "192.0.2.9", "Set-SendConnector")


def test_the_file_is_harmless_in_a_spreadsheet_and_holds_no_secret(signed_in):
    secret = Change(name="AuthenticationCredential", new="changed", secret=True)
    record(name="=cmd|' /C calc'!A0", changes=[Change(name="Port", old=25, new=587), secret])
    (row,) = exported(signed_in)

    assert row["Objects"] == "'=cmd|' /C calc'!A0"
    assert row["Parameters"] == "Port: 25 -> 587; AuthenticationCredential: changed"
    assert (row["Date (UTC)"], row["Succeeded"]) == ("2026-11-23 12:00:00", "True")


def test_who_has_not_the_right_gets_403_and_sees_no_tab():
    client = Client()
    client.force_login(User.objects.create_user("vera", password="a long enough password"))

    assert [client.get(address).status_code for address in (SCREEN, EXPORT)] == [403, 403]
    assert "compliance" not in client.get("/account/password/").content.decode()


def test_nothing_on_the_screen_writes(signed_in):
    record()
    for address in (SCREEN, EXPORT):
        assert signed_in.post(address).status_code == 405
        assert signed_in.delete(address).status_code == 405
    assert AuditEntry.objects.count() == 1


def test_the_details_of_a_send_connector_show_the_line_that_makes_it(signed_in, make):
    connector = make("Internet", port=587)
    text = signed_in.get(f"/mail-flow/send-connectors/?selected={connector.pk}").content.decode()

    assert "<code>New-SendConnector <span>-Name</span> Internet" in text
    assert "<span>-Port</span> 587" in text
    services.remove([connector.pk], actor="anna")
