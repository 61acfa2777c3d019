"""Every interval and limit of a transport server is shown and set under Exchange's name."""

import pytest
from django.utils import timezone

from admincenter.shell.cmdlets.transport_limits import LIMITS
from transport.models import TransportServer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def servers():
    for name in ("E15MB1", "E15MB2"):
        TransportServer.objects.create(name=name, fqdn=f"{name.lower()}.test", last_beat_at=timezone.now())


@pytest.mark.parametrize(
    ("parameter", "value", "shown"),
    [
        ("QueueGlitchRetryCount", "0", 0),
        ("QueueGlitchRetryInterval", "00:00:30", "00:00:30"),
        ("TransientFailureRetryCount", "15", 15),
        ("TransientFailureRetryInterval", "12:00:00", "12:00:00"),
        ("OutboundConnectionFailureRetryInterval", "20.00:00:00", "20.00:00:00"),
        ("MessageRetryInterval", "00:15:00", "00:15:00"),
        ("MessageExpirationTimeout", "5.00:00:00", "5.00:00:00"),
        ("HighPriorityMessageExpirationTimeout", "1.00:00:00", "1.00:00:00"),
        ("LowPriorityMessageExpirationTimeout", "3.00:00:00", "3.00:00:00"),
        ("DelayNotificationTimeout", "12:00:00", "12:00:00"),
        ("HighPriorityDelayNotificationTimeout", "01:00:00", "01:00:00"),
        ("LowPriorityDelayNotificationTimeout", "1.00:00:00", "1.00:00:00"),
        ("QueueMaxIdleTime", "01:00:00", "01:00:00"),
        ("MaxIdleTimeBeforeResubmit", "06:00:00", "06:00:00"),
        ("SafetyNetHoldTime", "00:00:00", "00:00:00"),
        ("SafetyNetMaxSize", "5GB", 5 * 2**30),
        ("SafetyNetMaxSize", "unlimited", "Unlimited"),
        ("MaxOutboundConnections", "unlimited", "Unlimited"),
        ("MaxPerDomainOutboundConnections", "40", 40),
        ("PoisonThreshold", "3", 3),
        ("PriorityQueuingEnabled", "$false", False),
        ("MaxHighPriorityMessageSize", "1MB", 2**20),
        ("MessageTrackingLogEnabled", "$false", False),
        ("MessageTrackingLogSubjectLoggingEnabled", "$false", False),
        ("MessageTrackingLogMaxAge", "60.00:00:00", "60.00:00:00"),
        ("MessageTrackingLogMaxDirectorySize", "5GB", 5 * 2**30),
        ("MessageTrackingLogMaxDirectorySize", "unlimited", "Unlimited"),
        ("SendProtocolLogPath", "/var/log/smtp-out", "/var/log/smtp-out"),
        ("SendProtocolLogMaxAge", "00:00:00", "00:00:00"),
        ("SendProtocolLogMaxDirectorySize", "1GB", 2**30),
        ("SendProtocolLogMaxFileSize", "20MB", 20 * 2**20),
        ("ReceiveProtocolLogPath", "/var/log/smtp-in", "/var/log/smtp-in"),
        ("ReceiveProtocolLogMaxAge", "7.00:00:00", "7.00:00:00"),
        ("ReceiveProtocolLogMaxDirectorySize", "unlimited", "Unlimited"),
        ("ReceiveProtocolLogMaxFileSize", "1MB", 2**20),
    ],
)
def test_each_setting_is_set_and_shown(ems, listed, parameter, value, shown):
    ems(f"Set-TransportService E15MB1 -{parameter} {value}")
    first, second = listed("Get-TransportService").objects

    assert first[parameter] == shown
    assert second[parameter] != shown


def test_no_setting_is_forgotten():
    columns = {field.name for field in TransportServer._meta.get_fields()}
    settings = {limit.field for limit in LIMITS}

    assert settings <= columns
    assert {name for name in columns if name.endswith(("_timeout", "_interval", "_time"))} <= settings


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("-MessageExpirationTimeout 00:00:04", "a time span from 00:00:05 to 90.00:00:00 is expected"),
        ("-QueueMaxIdleTime 01:00:01", "a time span from 00:00:05 to 01:00:00 is expected"),
        ("-MessageRetryInterval 5", "a time span reads hh:mm:ss or d.hh:mm:ss"),
        ("-PoisonThreshold 11", "a whole number from 1 to 10 is expected"),
        ("-MaxOutboundConnections 0", "a whole number from 1 to 2147483647 is expected"),
        ("-MaxOutboundConnections 10", "MaxPerDomainOutboundConnections, 20, is more than"),
        ("-SafetyNetMaxSize 10", "a size from 1 MB"),
        ("-MessageTrackingLogMaxDirectorySize 10KB", "a size from 1 MB"),
        ("-SendProtocolLogPath logs", "'logs' is not an absolute path"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_rule(refused, arguments, line):
    assert line in refused(f"Set-TransportService E15MB1 {arguments}")
