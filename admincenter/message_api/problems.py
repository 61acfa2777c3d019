"""What is wrong with a request, as programs read it: application/problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

from django.http import JsonResponse

MAX_VALUE_CHARACTERS = 200


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """A request that is not done; it is its own answer."""

    def __init__(
        self,
        status: HTTPStatus,
        rule: str,
        *,
        field: str = "",
        value: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`field` and `value` say what the rule is about, where it is about one."""
        super().__init__(rule)
        self.status = status
        self.rule = rule
        self.field = field
        self.value = value
        self.headers = headers or {}

    def answer(self) -> JsonResponse:
        """The response."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": f"{self.field}: {self.rule}" if self.field else self.rule,
        }
        if self.field:
            body["field"], body["rule"] = self.field, self.rule
        if self.value:
            body["value"] = self.value[:MAX_VALUE_CHARACTERS]
        return JsonResponse(
            body, status=self.status, content_type="application/problem+json", headers=dict(self.headers)
        )
