"""The protocol logs as an administrator reads them and takes them away."""

import pytest
from django.conf import settings

from transport import log_rooms
from transport.models import TransportServer
from transport.protocol_log import Direction, LogFiles, SessionLog

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _logs(tmp_path):
    """Two sessions of this server: one sent message 41, one took it in."""
    TransportServer.objects.create(
        name=settings.SERVER_NAME,
        fqdn="e15mb1.test",
        send_protocol_log_path=str(tmp_path / "out"),
        receive_protocol_log_path=str(tmp_path / "in"),
    )
    sending = LogFiles(Direction.SEND, room=log_rooms.send_room)
    sent = SessionLog(sending, connector="Internet")
    sent.begin("0000000000010001", remote="192.0.2.7:25")
    sent("*", "attempting to connect", "mx.fabrikam.com")
    sent("*", "sending message with RecordId 41 and InternetMessageId <a@b>", "41")
    sent("<", "550 5.7.1 no, not here")
    sent.close()
    sending.close()
    receiving = LogFiles(Direction.RECEIVE, room=log_rooms.receive_room)
    received = SessionLog(receiving, connector="E15MB1\\Default")
    received.begin("00000000000000AA", remote="192.0.2.99:1234")
    received(">", "250 2.6.0 <a@b> [InternalId=41, Hostname=e] Queued mail for delivery")
    received.close()
    receiving.close()


def found(listed, arguments=""):
    return [one["SessionId"] for one in listed(f"Get-ProtocolLog {arguments}").objects]


@pytest.mark.parametrize(
    ("arguments", "sessions"),
    [
        ("", {"0000000000010001", "00000000000000AA"}),
        ("-InternalMessageId 41", {"0000000000010001", "00000000000000AA"}),
        ("-Direction send", {"0000000000010001"}),
        ("-Connector default", {"00000000000000AA"}),
        ("-RemoteHost mx.fabrikam.com", {"0000000000010001"}),
        ("00000000000000aa", {"00000000000000AA"}),
        ("-End 2026-01-01 -Start 2025-01-01", set()),
    ],
)
def test_sessions_are_listed_by_what_an_administrator_knows_of_them(listed, arguments, sessions):
    assert set(found(listed, arguments)) == sessions


def test_a_session_shows_who_and_how_it_went(listed):
    (one,) = listed("Get-ProtocolLog -Direction Send").objects

    assert (one["Connector"], one["RemoteEndpoint"]) == ("Internet", "192.0.2.7:25")
    assert (one["RemoteHost"], one["MessageCount"], one["EventCount"]) == ("mx.fabrikam.com", 1, 3)
    assert one["LastError"] == "550 5.7.1 no, not here"


@pytest.mark.parametrize(
    "line",
    ["Get-ProtocolLogEvent 0000000000010001", "Get-ProtocolLog -Direction Send | Get-ProtocolLogEvent"],
)
def test_a_dialogue_is_shown_line_by_line(listed, line):
    said = listed(line).objects

    assert [one["SequenceNumber"] for one in said] == [0, 1, 2]
    assert said[2]["Event"] == "<"
    assert said[2]["Data"] == "550 5.7.1 no, not here"
    assert said[0]["Data"] == "mx.fabrikam.com"


def test_a_dialogue_is_exported_in_exchanges_format(ems, tmp_path):
    path = tmp_path / "x.log"
    ems(f"Get-ProtocolLogEvent 0000000000010001 | Export-ProtocolLog -Path {path}")
    lines = path.read_bytes().decode("utf-8-sig").split("\r\n")

    assert lines[2] == "#Log-type: SMTP Send Protocol Log"
    assert lines[7].endswith(',Internet,0000000000010001,2,,192.0.2.7:25,<,"550 5.7.1 no, not here",')
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("Get-ProtocolLogEvent", "needs -SessionId, or sessions from Get-ProtocolLog"),
        ("Get-ProtocolLog | Get-ProtocolLogEvent 1", "-SessionId and the pipeline exclude each other"),
        ("Export-ProtocolLog x.log", "needs events from Get-ProtocolLogEvent"),
        ("Get-ProtocolLog | Export-ProtocolLog x.log", "takes protocol log events from the pipeline"),
    ],
)
def test_what_cannot_be_meant_is_refused(refused, line, rule):
    assert rule in refused(line)


def test_more_sessions_than_wanted_are_mentioned(ems):
    assert "There are more than 1" in ems("Get-ProtocolLog -ResultSize 1").notes
