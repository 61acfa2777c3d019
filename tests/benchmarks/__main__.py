"""`make bench`: our relay beside a Postfix in the same run, and how quickly one message goes through.

python -m tests.benchmarks [--runs 3] [--only NAME] [--json FILE]
"""

import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from tests.benchmarks import fairness, latency, relays
from tests.benchmarks.load import measure
from tests.benchmarks.scenarios import SCENARIOS, Scenario


def main() -> int:
    """Measure, print, and say by the exit status whether every ratio was reached and nothing lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3, help="the median of so many runs counts")
    parser.add_argument("--only", default="", help="scenarios whose name contains this, or fairness")
    parser.add_argument("--json", type=Path, help="write every run there")
    arguments = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if arguments.only in scenario.name]
    fair = arguments.only not in ("", "fairness") or fairness.measure(say)
    if arguments.only == "fairness":
        return 0 if fair else 1
    with relays.ours() as ours, relays.postfix() as postfix:
        found = [_compare(scenario, (ours, postfix), runs=arguments.runs) for scenario in chosen]
        one = latency.measure(ours.address) if not arguments.only else None
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": _machine(), "found": found, "latency": one}, indent=1)
        )
    _report(found, one)
    return 0 if fair and all(row["reached"] and not row["lost"] for row in found) else 1


def say(line: str) -> None:
    """To whoever waits for the figures."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _compare(scenario: Scenario, both: tuple[relays.Relay, relays.Relay], *, runs: int) -> dict[str, Any]:
    """Take turns, so that a busy moment of the machine hits both."""
    results: dict[str, list[dict[str, Any]]] = {relay.name: [] for relay in both}
    for _ in range(runs):
        for relay in both:
            results[relay.name].append(uvloop.run(measure(relay.address, scenario)))
            time.sleep(3)
    rates = {
        name: statistics.median(one["delivered_per_s"] for one in some) for name, some in results.items()
    }
    ratio = rates["ours"] / rates["Postfix"]
    row = {
        "scenario": scenario.name,
        "ours": rates["ours"],
        "postfix": rates["Postfix"],
        "ratio": round(ratio, 2),
        "wanted": scenario.wanted,
        "reached": ratio >= scenario.wanted,
        "lost": sum(one["lost"] for one in results["ours"]),
        "doubled": sum(one["doubled"] for one in results["ours"]),
        "connections": max(one["connections"] for one in results["ours"]),
        "runs": results,
    }
    say(_line(row))
    return row


def _line(row: dict[str, Any]) -> str:
    facts = f"lost {row['lost']}, doubled {row['doubled']}, connections {row['connections']}"
    mark = "reached" if row["reached"] else "NOT reached"
    return (
        f"{row['scenario']:<22} ours {row['ours']:7.0f}/s  Postfix {row['postfix']:7.0f}/s"
        f"  {row['ratio']:5.2f} times (wanted {row['wanted']:g}: {mark}); {facts}"
    )


def _report(found: list[dict[str, Any]], one: dict[str, Any] | None) -> None:
    say(f"\n{_machine()}")
    for row in found:
        say(_line(row))
    if one is not None:
        say(
            f"one message on an idle system: median {one['median_ms']:.0f} ms, worst {one['worst_ms']:.0f} ms"
        )


def _machine() -> str:
    return f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {platform.release()}"


if __name__ == "__main__":
    sys.exit(main())
