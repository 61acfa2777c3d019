"""Relays that others wrote, as receivers and as smart hosts: Postfix and Exim on loopback, with TLS and AUTH.

Each hands everything on to one recording server and listens on several ports:

- `mx_port` takes mail for fabrikam.test and below from anybody; STARTTLS is offered
- `clear_port` does the same and knows no TLS
- each of `submission_ports` takes mail for everybody, after STARTTLS and a login by one mechanism
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import trustme

from tests.support.ports import free_port
from tests.support.waiting import wait_until
from tests.tools import EXIM, SEARCH_PATH, exim_environment

HOST = "smart.fabrikam.test"
USER = "relay"
PASSWORD = "right"
MECHANISMS = ("PLAIN", "LOGIN")
POSTFIX_SERVICES = """
127.0.0.1:@mx@ inet n - n - - smtpd
127.0.0.1:@clear@ inet n - n - - smtpd
  -o smtpd_tls_security_level=none
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
POSTFIX_SUBMISSION = """
127.0.0.1:@port@ inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sasl_path=@mechanism@
  -o smtpd_tls_security_level=encrypt
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""
POSTFIX_SETTINGS = """
compatibility_level = 3.6
queue_directory = @folder@/queue
data_directory = @folder@/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = @folder@/log
maillog_file_prefixes = @folder@
myhostname = smart.fabrikam.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
local_recipient_maps =
smtputf8_enable = no
relay_domains = fabrikam.test
default_transport = smtp:[127.0.0.1]:@forward_to@
relay_transport = smtp:[127.0.0.1]:@forward_to@
disable_dns_lookups = yes
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = @folder@/certificate.pem
smtpd_tls_key_file = @folder@/key.pem
"""
POSTFIX_SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: @folder@/sasldb
mech_list: @mechanism@
"""
EXIM_CONFIGURATION = """
exim_path = @program@
keep_environment = LD_LIBRARY_PATH
primary_hostname = smart.fabrikam.test
spool_directory = @folder@/spool
log_file_path = @folder@/spool/log-%s
pid_file_path = @folder@/pid
exim_user = root
exim_group = root
local_interfaces = 127.0.0.1
daemon_smtp_ports = @mx@ : @clear@ : @submissions@
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = ${if eq{$received_port}{@clear@}{}{*}}
tls_certificate = @folder@/certificate.pem
tls_privatekey = @folder@/key.pem
auth_advertise_hosts = ${if def:tls_in_cipher{*}{}}
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept authenticated = *
  accept domains = fabrikam.test : *.fabrikam.test
         condition = ${if or{{eq{$received_port}{@mx@}}{eq{$received_port}{@clear@}}}}
  deny message = 5.7.1 relay access denied
begin routers
onwards:
  driver = manualroute
  route_list = * 127.0.0.1::@forward_to@ byname
  self = send
  transport = onwards
begin transports
onwards:
  driver = smtp
  user = nobody
  group = nogroup
  allow_localhost
begin authenticators
"""
EXIM_AUTHENTICATORS = {
    "PLAIN": """
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${if eq{$received_port}{@port@}}
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{relay}}{eq{$auth3}{${readfile{@folder@/password}{}}}}}}
  server_set_id = $auth2
""",
    "LOGIN": """
login:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = ${if eq{$received_port}{@port@}}
  server_prompts = <| Username: | Password:
  server_condition = ${if and{{eq{$auth1}{relay}}{eq{$auth2}{${readfile{@folder@/password}{}}}}}}
  server_set_id = $auth1
""",
    "CRAM-MD5": """
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_advertise_condition = ${if eq{$received_port}{@port@}}
  server_secret = ${if eq{$auth1}{relay}{${readfile{@folder@/password}{}}}fail}
  server_set_id = $auth1
""",
}


class Relay:
    """What both have in common; use as a context manager."""

    def __init__(self, *, forward_to: int, ca: trustme.CA) -> None:
        self.mx_port, self.clear_port = free_port(), free_port()
        self.submission_ports = {mechanism: free_port() for mechanism in MECHANISMS}
        self._forward_to, self._ca = forward_to, ca
        self._folder = Path(tempfile.mkdtemp(prefix="relay-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        assert os.geteuid() == 0, "Postfix and Exim start as root only: run the tests as root"
        self._folder.chmod(0o755)
        certificate = self._ca.issue_cert(HOST)
        (self._folder / "certificate.pem").write_bytes(
            b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
        )
        (self._folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
        self.set_password(PASSWORD)
        self._process = self._start()
        ports = (self.mx_port, self.clear_port, *self.submission_ports.values())
        try:
            wait_until(lambda: all(map(_is_bound, ports)) or self._process.poll(), what="the relay listens")
            assert self._process.poll() is None, self.log
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self._folder)

    @property
    def log(self) -> str:
        """What the relay says about itself."""
        return "".join(file.read_text(errors="replace") for file in self._folder.rglob("log*"))

    @property
    def user(self) -> str:
        """Whom to log in as."""
        return USER

    def set_password(self, password: str) -> None:
        """Change the password that the relay takes."""
        raise NotImplementedError

    def _start(self) -> "subprocess.Popen[bytes]":
        raise NotImplementedError

    def _filled(self, template: str, **more: object) -> str:
        values = {
            "folder": self._folder,
            "mx": self.mx_port,
            "clear": self.clear_port,
            "forward_to": self._forward_to,
            **more,
        }
        # Exim's own language is full of braces and dollars.
        return re.sub(r"@(\w+)@", lambda found: str(values[found[1]]), template)


class Postfix(Relay):
    """Postfix with folders of its own and Cyrus SASL's sasldb; /etc/postfix is not touched."""

    @property
    def user(self) -> str:
        return f"{USER}@{HOST}"

    def set_password(self, password: str) -> None:
        database = self._folder / "sasldb"
        program = shutil.which("saslpasswd2", path=SEARCH_PATH)
        assert program, "saslpasswd2 is missing: apt-get install sasl2-bin"
        command = [program, "-p", "-c", "-f", database, "-u", HOST, USER]
        subprocess.run(command, input=password.encode(), check=True)
        shutil.chown(database, "postfix")

    def _start(self) -> "subprocess.Popen[bytes]":
        configuration = self._folder / "configuration"
        for folder in (configuration, configuration / "sasl", self._folder / "queue", self._folder / "data"):
            folder.mkdir()
        shutil.chown(self._folder / "data", "postfix")
        (configuration / "main.cf").write_text(self._filled(POSTFIX_SETTINGS))
        services = [self._filled(POSTFIX_SERVICES)]
        for mechanism, port in self.submission_ports.items():
            services.append(self._filled(POSTFIX_SUBMISSION, mechanism=mechanism, port=port))
            sasl = self._filled(POSTFIX_SASL, mechanism=mechanism)
            (configuration / "sasl" / f"{mechanism}.conf").write_text(sasl)
        (configuration / "master.cf").write_text("".join(services))
        program = shutil.which("postfix", path=SEARCH_PATH)
        assert program, "postfix is missing: apt-get install postfix"
        with (self._folder / "output").open("wb") as output:
            subprocess.run([program, "-c", configuration, "check"], stdout=output, stderr=output, check=False)
            return subprocess.Popen(
                ["/usr/lib/postfix/sbin/master", "-c", configuration, "-d"], stdout=output, stderr=output
            )


class Exim(Relay):
    """Exim out of the folder into which `make test` unpacked it: Debian's package would drive Postfix out."""

    def set_password(self, password: str) -> None:
        (self._folder / "password").write_text(password)

    def _start(self) -> "subprocess.Popen[bytes]":
        program = EXIM / "usr" / "sbin" / "exim4"
        assert program.exists(), "Exim is missing: python tests/tools.py install"
        (self._folder / "spool" / "db").mkdir(parents=True)
        for name in ("spool", "spool/db"):
            shutil.chown(self._folder / name, "nobody", "nogroup")
        submissions = " : ".join(map(str, self.submission_ports.values()))
        parts = [self._filled(EXIM_CONFIGURATION, program=program, submissions=submissions)]
        parts += [
            self._filled(EXIM_AUTHENTICATORS[mechanism], port=port)
            for mechanism, port in self.submission_ports.items()
        ]
        configuration = self._folder / "exim.conf"
        configuration.write_text("".join(parts))
        # Debian's Exim ends at once where there is no user Debian-exim.
        users = (Path("/etc/passwd").read_text(), "Debian-exim:x:65534:65534::/nonexistent:/bin/false\n")
        (self._folder / "passwd").write_text("".join(users))
        groups = (Path("/etc/group").read_text(), "Debian-exim:x:65534:\n")
        (self._folder / "group").write_text("".join(groups))
        script = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group && exec "$@"'
        with (self._folder / "output").open("wb") as output:
            return subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "sh",
                    "-c",
                    script,
                    self._folder,
                    program,
                    "-C",
                    configuration,
                    "-bdf",
                ],
                env=exim_environment(),
                stdout=output,
                stderr=output,
            )


def _is_bound(port: int) -> bool:
    """Whether somebody listens, found without a connection."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()
