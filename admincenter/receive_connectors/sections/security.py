"""Who may submit through a receive connector, and what TLS they need."""

from django import forms

from admincenter.components.forms import JudgedField, Option, Section
from connectors.receiving import Mechanism, PermissionGroup

MECHANISMS = {
    Mechanism.TLS: "STARTTLS is offered.",
    Mechanism.BASIC: "Programs sign in with an application password.",
    Mechanism.BASIC_REQUIRE_TLS: "Signing in only after starting TLS: no password travels in the clear.",
    Mechanism.EXTERNAL: "Every client in the remote IP ranges is trusted and may send to any recipient.",
}
MECHANISM_NAMES = {
    Mechanism.TLS: "Transport Layer Security (Tls)",
    Mechanism.BASIC: "Basic authentication (BasicAuth)",
    Mechanism.BASIC_REQUIRE_TLS: "Basic authentication only after TLS (BasicAuthRequireTLS)",
    Mechanism.EXTERNAL: "Externally secured (ExternalAuthoritative)",
}
GROUPS = {
    PermissionGroup.ANONYMOUS: "Everybody, without signing in: to accepted domains only.",
    PermissionGroup.USERS: "Who signed in: to any recipient, from the senders of the application password.",
    PermissionGroup.PARTNERS: "As anonymous users, but only under TLS.",
    PermissionGroup.SERVERS: "Your own servers; goes with Externally secured.",
}
GROUP_NAMES = {
    PermissionGroup.ANONYMOUS: "Anonymous users (AnonymousUsers)",
    PermissionGroup.USERS: "Exchange users (ExchangeUsers)",
    PermissionGroup.PARTNERS: "Partners",
    PermissionGroup.SERVERS: "Exchange servers (ExchangeServers)",
}


class AuthenticationForm(Section):
    """What clients prove and how, and TLS."""

    places = {"auth": "auth", "require_tls": "require_tls", "certificate": "certificate"}

    auth = forms.TypedMultipleChoiceField(
        label="Authentication (AuthMechanism)",
        required=False,
        choices=[(one.value, label) for one, label in MECHANISM_NAMES.items()],
        coerce=Mechanism,
        error_messages={"invalid_choice": "AuthMechanism %(value)s: there is no such mechanism."},
    )
    require_tls = forms.BooleanField(
        label="Take no mail without TLS (RequireTLS)",
        required=False,
        help_text="A client that does not start TLS is refused.",
    )
    certificate = JudgedField(
        judge=str,
        label="Certificate (TlsCertificateName)",
        help_text="A .pem file in the folder certificates, without .pem. Empty: the one of the FQDN, else of"
        " the server.",
    )

    def auth_options(self) -> list[Option]:
        """The mechanisms, each with what it means."""
        return list(self.options("auth", hints=MECHANISMS))

    def clean_auth(self) -> frozenset[Mechanism]:
        """None ticked is None."""
        return frozenset(self.cleaned_data["auth"])


class PermissionForm(Section):
    """Who may send to whom."""

    places = {"permissions": "permissions", "anonymous_relay": "anonymous_relay"}

    permissions = forms.TypedMultipleChoiceField(
        label="Permission groups (PermissionGroups)",
        required=False,
        choices=[(one.value, label) for one, label in GROUP_NAMES.items()],
        coerce=PermissionGroup,
        error_messages={"invalid_choice": "PermissionGroups %(value)s: there is no such group."},
    )
    anonymous_relay = forms.BooleanField(
        label="Anonymous users may send to any recipient (AnonymousRelay)",
        required=False,
        help_text="For printers and programs that cannot sign in. Never for every address: name the remote IP"
        " ranges.",
    )

    def permission_options(self) -> list[Option]:
        """The groups, each with what it may."""
        return list(self.options("permissions", hints=GROUPS))

    def clean_permissions(self) -> frozenset[PermissionGroup]:
        """None ticked: nobody may send."""
        return frozenset(self.cleaned_data["permissions"])
