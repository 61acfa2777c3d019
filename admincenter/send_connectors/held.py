"""A password that was typed in the edit dialog, sealed, while the page asks whether to go on."""

import hashlib
import json
from dataclasses import replace
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase

from connectors import spec_json
from connectors.specs import ConnectorSpec

LIMIT = 20
"""Passwords per session; beyond that the oldest goes."""
_KEY = "send_connector_passwords"


def keep(session: SessionBase, guid: UUID, spec: ConnectorSpec) -> bool:
    """Hold the password of these settings, if they have one; tell whether they have."""
    drop(session, guid)
    if not spec.sealed_password:
        return False
    kept = {**session.get(_KEY, {}), str(guid): [_digest(spec), spec.sealed_password]}
    session[_KEY] = dict(list(kept.items())[-LIMIT:])
    return True


def restored(session: SessionBase, guid: UUID, spec: ConnectorSpec) -> ConnectorSpec:
    """Give the settings with the password that was typed for exactly them, or as they are."""
    digest, sealed = session.get(_KEY, {}).get(str(guid), ("", ""))
    return replace(spec, sealed_password=sealed) if digest == _digest(spec) else spec


def drop(session: SessionBase, guid: UUID) -> None:
    """Forget the password."""
    kept = dict(session.get(_KEY, {}))
    if kept.pop(str(guid), None):
        session[_KEY] = kept


def _digest(spec: ConnectorSpec) -> str:
    """A secret goes where it was typed for: other settings have another digest."""
    return hashlib.sha256(json.dumps(spec_json.written(spec)).encode()).hexdigest()
