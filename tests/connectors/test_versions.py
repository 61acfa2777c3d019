"""Every save is a version: who, when, why and all settings, but no secret; and there is a way back."""

import importlib
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from connectors import credentials, services
from connectors.address_spaces import parse
from connectors.errors import Conflict
from connectors.models import AuditEntry, ConnectorVersion, Deed, SendConnector
from connectors.profiles import SmartHostAuth
from connectors.services import spec_of

pytestmark = [pytest.mark.django_db, pytest.mark.state]


def history(connector):
    """The versions, the oldest first."""
    return list(ConnectorVersion.objects.of(connector.guid).reverse())


def change(connector, *, reason="", **fields):
    """Change settings of a stored connector."""
    stored = SendConnector.objects.get(pk=connector.pk)
    spec = replace(spec_of(stored), **fields)
    return services.change(connector.pk, spec, actor="bert", expected_version=None, reason=reason)


def test_every_save_is_a_version_with_author_reason_and_all_settings(internet, make):
    connector = make(internet)
    change(connector, reason=" Ticket 42 ", port=2525)
    services.disable([connector.pk], actor="carl")
    services.enable([connector.pk], actor="carl")
    services.remove([connector.pk], actor="anna")

    told = [(one.number, one.deed, one.author, one.reason) for one in history(connector)]
    assert told == [
        (1, Deed.CREATED, "anna", ""),
        (2, Deed.CHANGED, "bert", "Ticket 42"),
        (3, Deed.DISABLED, "carl", ""),
        (4, Deed.ENABLED, "carl", ""),
        (5, Deed.REMOVED, "anna", ""),
    ]
    assert [one.spec.port for one in history(connector)] == [25, 2525, 2525, 2525, 2525]
    assert [one.spec.enabled for one in history(connector)] == [True, True, False, True, True]
    assert history(connector)[0].spec == internet
    assert history(connector)[0].at > timezone.now() - timedelta(minutes=1)


def test_a_save_that_changes_nothing_is_no_version(internet, make):
    connector = make(internet)

    change(connector, reason="just so")
    services.enable([connector.pk], actor="anna")

    assert len(history(connector)) == 1


def test_a_refused_save_leaves_no_version(internet, make):
    connector = make(internet)
    make(internet, name="Other")

    with pytest.raises(services.InvalidConnector):
        change(connector, name="Other")

    assert len(history(connector)) == 1


@pytest.mark.parametrize(("reason", "rule"), [("x" * 501, "at most 500"), ("a\0b", "printable")])
def test_a_wrong_reason_is_refused_and_nothing_is_saved(internet, make, reason, rule):
    connector = make(internet)

    with pytest.raises(services.InvalidConnector, match=rule):
        change(connector, port=2525, reason=reason)

    assert SendConnector.objects.get().port == 25


def test_a_password_leaves_a_flag_and_nothing_else(signed_in):
    sealed = credentials.seal("canary-2", guid=signed_in.guid)
    change(signed_in, sealed_password=sealed)
    change(signed_in, comment="hello")
    change(signed_in, auth=SmartHostAuth.NONE)

    assert [one.password_changed for one in history(signed_in)] == [True, True, False, True]
    kept = json.dumps([one.settings for one in history(signed_in)])
    assert "password" not in kept
    assert sealed not in kept


def test_going_back_is_a_save_like_any_other(internet, make):
    connector = make(internet)
    change(connector, port=2525, address_spaces=(parse("contoso.com"),))

    services.revert(connector.pk, 1, actor="anna", expected_version=2, reason="wrong port")

    connector.refresh_from_db()
    assert (spec_of(connector), connector.version, connector.changed_by) == (internet, 3, "anna")
    last = history(connector)[-1]
    assert (last.number, last.deed, last.reverted_to, last.reason) == (3, Deed.REVERTED, 1, "wrong port")
    assert AuditEntry.objects.filter(cmdlet="Set-SendConnector", actor="anna").count() == 1


def test_going_back_keeps_the_password_where_it_goes_to_the_same_place(signed_in):
    change(signed_in, comment="hello")

    services.revert(signed_in.pk, 1, actor="anna", expected_version=2)

    signed_in.refresh_from_db()
    assert credentials.open_sealed(signed_in.sealed_password, guid=signed_in.guid) == "hunter2"


def test_going_back_to_other_hosts_wants_the_password_again(signed_in):
    sealed = credentials.seal("other", guid=signed_in.guid)
    change(signed_in, smart_hosts=("other.contoso.com",), sealed_password=sealed)

    with pytest.raises(services.InvalidConnector, match="clears the stored password: type it again"):
        services.revert(signed_in.pk, 1, actor="anna", expected_version=2)

    typed = credentials.seal("typed", guid=signed_in.guid)
    services.revert(signed_in.pk, 1, actor="anna", expected_version=2, sealed_password=typed)
    signed_in.refresh_from_db()
    assert spec_of(signed_in).smart_hosts == ("smart.contoso.com", "192.0.2.1")
    assert credentials.open_sealed(signed_in.sealed_password, guid=signed_in.guid) == "typed"


def test_going_back_overwrites_nobody_and_needs_a_version(internet, make):
    connector = make(internet)
    change(connector, port=2525)
    change(connector, port=2526)

    with pytest.raises(Conflict):
        services.revert(connector.pk, 1, actor="anna", expected_version=2)
    with pytest.raises(services.NoSuchVersion):
        services.revert(connector.pk, 9, actor="anna", expected_version=3)
    with pytest.raises(services.NoSuchConnector):
        services.revert(999, 1, actor="anna", expected_version=3)

    connector.refresh_from_db()
    assert connector.port == 2526


def test_what_a_connector_is_at_the_update_becomes_its_first_version(signed_in, internet, make):
    other = make(internet, max_message_bytes=None)
    change(signed_in, messages_per_second=Decimal("0.5"))
    ConnectorVersion.objects.all().delete()
    migration = importlib.import_module("connectors.migrations.0008_connector_versions")

    migration.begin_histories(apps, connection.schema_editor)

    for connector in (signed_in, other):
        connector.refresh_from_db()
        (version,) = history(connector)
        assert (version.number, version.deed, version.author) == (1, Deed.FOUND, connector.changed_by)
        assert (version.at, version.spec) == (connector.changed_at, spec_of(connector))
