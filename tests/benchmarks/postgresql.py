"""How much mail goes through on a PostgreSQL that really flushes to disk.

python -m tests.benchmarks.postgresql [--messages 2000] [--sessions 10]
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator

import uvloop

from tests import tools
from tests.benchmarks.load import measure
from tests.benchmarks.relays import SINK_CONNECTOR
from tests.benchmarks.scenarios import Scenario
from tests.support.program import Program


def main() -> None:
    """Measure accepting alone, then accepting and delivering at once; prints a line for each run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--sessions", type=int, default=10, help="submitting connections")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    load = Scenario(name="small messages", messages=arguments.messages, sessions=arguments.sessions)
    with program() as running:
        relay = f"{running.smtp[0]}:{running.smtp[1]}"
        for _ in range(arguments.runs):
            found = uvloop.run(measure(relay, load))
            sys.stdout.write(f"{found}\n")
            sys.stdout.flush()


@contextlib.contextmanager
def program() -> Iterator[Program]:
    """The whole program on a cluster of its own, with a connector to the sink."""
    with (
        tools.postgresql(durable=True) as url,
        Program(environment={"DATABASE_URL": url}) as running,
    ):
        running.manage("ems", "-c", SINK_CONNECTOR)
        yield running


if __name__ == "__main__":
    main()
