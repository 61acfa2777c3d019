"""The forms of signing in and of a new password."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

WRONG = "This user name and password do not go together. Both are case-sensitive."


class SignInForm(AuthenticationForm):
    """User name and password. One error for everything: it must not tell which accounts exist."""

    error_messages = {"invalid_login": WRONG, "inactive": WRONG}
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"
        self.fields["username"].error_messages = {"required": "User name: it is needed."}
        self.fields["password"].error_messages = {"required": "Password: it is needed."}
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"


class NewPasswordForm(PasswordChangeForm):
    """The old password once, the new one twice; saving is the service's business."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {
            "old_password": "Present password",
            "new_password1": "New password",
            "new_password2": "New password again",
        }
        for name, label in labels.items():
            field = self.fields[name]
            field.label = label
            field.error_messages["required"] = f"{label}: it is needed."
            field.widget.attrs["class"] = "input"
        self.fields[
            "new_password1"
        ].help_text = "At least 12 characters, not a common password and not like your user name."
        self.fields["new_password2"].help_text = ""

    def clean(self) -> dict[str, Any]:
        """Refuse the old password as the new one: a one-time password must end."""
        cleaned = super().clean() or {}
        new = cleaned.get("new_password1")
        if new and new == cleaned.get("old_password"):
            self.add_error(
                "new_password1", forms.ValidationError("New password: it must differ from the present one.")
            )
        return cleaned
