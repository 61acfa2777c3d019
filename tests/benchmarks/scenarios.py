"""What is measured, with the ratio to Postfix that is asked for."""

from dataclasses import dataclass

SINK_PORT = 2526
DOMAINS = tuple(f"d{number}.many.test" for number in range(100))


def domain_address(number: int) -> str:
    """Each of the many domains has a host of its own."""
    return f"127.0.1.{number + 1}"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One load; `messages` of `size_bytes` to `recipients` each."""

    name: str
    messages: int
    size_bytes: int = 4096
    recipients: int = 1
    sessions: int = 20
    """Submitting connections."""
    domains: tuple[str, ...] = ("example.test",)
    rtt_ms: float = 0
    """Round-trip time to the next hop."""
    wanted: float = 1.0
    """At least so many times Postfix."""


SCENARIOS = (
    Scenario(name="small messages", messages=6000, wanted=2.0),
    Scenario(name="next hop 50 ms away", messages=6000, rtt_ms=50, wanted=3.0),
    Scenario(name="100 domains x 20", messages=2000, domains=DOMAINS),
    Scenario(name="200 x 1 MiB", messages=200, size_bytes=1024 * 1024),
    Scenario(name="20 x 500 recipients", messages=20, recipients=500),
)
