"""The receive connectors of this server on the wire: opened, closed and changed while running."""

import asyncio
import errno
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection

from connectors import reception
from connectors.ranges import Binding
from connectors.receiving import Mechanism, PermissionGroup, RateSource, ReceiveProfile, chosen
from transport.back_pressure import Pressure
from transport.log_rooms import receive_room
from transport.models import BoundAddress, TransportServer
from transport.protocol_log import Direction, LogFiles, Room, SessionLog, session_numbers
from transport.receiving import replies
from transport.receiving.certificates import Certificates
from transport.receiving.connection import Accept
from transport.receiving.limits import Limits
from transport.receiving.listener import Listener, Place
from transport.receiving.site import Crowd, LogonWhen, Memory, Registry, Rights, Site
from transport.receiving.throttles import LogonGuard, MessageRate

logger = logging.getLogger(__name__)
POLL_INTERVAL = timedelta(seconds=1)
NOTE_USE_EVERY = 10
"""Polls between two writes of when logins were last used."""
_WHY_NOT = {
    errno.EACCES: "permission denied; a port below 1024 needs root or the capability CAP_NET_BIND_SERVICE",
    errno.EADDRINUSE: "address already in use by another program",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
}
"""Sentences for what asyncio says in its own way."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What of a connector outlives a change of its settings."""

    crowd: Crowd = field(default_factory=Crowd)
    message_rate: MessageRate = field(default_factory=MessageRate)


class Doors:
    """All bindings of a server; follows the configuration until it is closed."""

    def __init__(
        self, server: TransportServer, *, accept: Accept, pressure: Pressure, certificates: Path
    ) -> None:
        self._server = server
        self._pressure = pressure
        self._certificates = Certificates(certificates)
        self.memory = Memory(Limits().max_buffered_bytes)
        self._registry = Registry()
        self._guard = LogonGuard()
        self._kept: dict[int, _Kept] = {}
        self._profiles: tuple[ReceiveProfile, ...] = ()
        self._sites: dict[int, Site] = {}
        self._nobody = Site(
            fqdn=server.fqdn, memory=self.memory, limits=Limits(), closed=replies.NO_CONNECTOR
        )
        self._listener = Listener(choose=self._choose, accept=accept)
        self._bound: dict[Binding, str] = {}
        """What is wanted, with the trouble that keeps it from being bound."""
        self._written: dict[str, str] | None = None
        """What stands in the database of bindings, certificates and their troubles."""
        self._key: reception.Key | None = None
        self._room = Room(folder=Path())
        """Read beside the event loop, which must not wait for a database."""
        self._log = LogFiles(Direction.RECEIVE, room=lambda: self._room)
        self._numbers = session_numbers()
        # One thread, so that there is one connection to the database.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reception")

    async def open(self) -> None:
        """Read the configuration and bind. Raises OSError when nothing of it can be bound."""
        await self._look()
        if self._bound and all(self._bound.values()):
            raise OSError("; ".join(f"{binding}: {trouble}" for binding, trouble in self._bound.items()))

    async def follow(self) -> None:
        """Look once a second whether something changed, until cancelled."""
        polls = 0
        while True:
            await asyncio.sleep(POLL_INTERVAL.total_seconds())
            polls += 1
            try:
                await self._look()
                if polls % NOTE_USE_EVERY == 0:
                    await self._note_use()
            except (DatabaseError, InterfaceError) as error:
                # What was read last goes on to hold.
                logger.warning("reception_unknown", extra={"error": str(error)})
                await self._in_thread(_hang_up)
            except Exception:
                logger.exception("reception_look_failed")

    async def close(self) -> None:
        """Take no more clients, finish what is under way."""
        await self._listener.stop()
        self._log.close()
        try:
            await self._note_use()
        except (DatabaseError, InterfaceError):
            logger.warning("login_use_not_noted")
        await self._in_thread(_hang_up)
        self._thread.shutdown()

    async def _look(self) -> None:
        if await self._in_thread(reception.key) != self._key:
            self._key, read = await self._in_thread(lambda: reception.read(self._server.name))
            self._take(read)
        self._room = await self._in_thread(receive_room)
        under_tls = [one for one in self._profiles if Mechanism.TLS in one.settings.auth]
        names = frozenset(name for one in under_tls for name in self._certificates_of(one))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._certificates.refresh, names)
        await self._bind()
        if (state := self._state()) != self._written:
            await self._in_thread(lambda: BoundAddress.objects.report(self._server, state))
            self._written = state

    def _take(self, read: reception.Reception) -> None:
        """Let new sessions see the new connectors; running ones see domains and logins only."""
        self._registry.domains, self._registry.logins = read.domains, read.logins
        ids = {profile.connector_id for profile in read.profiles}
        self._kept = {number: self._kept.get(number, _Kept()) for number in ids}
        self._sites = {profile.connector_id: self._site(profile) for profile in read.profiles}
        self._profiles = read.profiles

    async def _bind(self) -> None:
        wanted = _needed(self._profiles)
        for binding in self._bound.keys() - wanted:
            self._listener.close(binding.address, binding.port)
        # The event loop lets go of a closed address in its next round.
        await asyncio.sleep(0)
        before, self._bound = self._bound, {}
        for binding in sorted(wanted, key=str):
            # What is bound stays; what is not is tried again and again: the other program may go.
            self._bound[binding] = "" if before.get(binding) == "" else await self._open(binding)
        if before != self._bound:
            self._report(before)

    async def _open(self, binding: Binding) -> str:
        try:
            await self._listener.open(binding.address, binding.port, implicit_tls=binding.implicit_tls)
        except OSError as error:
            return _WHY_NOT.get(error.errno or 0) or error.strerror or str(error)
        return ""

    def _report(self, before: dict[Binding, str]) -> None:
        for binding, trouble in self._bound.items():
            if before.get(binding) != trouble:
                level = logging.ERROR if trouble else logging.INFO
                event = "smtp_cannot_listen" if trouble else "smtp_listening"
                logger.log(level, event, extra={"binding": str(binding), "reason": trouble})
        for binding in before.keys() - self._bound.keys():
            logger.info("smtp_stopped_listening", extra={"binding": str(binding)})

    def _state(self) -> dict[str, str]:
        """Say what is wrong with each binding, and with each certificate that a connector names."""
        state = {str(binding): trouble for binding, trouble in self._bound.items()}
        named = {one.settings.certificate for one in self._profiles} - {""}
        return state | {BoundAddress.of_certificate(name): self._certificates.trouble(name) for name in named}

    def _log_of(self, name: str) -> Callable[[str, str], SessionLog]:
        """Give what opens the protocol log of one connection to a connector."""
        connector = f"{self._server.name}\\{name}"

        def open_log(local: str, remote: str) -> SessionLog:
            session = SessionLog(self._log, connector=connector)
            session.begin(self._numbers(), local=local, remote=remote)
            return session

        return open_log

    def _choose(self, place: Place, client: str) -> Site:
        found = chosen(self._profiles, local=Binding(*place), client=client)
        return self._sites[found.connector_id] if found else self._nobody

    def _certificates_of(self, profile: ReceiveProfile) -> tuple[str, ...]:
        """Name the certificate of a connector, or those of its FQDN and of the server, whichever is there."""
        settings = profile.settings
        if settings.certificate:
            return (settings.certificate,)
        return tuple(dict.fromkeys((settings.fqdn or self._server.fqdn, self._server.fqdn)))

    def _site(self, profile: ReceiveProfile) -> Site:
        settings, kept = profile.settings, self._kept[profile.connector_id]
        certificates = self._certificates_of(profile)
        return Site(
            fqdn=settings.fqdn or self._server.fqdn,
            banner=settings.banner,
            memory=self.memory,
            limits=_limits(profile),
            rights=_rights(profile),
            registry=self._registry,
            pressure=self._pressure,
            encryption=lambda: self._certificates.get(*certificates),
            crowd=kept.crowd,
            message_rate=kept.message_rate,
            logon_guard=self._guard,
            source=f"SMTP:{settings.name}",
            open_log=self._log_of(settings.name) if settings.protocol_logging else None,
        )

    async def _note_use(self) -> None:
        used, self._registry.used = self._registry.used, {}
        try:
            if used:
                await self._in_thread(lambda: reception.note_use(used))
        except (DatabaseError, InterfaceError):
            self._registry.used = used | self._registry.used
            raise

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _hang_up() -> None:
    """Close the connection of this thread."""
    connection.close()


def _needed(profiles: Iterable[ReceiveProfile]) -> set[Binding]:
    """Give the sockets that serve all bindings: one for every address leaves no room for another."""
    bindings = {binding for profile in profiles for binding in profile.settings.bindings}
    return {
        binding
        for binding in bindings
        if not any(other.covers(binding) and other.address != binding.address for other in bindings)
    }


def _rights(profile: ReceiveProfile) -> Rights:
    auth, groups = profile.settings.auth, profile.settings.permissions
    logon = LogonWhen.NEVER
    if Mechanism.BASIC in auth and PermissionGroup.USERS in groups:
        logon = LogonWhen.UNDER_TLS if Mechanism.BASIC_REQUIRE_TLS in auth else LogonWhen.ALWAYS
    return Rights(
        anonymous=PermissionGroup.ANONYMOUS in groups,
        partners=PermissionGroup.PARTNERS in groups,
        relay=profile.settings.relays,
        logon=logon,
        starttls=Mechanism.TLS in auth,
        require_tls=profile.settings.require_tls,
    )


def _limits(profile: ReceiveProfile) -> Limits:
    limits = profile.settings.limits
    by = limits.message_rate_source
    return Limits(
        max_message_bytes=limits.max_message_bytes,
        max_header_bytes=limits.max_header_bytes,
        max_hops=limits.max_hop_count,
        max_recipients=limits.max_recipients,
        max_errors=limits.max_protocol_errors,
        max_logon_failures=limits.max_logon_failures,
        max_connections=limits.max_connections,
        max_connections_per_source=limits.max_connections_per_source,
        max_connections_percent_per_source=limits.max_connections_percent_per_source,
        messages_per_minute=limits.message_rate,
        rate_per_source=by in (RateSource.ADDRESS, RateSource.ALL),
        rate_per_login=by in (RateSource.USER, RateSource.ALL),
        inactivity_timeout=limits.connection_inactivity_timeout,
        session_timeout=limits.connection_timeout,
        tarpit_interval=limits.tarpit_interval,
    )
