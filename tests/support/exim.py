"""Exim out of the folder into which `make test` unpacked it: Debian's package would drive Postfix out."""

import shutil
import subprocess
from pathlib import Path

from tests.support.relays import Relay
from tests.tools import EXIM, exim_environment

CONFIGURATION = """
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
AUTHENTICATORS = {
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


class Exim(Relay):
    """A running Exim."""

    def set_password(self, password: str) -> None:
        (self._folder / "password").write_text(password)

    def _start(self) -> "subprocess.Popen[bytes]":
        program = EXIM / "usr" / "sbin" / "exim4"
        assert program.exists(), "Exim is missing: python tests/tools.py install"
        (self._folder / "spool" / "db").mkdir(parents=True)
        for name in ("spool", "spool/db"):
            shutil.chown(self._folder / name, "nobody", "nogroup")
        submissions = " : ".join(map(str, self.submission_ports.values()))
        parts = [self._filled(CONFIGURATION, program=program, submissions=submissions)]
        parts += [
            self._filled(AUTHENTICATORS[mechanism], port=port)
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
