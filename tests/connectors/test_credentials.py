"""Sealed passwords: bound to their connector, rotated, never told."""

import uuid

import pytest

from connectors.credentials import CannotUnseal, is_current, open_sealed, reseal, seal

GUID = uuid.UUID("11111111-2222-3333-4444-555555555555")
OTHER = uuid.UUID("99999999-2222-3333-4444-555555555555")
SECRET = "pässwort-东京"


@pytest.fixture(autouse=True)
def field_keys(settings):
    settings.FIELD_KEYS = ["first-key"]


def test_what_was_sealed_opens_for_its_connector():
    assert open_sealed(seal(SECRET, guid=GUID), guid=GUID) == SECRET
    assert open_sealed(seal(SECRET, guid=str(GUID)), guid=GUID) == SECRET


def test_it_opens_for_no_other_connector():
    with pytest.raises(CannotUnseal, match="belongs to another connector"):
        open_sealed(seal(SECRET, guid=GUID), guid=OTHER)


def test_the_same_password_never_looks_the_same():
    assert seal(SECRET, guid=GUID) != seal(SECRET, guid=GUID)


def test_every_altered_character_is_noticed():
    sealed = seal("short", guid=GUID)
    for place, character in enumerate(sealed):
        altered = sealed[:place] + ("B" if character != "B" else "C") + sealed[place + 1 :]

        with pytest.raises(CannotUnseal):
            open_sealed(altered, guid=GUID)


@pytest.mark.parametrize("sealed", ["", "v1", "v1::", "v2:abc:def", "v1:abc:*", "plain password", "v1:é:é"])
def test_what_was_never_sealed_is_refused_with_a_sentence(sealed):
    with pytest.raises(CannotUnseal, match=r"\.$"):
        open_sealed(sealed, guid=GUID)


def test_a_text_cut_short_is_noticed():
    prefix = seal(SECRET, guid=GUID).rpartition(":")[0]

    with pytest.raises(CannotUnseal, match="cut off"):
        open_sealed(f"{prefix}:AAAA", guid=GUID)


def test_a_new_key_seals_and_the_old_one_still_opens(settings):
    old = seal(SECRET, guid=GUID)
    settings.FIELD_KEYS = ["second-key", "first-key"]
    new = reseal(old, guid=GUID)

    assert not is_current(old)
    assert is_current(new)
    assert open_sealed(old, guid=GUID) == open_sealed(new, guid=GUID) == SECRET
    assert reseal(new, guid=GUID) == new

    settings.FIELD_KEYS = ["second-key"]
    assert open_sealed(new, guid=GUID) == SECRET
    with pytest.raises(CannotUnseal, match="no longer configured"):
        open_sealed(old, guid=GUID)


def test_neither_password_nor_key_stands_in_an_error(settings):
    sealed = seal(SECRET, guid=GUID)
    settings.FIELD_KEYS = ["second-key"]

    with pytest.raises(CannotUnseal) as caught:
        open_sealed(sealed, guid=GUID)

    assert SECRET not in str(caught.value)
    assert "key-" not in str(caught.value)
    assert sealed.rpartition(":")[2] not in str(caught.value)
