"""A DNS server that misbehaves on purpose: what NSD cannot be made to do."""

import socketserver
import struct
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

import dnslib

from tests.support.nameserver import free_port

SILENCE = "silence"
TRUNCATED = "truncated"


class FaultyDns:
    """Answers each question with what `answer(name, kind)` returns, over UDP and TCP on 127.0.0.1.

    That is records in zone-file syntax (empty: NODATA), an rcode name (`SERVFAIL`), SILENCE, TRUNCATED (then
    `over_tcp` answers over TCP), or a finished `dnslib.DNSRecord` whose id is corrected.
    `asked` lists every (name, kind) in the order of arrival.
    """

    def __init__(
        self,
        answer: Callable[[str, str], str | dnslib.DNSRecord],
        *,
        over_tcp: Callable[[str, str], str] | None = None,
    ) -> None:
        self._answer = answer
        self._over_tcp = over_tcp
        self.asked: list[tuple[str, str]] = []
        self.port = free_port()
        self._servers = [
            _DatagramServer(("127.0.0.1", self.port), _handler(self, _DatagramHandler)),
            _StreamServer(("127.0.0.1", self.port), _handler(self, _StreamHandler)),
        ]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def reply_to(self, packet: bytes, *, tcp: bool) -> bytes | None:
        """Work out the packet to send back; None keeps silent."""
        request = dnslib.DNSRecord.parse(packet)
        name = str(request.q.qname).rstrip(".").lower()
        kind = dnslib.QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        rule = self._over_tcp if tcp and self._over_tcp else self._answer
        outcome = rule(name, kind)
        if outcome == SILENCE:
            return None
        return _packed(request, outcome)


def _packed(request: dnslib.DNSRecord, outcome: str | dnslib.DNSRecord) -> bytes:
    if isinstance(outcome, dnslib.DNSRecord):
        outcome.header.id = request.header.id
        return outcome.pack()
    reply = request.reply()
    if outcome == TRUNCATED:
        reply.header.tc = 1
    elif outcome in dnslib.RCODE.reverse:
        reply.header.rcode = dnslib.RCODE.reverse[outcome]
    else:
        reply.add_answer(*_records(outcome))
    return reply.pack()


def _records(text: str) -> Iterable[dnslib.RR]:
    return dnslib.RR.fromZone(text) if text else ()


class _DatagramServer(socketserver.ThreadingUDPServer):
    allow_reuse_address = True
    max_packet_size = 4096


class _StreamServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class _DatagramHandler(socketserver.BaseRequestHandler):
    owner: FaultyDns

    def handle(self) -> None:
        packet, sock = self.request
        reply = self.owner.reply_to(packet, tcp=False)
        if reply is not None:
            sock.sendto(reply, self.client_address)


class _StreamHandler(socketserver.StreamRequestHandler):
    owner: FaultyDns

    def handle(self) -> None:
        (size,) = struct.unpack("!H", self.rfile.read(2))
        reply = self.owner.reply_to(self.rfile.read(size), tcp=True)
        if reply is not None:
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


def _handler(owner: FaultyDns, base: type) -> type:
    return type(base.__name__, (base,), {"owner": owner})
