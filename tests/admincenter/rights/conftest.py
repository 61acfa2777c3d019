"""A browser of each role, and something behind every address."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.roles import ROLES, World, somebody


@pytest.fixture
def world(db):  # noqa: ARG001 - the tables
    """Something behind every address."""
    return World()


@pytest.fixture
def browsers(world):  # noqa: ARG001 - it makes the user of no role group
    """A browser of each role by its letter, and of a stranger by the letter A (anonymous)."""
    found = {"A": Client()}
    for letter in ROLES:
        user = User.objects.filter(username=f"user-{letter.lower()}").first() or somebody(letter)
        found[letter] = Client()
        found[letter].force_login(user)
    return found
