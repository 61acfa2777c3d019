"""A zone signed by Knot behind a validating Unbound, both on loopback, for everything about DNSSEC."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from tests.support.nameserver import free_port

PATIENCE_SECONDS = 20
_HEAD = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n"


class ValidatingDns:
    """Answers for the zone `test`, signed, and for `plain.test` below it, which is not.

    `records` and `plain` are in zone-file syntax. `tamper` may change the signed zone before it is served: a
    changed record or signature makes its answers bogus. `address` is that of Unbound.
    """

    def __init__(
        self, records: str, *, plain: str = "", tamper: Callable[[dns.zone.Zone], None] | None = None
    ) -> None:
        self._records = f"{_HEAD}plain NS ns.plain\nns.plain A 127.0.0.1\n{records}\n"
        self._plain = f"{_HEAD}{plain}\n"
        self._tamper = tamper
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="dnssec-")
        self._folder = Path(self._scratch.name)
        try:
            zone = self._sign()
            if self._tamper is not None:
                self._tamper(zone)
            served_by = self._serve(zone)
            self._validate(zone, served_by=served_by)
        except BaseException as error:
            error.add_note(self._output())
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._scratch.cleanup()

    def stop(self) -> None:
        """Go silent."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(timeout=PATIENCE_SECONDS)
        self._processes.clear()

    def _output(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*/output")))

    def _sign(self) -> dns.zone.Zone:
        """Let Knot sign the zone, and take the result over."""
        port = self._knot("sign", {"test": self._records}, signing=True)
        _wait_for(port, "test.", dns.rdatatype.DNSKEY)
        transfer = dns.query.xfr("127.0.0.1", "test.", port=port, relativize=False)
        zone = dns.zone.from_xfr(transfer, relativize=False)
        self.stop()
        return zone

    def _serve(self, zone: dns.zone.Zone) -> int:
        port = self._knot("serve", {"test": zone.to_text(), "plain.test": self._plain}, signing=False)
        _wait_for(port, "plain.test.", dns.rdatatype.SOA)
        return port

    def _knot(self, name: str, zones: dict[str, str], *, signing: bool) -> int:
        port, folder = free_port(), self._folder / name
        folder.mkdir()
        for origin, text in zones.items():
            (folder / f"{origin}.zone").write_text(f"$ORIGIN {origin}.\n{text}")
        signed = "    dnssec-signing: on\n    dnssec-policy: tests\n" if signing else ""
        (folder / "knot.conf").write_text(
            f"server:\n    listen: 127.0.0.1@{port}\n    rundir: {folder}\n    pidfile: {folder}/pid\n"
            "log:\n  - target: stderr\n    any: warning\n"
            f"database:\n    storage: {folder}\n"
            "policy:\n  - id: tests\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n"
            "acl:\n  - id: transfer\n    address: 127.0.0.1\n    action: transfer\n"
            f"template:\n  - id: default\n    storage: {folder}\n    file: %s.zone\n"
            f"    zonefile-sync: -1\n    zonefile-load: difference\n    acl: transfer\n{signed}"
            "zone:\n" + "".join(f"  - domain: {origin}\n" for origin in zones)
        )
        self._start("knotd", "knot", folder, "-c", folder / "knot.conf")
        return port

    def _validate(self, zone: dns.zone.Zone, *, served_by: int) -> None:
        folder = self._folder / "unbound"
        folder.mkdir()
        keys = zone.get_rdataset("test.", dns.rdatatype.DNSKEY)
        anchors = "".join(f"test. IN DNSKEY {key.to_text()}\n" for key in keys)
        (folder / "anchors").write_text(anchors)
        stubs = "".join(
            f"stub-zone:\n  name: {origin}\n  stub-addr: 127.0.0.1@{served_by}\n"
            for origin in ("test", "plain.test")
        )
        (folder / "unbound.conf").write_text(
            "server:\n"
            f"  interface: 127.0.0.1@{self.port}\n"
            f'  directory: "{folder}"\n  chroot: ""\n  username: ""\n  pidfile: "{folder}/pid"\n'
            '  use-syslog: no\n  verbosity: 0\n  do-daemonize: no\n  module-config: "validator iterator"\n'
            f'  trust-anchor-file: "{folder}/anchors"\n'
            "  do-not-query-localhost: no\n  local-zone: test. nodefault\n  do-ip6: no\n"
            "  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n  val-bogus-ttl: 0\n"
            f"remote-control:\n  control-enable: no\n{stubs}"
        )
        self._start("unbound", "unbound", folder, "-d", "-c", folder / "unbound.conf")
        _wait_for(self.port, "test.", dns.rdatatype.SOA)

    def _start(self, program: str, package: str, folder: Path, *arguments: object) -> None:
        binary = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise RuntimeError(f"{program} is missing: apt-get install {package}")
        with (folder / "output").open("ab") as output:
            self._processes.append(
                subprocess.Popen([binary, *map(str, arguments)], stdout=output, stderr=output, cwd=folder)
            )


def _wait_for(port: int, name: str, kind: dns.rdatatype.RdataType) -> None:
    """Wait until a server answers with such a record, and its signature if it is signed."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        query = dns.message.make_query(name, kind)
        try:
            answer = dns.query.udp(query, "127.0.0.1", port=port, timeout=0.5)
        except (OSError, dns.exception.DNSException):
            answer = None
        if answer is not None and answer.rcode() == dns.rcode.NOERROR and answer.answer:
            return
        time.sleep(0.02)
    raise RuntimeError(f"no answer for {name} {kind.name} on port {port}")
