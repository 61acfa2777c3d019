"""The columns of a send connector that say how a session is held: addresses, rates and time-outs."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q

from connectors.profiles import IpFamily, SmartHostAuth, Timeouts
from connectors.session_rules import (
    MAX_CERTIFICATE_CHARACTERS,
    MAX_CONNECTIONS,
    MAX_MESSAGES_PER_DAY,
    MAX_MESSAGES_PER_SECOND,
    MAX_OAUTH_CHARACTERS,
    MIN_MESSAGES_PER_SECOND,
    STAGES,
)
from connectors.validators import MAX_TIMEOUT, MIN_TIMEOUT

_USUAL = Timeouts()


def _timeout(usual: timedelta) -> "models.DurationField[Any, Any]":
    return models.DurationField(default=usual)


class SessionSettings(models.Model):
    """What the attempt needs to know beside whom to dial."""

    force_helo = models.BooleanField(default=False)
    source_ip_address = models.CharField(max_length=45, blank=True)
    ip_family = models.CharField(
        max_length=16, choices=[(one.value, one.value) for one in IpFamily], default=IpFamily.ANY.value
    )
    tls_certificate_name = models.CharField(max_length=MAX_CERTIFICATE_CHARACTERS, blank=True)
    oauth_token_url = models.CharField(max_length=MAX_OAUTH_CHARACTERS, blank=True)
    oauth_client_id = models.CharField(max_length=MAX_OAUTH_CHARACTERS, blank=True)
    oauth_scope = models.CharField(max_length=MAX_OAUTH_CHARACTERS, blank=True)
    max_connections = models.PositiveIntegerField(null=True, blank=True)
    messages_per_second = models.DecimalField(max_digits=6, decimal_places=1, null=True, blank=True)
    messages_per_day = models.PositiveIntegerField(null=True, blank=True)
    connect_timeout = _timeout(_USUAL.connect)
    banner_timeout = _timeout(_USUAL.banner)
    ehlo_timeout = _timeout(_USUAL.ehlo)
    starttls_timeout = _timeout(_USUAL.starttls)
    auth_timeout = _timeout(_USUAL.auth)
    mail_timeout = _timeout(_USUAL.mail)
    rcpt_timeout = _timeout(_USUAL.rcpt)
    data_timeout = _timeout(_USUAL.data)
    block_timeout = _timeout(_USUAL.block)
    dot_timeout = _timeout(_USUAL.dot)
    quit_timeout = _timeout(_USUAL.quit)
    session_timeout = _timeout(_USUAL.session)

    class Meta:
        abstract = True

    @property
    def timeouts(self) -> Timeouts:
        """The time-outs as one value."""
        return Timeouts(**{stage: getattr(self, f"{stage}_timeout") for stage in STAGES})

    @timeouts.setter
    def timeouts(self, wanted: Timeouts) -> None:
        for stage in STAGES:
            setattr(self, f"{stage}_timeout", getattr(wanted, stage))


def constraints() -> list[models.BaseConstraint]:
    """Give what the database itself refuses in these columns."""
    return [
        models.CheckConstraint(condition=condition, name=f"connector_{rule}") for rule, condition in _rules()
    ]


def _rules() -> Iterator[tuple[str, Q]]:
    by_token = Q(auth=SmartHostAuth.XOAUTH2.value)
    issuer = ~Q(oauth_token_url="") & ~Q(oauth_client_id="")
    no_issuer = Q(oauth_token_url="", oauth_client_id="", oauth_scope="")
    no_offers = Q(require_tls=False, tls_certificate_name="", username="", mta_sts=False, dane=False)
    rates = (MIN_MESSAGES_PER_SECOND, MAX_MESSAGES_PER_SECOND)
    yield "helo_offers_nothing", Q(force_helo=False) | no_offers
    yield "ip_family_is_known", Q(ip_family__in=[one.value for one in IpFamily])
    yield "oauth_is_for_xoauth2", (by_token & issuer) | (~by_token & no_issuer)
    yield "certificate_needs_tls", Q(tls_certificate_name="") | Q(ignore_starttls=False)
    yield "connections_are_bounded", Q(max_connections=None) | Q(max_connections__range=(1, MAX_CONNECTIONS))
    yield "rate_is_bounded", Q(messages_per_second=None) | Q(messages_per_second__range=rates)
    yield "day_is_bounded", Q(messages_per_day=None) | Q(messages_per_day__range=(1, MAX_MESSAGES_PER_DAY))
    for stage in STAGES:
        yield f"{stage}_timeout_is_bounded", Q(**{f"{stage}_timeout__range": (MIN_TIMEOUT, MAX_TIMEOUT)})
