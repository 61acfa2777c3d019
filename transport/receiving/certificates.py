"""The certificates that the listener shows, loaded from their files and loaded anew when those change."""

import logging
import ssl
from pathlib import Path

from transport import certificate_store
from transport.certificate_store import StoredCertificate
from transport.receiving.encryption import server_context

logger = logging.getLogger(__name__)
_Stamp = tuple[tuple[int, int, int], ...]


class Certificates:
    """Contexts by name of certificate. Sessions keep the one that they began with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contexts: dict[str, tuple[_Stamp, ssl.SSLContext | None]] = {}

    def get(self, *names: str) -> ssl.SSLContext | None:
        """Give the context of the first certificate that can be used; None while there is none."""
        held = (self._contexts[name][1] for name in names if name in self._contexts)
        return next((context for context in held if context is not None), None)

    def refresh(self, names: frozenset[str]) -> None:
        """Look at the files of these certificates, and load what changed."""
        for name in self._contexts.keys() - names:
            del self._contexts[name]
        for name in names:
            self._refresh(name)

    def _refresh(self, name: str) -> None:
        held = self._contexts.get(name)
        try:
            found = certificate_store.find(self._folder, name)
            stamp = found.stamp if found else ()
            if held is not None and held[0] == stamp:
                return
            context = _load(found) if found else None
            if context is None:
                logger.warning("certificate_missing", extra={"certificate": name})
            elif held is not None:
                logger.info("certificate_reloaded", extra={"certificate": name})
        except (OSError, ValueError) as error:
            # Half of a new certificate is written: the old one serves until both halves fit.
            logger.error("certificate_unusable", extra={"certificate": name, "reason": str(error)})  # noqa: TRY400
            stamp, context = (held[0] if held else ()), self.get(name)
        self._contexts[name] = (stamp, context)


def _load(found: StoredCertificate) -> ssl.SSLContext:
    """Raises OSError (ssl.SSLError is one) for what is no certificate with its key."""
    context = server_context()
    # A password callback instead of a question on the terminal of a service.
    context.load_cert_chain(found.certificate, found.key, password=lambda: b"")
    return context
