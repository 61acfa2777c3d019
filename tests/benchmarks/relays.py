"""The two relays that are measured: ours, complete, and a Postfix of its own beside it. Both on loopback."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.scenarios import DOMAINS, SINK_PORT, domain_address
from tests.support.nameserver import Nameserver
from tests.support.ports import free_port
from tests.support.program import Program
from tests.support.waiting import wait_until

SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin"
SINK_CONNECTOR = (
    "New-SendConnector -Name Sink -Usage Custom -AddressSpaces '*' -DNSRoutingEnabled $false"
    f" -SmartHosts 127.0.0.1 -Port {SINK_PORT}"
)
MANY_CONNECTOR = (
    "New-SendConnector -Name Many -Usage Custom -AddressSpaces '*.many.test'"
    f" -UseExternalDNSServersEnabled $true -Port {SINK_PORT}"
)
MAIN_CF = """
compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = peer.test
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
transport_maps = inline:{{ {routes} }}
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_client_connection_count_limit = 0
default_process_limit = 200
message_size_limit = 52428800
maillog_file = {base}/spool/log
"""


@dataclass(frozen=True)
class Relay:
    """Where to send to."""

    name: str
    address: str


@contextlib.contextmanager
def ours() -> Iterator[Relay]:
    """The whole program: SQLite, tracking on, a connector to the sink and one by MX for many domains."""
    zone = "".join(
        f"{name} MX 10 mx.{name}\nmx.{name} A {domain_address(number)}\n"
        for number, name in enumerate(DOMAINS)
    )
    with Program() as program, Nameserver({"many.test": zone.replace(".many.test", "")}, ttl=300) as dns:
        for line in (
            f"Set-TransportService E15MB1 -ExternalDNSServers {dns.address}",
            SINK_CONNECTOR,
            MANY_CONNECTOR,
        ):
            program.manage("ems", "-c", line)
        yield Relay("ours", f"{program.smtp[0]}:{program.smtp[1]}")


@contextlib.contextmanager
def postfix() -> Iterator[Relay]:
    """A Postfix on folders of its own; needs root. No Postfix of the machine is touched."""
    if shutil.which("postfix", path=SEARCH) is None:
        raise SystemExit("postfix is missing: apt-get install --no-install-recommends postfix")
    base = Path(tempfile.mkdtemp(prefix="postfix-peer-", dir="/var/tmp"))
    port = free_port()
    try:
        _write_configuration(base, port=port)
        _postfix(base, "start")
        wait_until(lambda: _greets(port), what="the Postfix beside us greets")
        yield Relay("Postfix", f"127.0.0.1:{port}")
    finally:
        _postfix(base, "stop")
        shutil.rmtree(base, ignore_errors=True)


def _write_configuration(base: Path, *, port: int) -> None:
    base.chmod(0o755)
    for name, owner in (("etc", None), ("spool", None), ("data", "postfix")):
        (base / name).mkdir()
        if owner:
            shutil.chown(base / name, user=owner)
    routes = ", ".join(
        f"{{ {name} = smtp:[{domain_address(number)}]:{SINK_PORT} }}" for number, name in enumerate(DOMAINS)
    )
    (base / "etc/main.cf").write_text(MAIN_CF.format(base=base, sink=SINK_PORT, routes=routes))
    services = Path("/usr/share/postfix/master.cf.dist").read_text().splitlines(keepends=True)
    (base / "etc/master.cf").write_text("".join(_service(line, port=port) for line in services))


def _service(line: str, *, port: int) -> str:
    """No chroot, and our port for the listener."""
    if line.startswith(("#", " ", "\t")) or not line.strip():
        return line
    fields = line.split(None, 7)
    if fields[0] == "smtp" and fields[1] == "inet":
        fields[0] = f"127.0.0.1:{port}"
    fields[4] = "n"
    return " ".join(fields)


def _postfix(base: Path, verb: str) -> None:
    subprocess.run(
        ["/usr/sbin/postfix", "-c", str(base / "etc"), verb],
        env={"PATH": SEARCH},
        check=False,
        capture_output=True,
    )


def _greets(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
        return probe.recv(4) == b"220 "
    return False
