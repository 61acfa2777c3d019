"""What the tests need beyond pip: finds it, installs it where it may, runs a throw-away PostgreSQL.

python tests/tools.py install
python tests/tools.py with-postgresql COMMAND...
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

# Debian keeps the programs of an administrator off an ordinary user's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
PROGRAMS = {
    "chromium": "chromium",
    "swaks": "swaks",
    "smtp-source": "postfix",
    "smtp-sink": "postfix",
    "nsd": "nsd",
    "knotd": "knot",
    "unbound": "unbound",
    "perl": "perl",
    "opendkim-testmsg": "opendkim-tools",
    "openssl": "openssl",
    "ip": "iproute2",
    "unshare": "util-linux",
    "strace": "strace",
    "saslpasswd2": "sasl2-bin",
}
EXIM = Path(__file__).resolve().parents[1] / ".tools" / "exim"
"""Unpacked here, not installed: Debian's Exim and Postfix exclude each other."""
EXIM_PACKAGES = (
    *("exim4-daemon-light", "libdb5.3", "libevent-2.1-7", "libgnutls-dane0", "libidn12", "libnsl2"),
    *("libpcre2-8-0", "libtirpc3", "libunbound8"),
)
"""The program and the libraries that a small system lacks."""
PERL_MODULES = {"Net::SSLeay": "libnet-ssleay-perl", "Mail::DKIM": "libmail-dkim-perl"}
"""For swaks to speak TLS, and to verify signatures."""
PYTHON_SAMPLES = Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"
"""Sample messages of Python's own tests, odd ones among them."""
POSTGRESQL_STARTS_WITHIN = 30.0


def main() -> int:
    """Run one of the two commands; returns the exit status."""
    match sys.argv[1:]:
        case ["install"]:
            return install()
        case ["with-postgresql", *command] if command:
            return run_with_postgresql(command)
    sys.stderr.write(__doc__ or "")
    return 2


def install() -> int:
    """Make sure of every tool; without root it only names what is missing."""
    missing = missing_packages()
    if missing and os.geteuid() == 0:
        install_packages(missing)
        missing = missing_packages()
    if not exim_runs():
        unpack_exim()
    if missing:
        sys.stderr.write(f"the tests need: apt-get install --no-install-recommends {' '.join(missing)}\n")
    if not exim_runs():
        sys.stderr.write(f"the tests need Exim unpacked in {EXIM}: apt-get download, dpkg -x\n")
    return int(bool(missing) or not exim_runs())


def missing_packages() -> list[str]:
    """The Debian packages of the tools that are not there."""
    packages = {package for name, package in PROGRAMS.items() if not shutil.which(name, path=SEARCH_PATH)}
    if not postgresql_programs():
        packages.add("postgresql")
    if not PYTHON_SAMPLES.is_dir():
        packages.add(f"libpython{sys.version_info.major}.{sys.version_info.minor}-testsuite")
    packages |= {package for module, package in PERL_MODULES.items() if not perl_has(module)}
    return sorted(packages)


def postgresql_programs() -> Path | None:
    """The folder of `initdb` and `postgres`: the newest version of Debian's, else where the PATH has it."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda found: float(found.parts[-3]), default=None)
    on_path = shutil.which("initdb")
    return newest.parent if newest else Path(on_path).parent if on_path else None


def perl_has(module: str) -> bool:
    """Whether Perl finds a module."""
    if not shutil.which("perl"):
        return False
    return subprocess.run(["perl", f"-M{module}", "-e1"], capture_output=True, check=False).returncode == 0


def install_packages(packages: list[str]) -> None:
    """Install with apt, unattended; nothing that is installed is left running."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    answer = "postfix postfix/main_mailer_type select No configuration\n"
    quiet = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0"]
    with services_kept_off():
        subprocess.run([*quiet, "update"], env=environment, stdout=subprocess.DEVNULL, check=False)
        if "postfix" in packages:
            subprocess.run(["debconf-set-selections"], input=answer, text=True, check=False)
        subprocess.run(
            [*quiet, "install", "--no-install-recommends", *packages],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        )


def unpack_exim() -> None:
    """Download Exim with its libraries and unpack them into a folder of the checkout."""
    EXIM.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        subprocess.run(["apt-get", "-q", "update"], capture_output=True, check=False)
    with tempfile.TemporaryDirectory() as scratch:
        if not downloaded(EXIM_PACKAGES, into=scratch):
            # Another release of Debian names a library otherwise, and may have it installed.
            for package in EXIM_PACKAGES:
                downloaded([package], into=scratch)
        for file in Path(scratch).glob("*.deb"):
            subprocess.run(["dpkg", "-x", file, EXIM], check=False)


def downloaded(packages: Iterable[str], *, into: str) -> bool:
    """Fetch packages without installing them; False when one of them is not to be had."""
    command = ["apt-get", "-q", "download", *packages]
    return subprocess.run(command, cwd=into, capture_output=True, check=False).returncode == 0


def exim_runs() -> bool:
    """Whether Exim is unpacked and finds its libraries."""
    program = EXIM / "usr" / "sbin" / "exim4"
    if not program.exists():
        return False
    found = subprocess.run(
        ["ldd", program], env=exim_environment(), capture_output=True, text=True, check=False
    )
    return found.returncode == 0 and "not found" not in found.stdout


def exim_environment() -> dict[str, str]:
    """The environment in which Exim finds its libraries."""
    libraries = os.pathsep.join(str(folder) for folder in (EXIM / "usr" / "lib").glob("*-linux-gnu"))
    return {**os.environ, "LD_LIBRARY_PATH": libraries}


@contextlib.contextmanager
def services_kept_off() -> Iterator[None]:
    """Tell Debian's packages to start nothing: the tests start what they need on ports of their own."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def run_with_postgresql(command: list[str]) -> int:
    """Run a command with DATABASE_URL set to a cluster that lives as long; returns its exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with postgresql() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """Start PostgreSQL on a free loopback port and a scratch directory; yields the URL of its database.

    `durable`: it flushes to disk at every commit, as in real life.
    """
    programs = postgresql_programs()
    if programs is None:
        sys.exit("PostgreSQL is missing: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="admincenter-postgresql-") as scratch:
        password, port = secrets.token_urlsafe(16), free_port()
        make_cluster(Path(scratch), programs=programs, password=password)
        server = start_cluster(Path(scratch), programs=programs, port=port, durable=durable)
        try:
            await_listener(port, server=server)
            yield f"postgres://tests:{quote(password)}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)


def make_cluster(scratch: Path, *, programs: Path, password: str) -> None:
    """Initialize the data directory, owned by the user that PostgreSQL will run as."""
    password_file = scratch / "password"
    password_file.write_text(password, encoding="ascii")
    if os.geteuid() == 0:
        shutil.chown(scratch, user=server_user())
        shutil.chown(password_file, user=server_user())
    subprocess.run(
        [
            *(programs / "initdb", "--pgdata", scratch / "data", "--username", "tests", "--encoding", "UTF8"),
            *("--auth", "scram-sha-256", "--pwfile", password_file, "--locale", "C.UTF-8", "--no-sync"),
        ],
        stdout=subprocess.DEVNULL,
        cwd=scratch,
        user=server_user(),
        check=True,
    )


def start_cluster(
    scratch: Path, *, programs: Path, port: int, durable: bool = False
) -> subprocess.Popen[bytes]:
    """Run the server, without the care for power cuts that a scratch cluster does not need."""
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "log_min_messages": "fatal",
        **({} if durable else dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")),
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return subprocess.Popen(
        [programs / "postgres", "-D", scratch / "data", *settings],
        cwd=scratch,
        user=server_user(),
        process_group=0,
    )


def server_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def await_listener(port: int, *, server: subprocess.Popen[bytes]) -> None:
    """Wait until the port answers; exits if the server ended instead."""
    deadline = time.monotonic() + POSTGRESQL_STARTS_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit("the throw-away PostgreSQL did not start")


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
