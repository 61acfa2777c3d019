import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.envelope import Reply, Stage
from transport.verdicts import Deferred, Delivered, Failed, Scope, judge

HOST, MESSAGE, RECIPIENT = Scope.HOST, Scope.MESSAGE, Scope.RECIPIENT
NEXT = Deferred(scope=HOST)
SPLIT = Deferred(scope=RECIPIENT, try_next_host=False, split=True)
BEFORE_MAIL = [Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH]
ABOUT_MAIL = [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT]


def said(stage, code, enhanced="", *, remote=True):
    return Reply(code=code, enhanced=enhanced, text="words", stage=stage, host="mx.test", remote=remote)


@pytest.mark.parametrize("code", [200, 250, 251, 299])
def test_only_2yz_to_the_dot_is_a_delivery(code):
    assert judge(said(Stage.DOT, code)) == Delivered()

    for stage in set(Stage) - {Stage.DOT}:
        assert isinstance(judge(said(stage, code)), Deferred)


@pytest.mark.parametrize("stage", list(Stage))
def test_nothing_that_we_say_ourselves_is_a_delivery(stage):
    assert isinstance(judge(said(stage, 250, remote=False)), Deferred)


@pytest.mark.parametrize("stage", BEFORE_MAIL)
@pytest.mark.parametrize("code", [220, 334, 421, 450, 454, 500, 535, 550, 554])
@pytest.mark.parametrize("remote", [True, False])
def test_before_mail_every_trouble_is_the_hosts_and_temporary(stage, code, remote):
    assert judge(said(stage, code, remote=remote)) == NEXT


@pytest.mark.parametrize("stage", ABOUT_MAIL)
@pytest.mark.parametrize("enhanced", ["", "4.3.2", "4.7.0"])
def test_421_is_the_hosts_trouble_at_every_stage(stage, enhanced):
    assert judge(said(stage, 421, enhanced)) == NEXT


@pytest.mark.parametrize(
    ("stage", "code", "enhanced", "verdict"),
    [
        (Stage.MAIL, 450, "4.7.1", Deferred(scope=MESSAGE)),
        (Stage.MAIL, 451, "", Deferred(scope=MESSAGE)),
        (Stage.MAIL, 499, "", Deferred(scope=MESSAGE)),
        (Stage.MAIL, 452, "4.3.1", NEXT),
        (Stage.MAIL, 451, "4.3.2", NEXT),
        (Stage.MAIL, 451, "4.3.0", Deferred(scope=MESSAGE)),
        (Stage.MAIL, 550, "5.1.8", Failed(scope=MESSAGE)),
        (Stage.MAIL, 552, "5.3.4", Failed(scope=MESSAGE)),
        (Stage.MAIL, 599, "", Failed(scope=MESSAGE)),
        (Stage.MAIL, 530, "5.7.0", NEXT),
        (Stage.MAIL, 530, "5.7.57", NEXT),
        (Stage.MAIL, 535, "5.7.8", NEXT),
        (Stage.MAIL, 503, "5.5.1", NEXT),
        (Stage.RCPT, 450, "4.2.1", Deferred(scope=RECIPIENT)),
        (Stage.RCPT, 451, "4.7.1", Deferred(scope=RECIPIENT)),
        (Stage.RCPT, 452, "4.2.2", Deferred(scope=RECIPIENT)),
        (Stage.RCPT, 452, "4.3.1", NEXT),
        (Stage.RCPT, 452, "4.5.3", SPLIT),
        (Stage.RCPT, 452, "", SPLIT),
        (Stage.RCPT, 552, "", SPLIT),
        (Stage.RCPT, 552, "5.5.3", SPLIT),
        (Stage.RCPT, 550, "5.5.3", SPLIT),
        (Stage.RCPT, 554, "5.5.3", SPLIT),
        (Stage.RCPT, 552, "5.2.2", Failed(scope=RECIPIENT)),
        (Stage.RCPT, 550, "5.1.1", Failed(scope=RECIPIENT)),
        (Stage.RCPT, 550, "", Failed(scope=RECIPIENT)),
        (Stage.RCPT, 554, "5.7.1", Failed(scope=RECIPIENT)),
        (Stage.RCPT, 530, "5.7.0", NEXT),
        (Stage.DATA, 451, "", Deferred(scope=MESSAGE)),
        (Stage.DATA, 452, "4.5.3", Deferred(scope=MESSAGE)),
        (Stage.DATA, 554, "5.5.1", Failed(scope=MESSAGE)),
        (Stage.DATA, 503, "5.5.1", NEXT),
        (Stage.DOT, 451, "4.6.0", Deferred(scope=MESSAGE)),
        (Stage.DOT, 452, "4.3.1", NEXT),
        (Stage.DOT, 554, "5.7.1", Failed(scope=MESSAGE)),
        (Stage.DOT, 550, "5.7.26", Failed(scope=MESSAGE)),
        (Stage.DOT, 354, "", Deferred(scope=MESSAGE)),
    ],
)
def test_what_a_host_says_about_mail(stage, code, enhanced, verdict):
    assert judge(said(stage, code, enhanced)) == verdict


@pytest.mark.parametrize(
    ("stage", "code", "enhanced", "verdict"),
    [
        (Stage.DNS, 556, "5.1.10", Failed(scope=HOST)),
        (Stage.DNS, 550, "5.4.4", Failed(scope=HOST)),
        (Stage.DNS, 554, "5.4.6", Failed(scope=HOST)),
        (Stage.DNS, 451, "4.4.0", NEXT),
        (Stage.MAIL, 552, "5.3.4", Failed(scope=MESSAGE, try_next_host=True)),
        (Stage.MAIL, 554, "5.6.3", Failed(scope=MESSAGE, try_next_host=True)),
        (Stage.MAIL, 550, "5.6.7", Failed(scope=MESSAGE, try_next_host=True)),
        (Stage.RCPT, 550, "5.6.7", Failed(scope=RECIPIENT, try_next_host=True)),
        (Stage.MAIL, 553, "5.1.7", Failed(scope=MESSAGE)),
        (Stage.RCPT, 553, "5.1.3", Failed(scope=RECIPIENT)),
        (Stage.MAIL, 421, "4.4.2", NEXT),
        (Stage.RCPT, 421, "4.5.0", NEXT),
        (Stage.DATA, 454, "4.7.5", NEXT),
        (Stage.DOT, 421, "4.4.2", NEXT),
        (Stage.QUEUE, 550, "5.4.300", Failed(scope=RECIPIENT)),
        (Stage.QUEUE, 451, "4.4.0", NEXT),
    ],
)
def test_what_we_find_out_ourselves(stage, code, enhanced, verdict):
    assert judge(said(stage, code, enhanced, remote=False)) == verdict


def test_after_a_doubtful_dot_no_other_host_gets_a_second_copy():
    reply = said(Stage.DOT, 421, "4.4.2", remote=False)

    assert judge(reply, in_doubt=True) == Deferred(scope=HOST, try_next_host=False)


@given(
    st.sampled_from(Stage),
    st.integers(0, 999),
    st.sampled_from(["", "4.3.1", "5.5.3", "5.3.4"]),
    st.booleans(),
)
def test_only_a_5yz_ends_a_message(stage, code, enhanced, remote):
    verdict = judge(said(stage, code, enhanced, remote=remote))

    if isinstance(verdict, Failed):
        assert 500 <= code <= 599
        assert stage in {Stage.DNS, Stage.QUEUE, *ABOUT_MAIL}
    if isinstance(verdict, Delivered):
        assert 200 <= code <= 299
        assert (stage, remote) == (Stage.DOT, True)
