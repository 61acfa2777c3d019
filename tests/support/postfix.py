"""Postfix with folders of its own and Cyrus SASL's sasldb; /etc/postfix is not touched."""

import shutil
import subprocess

from tests.support.relays import HOST, USER, Relay
from tests.tools import SEARCH_PATH

SERVICES = """
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
SUBMISSION = """
127.0.0.1:@port@ inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sasl_path=@mechanism@
  -o smtpd_tls_security_level=encrypt
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""
SETTINGS = """
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
SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: @folder@/sasldb
mech_list: @mechanism@
"""


class Postfix(Relay):
    """A running Postfix."""

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
        (configuration / "main.cf").write_text(self._filled(SETTINGS))
        services = [self._filled(SERVICES)]
        for mechanism, port in self.submission_ports.items():
            services.append(self._filled(SUBMISSION, mechanism=mechanism, port=port))
            sasl = self._filled(SASL, mechanism=mechanism)
            (configuration / "sasl" / f"{mechanism}.conf").write_text(sasl)
        (configuration / "master.cf").write_text("".join(services))
        program = shutil.which("postfix", path=SEARCH_PATH)
        assert program, "postfix is missing: apt-get install postfix"
        with (self._folder / "output").open("wb") as output:
            subprocess.run([program, "-c", configuration, "check"], stdout=output, stderr=output, check=False)
            return subprocess.Popen(
                ["/usr/lib/postfix/sbin/master", "-c", configuration, "-d"], stdout=output, stderr=output
            )
