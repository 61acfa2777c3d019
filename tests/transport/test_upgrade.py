"""Mail that an earlier version accepted, under this one."""

import importlib

import pytest
from django.apps import apps

from tests.support import queued_mail
from transport.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.state]
upgrade = importlib.import_module("transport.migrations.0023_mail_of_the_first_version")


def entered(queue, **fields):
    queued = queued_mail.message(queue)
    Message.objects.filter(pk=queued.message_id).update(trusted_sender=False, **fields)
    type(queued).objects.filter(pk=queued.pk).update(delay_since=None)
    return queued


def test_mail_of_the_first_version_keeps_its_reports_and_that_of_strangers_gets_none():
    queue = queued_mail.queue()
    earlier = entered(queue, source="SMTP")
    stranger = entered(queue, source="SMTP:Default E15MB1")
    report = entered(queue, source="SMTP", mail_from="")

    upgrade.trust(apps, None)

    for queued in (earlier, stranger, report):
        queued.refresh_from_db()
    assert [one.message.trusted_sender for one in (earlier, stranger, report)] == [True, False, False]
    assert (earlier.delay_since, stranger.delay_since) == (earlier.message.received_at, None)
    assert report.delay_since is None
