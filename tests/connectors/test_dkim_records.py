"""The DNS record of a DKIM key: what to publish, and what is wrong with what is published."""

import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest

from connectors import signing_keys
from connectors.dkim_records import DkimRecord, faults
from connectors.signing_keys import Algorithm

KEY = "QUJD" * 100
RECORD = DkimRecord(name="s1._domainkey.contoso.test", key_type="rsa", public_key=KEY)
ELLIPTIC = DkimRecord(name="s2._domainkey.contoso.test", key_type="ed25519", public_key="QUJD")


def test_the_value_is_cut_into_strings_that_a_txt_record_can_hold():
    assert [len(string) for string in RECORD.strings] == [255, 163]
    assert "".join(RECORD.strings) == f"v=DKIM1; k=rsa; p={KEY}"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_zone_line_is_read_by_others_as_the_value(algorithm):
    key = signing_keys.generate(algorithm)
    record = DkimRecord(name=RECORD.name, key_type=algorithm.key_type, public_key=key.public_key)
    zone = dns.zone.from_text(record.zone_line, origin="contoso.test.", relativize=False, check_origin=False)
    (published,) = zone.find_rdataset(f"{record.name}.", "TXT")

    assert b"".join(published.strings).decode() == record.value
    assert faults(record, [b"".join(published.strings)]) == ()


@pytest.mark.parametrize(
    "published",
    [
        f"v=DKIM1; k=rsa; p={KEY}",
        f"v=DKIM1;k=rsa;p={KEY};",
        f"p={KEY}",
        f"v=DKIM1; h=sha1:sha256; s=email; t=s; n=note; p={KEY[:40]} {KEY[40:]}",
    ],
)
def test_every_form_that_verifiers_take_is_right(published):
    assert faults(RECORD, [published.encode()]) == ()


@pytest.mark.parametrize(
    ("published", "fault"),
    [
        ([], "no TXT record"),
        ([b"v=spf1 -all", b"v=DKIM1; p=x"], "2 TXT records"),
        ([b"hello"], "no list of tags: every tag has a name"),
        ([b"v=DKIM1; \xff"], "no list of tags"),
        ([b"v=DKIM1; p=a; p=b"], "stands in it twice"),
        ([b""], "no list of tags"),
        ([f"v=DKIM2; p={KEY}".encode()], "v= must be DKIM1"),
        ([f"k=rsa; v=DKIM1; p={KEY}".encode()], "v= must stand first"),
        ([f"v=DKIM1; k=ed25519; p={KEY}".encode()], "k= must be rsa"),
        ([b"v=DKIM1; k=rsa"], "p= with the public key is missing"),
        ([b"v=DKIM1; k=rsa; p="], "revokes"),
        ([f"v=DKIM1; k=rsa; p={KEY[:-4]}".encode()], "another public key, or this one altered or cut off"),
        ([f"v=DKIM1; h=sha1; p={KEY}".encode()], "h= must allow sha256"),
        ([f"v=DKIM1; s=tlsrpt; p={KEY}".encode()], "s= must allow email"),
        ([f"v=DKIM1; t=y:s; p={KEY}".encode()], "testing"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(published, fault):
    (found,) = faults(RECORD, published)

    assert fault in found
    assert found.endswith(".")


def test_an_ed25519_key_needs_its_type_in_the_record():
    assert faults(ELLIPTIC, [b"v=DKIM1; k=ed25519; p=QUJD"]) == ()
    assert faults(ELLIPTIC, [b"v=DKIM1; p=QUJD"]) == ("The tag k= must be ed25519.",)
