"""Fifty hostile hosts at once: memory stays flat (reliability.md, F19)."""

import subprocess
import sys
import textwrap

from tests.support.smtp_peer import Peer, endless

PROGRAM = """
    import resource, sys, threading
    from transport.envelope import Host
    from transport.smtp.client import Client, SessionFailed

    def visit(port):
        client = Client(ehlo_name="us.test")
        try:
            client.connect(Host(name="mx", address="127.0.0.1", port=port))
        except SessionFailed as failed:
            seen.add(failed.reply.enhanced)

    seen = set()
    visit(int(sys.argv[1]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for port in sys.argv[1:]:
        threads = [threading.Thread(target=visit, args=(int(port),)) for _ in range(50)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(sorted(seen), grown)
"""


def test_fifty_endless_replies_cost_less_than_20_mb():
    lines, line = Peer({"BANNER": endless()}), Peer({"EHLO": endless(b"250 " + b"x" * 60_000)})
    with lines, line:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), str(lines.port), str(line.port)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    seen, _, grown_kib = done.stdout.strip().rpartition(" ")
    assert seen == "['4.5.0']"
    assert int(grown_kib) < 20 * 1024
