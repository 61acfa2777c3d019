"""Every stage of a session times everything a host can do wrong there: what an administrator gets to see."""

import itertools
from dataclasses import dataclass
from datetime import timedelta

import pytest

from connectors.profiles import Credentials, SmartHostAuth, TlsPolicy
from tests.support.smtp_peer import close, drip, endless, hang, reset, split
from transport import verdicts
from transport.envelope import Stage
from transport.smtp.client import SessionFailed

SHORT = timedelta(seconds=0.15)
BEFORE_MAIL = {"BANNER", "EHLO", "STARTTLS", "AUTH"}
GOOD = {
    "BANNER": "220 peer.test",
    "EHLO": "250-peer.test\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    "AUTH": "235 ok",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "DOT": "250 2.0.0 queued as 7",
    "QUIT": "221 bye",
}
TIMED_OUT = "421 4.4.2 Timed out: the host did not answer in time"
CLOSED = "421 4.4.2 Connection dropped: the host closed it"
RESET = "421 4.4.2 Connection dropped due to ConnectionReset"
BROKEN = "421 4.5.0 Protocol error: "


@dataclass(frozen=True)
class Fault:
    act: object
    line: str
    """How the reply begins."""
    remote: bool = False
    answers: bool = False
    """After the dot: the host did say what it thinks, no doubt is left."""


FAULTS = {
    "4xx": Fault("450 4.2.0 not now", "450 4.2.0 not now", remote=True, answers=True),
    "4xx unknown": Fault("499 hm", "499 hm", remote=True, answers=True),
    "5xx": Fault("554 5.0.0 never", "554 5.0.0 never", remote=True, answers=True),
    "5xx unknown": Fault("599 hm", "599 hm", remote=True, answers=True),
    "421": Fault("421 4.3.2 closing", "421 4.3.2 closing", remote=True, answers=True),
    "421 and close": Fault(b"421 4.3.2 closing\r\n", "421 4.3.2 closing", remote=True, answers=True),
    "close": Fault(close, CLOSED),
    "reset": Fault(reset, RESET),
    "hang": Fault(hang, TIMED_OUT),
    "drip": Fault(drip(), TIMED_OUT),
    "half": Fault(lambda talk: (talk.say(b"250-ok\r\n25"), close(talk)), CLOSED),
    "garbage": Fault(b"\xff\xfe<html>\r\n", BROKEN),
    "999": Fault("999 what", BROKEN),
    "3xx": Fault("399 go on", BROKEN),
    "mixed": Fault(b"250-yes\r\n550 no\r\n", BROKEN),
    "endless no": Fault(endless(b"550-never\r\n"), BROKEN, answers=True),
    "long line": Fault(b"450 " + b"x" * 65536 + b"\r\n", BROKEN, answers=True),
}

SILENT = [FAULTS["hang"].act, FAULTS["drip"].act]
SESSION_GOES_ON = {"4xx", "4xx unknown", "5xx", "5xx unknown"}


def verdict_of(stage, name):
    """What the table of DESIGN.md section 5 asks for."""
    if name in {"5xx", "5xx unknown"} and stage not in BEFORE_MAIL:
        return verdicts.Failed
    return verdicts.Deferred


@pytest.fixture
def attempt(peer_for, host_of, new_client, message, timeouts):
    """Hold a whole session with a host that fails at one stage; gives (reply, result or None, peer)."""

    def run(stage, act, *, offers=("STARTTLS", "AUTH PLAIN")):
        peer = peer_for({"AUTH": GOOD["AUTH"], stage: act}, offers=offers)
        client = new_client(
            tls_policy=TlsPolicy(require=stage == "STARTTLS", ignore=stage != "STARTTLS"),
            auth=SmartHostAuth.BASIC,
            credentials=Credentials(username="relay", password="secret"),
            timeouts=timeouts(**({stage.lower(): SHORT} if act in SILENT else {})),
        )
        try:
            client.connect(host_of(peer))
        except SessionFailed as failed:
            assert not client.open
            return failed.reply, None, peer
        result = client.send(message())
        client.quit()
        return result.replies[0][1], result, peer

    return run


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        (stage, name)
        for stage, name in itertools.product(["BANNER", "EHLO", "STARTTLS", "AUTH"], FAULTS)
        if (stage, name) not in {("EHLO", "5xx"), ("EHLO", "5xx unknown")}
    ],
)
def test_before_mail_the_host_is_to_blame_and_the_next_one_is_tried(attempt, stage, name):
    fault = FAULTS[name]

    reply, result, peer = attempt(stage, fault.act)

    assert result is None
    assert (reply.stage, reply.remote) == (stage, fault.remote)
    assert reply.line.startswith(fault.line)
    assert verdicts.judge(reply) == verdicts.Deferred(scope=verdicts.Scope.HOST)
    assert peer.contents == []


@pytest.mark.parametrize("name", ["5xx", "5xx unknown"])
def test_a_host_that_does_not_know_ehlo_is_asked_with_helo_and_offers_no_auth(attempt, name):
    reply, result, peer = attempt("EHLO", FAULTS[name].act)

    assert result is None
    assert (reply.stage, reply.text) == (Stage.AUTH, "The smart host does not offer AUTH")
    assert peer.talk.commands[1].startswith("HELO ")


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(
    ("stage", "name"),
    # 3yz of any kind asks for the content: at DATA it is no fault.
    [pair for pair in itertools.product(["MAIL", "RCPT", "DATA"], FAULTS) if pair != ("DATA", "3xx")],
)
def test_before_the_dot_nothing_is_delivered_and_nothing_in_doubt(attempt, stage, name, pipelining):
    fault = FAULTS[name]
    offers = ["AUTH PLAIN", *(["PIPELINING"] if pipelining else [])]
    reply, result, peer = attempt(stage, fault.act, offers=offers)

    assert reply.line.startswith(fault.line)
    assert (reply.stage, reply.remote) == (stage, fault.remote)
    assert not result.in_doubt
    assert result.session_open == (name in SESSION_GOES_ON)
    assert isinstance(verdicts.judge(reply), verdict_of(stage, name))
    # A pipelining peer takes DATA after a refused MAIL or RCPT and gets a lone dot.
    assert all(content == b"" for content in peer.contents)


@pytest.mark.parametrize("name", FAULTS)
def test_after_the_dot_only_silence_and_nonsense_leave_a_doubt(attempt, name):
    fault = FAULTS[name]

    reply, result, peer = attempt("DOT", fault.act)

    assert reply.line.startswith(fault.line)
    assert (reply.stage, reply.remote) == (Stage.DOT, fault.remote)
    assert result.in_doubt == (not fault.answers)
    assert result.session_open == (name in SESSION_GOES_ON)
    assert isinstance(verdicts.judge(reply, in_doubt=result.in_doubt), verdict_of("DOT", name))
    assert len(peer.contents) == 1


@pytest.mark.parametrize("name", FAULTS)
def test_what_happens_at_quit_changes_nothing(attempt, name):
    reply, result, _ = attempt("QUIT", FAULTS[name].act)

    assert verdicts.judge(reply) == verdicts.Delivered()
    assert result.session_open


@pytest.mark.parametrize("stage", sorted(GOOD))
def test_a_host_that_answers_byte_by_byte_is_a_normal_host(attempt, stage):
    good = GOOD[stage].encode() + b"\r\n"
    reply, result, peer = attempt(stage, split(good))

    assert verdicts.judge(reply) == verdicts.Delivered()
    assert len(peer.contents) == 1
    assert not result.in_doubt


def test_a_host_that_takes_content_too_slowly_is_given_up(peer_for, host_of, new_client, message, timeouts):
    def stop_reading(talk):
        talk.say(b"354 go\r\n")
        hang(talk)

    peer = peer_for({"DATA": stop_reading}, offers=[])
    client = new_client(timeouts=timeouts(block=SHORT))
    client.connect(host_of(peer))

    result = client.send(message((b"x" * 98 + b"\r\n") * 200_000))

    reply = result.replies[0][1]
    assert (reply.line, reply.stage) == (TIMED_OUT, Stage.DATA)
    assert (result.in_doubt, result.session_open) == (False, False)


def test_a_host_that_disappears_in_the_middle_of_the_content_leaves_no_doubt(connected, message):
    def vanish(talk):
        talk.say(b"354 go\r\n")
        talk.read()
        reset(talk)

    _, client = connected({"DATA": vanish}, offers=[])

    result = client.send(message((b"x" * 98 + b"\r\n") * 200_000))

    reply = result.replies[0][1]
    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (421, "4.4.2", Stage.DATA, False)
    assert (result.in_doubt, result.session_open) == (False, False)
