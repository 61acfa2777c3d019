"""Settings for the tests: the real ones on a scratch data directory."""

import atexit
import os
import tempfile

if "ADMINCENTER_DATA_DIR" not in os.environ:
    _scratch = tempfile.TemporaryDirectory(prefix="admincenter-tests-", ignore_cleanup_errors=True)
    atexit.register(_scratch.cleanup)
    os.environ["ADMINCENTER_DATA_DIR"] = _scratch.name
os.environ.setdefault("ADMINCENTER_SERVER", "E15MB1")
os.environ.setdefault("ADMINCENTER_FQDN", "e15mb1.admincenter.test")

from admincenter.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if DATABASES["default"]["ENGINE"] == "admincenter.sqlite":  # noqa: F405
    # A file: threads and processes of a test must see one database, which ":memory:" is not.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "tests.sqlite3"}  # noqa: F405
# WhiteNoise warns about a missing folder; nothing is collected for tests.
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
