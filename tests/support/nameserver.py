"""A real DNS server (NSD) on loopback, for every test that looks something up."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

PATIENCE_SECONDS = 20


class Nameserver:
    """Serves zones over UDP and TCP on 127.0.0.1.

    `zones` maps an origin (`test`) to its records in zone-file syntax, without `$ORIGIN`, `$TTL`, SOA and NS:
    those are added. The TTL is 0 unless given, so that a changed zone counts at once.
    """

    def __init__(self, zones: Mapping[str, str], *, port: int = 0, ttl: int = 0) -> None:
        self.port = port or free_port()
        self.ttl = ttl
        self._zones = dict(zones)
        self._serial = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="nsd-")
        self._folder = Path(self._scratch.name)
        try:
            self.start()
        except BaseException:
            self.stop()
            self._scratch.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._scratch.cleanup()

    def start(self) -> None:
        """Start, or start again after `stop`, on the same port."""
        binary = shutil.which("nsd") or shutil.which("nsd", path="/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise RuntimeError("nsd is missing: install the package nsd (apt-get install nsd)")
        configuration = self._folder / "nsd.conf"
        configuration.write_text(self._configuration())
        self._write_zones()
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [binary, "-d", "-c", configuration], stdout=output, stderr=output, cwd=self._folder
            )
        self._wait_for_serial()

    def stop(self) -> None:
        """Go silent, as a dead DNS server does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE_SECONDS)
            self._process = None

    def reload(self, zones: Mapping[str, str]) -> None:
        """Replace the records of zones that are served already; returns when they are answered."""
        unknown = set(zones) - set(self._zones)
        if unknown:
            raise ValueError(f"not served yet: {', '.join(sorted(unknown))}")
        self._zones.update(zones)
        self._write_zones()
        assert self._process is not None, "the name server is stopped"
        outdated = answering_processes(self._process.pid)
        self._process.send_signal(signal.SIGHUP)
        self._wait_for_serial(outdated)

    def _configuration(self) -> str:
        zones = "".join(f'zone:\n  name: "{origin}"\n  zonefile: "{origin}.zone"\n' for origin in self._zones)
        return (
            "server:\n"
            f"  ip-address: 127.0.0.1@{self.port}\n"
            "  server-count: 1\n"
            '  username: ""\n'
            '  chroot: ""\n'
            '  database: ""\n'
            f'  zonesdir: "{self._folder}"\n'
            f'  pidfile: "{self._folder}/nsd.pid"\n'
            f'  xfrdfile: "{self._folder}/xfrd.state"\n'
            f'  zonelistfile: "{self._folder}/zone.list"\n'
            f'  xfrdir: "{self._folder}"\n'
            "  rrl-ratelimit: 0\n"
            "  verbosity: 1\n"
            "remote-control:\n"
            "  control-enable: no\n"
        ) + zones

    def _write_zones(self) -> None:
        self._serial += 1
        for origin, records in self._zones.items():
            head = (
                f"$ORIGIN {origin}.\n$TTL {self.ttl}\n"
                f"@ SOA ns hostmaster {self._serial} 3600 600 86400 {self.ttl}\n"
                "@ NS ns\nns A 127.0.0.1\n"
            )
            (self._folder / f"{origin}.zone").write_text(f"{head}{records}\n")

    def _wait_for_serial(self, outdated: frozenset[int] = frozenset()) -> None:
        """Wait for the new zones, and for the end of those who still answer from the old ones."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        waiting = set(self._zones)
        while waiting or any(Path(f"/proc/{pid}").exists() for pid in outdated):
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"nsd does not serve {sorted(waiting)}:\n{self._output()}")
            waiting = {origin for origin in waiting if self._served_serial(origin) != self._serial}
            time.sleep(0.005)

    def _served_serial(self, origin: str) -> int | None:
        query = dns.message.make_query(f"{origin}.", dns.rdatatype.SOA)
        try:
            answer = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.05)
        except (OSError, dns.exception.DNSException):
            return None
        if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
            return None
        return answer.answer[0][0].serial

    def _output(self) -> str:
        return (self._folder / "output").read_text(errors="replace")[-4000:]


def answering_processes(pid: int) -> frozenset[int]:
    """Find the leaves of NSD's process tree: a reload replaces them, old and new answering side by side."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if not children:
        return frozenset({pid})
    return frozenset().union(*(answering_processes(int(child)) for child in children))


def free_port() -> int:
    """Find a port that is free for UDP and TCP on 127.0.0.1."""
    for _ in range(50):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        ):
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free for both UDP and TCP")
