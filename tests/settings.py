"""Settings for the tests: the real ones on a scratch data directory."""

import os
import tempfile

os.environ.setdefault("ADMINCENTER_DATA_DIR", tempfile.mkdtemp(prefix="admincenter-tests-"))
os.environ.setdefault("ADMINCENTER_SERVER", "E15MB1")
os.environ.setdefault("ADMINCENTER_FQDN", "e15mb1.admincenter.test")

from admincenter.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file: threads and processes of a test must see one database, which ":memory:" is not.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "tests.sqlite3"}  # noqa: F405
# WhiteNoise warns about a missing folder; nothing is collected for tests.
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
