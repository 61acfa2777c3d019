"""Whether the settings of a send connector are right, beside what is stored already."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from connectors import credentials, rules, validators
from connectors.errors import InvalidSettings, InvalidValue, Problem
from connectors.models import SendConnector
from connectors.specs import ConnectorSpec
from connectors.validators import name_key


class InvalidConnector(InvalidSettings):
    """The send connector is refused."""


def reason(text: str) -> str:
    """Give why somebody changes it, in stored form. Raises InvalidConnector."""
    try:
        return validators.reason(text)
    except InvalidValue as error:
        raise InvalidConnector([error.problem]) from error


def check(
    spec: ConnectorSpec, *, guid: UUID, connector_id: int | None, stored: ConnectorSpec | None = None
) -> ConnectorSpec:
    """Give the settings in stored form. Raises InvalidConnector with everything that is wrong."""
    tidy, _ = rules.examine(spec)
    cleared = stored is not None and stored.sealed_password and _goes_elsewhere(tidy, stored)
    if stored is not None and not spec.sealed_password and not cleared:
        spec = replace(spec, sealed_password=stored.sealed_password)
    checked, found = rules.examine(spec)
    problems = [_explained(problem, cleared=bool(cleared)) for problem in found]
    problems.extend(_stored_problems(checked, guid=guid, connector_id=connector_id, stored=stored))
    if problems:
        raise InvalidConnector(problems)
    return checked


def _goes_elsewhere(wanted: ConnectorSpec, stored: ConnectorSpec) -> bool:
    """Tell whether the password would be sent to other hosts, another port, or with another TLS level."""
    return _destination(wanted) != _destination(stored)


def _destination(spec: ConnectorSpec) -> tuple[object, ...]:
    hosts = frozenset(spec.smart_hosts)
    return (
        hosts,
        spec.port,
        spec.auth,
        spec.require_tls,
        spec.ignore_starttls,
        spec.tls_auth_level,
        spec.tls_domain,
        spec.oauth_token_url,
    )


def _explained(problem: Problem, *, cleared: bool) -> Problem:
    if not cleared or problem.field != "sealed_password":
        return problem
    what = "smart hosts, port, authentication, TLS settings or token URL changed"
    return replace(problem, rule=f"{what}, which clears the stored password: type it again")


def _stored_problems(
    spec: ConnectorSpec, *, guid: UUID, connector_id: int | None, stored: ConnectorSpec | None
) -> Iterator[Problem]:
    """What only the tables and the keys can tell."""
    same_name = SendConnector.objects.filter(name_key=name_key(spec.name)).exclude(pk=connector_id or 0)
    if same_name.exists():
        yield Problem("name", spec.name, "another send connector has this name")
    if stored is not None and spec.usage != stored.usage:
        yield Problem("usage", spec.usage, f"the type is set once, when a connector is made: {stored.usage}")
    if spec.sealed_password:
        try:
            credentials.open_sealed(spec.sealed_password, guid=guid)
        except credentials.CannotUnseal as error:
            yield Problem("sealed_password", "", f"type the password again; {error}".removesuffix("."))
