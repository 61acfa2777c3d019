"""Every code that Exchange documents has its own words: what happened, what it means, what to do."""

import pytest

from transport.bounces.explanations import EXPLANATIONS, explain, last_reason
from transport.envelope import Reply, Stage

DOCUMENTED = [
    "4.2.2", "4.3.1", "4.3.2", "4.4.0", "4.4.1", "4.4.2", "4.4.7", "4.4.312", "4.4.315", "4.4.316",
    "4.4.317", "4.4.318", "4.4.395", "4.4.397", "4.4.101", "4.5.3", "4.7.0", "4.7.5", "4.7.320",
    "4.7.321", "4.7.325", "4.7.500", "4.7.699", "4.7.850", "4.7.899", "5.0.0", "5.0.350", "5.1.0",
    "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.5", "5.1.6", "5.1.7", "5.1.8", "5.1.10", "5.1.90",
    "5.2.1", "5.2.2", "5.2.3", "5.2.4", "5.3.0", "5.3.2", "5.3.3", "5.3.4", "5.3.5", "5.4.1",
    "5.4.4", "5.4.6", "5.4.14", "5.4.300", "5.5.0", "5.5.2", "5.5.3", "5.5.4", "5.5.6", "5.6.11",
    "5.7.1", "5.7.3", "5.7.12", "5.7.124", "5.7.133", "5.7.134", "5.7.135", "5.7.136", "5.7.23",
    "5.7.25", "5.7.27", "5.7.57", "5.7.64", "5.7.321", "5.7.325", "5.7.500", "5.7.799", "5.7.900",
    "5.7.999",
]  # fmt: skip
"""exchange.md section 11."""


def a_reply(code, enhanced, **fields):
    return Reply(code=code, enhanced=enhanced, stage=Stage.RCPT, **fields)


@pytest.mark.parametrize("code", DOCUMENTED)
def test_each_documented_code_is_explained_by_itself_or_by_its_range(code):
    kind, subject, detail = code.split(".")
    ranges = {f"{kind}.{subject}.{name}" for name in ("32x", "5xx", "85x", "9xx")}
    own = {code, *(ranges if len(detail) == 3 else set())} & EXPLANATIONS.keys()

    assert explain(a_reply(int(kind) * 100 + 50, code)) in {EXPLANATIONS[key] for key in own}


@pytest.mark.parametrize("key", EXPLANATIONS)
def test_each_explanation_is_whole_sentences_without_codes(key):
    for part in EXPLANATIONS[key]:
        assert part[0].isupper()
        assert part.endswith(".")
        assert not any(character.isdigit() for character in part)


@pytest.mark.parametrize(
    ("code", "enhanced", "like"),
    [
        (550, "5.7.26", "5.7"), (550, "5.9.9", "5.0.0"), (550, "", "5.0.0"), (450, "", "4"),
        (421, "4.9.1", "4"),
        (552, "", "5.3.4"), (556, "", "5.1.2"), (250, "2.1.5", "5.0.0"), (599, "garbage", "5.0.0"),
        (454, "4.7.322", "4.7.32x"), (550, "5.7.899", "5.7"), (550, "5.7.708", "5.7.5xx"),
    ],
)  # fmt: skip
def test_an_unknown_code_is_explained_by_its_family(code, enhanced, like):
    assert explain(a_reply(code, enhanced)) == EXPLANATIONS[like]


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("QUEUE.Expired; message expired -> 421 4.4.316 Connection refused", "4.4.316"),
        ("message expired -> 451 4.4.0 x -> 454 4.7.5 No certificate", "4.7.5"),
        ("message expired -> 552 too large", "5.3.4"),
    ],
)
def test_the_last_reply_that_ours_quotes_is_the_reason(text, like):
    assert last_reason(a_reply(550, "4.4.7", text=text, remote=False)) == EXPLANATIONS[like].happened


@pytest.mark.parametrize(
    ("text", "remote"),
    [("QUEUE.Expired; message expired", False), ("expired -> nothing", False), ("x -> 421 4.4.1 no", True),
     ("expired -> 450 later", False), ("a -> 4219 4.4.1 x", False)],
)  # fmt: skip
def test_without_a_quoted_reply_there_is_no_reason(text, remote):
    assert last_reason(a_reply(550, "4.4.7", text=text, remote=remote)) == ""
