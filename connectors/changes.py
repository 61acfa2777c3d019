"""Writes of the configuration: one at a time, and told to every process."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from django.db import transaction

from connectors.models import Configuration


@contextmanager
def writing() -> Iterator[Configuration]:
    """Open the transaction of one write. All writers queue at the one row, so none sees half of another."""
    with transaction.atomic():
        Configuration.objects.bulk_create([Configuration()], ignore_conflicts=True)
        yield Configuration.objects.select_for_update().get()


def announce_reception(configuration: Configuration) -> None:
    """Let every listener see, at its next look, that the ways in changed."""
    configuration.reception_stamp = uuid4()
    configuration.save()


def announce_routing(configuration: Configuration) -> None:
    """Let every process see, at its next look, that connectors changed, and route waiting mail anew."""
    configuration.generation += 1
    announce(configuration)


def announce(configuration: Configuration) -> None:
    """Let every process see, at its next look, that something changed which moves no waiting mail."""
    configuration.stamp = uuid4()
    configuration.save()
