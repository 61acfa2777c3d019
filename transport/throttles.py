"""What the sessions of one process share of limits: who leads to the same hosts, whose turn it is to send.

`Throttles.holds` names the limits that a queue is under; `transport.concurrency.decide` makes of them how
many sessions may begin, and what to tell an administrator. Whoever opens sessions and whoever rings for
them ask here.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

from transport.common_hosts import CommonHosts
from transport.concurrency import Hold, Limits, Standing, connection_holds, connections
from transport.pace import Pace
from transport.refused import Refused


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorLimits:
    """What a send connector sets, as far as it concerns this server."""

    connector_id: int = 0
    name: str = ""
    max_connections: int | None = None
    """To one next hop."""
    messages_per_second: float | None = None
    """Of the organization."""
    sharing: int = 1
    """So many live source servers share the rate in equal parts."""
    messages_per_day: int | None = None
    """Of the organization, and counted for it (`transport.queue.allowances`)."""

    @property
    def per_second(self) -> float | None:
        """Give the part of the rate that this server may use."""
        return None if self.messages_per_second is None else self.messages_per_second / self.sharing

    def within(self, limits: Limits) -> Limits:
        """Give the limits of the server, narrowed by what the connector sets for a next hop."""
        if self.max_connections is None or self.max_connections >= limits.connections_per_queue:
            return limits
        return replace(limits, connections_per_queue=self.max_connections)


UNLIMITED = ConnectorLimits()


class Throttles:
    """Of one worker process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.hosts = CommonHosts()
        self._refused = Refused(clock)
        self._paces: dict[int, Pace] = defaultdict(lambda: Pace(clock))
        self._connectors: Mapping[int, ConnectorLimits] = {}
        self.generation = -1
        """Of the configuration that these limits belong to."""

    def learn(self, connectors: Mapping[int, ConnectorLimits], *, generation: int) -> None:
        """From now on these are the limits of the connectors, as of this generation of the configuration."""
        self._connectors = connectors
        self.generation = generation

    def connector(self, connector_id: int) -> ConnectorLimits:
        """Give what a connector limits."""
        return self._connectors.get(connector_id, UNLIMITED)

    def holds(
        self, queue_id: int, standing: Standing, *, connector_id: int, limits: Limits
    ) -> tuple[Hold, ...]:
        """Name the limits that a queue is under, all but that of messages per day."""
        connector = self.connector(connector_id)
        narrowed = connector.within(limits)
        holds = list(connection_holds(standing, limits=narrowed))
        most, said = narrowed.connections_per_queue, connections(narrowed.connections_per_queue)
        if connector.max_connections == most:
            said += f" of send connector {connector.name}"
            if not standing.failed:
                holds[0] = replace(holds[0], said=said)
        if others := len(self.hosts.together(queue_id)) - 1:
            said += f", to hosts that {others:,} other queue{'s lead' if others != 1 else ' leads'} to"
            holds.append(Hold(room=most - standing.shared, said=said, gate=self._hosts_of(queue_id)))
        # A next hop that failed gets its one session also when the line is full: it seldom comes to sending.
        if connector.per_second is not None and not standing.failed:
            room = self._paces[connector_id].room(per_second=connector.per_second) - standing.begun
            holds.append(_pace(connector, room=room))
        return tuple(holds)

    def connections_to(
        self, queue_id: int, *, connector_id: int, limits: Limits
    ) -> tuple[int, tuple[int, ...]]:
        """How many there may be to the hosts of a queue, and the queues that lead there."""
        narrowed = self.connector(connector_id).within(limits)
        return narrowed.connections_per_queue, self.hosts.together(queue_id)

    def _hosts_of(self, queue_id: int) -> Hashable:
        return ("hosts", self.hosts.of(queue_id))

    # Who has none comes first

    def refuse(self, queue_id: int, hold: Hold) -> None:
        """Note a queue that has no session and gets none, because others use what it shares with them."""
        if hold.gate is not None:
            self._refused.wait(queue_id, gate=hold.gate)

    def successor(self, queue_id: int, *, connector_id: int) -> int | None:
        """Give the queue for which a session of this one makes room; None while nobody waits for it."""
        for gate in (self._hosts_of(queue_id), ("pace", connector_id), "server"):
            found = self._refused.next(gate, beside=queue_id)
            if found is not None:
                return found
        return None

    # Messages per second

    def stand(self, session_id: int, *, connector_id: int) -> None:
        """A session is about to send a message, as soon as it is connected."""
        if self._per_second(connector_id) is not None:
            self._paces[connector_id].stand(session_id)

    def take_turn(self, session_id: int, *, connector_id: int, now_or_never: bool = False) -> float | None:
        """Seconds until this session may send a message; None when it should not wait for it."""
        per_second = self._per_second(connector_id)
        if per_second is None:
            return 0.0
        pace = self._paces[connector_id]
        if now_or_never:
            return pace.take(session_id, per_second=per_second, patience_s=0.0)
        return pace.take(session_id, per_second=per_second)

    def leave(self, session_id: int, *, connector_id: int) -> None:
        """The session ends."""
        if connector_id in self._paces:
            self._paces[connector_id].step_out(session_id)

    def _per_second(self, connector_id: int) -> float | None:
        return self.connector(connector_id).per_second


def _pace(connector: ConnectorLimits, *, room: int) -> Hold:
    rate = connector.messages_per_second
    said = f"{rate:,g} message{'s' * (rate != 1)} per second of send connector {connector.name}"
    if connector.sharing > 1:
        said += f", shared by {connector.sharing} servers"
    return Hold(room=room, said=said, of_messages=True, gate=("pace", connector.connector_id))
