"""The certificates that the listener shows, loaded from their files and loaded anew when those change."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from transport import certificate_store
from transport.certificate_store import StoredCertificate, no_password
from transport.receiving.encryption import server_context

logger = logging.getLogger(__name__)
_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """What became of the files of one certificate."""

    stamp: _Stamp
    context: ssl.SSLContext | None
    trouble: str = ""
    """Why these files cannot be used; the context is then of the files before."""


class Certificates:
    """Contexts by name of certificate. Sessions keep the one that they began with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, _Held] = {}

    def get(self, *names: str) -> ssl.SSLContext | None:
        """Give the context of the first certificate that can be used; None while there is none."""
        held = (self._held[name].context for name in names if name in self._held)
        return next((context for context in held if context is not None), None)

    def trouble(self, name: str) -> str:
        """Tell why the files of a certificate cannot be used; empty when they can."""
        return self._held[name].trouble if name in self._held else ""

    def refresh(self, names: frozenset[str]) -> None:
        """Look at the files of these certificates, and load what changed."""
        self._held = {name: held for name, held in self._held.items() if name in names}
        for name in names:
            self._refresh(name)

    def _refresh(self, name: str) -> None:
        before = self._held.get(name)
        try:
            found = certificate_store.find(self._folder, name)
            stamp = found.stamp if found else ()
        except OSError:
            # It is being replaced: the next look sees what came.
            return
        if before is not None and before.stamp == stamp:
            return
        self._held[name] = held = _load(name, found, stamp=stamp, before=before)
        if held.trouble:
            fields = {"certificate": name, "reason": held.trouble}
            logger.warning("certificate_unusable", extra=fields)
        elif before is not None:
            logger.info("certificate_reloaded", extra={"certificate": name})


def _load(name: str, found: StoredCertificate | None, *, stamp: _Stamp, before: _Held | None) -> _Held:
    if found is None:
        return _Held(stamp, None, f"there is no {name}.pem in the folder certificates of the data directory")
    context = server_context()
    try:
        context.load_cert_chain(found.certificate, found.key, password=no_password)
    except (OSError, ValueError) as error:
        # Half of a new certificate is written: the old one serves until both halves fit.
        reason = getattr(error, "reason", "") or str(error) or "it is no certificate with its key"
        return _Held(stamp, before.context if before else None, reason)
    return _Held(stamp, context)
