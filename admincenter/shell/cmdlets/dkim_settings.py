"""New-, Set- and Rotate-DkimSigningConfig: keys are made, enabled and replaced."""

from collections.abc import Iterator
from pathlib import Path

from django.utils import timezone

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.dkim_signing import DKIM_SIGNING_CONFIG, IDENTITY, chosen, fault_of
from admincenter.shell.cmdlets.refusals import Places, told
from admincenter.shell.parameters import FLAG, SWITCH, TEXT, Parameter, integer, one_of
from admincenter.shell.rows import Row
from connectors import dkim_keys
from connectors.dkim_keys import DkimKeySpec
from connectors.models import DkimKey
from connectors.signing_keys import DEFAULT_SIZE_BITS, MADE_SIZES_BITS, Algorithm

PRIVATE_KEY_FILE_BYTES = 16 * 1024
DOMAIN_NAME = Parameter(
    name="DomainName", kind=TEXT, position=0, required=True, help="The domain of the header From."
)
SELECTOR = Parameter(
    name="Selector", kind=TEXT, help="Name of the key in the DNS; named after the day if left out."
)
ALGORITHM = Parameter(name="Algorithm", kind=one_of(Algorithm), help="rsa-sha256, which all verifiers know.")
KEY_SIZE = Parameter(
    name="KeySize",
    kind=integer(lowest=min(MADE_SIZES_BITS), highest=max(MADE_SIZES_BITS)),
    help=f"Bits of a new RSA key: {', '.join(map(str, MADE_SIZES_BITS))}.",
)
PRIVATE_KEY_FILE = Parameter(
    name="PrivateKeyFile", kind=TEXT, help="A PEM file with the key to use, instead of making one."
)
ENABLED = Parameter(
    name="Enabled",
    kind=FLAG,
    help="Whether the key signs. $true asks the DNS first whether the record is there.",
)
INCLUDE_SUBDOMAINS = Parameter(
    name="IncludeSubdomains", kind=FLAG, help="Sign also for subdomains that have no key of their own."
)
FORCE = Parameter(name="Force", kind=SWITCH, help="Enable the key whatever the DNS says.")
PARAMETER_OF: Places = {
    "domain": DOMAIN_NAME,
    "selector": SELECTOR,
    "size_bits": KEY_SIZE,
    "private_key": PRIVATE_KEY_FILE,
}
"""By the field of a problem."""


class NewDkimSigningConfig(Cmdlet):
    """Makes a key."""

    name = "New-DkimSigningConfig"
    synopsis = "Makes a key that signs the mail of a domain, or takes one from a PEM file."
    remarks = (
        "The private key is sealed and never shown. Publish the record that the answer "
        "names, then enable the key with Set-DkimSigningConfig -Enabled $true."
    )
    examples = (
        "New-DkimSigningConfig -DomainName contoso.com -KeySize 2048 | fl ZoneRecord",
        "New-DkimSigningConfig contoso.com -Selector mail -PrivateKeyFile mail.private -Enabled $true",
    )
    parameters = (
        DOMAIN_NAME,
        SELECTOR,
        ALGORITHM,
        KEY_SIZE,
        PRIVATE_KEY_FILE,
        INCLUDE_SUBDOMAINS,
        ENABLED,
        FORCE,
    )
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Make it; it stays disabled while its record is not published."""
        del rows
        for one in (ALGORITHM, KEY_SIZE):
            self.refuse_together(PRIVATE_KEY_FILE, one)
        spec = DkimKeySpec(
            domain=self.bound.get(DOMAIN_NAME) or "",
            selector=self.bound.get(SELECTOR) or "",
            algorithm=self.bound.get(ALGORITHM) or Algorithm.RSA,
            size_bits=self.bound.get(KEY_SIZE) or DEFAULT_SIZE_BITS,
            include_subdomains=self.bound.get(INCLUDE_SUBDOMAINS) or False,
        )
        pem = self._pem()
        if self.approved(f"make a DKIM key for {spec.domain}"):
            made = told(
                self,
                lambda: dkim_keys.create(spec, actor=self.shell.actor, now=timezone.now(), pem=pem),
                places=PARAMETER_OF,
            )
            if self.bound.get(ENABLED):
                self._enable(made)
            yield DKIM_SIGNING_CONFIG.row(DkimKey.objects.get(pk=made.pk))

    def _enable(self, key: DkimKey) -> None:
        fault = None if self.bound.get(FORCE) else fault_of(self, key)
        if fault:
            self.shell.console.note(f"{key.identity} does not sign yet. {fault}")
        else:
            dkim_keys.enable(key.pk, actor=self.shell.actor, now=timezone.now())

    def _pem(self) -> str:
        name = self.bound.get(PRIVATE_KEY_FILE)
        if not name:
            return ""
        try:
            with Path(name).open("rb") as file:
                return file.read(PRIVATE_KEY_FILE_BYTES).decode("ascii")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not in PEM form"
            self.refuse(f"-PrivateKeyFile cannot be read: {reason}", PRIVATE_KEY_FILE)


class SetDkimSigningConfig(Cmdlet):
    """Changes keys."""

    name = "Set-DkimSigningConfig"
    synopsis = "Lets a key sign or no more, for its domain alone or for subdomains, too."
    remarks = (
        "Of the keys of a domain one signs for each algorithm: enabling a key disables the one before it. "
        "Leave the record of a disabled key in the DNS for a week: mail that it signed is still on its way."
    )
    examples = (
        r"Set-DkimSigningConfig contoso.com\s20261127 -Enabled $true",
        "Set-DkimSigningConfig contoso.com -IncludeSubdomains $true",
    )
    parameters = (IDENTITY, ENABLED, INCLUDE_SUBDOMAINS, FORCE)
    accepts = (DKIM_SIGNING_CONFIG,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Change one after the other."""
        if not self.bound.given(ENABLED, INCLUDE_SUBDOMAINS):
            self.refuse("Set-DkimSigningConfig needs -Enabled or -IncludeSubdomains")
        for key in chosen(self, rows):
            if self.bound.get(ENABLED) and not self.bound.get(FORCE) and (fault := fault_of(self, key)):
                self.refuse(
                    f"{key.identity} cannot be verified yet. {fault} -Force enables it nevertheless", ENABLED
                )
            if self.approved(f"change the DKIM signing configuration {key.identity}"):
                self._change(key)
        return iter(())

    def _change(self, key: DkimKey) -> None:
        actor, now = self.shell.actor, timezone.now()
        included, enabled = self.bound.get(INCLUDE_SUBDOMAINS), self.bound.get(ENABLED)
        if included is not None:
            dkim_keys.include_subdomains(key.pk, included=included, actor=actor, now=now)
        if enabled:
            told(self, lambda: dkim_keys.enable(key.pk, actor=actor, now=now), places=PARAMETER_OF)
        elif enabled is False:
            dkim_keys.disable([key.pk], actor=actor, now=now)


class RotateDkimSigningConfig(Cmdlet):
    """Makes a successor."""

    name = "Rotate-DkimSigningConfig"
    synopsis = "Makes a new key under a new selector; the old one signs until the new one is enabled."
    remarks = (
        "Publish the new record, then Set-DkimSigningConfig -Enabled $true: from then on the new key signs."
    )
    examples = ("Rotate-DkimSigningConfig contoso.com -KeySize 2048 | fl Identity,ZoneRecord",)
    parameters = (IDENTITY, KEY_SIZE)
    accepts = (DKIM_SIGNING_CONFIG,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Make one for each, and give it."""
        for key in chosen(self, rows):
            if self.approved(f"make a new DKIM key beside {key.identity}"):
                made = told(self, lambda key=key: self._rotated(key), places=PARAMETER_OF)  # type: ignore[misc]
                yield DKIM_SIGNING_CONFIG.row(made)

    def _rotated(self, key: DkimKey) -> DkimKey:
        made = dkim_keys.rotate(
            key.pk, actor=self.shell.actor, now=timezone.now(), size_bits=self.bound.get(KEY_SIZE)
        )
        return DkimKey.objects.get(pk=made.pk)
