"""Logins of programs: the password, what is kept of it, and whom it may send as."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors import login_services, reception
from connectors.application_passwords import (
    Login,
    Logins,
    digest,
    make,
    parse_sender,
    parse_user_name,
    verify,
)
from connectors.errors import InvalidSettings, InvalidValue, Missing
from connectors.models import ApplicationPassword

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def login(**fields):
    given = {"login_id": 1, "user_name": "scanner", "digest": digest("secret")}
    return Login(**(given | fields))


def test_a_password_has_160_random_bits_in_letters_that_can_be_typed():
    passwords = {make() for _ in range(100)}

    assert len(passwords) == 100
    assert {len(one) for one in passwords} == {32}
    assert set("".join(passwords)) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_digest_holds_for_its_password_alone_and_two_of_one_password_differ():
    stored = digest("secret")

    assert verify("secret", stored)
    assert not verify("Secret", stored)
    assert not verify("", stored)
    assert stored != digest("secret")
    assert "secret" not in stored


@pytest.mark.parametrize(
    ("user_name", "password", "found"),
    [
        ("scanner", "secret", True),
        ("SCANNER", "secret", True),
        ("scanner", "wrong", False),
        ("scanner", "", False),
        ("nobody", "secret", False),
        ("", "", False),
        ("x" * 100_000, "secret", False),
        ("scanner", "\udcff\0", False),
    ],
)
def test_only_the_right_name_and_password_sign_in(user_name, password, found):
    known = login()

    assert Logins([known]).check(user_name, password, now=NOW) == (known if found else None)


def test_a_login_that_ran_out_does_not_sign_in():
    logins = Logins([login(expires_at=NOW)])

    assert logins.check("scanner", "secret", now=NOW - timedelta(seconds=1))
    assert not logins.check("scanner", "secret", now=NOW)


def test_an_open_session_sees_that_its_login_was_renewed_or_removed():
    old = login()

    assert Logins([old]).current(old, now=NOW) == old
    assert Logins([login(digest=digest("secret"))]).current(old, now=NOW) is None
    assert Logins([]).current(old, now=NOW) is None


@pytest.mark.parametrize(
    ("senders", "address", "may"),
    [
        (("*",), "anybody@anywhere.example", True),
        (("*",), "", True),
        (("anna@contoso.com",), "Anna@Contoso.COM", True),
        (("anna@contoso.com",), "bob@contoso.com", False),
        (("contoso.com",), "bob@contoso.com", True),
        (("contoso.com",), "bob@mail.contoso.com", False),
        (("*.contoso.com",), "bob@mail.contoso.com", True),
        (("*.contoso.com",), "bob@a.b.contoso.com", True),
        (("*.contoso.com",), "bob@contoso.com", False),
        (("contoso.com",), "bob@notcontoso.com", False),
        (("contoso.com",), "", False),
        (("xn--bcher-kva.example",), "bob@bücher.example", True),
    ],
)
def test_a_login_sends_as_its_senders_only(senders, address, may):
    assert login(senders=senders).may_send_as(address) is may


@pytest.mark.parametrize("text", ["", "@contoso.com", "a b@contoso.com", "anna@*.contoso.com", "a@b@", "**"])
def test_what_is_no_sender_is_refused(text):
    with pytest.raises(InvalidValue, match="Senders"):
        parse_sender(text)


@pytest.mark.parametrize("text", ["", "a b", "a\0b", "-", "x" * 65, "ä"])
def test_what_is_no_user_name_is_refused(text):
    with pytest.raises(InvalidValue, match="UserName"):
        parse_user_name(text)


@pytest.mark.django_db
@pytest.mark.state
def test_a_new_login_signs_in_until_it_is_disabled_renewed_or_removed():
    row, password = login_services.create("scanner", senders=["Contoso.com"], actor="anna")

    def signs_in(word):
        return reception.read("E15MB1")[1].logins.check("scanner", word, now=NOW) is not None

    assert signs_in(password)
    assert password not in str(ApplicationPassword.objects.values().get())

    def change(*, enabled):
        login_services.change(
            row.pk, senders=["*"], description="", enabled=enabled, expires_at=None, actor="anna"
        )

    change(enabled=False)
    assert not signs_in(password)
    change(enabled=True)
    new = login_services.renew(row.pk, actor="anna")
    assert (signs_in(password), signs_in(new)) == (False, True)
    assert login_services.remove([row.pk], actor="anna") == 1
    assert not signs_in(new)
    with pytest.raises(Missing):
        login_services.renew(row.pk, actor="anna")


@pytest.mark.django_db
def test_a_user_name_stands_once_and_needs_a_sender():
    login_services.create("scanner", actor="anna")

    with pytest.raises(InvalidSettings, match="UserName Scanner"):
        login_services.create("Scanner", actor="anna")
    with pytest.raises(InvalidSettings, match="Senders"):
        login_services.create("printer", senders=[], actor="anna")


@pytest.mark.django_db
@pytest.mark.state
def test_every_change_is_seen_by_listeners_and_leaves_waiting_mail_alone():
    before = reception.key()
    login_services.create("scanner", actor="anna")
    after = reception.key()

    assert after[2] != before[2]
    assert after[0] == before[0]


@pytest.mark.django_db
@pytest.mark.state
def test_the_last_use_is_kept():
    row, _ = login_services.create("scanner", actor="anna")
    reception.note_use({row.pk: NOW})
    row.refresh_from_db()

    assert row.last_used_at == NOW
