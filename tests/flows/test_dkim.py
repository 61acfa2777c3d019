"""DKIM through the whole program: a key made in the shell, its record published, mail verified elsewhere."""

import pytest

from tests.flows.conftest import ems, ems_rows
from tests.support.dkim_verifiers import mail_dkim, opendkim
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
CONTENT = (
    b"From: Anna <anna@contoso.test>\r\nTo: bob@fabrikam.test\r\nSubject: signed\r\n"
    b"Date: Fri, 27 Nov 2026 09:00:00 +0000\r\n\r\n.dots  and blanks \r\n\r\n"
)


def test_mail_is_signed_from_the_moment_at_which_the_published_key_is_enabled(program, receiver, swaks, dns):
    ems(
        program,
        'New-SendConnector "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    (key,) = ems_rows(program, "New-DkimSigningConfig contoso.test -Selector s1")
    swaks("before@fabrikam.test", content=CONTENT)
    record = key["ZoneRecord"]
    dns.reload({"test": f"{record}\n"})
    ems(program, "Set-DkimSigningConfig contoso.test -Enabled $true")
    swaks("after@fabrikam.test", content=CONTENT)
    wait_until(lambda: len(receiver.mails) == 2, what="both messages arrive")
    before, after = (receiver.to(f"{one}@fabrikam.test")[0].content for one in ("before", "after"))

    assert b"DKIM-Signature" not in before
    assert mail_dkim([after], {"test": record}) == ["pass"]
    assert opendkim([after, after.replace(b"dots", b"lots")], {"test": record}) == [
        "",
        "opendkim-testmsg: dkim_eom(): Bad signature",
    ]
