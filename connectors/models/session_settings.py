"""The columns of a send connector that say how a session is held: addresses, rates and time-outs."""

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
    oauth = ~Q(oauth_token_url="") & ~Q(oauth_client_id="")
    no_oauth = Q(oauth_token_url="", oauth_client_id="", oauth_scope="")
    return [
        models.CheckConstraint(
            condition=Q(force_helo=False)
            | Q(require_tls=False, tls_certificate_name="", username="", mta_sts=False, dane=False),
            name="connector_helo_offers_nothing",
        ),
        models.CheckConstraint(
            condition=Q(ip_family__in=[one.value for one in IpFamily]), name="connector_ip_family_is_known"
        ),
        models.CheckConstraint(
            condition=(Q(auth=SmartHostAuth.XOAUTH2.value) & oauth)
            | (~Q(auth=SmartHostAuth.XOAUTH2.value) & no_oauth),
            name="connector_oauth_is_for_xoauth2",
        ),
        models.CheckConstraint(
            condition=Q(tls_certificate_name="") | Q(ignore_starttls=False),
            name="connector_certificate_needs_tls",
        ),
        models.CheckConstraint(
            condition=Q(max_connections=None) | Q(max_connections__range=(1, MAX_CONNECTIONS)),
            name="connector_connections_are_bounded",
        ),
        models.CheckConstraint(
            condition=Q(messages_per_second=None)
            | Q(messages_per_second__range=(MIN_MESSAGES_PER_SECOND, MAX_MESSAGES_PER_SECOND)),
            name="connector_rate_is_bounded",
        ),
        models.CheckConstraint(
            condition=Q(messages_per_day=None) | Q(messages_per_day__range=(1, MAX_MESSAGES_PER_DAY)),
            name="connector_day_is_bounded",
        ),
        *(
            models.CheckConstraint(
                condition=Q(**{f"{stage}_timeout__range": (MIN_TIMEOUT, MAX_TIMEOUT)}),
                name=f"connector_{stage}_timeout_is_bounded",
            )
            for stage in STAGES
        ),
    ]
