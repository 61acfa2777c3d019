"""Get-BackPressure, and the limit that an administrator sets."""

import pytest
from django.utils import timezone

from tests.support import queued_mail
from tests.support.engine import server
from transport import intervals
from transport.back_pressure import Pressure
from transport.latency import Latency
from transport.models import TransportServer
from transport.resources import Sampler

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def look():
    sampler = Sampler(server(), pressure=Pressure(), latency=Latency(), memory_used=lambda: 3.0)

    def look_anew():
        intervals.forget()
        sampler.look(now=timezone.now())

    return look_anew


def test_it_shows_every_resource_of_a_server_with_its_thresholds(listed, look):
    look()
    (memory,) = listed(
        'Get-TransportService | Get-BackPressure | where {$_.Resource -eq "BufferedMessages"}'
    ).objects

    assert memory["Identity"] == "E15MB1\\BufferedMessages"
    assert (memory["Level"], memory["Value"], memory["Medium"], memory["High"]) == ("Normal", 3.0, 90, 100)


def test_large_numbers_are_written_out(ems, look):
    look()

    assert "1000000" in ems("Get-BackPressure | ft").output


def test_the_limit_of_the_backlog_is_set_and_obeyed_while_running(ems, listed, look):
    queued_mail.queue(message_count=50)
    look()
    assert ems("Set-TransportService E15MB1 -MaxQueuedMessages 50").status == 0
    look()
    pressed = listed("Get-BackPressure E15* | where Level -eq High").objects

    assert [(one["Resource"], one["High"]) for one in pressed] == [("QueueLength", 50)]

    ems("Set-TransportService E15MB1 -MaxQueuedMessages unlimited")
    look()

    assert TransportServer.objects.get().max_queued_messages is None
    assert listed("Get-TransportService").objects[0]["MaxQueuedMessages"] == "Unlimited"
    assert not listed("Get-BackPressure | where Level -eq High").objects
