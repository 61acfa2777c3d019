"""X-headers that carry the envelope in front of a message, as Replay takes them back (exchange.md 10.2)."""

from transport.envelope import DsnRequest, Envelope

NAMES = frozenset(
    (
        b"x-sender", b"x-receiver", b"x-createdby", b"x-helodomain", b"x-source", b"x-sourceipaddress",
        b"x-extendedmessageprops", b"x-endofinjectedxheaders",
    )
)  # fmt: skip
"""In lower case."""
TRUSTED = "TrustedSender"
"""X-ExtendedMessageProps where a report hits no stranger; what Exchange writes there it alone reads."""


def injected_headers(envelope: Envelope) -> bytes:
    """The X-headers that let Replay take a message back in with its envelope."""
    parameters = [
        "BODY=8BITMIME" if envelope.eight_bit else "BODY=7BIT",
        *(["SMTPUTF8"] if envelope.smtputf8 else []),
        *([f"RET={envelope.ret}"] if envelope.ret else []),
        *([f"ENVID={envelope.envid}"] if envelope.envid else []),
    ]
    lines = [f"X-Sender: <{envelope.mail_from}> {' '.join(parameters)}"]
    for address in envelope.recipients:
        request = envelope.dsn_requests.get(address, DsnRequest())
        notify = f" NOTIFY={request.notify}" if request.notify else ""
        orcpt = f" ORCPT={request.orcpt}" if request.orcpt else ""
        lines.append(f"X-Receiver: <{address}>{notify}{orcpt}")
    lines.append(f"X-HeloDomain: {envelope.client_name}")
    lines.append(f"X-Source: {envelope.source}")
    if envelope.trusted_sender:
        lines.append(f"X-ExtendedMessageProps: {TRUSTED}")
    if envelope.client_address:
        lines.append(f"X-SourceIPAddress: {envelope.client_address}")
    head = "".join(f"{line}\r\n" for line in lines).encode()
    # The count includes its own line (exchange.md 10.2).
    own_bytes = len("X-EndOfInjectedXHeaders: \r\n")
    count = len(head) + own_bytes + len(str(len(head) + own_bytes))
    return head + f"X-EndOfInjectedXHeaders: {count}\r\n".encode()
