"""Signing in and out, the one-time password, and what nobody gets without a login."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from admincenter.accounts.services import ensure_first_administrator
from admincenter.models import Profile

pytestmark = pytest.mark.django_db
NEW = "sunlit harbour 88"


@pytest.fixture
def stranger():
    """A browser that is not signed in."""
    return Client()


def sign_in(client, name, password, **more):
    """Send the sign-in form."""
    return client.post("/sign-in/", {"username": name, "password": password, **more})


def change(client, old, new, again=None):
    """Send the password form."""
    form = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/account/password/", form)


@pytest.mark.parametrize("path", ["/", "/mail-flow/send-connectors/", "/mail-flow/send-connectors/1/edit/"])
def test_a_stranger_is_led_to_the_sign_in_page(stranger, path):
    answer = stranger.get(path)

    assert (answer.status_code, answer.url) == (302, f"/sign-in/?next={path}")


def test_a_part_asked_for_by_a_stranger_leads_the_window_there(stranger):
    page = "http://testserver/mail-flow/send-connectors/?sort=-name"
    headers = {"HX-Request": "true", "HX-Current-URL": page}
    answer = stranger.get("/mail-flow/send-connectors/?selected=1", headers=headers)

    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/sign-in/?next=%2Fmail-flow%2Fsend-connectors%2F%3Fsort%3D-name"


def test_a_cookie_that_no_database_takes_is_no_session(stranger):
    stranger.cookies.load({"sessionid": "a\0bcdefghijklmnop"})

    assert stranger.get("/sign-in/").status_code == 200
    assert stranger.get("/mail-flow/queues/").url == "/sign-in/?next=/mail-flow/queues/"


@pytest.mark.parametrize("page", ["http://evil.example/mail-flow/queues/", "http://[bad", "", "/\0"])
def test_a_part_of_a_strange_page_leads_to_the_start(stranger, page):
    answer = stranger.get("/mail-flow/queues/", headers={"HX-Request": "true", "HX-Current-URL": page})

    assert answer["HX-Redirect"] == "/sign-in/?next=%2F"


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        ("http://testserver/mail-flow/queues/?sort=-error", "/mail-flow/queues/?sort=-error"),
        ("http://evil.example/mail-flow/queues/", "/"),
        ("http://testserver:x]/", "/"),
        ("", "/"),
    ],
)
def test_a_form_sent_by_a_stranger_leads_back_to_its_page(stranger, referer, page):
    answer = stranger.post("/mail-flow/queues/act/", {"verb": "retry"}, headers={"Referer": referer})

    assert (answer.status_code, answer.url) == (302, f"/sign-in/?{urlencode({'next': page})}")


def test_the_first_administrator_must_choose_a_password_before_anything_else(stranger):
    password = ensure_first_administrator()
    sign_in(stranger, "admin", password)
    assert stranger.get("/mail-flow/send-connectors/").url == "/account/password/"
    assert stranger.get("/mail-flow/send-connectors/", headers={"HX-Request": "true"})["HX-Redirect"]
    assert b"one-time password" in stranger.get("/account/password/").content

    assert change(stranger, password, NEW).url == "/"

    assert stranger.get("/mail-flow/send-connectors/").status_code == 200
    assert not Profile.objects.get().must_change_password
    assert get_user_model().objects.get().check_password(NEW)


def test_the_one_time_password_cannot_be_chosen_again(stranger):
    password = ensure_first_administrator()
    sign_in(stranger, "admin", password)

    answer = change(stranger, password, password)

    assert answer.status_code == 422
    assert b"it must differ from the present one" in answer.content
    assert Profile.objects.get().must_change_password


@pytest.mark.parametrize("new", ["short", "password1234"])
def test_a_weak_password_is_refused(signed_in, anna, new):
    answer = change(signed_in, "a long enough password", new)

    assert answer.status_code == 422
    anna.refresh_from_db()
    assert anna.check_password("a long enough password")


def test_a_new_password_ends_other_sessions(signed_in, anna):
    elsewhere = Client()
    elsewhere.force_login(anna)

    change(signed_in, "a long enough password", NEW)

    assert signed_in.get("/mail-flow/send-connectors/").status_code == 200
    assert elsewhere.get("/mail-flow/send-connectors/").status_code == 302


@pytest.mark.usefixtures("anna")
def test_the_error_does_not_tell_whether_the_account_exists(stranger):
    wrong = sign_in(stranger, "anna", "wrong").content.decode()
    unknown = sign_in(stranger, "nobody", "wrong").content.decode()
    sentence = "This user name and password do not go together."

    assert sentence in wrong
    assert sentence in unknown


@pytest.mark.usefixtures("anna")
def test_ten_wrong_passwords_pause_the_account_even_for_the_right_one(stranger):
    for _ in range(10):
        sign_in(stranger, "anna", "wrong")

    answer = sign_in(stranger, "anna", "a long enough password")

    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(stranger, where):
    answer = sign_in(stranger, "anna", "a long enough password", next=where)

    assert answer.url == "/dashboard/"


@pytest.mark.parametrize("where", ["/sign-in/", "/sign-in/?next=/sign-in/", "/sign-out/"])
def test_who_is_signed_in_is_not_led_round_in_a_circle(signed_in, where):
    assert signed_in.get("/sign-in/", {"next": where}).url == "/dashboard/"


@pytest.mark.usefixtures("anna")
def test_signing_in_gives_a_new_session_key(stranger):
    stranger.get("/sign-in/")
    stranger.session.save()
    before = stranger.session.session_key
    sign_in(stranger, "anna", "a long enough password")

    assert stranger.session.session_key != before


def test_signing_out_is_a_post(signed_in):
    assert signed_in.get("/sign-out/").status_code == 405
    assert signed_in.get("/").url == "/dashboard/"

    signed_in.post("/sign-out/")

    assert signed_in.get("/").url.startswith("/sign-in/")


def test_a_user_without_rights_gets_403_in_words():
    client = Client()
    client.force_login(get_user_model().objects.create_user("bob"))
    for path in ("/mail-flow/send-connectors/", "/mail-flow/send-connectors/new/"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert b"Your account has no right to this page" in answer.content


def test_private_pages_are_kept_by_no_cache(signed_in):
    answer = signed_in.get("/mail-flow/send-connectors/")

    assert answer["Cache-Control"] == "no-store"
    assert "HX-Request" in answer["Vary"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/mail-flow/queues/act/", "/sign-out/"])
def test_the_address_of_a_form_is_no_empty_page(signed_in, path):
    answer = signed_in.get(path)

    assert (answer.status_code, answer["Allow"].split(",")[0]) == (405, "POST")
    assert b"This address only takes what a form sends" in answer.content


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded; charset=utf-7",
        "multipart/form-data",
        "multipart/form-data; boundary=é",
    ],
)
def test_a_form_that_cannot_be_read_is_a_bad_request(kind, anna):
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)
    client.get("/account/password/")

    answer = client.post("/account/password/", b"name=%ff", content_type=kind)

    assert answer.status_code in {400, 403}
    assert b"Nothing was changed" in answer.content


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/sign-in/", "testserver", 200),
        ("/mail-flow/nothing/", "testserver", 404),
        ("/sign-in/", "evil.example", 400),
    ],
)
def test_every_answer_is_hardened(client, path, host, status):
    answer = client.get(path, headers={"Host": host})

    assert answer.status_code == status
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"]


def test_a_page_that_is_not_there_has_a_way_back(signed_in):
    answer = signed_in.get("/mail-flow/nothing/")

    assert answer.status_code == 404
    assert b"Back to the start" in answer.content
