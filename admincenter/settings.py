"""Django settings, read from the environment or from `.env` in the data directory.

Every secret can also come from a file: `NAME_FILE=/path` instead of `NAME=value`.
"""

import logging
import socket
import tomllib
from pathlib import Path
from urllib.parse import quote

import environ
from csp.constants import NONE, SELF

from admincenter.bootstrap import (
    Environment,
    WrongSettingError,
    host_and_port,
    host_name,
    local_secret,
    networks,
    one_of,
    port_number,
    private_directory,
    redis_socket,
    server_name,
    service_url,
    switch,
    time_zone,
    whole_number,
)
from admincenter.logs import one_line_for_a_refusal

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
DATA_DIR = private_directory(
    Path(env.str("ADMINCENTER_DATA_DIR", default=str(BASE_DIR / "var"))).resolve(),
    setting="ADMINCENTER_DATA_DIR",
)
environ.Env.read_env(DATA_DIR / ".env", overwrite=False)

# --- who we are and where we listen -------------------------------------------------------------------
PRODUCT_VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
HTTP_ADDRESS = env.str("ADMINCENTER_HTTP", default="127.0.0.1:8000")
SMTP_ADDRESS = env.str("ADMINCENTER_SMTP", default="127.0.0.1:2525")
for _setting, _address in (("ADMINCENTER_HTTP", HTTP_ADDRESS), ("ADMINCENTER_SMTP", SMTP_ADDRESS)):
    host_and_port(_address, setting=_setting)
SERVER_NAME = server_name(
    env.str("ADMINCENTER_SERVER", default=socket.gethostname().split(".")[0]),
    setting="ADMINCENTER_SERVER",
)
SERVER_FQDN = host_name(env.str("ADMINCENTER_FQDN", default=socket.getfqdn()), setting="ADMINCENTER_FQDN")
RELAY_NETWORKS = networks(
    env.list("ADMINCENTER_RELAY_NETWORKS", default=["127.0.0.0/8", "::1/128"]),
    setting="ADMINCENTER_RELAY_NETWORKS",
)
# For a server that registers for the first time; then Set-TransportService -AllowedMxNetworks counts.
ALLOWED_MX_NETWORKS = networks(
    env.list("ADMINCENTER_ALLOWED_MX_NETWORKS", default=[]), setting="ADMINCENTER_ALLOWED_MX_NETWORKS"
)
# For tests of MTA-STS: never set them where real mail goes.
TESTING_MTA_STS_PORT = port_number(
    env.str("ADMINCENTER_TESTING_MTA_STS_PORT", default="443"), setting="ADMINCENTER_TESTING_MTA_STS_PORT"
)
TESTING_CA_FILE = env.str("ADMINCENTER_TESTING_CA_FILE", default="")
HTTPS = switch(env.str("ADMINCENTER_HTTPS", default="false"), setting="ADMINCENTER_HTTPS")

# --- secrets ------------------------------------------------------------------------------------------
CERTIFICATES_DIR = DATA_DIR / "certificates"
SECRET_KEY = env.str("ADMINCENTER_SECRET_KEY", default="") or local_secret(DATA_DIR / "secret_key")
# Newest first: the first one seals, every one opens.
FIELD_KEYS = env.list("ADMINCENTER_FIELD_KEYS", default=[]) or [local_secret(DATA_DIR / "field_keys")]

# --- storage ------------------------------------------------------------------------------------------
DATABASE_URL = service_url(
    env.str("DATABASE_URL", default=f"sqlite:///{quote(str(DATA_DIR / 'admincenter.sqlite3'))}"),
    schemes=("sqlite:///", "postgres://", "postgresql://"),
    setting="DATABASE_URL",
)
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
DATABASES["default"]["CONN_MAX_AGE"] = 600
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "admincenter.sqlite"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # FULL: under WAL, NORMAL loses committed mail in a power cut (measured, docs/flow.md).
        # The listener writes the log back (transport/checkpoints.py); a commit does it where nobody else did.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000;"
        " PRAGMA wal_autocheckpoint=40000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_SOCKET = redis_socket(DATA_DIR)
REDIS_URL = service_url(
    env.str("REDIS_URL", default=f"unix://{REDIS_SOCKET}"),
    schemes=("redis://", "rediss://", "unix://"),
    setting="REDIS_URL",
)
# Celery writes a Unix socket its own way.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)

# --- Celery: a doorbell ---------------------------------------------------------------------------------
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = f"server.{SERVER_NAME}"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Nobody steers workers through Redis: what they do stands in the table.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# It cancels only tasks that are acknowledged late, which ours are not; the default warns at every loss.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# None: try for ever. The default gives up after 100 tries.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "socket_keepalive": True,
    "retry_on_timeout": True,
    "health_check_interval": 10,
}

# --- the web ------------------------------------------------------------------------------------------
DEBUG = False
ALLOWED_HOSTS = env.list(
    "ADMINCENTER_ALLOWED_HOSTS",
    default=["127.0.0.1", "localhost", "[::1]", SERVER_FQDN],
)
CSRF_TRUSTED_ORIGINS = env.list("ADMINCENTER_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "admincenter.urls"
WSGI_APPLICATION = "admincenter.wsgi.application"
INSTALLED_APPS = [
    "admincenter",
    "transport",
    "connectors",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "axes",
    "csp",
]
MIDDLEWARE = [
    # First what stands on every answer: static files and refusals of the ones below too.
    "admincenter.middleware.private_pages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "admincenter.middleware.own_cookies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "admincenter.middleware.origin_of_changes",
    "admincenter.middleware.time_limits_of_sign_ins",
    "admincenter.middleware.refusals_in_words",
    "admincenter.middleware.sign_in_as_page",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "admincenter.middleware.first_password",
    "django.contrib.messages.middleware.MessageMiddleware",
    "admincenter.middleware.toasts",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "admincenter/accounts/locked.html"
AXES_VERBOSE = False
# The default hides the address too: then the log does not tell whom to keep out.
AXES_SENSITIVE_PARAMETERS = ["username"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "dashboard:show"
LOGOUT_REDIRECT_URL = "sign_in"
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = time_zone(env.str("ADMINCENTER_TIME_ZONE", default="UTC"), setting="ADMINCENTER_TIME_ZONE")
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# A connector has up to 1000 address spaces, each of three inputs.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3500

IN_HAND_DIR = DATA_DIR / "in-hand"
"""Where each worker process notes the message that it works at (`transport.in_hand`)."""

# --- browser hardening --------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 3600 * whole_number(
    env.str("ADMINCENTER_SIGN_IN_HOURS", default="12"), most=720, setting="ADMINCENTER_SIGN_IN_HOURS"
)
SESSION_IDLE_SECONDS = 60 * whole_number(
    env.str("ADMINCENTER_IDLE_MINUTES", default="30"), most=43_200, setting="ADMINCENTER_IDLE_MINUTES"
)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}

AUDIT_LOG_DAYS = whole_number(
    env.str("ADMINCENTER_AUDIT_LOG_DAYS", default="90"), most=36_500, setting="ADMINCENTER_AUDIT_LOG_DAYS"
)
"""How long an entry of the admin audit log is kept: here, so that nobody shortens it from the console."""

# --- logs ---------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("ADMINCENTER_LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in logging.getLevelNamesMapping():
    raise WrongSettingError(f"ADMINCENTER_LOG_LEVEL={LOG_LEVEL}: use DEBUG, INFO, WARNING, ERROR or CRITICAL")
LOG_FORMAT = one_of(
    env.str("ADMINCENTER_LOG_FORMAT", default="console"),
    words=("console", "json"),
    setting="ADMINCENTER_LOG_FORMAT",
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"()": "admincenter.logs.line_formatter"},
        "json": {"()": "admincenter.logs.json_formatter"},
    },
    "filters": {"refusals": {"()": "django.utils.log.CallbackFilter", "callback": one_line_for_a_refusal}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["refusals"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # A line for every ring would bury the lines that say something.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        # Rings that came too late say the same thing once for each.
        "celery.worker.request": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
