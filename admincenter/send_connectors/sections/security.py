"""What TLS a send connector asks for."""

from collections.abc import Mapping
from typing import Any

from django import forms

from admincenter.components.forms import JudgedField, Option, Section
from connectors import validators
from connectors.profiles import TlsAuthLevel


class SecurityForm(Section):
    """What TLS must be and prove."""

    places = {
        "require_tls": "starttls",
        "ignore_starttls": "starttls",
        "tls_auth_level": "tls_auth_level",
        "tls_domain": "tls_domain",
        "tls_certificate_name": "tls_certificate_name",
        "mta_sts": "mta_sts",
        "dane": "dane",
    }

    starttls = forms.ChoiceField(
        label="STARTTLS",
        choices=[
            ("opportunistic", "Use it where the next hop offers it"),
            ("require", "Require it (RequireTLS)"),
            ("ignore", "Never use it (IgnoreSTARTTLS)"),
        ],
        error_messages={
            "required": "STARTTLS: choose one.",
            "invalid_choice": "STARTTLS %(value)s: it is none of the three.",
        },
    )
    tls_auth_level = forms.ChoiceField(
        label="What the certificate must prove (TlsAuthLevel)",
        required=False,
        choices=[
            ("", "Nothing"),
            (
                TlsAuthLevel.ENCRYPTION_ONLY.value,
                "Nothing, but the connection must be encrypted (EncryptionOnly)",
            ),
            (
                TlsAuthLevel.CERTIFICATE_VALIDATION.value,
                "It comes from a trusted authority (CertificateValidation)",
            ),
            (TlsAuthLevel.DOMAIN_VALIDATION.value, "That, and it names the domain (DomainValidation)"),
        ],
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"invalid_choice": "TlsAuthLevel %(value)s: there is no such level."},
    )
    tls_domain = JudgedField(
        judge=lambda text: validators.fqdn(text, field="tls_domain"),
        label="Domain in the certificate (TlsDomain)",
        help_text="Needed with smart hosts. With MX records empty means the recipient's domain.",
    )

    tls_certificate_name = forms.CharField(
        label="Client certificate (TlsCertificateName)",
        required=False,
        help_text="The name of its file in the folder certificates, or <I>issuer<S>subject. With one, mail"
        " goes on with TLS only.",
        error_messages={"null_characters_not_allowed": "TlsCertificateName: printable characters only."},
        widget=forms.TextInput(attrs={"class": "input", "spellcheck": "false"}),
    )
    mta_sts = forms.BooleanField(
        label="Obey the MTA-STS policies of recipient domains",
        required=False,
        help_text="With MX records. Where a policy cannot be met, mail waits.",
    )
    dane = forms.BooleanField(
        label="Obey DANE",
        required=False,
        help_text="With MX records, and a DNS server that validates (Set-TransportService"
        " -ValidatingDNSServers).",
    )

    def starttls_options(self) -> list[Option]:
        """The three ways, each with what it means."""
        hints = {
            "opportunistic": "Mail goes on in the clear where TLS is not offered.",
            "require": "Mail waits, and is returned in the end, where TLS is not offered.",
            "ignore": "For a next hop whose TLS is broken. Everything travels in the clear.",
        }
        return list(self.options("starttls", hints=hints))

    def full_clean(self) -> None:
        """Judge the domain only where it is asked for."""
        super().full_clean()
        is_judged = self.is_bound and not self.quiet
        if is_judged and self.cleaned_data.get("tls_auth_level") != TlsAuthLevel.DOMAIN_VALIDATION:
            self.leave_out(tls_domain="")

    def settings(self) -> Mapping[str, Any]:
        """The TLS attributes of the spec."""
        level = self.cleaned_data["tls_auth_level"]
        return {
            "require_tls": self.cleaned_data["starttls"] == "require",
            "ignore_starttls": self.cleaned_data["starttls"] == "ignore",
            "tls_auth_level": TlsAuthLevel(level) if level else None,
            "tls_domain": self.cleaned_data["tls_domain"],
            "tls_certificate_name": self.cleaned_data["tls_certificate_name"],
            "mta_sts": self.cleaned_data["mta_sts"],
            "dane": self.cleaned_data["dane"],
        }
