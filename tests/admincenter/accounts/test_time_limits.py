"""A sign-in ends when nobody is there any more, and after a while in any case."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

pytestmark = pytest.mark.django_db
QUEUES = "/mail-flow/queues/"
SIGN_IN = f"/sign-in/?next={QUEUES}"


@pytest.fixture
def later():
    """Travel on from now."""
    began = timezone.now()

    def travel(**span):
        return time_machine.travel(began + timedelta(**span), tick=False)

    with travel():
        yield travel


def test_who_was_away_for_too_long_signs_in_again_and_is_told_why(signed_in, later):
    signed_in.get(QUEUES)
    with later(minutes=29):
        assert signed_in.get(QUEUES).status_code == 200
    with later(minutes=60):
        answer = signed_in.get(QUEUES)
        assert answer.url == SIGN_IN
        assert "because nobody used this page for a while" in signed_in.get(answer.url).text


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(signed_in, later):
    headers = {"HX-Request": "true", "HX-Target": "queue-list", "Seen": "x"}
    signed_in.get(QUEUES)
    for minutes in (10, 20, 30):
        with later(minutes=minutes):
            assert signed_in.get(QUEUES, headers=headers).status_code == 200
    with later(minutes=31):
        assert signed_in.get(QUEUES, headers=headers)["HX-Redirect"].startswith("/sign-in/")


def test_a_sign_in_ends_after_twelve_hours_however_busy_its_owner_is(signed_in, later):
    for minutes in range(0, 12 * 60 + 1, 20):
        with later(minutes=minutes):
            assert signed_in.get(QUEUES).status_code == 200
    with later(hours=12, minutes=1):
        answer = signed_in.get(QUEUES)
        assert answer.url == SIGN_IN
        assert "after the longest time that a sign-in lasts" in signed_in.get(answer.url).text


def test_what_was_sent_too_late_changes_nothing(signed_in, later):
    signed_in.get(QUEUES)
    with later(hours=2):
        answer = signed_in.post("/mail-flow/queues/act/", {"verb": "retry", "selected": 1})

    assert answer.status_code == 302
    assert answer.url.startswith("/sign-in/")
