"""Why no host was found, as replies: a 4yz is tried again, a 5yz is final."""

from dataclasses import replace

from transport.envelope import Host, Reply, Stage

MAX_TEXT_LENGTH = 500
QUERY_FAILED = "DNS query failed. The error was: "


class DestinationFailed(Exception):  # noqa: N818 -- it carries a reply, as a failed attempt does
    """There is no address to dial."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.line)
        self.reply = reply

    @property
    def temporary(self) -> bool:
        """Whether it is worth asking again later."""
        return self.reply.code < 500  # noqa: PLR2004 -- the border between 4yz and 5yz (RFC 5321 section 4.2.1)


def query_failed(name: str, trouble: str, *, enhanced: str = "4.4.0") -> DestinationFailed:
    """Say that the DNS servers gave no answer, or none that can be used."""
    return _failed(451, enhanced, f"{QUERY_FAILED}SMTPSEND.DNS.ErrorRetry; {trouble}", name=name)


def nonexistent(name: str) -> DestinationFailed:
    """Say NXDOMAIN."""
    return _failed(554, "5.4.4", f"SMTPSEND.DNS.NonExistentDomain; nonexistent domain {name}", name=name)


def no_mail_accepted(name: str) -> DestinationFailed:
    """Say that there is a null MX (RFC 7505)."""
    return _failed(556, "5.1.10", f"SMTPSEND.DNS.NullMx; {name} does not accept mail (null MX)", name=name)


def no_host(name: str, detail: str) -> DestinationFailed:
    """Say that DNS answered, and that what it said leads to no address."""
    return _failed(554, "5.4.4", f"SMTPSEND.DNS.NoUsableHost; {detail}", name=name)


def forbidden(name: str, *, host: Host, objection: str) -> DestinationFailed:
    """Say that every host of the domain is an address which its DNS must not send us to.

    Temporary: the zone may be repaired, and the administrator may list the network.
    """
    text = (
        f"SMTPSEND.DNS.ForbiddenAddress; mail for {name[:80]} would go to {host.name[:80]} at {host.address},"
        f" {objection}: an Internet connector does not dial it. If it is right, list its network with"
        " Set-TransportService -AllowedMxNetworks"
    )
    return _failed(451, "4.4.4", text, name=host.name)


def wrong_family(name: str, detail: str, *, family: str) -> DestinationFailed:
    """Say that there is no address of the family that the connector dials: its setting must not end mail."""
    text = f"SMTPSEND.DNS.NoUsableHost; {detail}, and IpFamily or SourceIPAddress of the send connector means"
    return _failed(451, "4.4.4", f"{text} {family}", name=name)


def loops(name: str, *, through: str) -> DestinationFailed:
    """Say that the best host left is this server (RFC 5321 section 5.1)."""
    text = f"SMTPSEND.DNS.MxLoopback; MX record of {name} points to this server (loop): {through}"
    return _failed(554, "5.4.6", text, name=name)


def malformed(name: str, why: str) -> DestinationFailed:
    """Say that what stands behind the @ cannot be asked for."""
    shown = ascii(name[:80])
    return _failed(554, "5.1.3", f"SMTPSEND.DNS.InvalidName; {shown} cannot be looked up: {why}", name=shown)


def as_temporary(failure: DestinationFailed) -> DestinationFailed:
    """Soften it for a smart host: there the configuration is at fault, and that must not end any mail."""
    if failure.temporary:
        return failure
    reply = failure.reply
    return DestinationFailed(
        replace(
            reply,
            code=451,
            enhanced=f"4{reply.enhanced[1:]}",
            text=f"{QUERY_FAILED}{reply.text}"[:MAX_TEXT_LENGTH],
        ),
    )


def _failed(code: int, enhanced: str, text: str, *, name: str) -> DestinationFailed:
    return DestinationFailed(
        Reply(
            code=code,
            enhanced=enhanced,
            text=text[:MAX_TEXT_LENGTH],
            stage=Stage.DNS,
            host=name,
            remote=False,
        ),
    )
