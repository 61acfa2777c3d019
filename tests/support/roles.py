"""Somebody of each role, every address of the project, and something behind each of them."""

import re
import uuid

from django.contrib.auth.models import User
from django.urls import URLPattern, get_resolver

from admincenter.accounts.role_groups import CONTENT, HYGIENE, ORGANIZATION, SERVER, VIEW_ONLY
from admincenter.models import Membership
from connectors import receive_services, services
from connectors.address_spaces import parse
from connectors.ranges import parse_binding, parse_range
from connectors.receive_rules import with_defaults
from connectors.receiving import ReceiveSettings
from connectors.specs import ConnectorSpec
from tests.support import queued_mail, tracked_mail

ROLES = {
    "O": [ORGANIZATION],
    "S": [SERVER],
    "H": [HYGIENE],
    "V": [VIEW_ONLY],
    "C": [CONTENT],
    "N": [],
}
"""A letter for each role group; N is a user of none."""
SESSION = "0000000000010001"


def somebody(letter):
    """Make a user of this role."""
    user = User.objects.create_user(f"user-{letter.lower()}", password="a long enough password")
    Membership.objects.bulk_create(Membership(user=user, role_group=one.slug) for one in ROLES[letter])
    return user


def routes(resolver=None, above=""):
    """The route of every address of the project, as its urls.py writes it."""
    for one in (resolver or get_resolver()).url_patterns:
        route = above + str(one.pattern)
        if isinstance(one, URLPattern):
            yield route
        else:
            yield from routes(one, route)


class World:
    """A connector, a queue, a message and so on: what addresses lead to."""

    def __init__(self):
        spec = ConnectorSpec(name="Internet", address_spaces=(parse("*"),), source_servers=("E15MB1",))
        connector = services.create(spec, guid=uuid.uuid4(), actor="anna")
        queued = queued_mail.message(queued_mail.queue_in_retry(), content=(b"Subject: Hello\r\n\r\nHi\r\n",))
        queued_mail.attempt(queued.message)
        tracked_mail.received(queued.message_id)
        tracked_mail.sent(queued.message_id, context=SESSION)
        self.values = {
            "send-connectors/connector_id": connector.pk,
            "history/guid": connector.guid,
            "send-connectors/slug": "name",
            "receive-connectors/connector_id": self.make_receive_connector().pk,
            "admin-roles/slug": ORGANIZATION.slug,
            "users/user_id": User.objects.create_user("colleague").pk,
            "guid": uuid.uuid4(),
            "queue_id": queued.queue_id,
            "message_id": queued.message_id,
            "queued_id": queued.pk,
            "session_id": SESSION,
        }

    @staticmethod
    def make_receive_connector():
        """One that listens nowhere else."""
        bindings, ranges = (parse_binding("0.0.0.0:25"),), (parse_range("10.0.0.0/8"),)
        settings = ReceiveSettings(name="Office", server="E15MB1", bindings=bindings, remote_ranges=ranges)
        return receive_services.create(with_defaults(settings), actor="anna")

    def address(self, route):
        """Fill a route in; KeyError names what nobody made for it."""
        screen = route.split("/")[1] if "/" in route else ""

        def value(match):
            folder = route[: match.start()].split("/")[-2]
            own = (f"{one}/{match[1]}" for one in (folder, screen))
            return str(self.values[next((one for one in own if one in self.values), match[1])])

        return "/" + re.sub(r"<\w+:(\w+)>", value, route)
