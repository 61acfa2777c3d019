"""Remembers policies on disk: one that was learned once protects for its whole max_age, restarts included.

A file for each domain in the data directory of this server. Not the database: sessions hold no connection to
it, and a policy is looked at before every session.
"""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from transport.tls_policies.mta_sts import Mode, Policy

logger = logging.getLogger(__name__)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
MAX_ENTRIES = 10_000
"""So many domains are remembered; those not heard of for longest are forgotten first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is known of the policy of one domain."""

    id: str = ""
    """Of the record that announced `policy`."""
    policy: Policy | None = None
    fetched_at: datetime = NEVER
    tried_id: str = ""
    """Of the record for which a fetch failed last; empty when it did not fail."""
    tried_at: datetime = NEVER
    trouble: str = ""
    """Why it failed."""

    def valid_policy(self, *, now: datetime) -> Policy | None:
        """Give the policy while its max_age lasts."""
        if self.policy is None or not timedelta() <= now - self.fetched_at < self.policy.max_age:
            return None
        return self.policy


class PolicyStore:
    """The entries below one folder; safe for many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, domain: str) -> Entry:
        """Give the entry of a domain, an empty one when there is none or none that can be read."""
        try:
            return _entry(json.loads(self._path(domain).read_bytes()))
        except FileNotFoundError:
            return Entry()
        except (OSError, ValueError, TypeError, KeyError):
            logger.exception("mta_sts_policy_not_read", extra={"domain": domain})
            return Entry()

    def write(self, domain: str, entry: Entry) -> None:
        """Replace the entry of a domain. What cannot be written is fetched anew; mail goes on."""
        path = self._path(domain)
        draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(json.dumps(_fields(domain, entry)), encoding="ascii")
            draft.replace(path)
            self._make_room()
        except OSError:
            logger.exception("mta_sts_policy_not_written", extra={"domain": domain})

    def _path(self, domain: str) -> Path:
        # A domain may be longer than a file name.
        return self._folder / f"{hashlib.sha256(domain.encode()).hexdigest()}.json"

    def _make_room(self) -> None:
        with os.scandir(self._folder) as found:
            entries = [entry for entry in found if entry.name.endswith(".json")]
        if len(entries) > MAX_ENTRIES:
            oldest = sorted(entries, key=lambda entry: entry.stat().st_mtime)
            for entry in oldest[: MAX_ENTRIES // 10]:
                Path(entry.path).unlink(missing_ok=True)


def _fields(domain: str, entry: Entry) -> dict[str, object]:
    policy = entry.policy
    return {
        "domain": domain,
        "id": entry.id,
        "policy": policy
        and {"mode": policy.mode, "max_age": policy.max_age.total_seconds(), "mx": policy.mx},
        "fetched_at": entry.fetched_at.timestamp(),
        "tried_id": entry.tried_id,
        "tried_at": entry.tried_at.timestamp(),
        "trouble": entry.trouble,
    }


def _entry(fields: dict[str, Any]) -> Entry:
    policy = fields["policy"]
    return Entry(
        id=fields["id"],
        policy=policy
        and Policy(
            mode=Mode(policy["mode"]),
            max_age=timedelta(seconds=policy["max_age"]),
            mx=tuple(policy["mx"]),
        ),
        fetched_at=datetime.fromtimestamp(fields["fetched_at"], tz=UTC),
        tried_id=fields["tried_id"],
        tried_at=datetime.fromtimestamp(fields["tried_at"], tz=UTC),
        trouble=fields["trouble"],
    )


_fetching: dict[str, tuple[threading.Lock, int]] = {}
_guard = threading.Lock()


@contextmanager
def one_at_a_time(domain: str) -> Iterator[None]:
    """Let one session of this process fetch the policy of a domain, the others find it then."""
    with _guard:
        lock, waiting = _fetching.get(domain, (threading.Lock(), 0))
        _fetching[domain] = lock, waiting + 1
    try:
        with lock:
            yield
    finally:
        with _guard:
            lock, waiting = _fetching.pop(domain)
            if waiting > 1:
                _fetching[domain] = lock, waiting - 1
