"""Verifiers of DKIM that others wrote: OpenDKIM and Perl's Mail::DKIM, asking a real DNS server.

OpenDKIM asks the servers of /etc/resolv.conf at port 53, so it runs in namespaces of its own:
python -m tests.support.dkim_verifiers FOLDER
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.nameserver import Nameserver
from tests.tools import SEARCH_PATH

Zones = Mapping[str, str]
"""By origin, records in zone-file syntax."""
CHECKOUT = Path(__file__).parents[2]
MAIL_DKIM = r"""
use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS::Resolver;
my $port = shift @ARGV;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ["127.0.0.1"], port => $port));
for my $name (@ARGV) {
    open(my $file, "<:raw", $name) or die $!;
    my $content = do { local $/; <$file> };
    my $dkim = Mail::DKIM::Verifier->new();
    $dkim->PRINT($content); $dkim->CLOSE();
    my @results = map { $_->result } grep { $_->algorithm eq "rsa-sha256" } $dkim->signatures;
    print join(",", @results), "\n";
}
"""


def mail_dkim(contents: Sequence[bytes], zones: Zones) -> list[str]:
    """What Mail::DKIM finds of the RSA signatures of each message: `pass`, `fail`, ...; empty without any."""
    with tempfile.TemporaryDirectory() as folder, Nameserver(zones) as nameserver:
        names = _written(Path(folder), contents)
        command = ["perl", "-e", MAIL_DKIM, str(nameserver.port), *map(str, names)]
        return _run(command).splitlines()


def opendkim(contents: Sequence[bytes], zones: Zones) -> list[str]:
    """What OpenDKIM finds of each message: empty when every signature is good, else what it complains of."""
    with tempfile.TemporaryDirectory() as folder:
        # opendkim-testmsg takes LF for a line end.
        _written(Path(folder), [content.replace(b"\r\n", b"\n") for content in contents])
        (Path(folder) / "zones.json").write_text(json.dumps(dict(zones)))
        module = [sys.executable, "-m", "tests.support.dkim_verifiers", folder]
        return json.loads(_run(["unshare", "--map-root-user", "--net", "--mount", *module]))


def _written(folder: Path, contents: Sequence[bytes]) -> list[Path]:
    names = [folder / f"{number:04}.eml" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        name.write_bytes(content)
    return names


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={"PATH": SEARCH_PATH},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def main(folder: Path) -> None:
    """Verify the messages in a folder, in a network of our own; print what is wrong with each as JSON."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    resolv = Path("/etc/resolv.conf").resolve()
    subprocess.run(["mount", "--bind", folder / "resolv.conf", resolv], check=True)
    with Nameserver(json.loads((folder / "zones.json").read_text()), port=53):
        json.dump([_complaint(name) for name in sorted(folder.glob("*.eml"))], sys.stdout)


def _complaint(name: Path) -> str:
    with name.open("rb") as message:
        done = subprocess.run(
            ["opendkim-testmsg", "-t", name.parent],
            stdin=message,
            capture_output=True,
            text=True,
            check=False,
        )
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
