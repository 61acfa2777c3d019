"""The management shell through its real entry, `manage.py ems -c`."""

import json
from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import call_command


@dataclass(frozen=True)
class Answer:
    """What the shell wrote, and how it ended."""

    status: int
    output: str
    notes: str

    @property
    def objects(self):
        """The JSON array that was written."""
        return json.loads(self.output)

    @property
    def names(self):
        """The identities of the objects."""
        return [one["Identity"] for one in self.objects]


@pytest.fixture
def ems():
    """Run one command line."""

    def run(command, *, as_json=False):
        output, notes = StringIO(), StringIO()
        try:
            call_command("ems", command=command, json=as_json, stdout=output, stderr=notes)
        except SystemExit as end:
            return Answer(end.code, output.getvalue(), notes.getvalue())
        return Answer(0, output.getvalue(), notes.getvalue())

    return run


@pytest.fixture
def listed(ems):
    """Run one command line that must succeed; its objects."""

    def run(command):
        answer = ems(command, as_json=True)
        assert answer.status == 0, answer.notes
        return answer

    return run


@pytest.fixture
def refused(ems):
    """Run one command line that must be refused; the one line it says."""

    def run(command):
        answer = ems(command)
        assert answer.status == 1, answer.output
        (line,) = answer.notes.splitlines()
        return line.removeprefix("ems: ")

    return run
