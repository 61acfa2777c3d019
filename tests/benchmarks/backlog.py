"""Mail by the hundred thousand for a running program."""

import json
import subprocess
import sys
from typing import Any

from tests.support.program import ROOT, Program

START = "import django; django.setup(); from tests.benchmarks import loading; loading.main()"


def fill(program: Program, wanted: dict[str, int], **options: Any) -> dict[str, Any]:
    """Load so many messages for each domain and let them all go at one moment.

    `retried`: they were tried before. `priorities`: so many, in turns. Returns how long it took, what the
    steps of a dispatcher's look cost when everything is there, in milliseconds of CPU time, and who has
    which priority.
    """
    done = subprocess.run(
        [sys.executable, "-c", START, json.dumps({"wanted": wanted, **options})],
        cwd=ROOT,
        env={**program.environment, "DJANGO_SETTINGS_MODULE": "admincenter.settings"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
