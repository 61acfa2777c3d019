"""A browser of each role, and something behind every address."""

import pytest
from django.test import Client

from tests.support.roles import ROLES, World, somebody


@pytest.fixture
def world(db):  # noqa: ARG001 - the tables
    """Something behind every address."""
    return World()


@pytest.fixture
def browsers(db):  # noqa: ARG001 - the tables
    """A browser of each role by its letter, and of a stranger by the letter A (anonymous)."""
    found = {"A": Client()}
    for letter in ROLES:
        found[letter] = Client()
        found[letter].force_login(somebody(letter))
    return found
