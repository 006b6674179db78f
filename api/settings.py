"""All settings, from the environment, in one file. Refuses to start when unsafe.

deploy/env.example lists every variable with its meaning, unit and default. With none of them set
this is the demo on one machine: an embedded PostgreSQL and all state under `var/`.
"""

import json
import os
import re
import secrets
import tomllib
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured

from api import languages, secrets_from_files
from api.dev.postgres import Cluster
from permissions.enrollment import terms_file
from permissions.keys.secret_files import write_once

secrets_from_files.take(os.environ)  # before anything reads it

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
HOME = Path(os.environ.get("CAIRN_HOME") or BASE_DIR / "var").resolve()


def _secret_file(name: str) -> str:
    """Return the secret kept in CAIRN_HOME under `name` (mode 0600), made at first use."""
    path = HOME / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        HOME.mkdir(parents=True, exist_ok=True)
        write_once(path, secrets.token_urlsafe(48).encode())
        return path.read_text().strip()


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ImproperlyConfigured(f"{name} must be a whole number.")
    return int(text)


def _day(name: str) -> datetime | None:
    """Read a day of variable `name`, such as 2027-06-30, as its first moment in UTC."""
    if not (text := os.environ.get(name)):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a day like 2027-06-30.") from None


def _parts(name: str, text: str, like: str) -> SplitResult:
    """Split the URL of variable `name`; `like` is an example. Raises ImproperlyConfigured."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # read now: Python reports a bad port only on access
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be like {like}.") from None
    return parts


# -- Where we are ---------------------------------------------------------------------------------

if (_port := _number("PORT", 8000)) > 65535:
    raise ImproperlyConfigured("PORT must be a whole number, 65535 at most.")
BASE_URL = os.environ.get("CAIRN_BASE_URL") or f"http://127.0.0.1:{_port}"
_like = "https://cairn.example.org"
_base = _parts("CAIRN_BASE_URL", BASE_URL, _like)
_HERE = {"127.0.0.1", "localhost", "::1"}
LOOPBACK = _base.hostname in _HERE
# The demo on this machine, with a database of its own; and the sandbox of partner systems on it. No
# variable turns it on, and the image does not have its code.
_DEMO = LOOPBACK and not os.environ.get("DATABASE_URL")
SANDBOX = _DEMO and (BASE_DIR / "api" / "sandbox").is_dir()
HTTPS = _base.scheme == "https"
if _base.scheme not in {"http", "https"} or not _base.hostname:
    raise ImproperlyConfigured(f"CAIRN_BASE_URL must be like {_like}.")
if not HTTPS and not LOOPBACK:
    raise ImproperlyConfigured(
        "CAIRN_BASE_URL is plain http and not this machine: referrals would cross the network in"
        " the clear. Use https."
    )

SECRET_KEY = os.environ.get("CAIRN_SECRET_KEY") or (_secret_file("secret_key") if LOOPBACK else "")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("CAIRN_SECRET_KEY is needed: at least 32 random characters.")

DEBUG = False  # never: a debug page shows the packet it failed on
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"] if LOOPBACK else [_base.hostname]
ROOT_URLCONF = "api.urls"
WSGI_APPLICATION = "api.wsgi.application"
INSTALLED_APPS = [
    "permissions",
    "directory",
    "referrals",
    "api",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "guardian",
    "oauth2_provider",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "api.http.middleware.RequestMiddleware",
    "api.http.middleware.BodyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "api.http.middleware.TokenMiddleware",  # above all middleware for browsers
    "whitenoise.middleware.WhiteNoiseMiddleware",  # static files, without a second server
    "api.http.middleware.SharedCacheMiddleware",  # above all that looks for a session
    "api.http.middleware.LanguageMiddleware",  # below what is the same for everyone
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "api.desk.account.locked.IdleLockMiddleware",  # below the check of a form's token
    "api.desk.agency_sign_in.session_check.ProviderMiddleware",  # below the lock
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "api" / "desk" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "api.desk.template_context.desk",
            ],
            "builtins": ["django.templatetags.i18n", "api.desk.template_tags"],
        },
    }
]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # not a cookie
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = languages.SOURCE
LANGUAGES = languages.named("desk")
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "api" / "desk" / "static"]
WHITENOISE_USE_FINDERS = True  # serve static files in place: no collectstatic
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site needs them
WHITENOISE_MAX_AGE = 3600  # seconds; file names carry no hash, so an upgrade shows within the hour
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # bytes; ADR 0046

# -- Database: one database, one role for each kind of work (ADR 0006) ----------------------------


def _from_url(name: str, url: str) -> dict[str, Any]:
    like = "postgresql://app:…@host:5432/cairn"
    parts = _parts(name, url, like)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{name} must be like {like}.")
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(options.pop("host", "")) or parts.hostname or "",
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


# Seconds, and milliseconds: a server that is gone without a word, e.g. behind a network that was
# cut, is noticed in time. What a URL says (`?connect_timeout=2`) counts.
_CONNECTION = {
    "connect_timeout": "5",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def _database(role: str) -> dict[str, Any]:
    """Return a role's connection: its own URL, DATABASE_URL for `app`, else our cluster."""
    variable = "DATABASE_URL" if role == "app" else f"DATABASE_URL_{role.upper()}"
    if url := os.environ.get(variable):
        database = _from_url(variable, url)
    elif os.environ.get("DATABASE_URL"):
        # An external server: this process does not use a role without a URL of its own.
        theirs = _from_url("DATABASE_URL", os.environ["DATABASE_URL"])
        database = {**theirs, "USER": role, "PASSWORD": ""}
    else:
        dsn = Cluster(HOME).dsn(role, os.environ.get("CAIRN_DATABASE") or "cairn")
        database = {
            "NAME": dsn["dbname"],
            "USER": dsn["user"],
            "PASSWORD": dsn["password"],
            "HOST": dsn["host"],
            "PORT": str(dsn["port"]),
        }
    database["OPTIONS"] = _CONNECTION | database.get("OPTIONS", {})
    return {
        "ENGINE": "permissions.database.backend"
        if role in {"app", "replica"}
        else "django.db.backends.postgresql",
        "CONN_MAX_AGE": 600,  # seconds
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,  # a denial is logged after the rollback (R11)
        **database,
    }


DATABASES = {
    "default": _database("app"),
    "signin": _database("signin"),
    "editor": _database("editor"),
    "auditor": _database("auditor"),
    "jobs": _database("jobs"),
    "sealer": _database("sealer"),
    "owner": _database("owner"),
}
# Pages of the public directory are read there, as `app`, while it is near enough (ADR 0104).
REPLICA_LAG_S = _number("CAIRN_REPLICA_LAG_S", 10)
if os.environ.get("DATABASE_URL_REPLICA"):
    if not os.environ.get("DATABASE_URL"):
        raise ImproperlyConfigured("DATABASE_URL_REPLICA needs DATABASE_URL, its primary.")
    DATABASES["replica"] = _database("replica")
# Plan hot statements once a connection; not behind a pooler that gives each transaction another
# connection.
PREPARE_STATEMENTS = os.environ.get("CAIRN_PREPARE", "1") != "0"
DATABASE_ROUTERS = ["permissions.database.router.Router"]
CACHES = {
    # Sign-in throttling and used one-time codes must be shared by all worker processes.
    "default": {
        "BACKEND": "permissions.identity.attempt_cache.AttemptCache",
        "LOCATION": "permissions_cache",
    }
}

# -- Keys (ADR 0019) ------------------------------------------------------------------------------

_key_folder = os.environ.get("CAIRN_KEY_FOLDER") or str(HOME / "keys")
KEY_STORE = {"class": "permissions.keys.keystore.FileKeyStore", "folder": _key_folder}
if _vault := os.environ.get("CAIRN_VAULT_ADDR"):
    if not os.environ.get("CAIRN_VAULT_TOKEN_FILE"):
        raise ImproperlyConfigured("CAIRN_VAULT_ADDR needs CAIRN_VAULT_TOKEN_FILE.")
    _parts_of_vault = _parts("CAIRN_VAULT_ADDR", _vault, "https://vault.example.org:8200")
    if _parts_of_vault.scheme != "https" and _parts_of_vault.hostname not in _HERE:
        raise ImproperlyConfigured(
            "CAIRN_VAULT_ADDR is not https and not this machine: its token and what it opens would"
            " cross the network in the clear."
        )
    KEY_STORE = {
        "class": "permissions.keys.vault.VaultKeyStore",
        "address": _vault,
        "token_file": os.environ["CAIRN_VAULT_TOKEN_FILE"],
        "mount": os.environ.get("CAIRN_VAULT_MOUNT") or "transit",
    }
KEYS_CARRIED = str(Path(_key_folder) / "carried")  # permissions/keys/wrapped_keys.py
# The second copy of the key folder, on other storage (permissions/keys/second_copy.py). Without it
# no key ends, and nothing that was purged is out of the reach of an old backup.
KEY_COPY = os.environ.get("CAIRN_KEY_COPY") or (str(HOME / "keys-copy") if LOOPBACK else "")
BINDING_FOLDER = str(Path(_key_folder) / "binding")  # permissions/keys/binding_key.py
# The journal of closings, on storage of its own (permissions/recovery/journal.py), and for how many
# days backups of the database are kept: an entry that is older than each of them goes.
JOURNAL_FOLDER = os.environ.get("CAIRN_JOURNAL") or str(HOME / "journal")
BACKUP_DAYS = _number("CAIRN_BACKUP_DAYS", 35)
if BACKUP_DAYS < 1:
    raise ImproperlyConfigured("CAIRN_BACKUP_DAYS is a number of days: 1 or more.")
# Whether a failover to another server loses nothing that was answered (ADR 0097). Only then does
# the background work recover by itself.
FAILOVER = os.environ.get("CAIRN_FAILOVER") or "asynchronous"
if FAILOVER not in ("synchronous", "asynchronous"):
    raise ImproperlyConfigured("CAIRN_FAILOVER must be synchronous or asynchronous.")

LOG_KEPT_YEARS = _number("CAIRN_LOG_YEARS", 6)  # the access log keeps each month at least this long
if LOG_KEPT_YEARS < 6:
    raise ImproperlyConfigured(
        "CAIRN_LOG_YEARS is 6 or more (45 CFR 164.316(b)(2)(i), 164.528). Default: 6."
    )
# Where copies of the log's checkpoints are kept, apart from the database
# (permissions/ledger/witness.py).
LOG_WITNESS_FILE = os.environ.get("CAIRN_LOG_WITNESS") or str(HOME / "witness" / "log.ndjson")

# -- People and partner systems -------------------------------------------------------------------

AUTH_USER_MODEL = "permissions.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ANONYMOUS_USER_NAME = None  # guardian: no row for an anonymous user
SILENCED_SYSTEM_CHECKS = [
    "guardian.W001",  # its backend is not used: ADR 0018
    "security.W002",  # the CSP refuses framing (frame-ancestors), on every answer
    "security.W008",  # nginx redirects to https
    "security.W021",  # the domain's owner decides on the browsers' preload list
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/desk/agency"
ACCOUNT_ADAPTER = "api.accounts.allauth_adapters.AccountAdapter"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = False  # ours: api/accounts/sign_in_brake.py
MFA_ADAPTER = "api.accounts.allauth_adapters.MFAAdapter"  # encrypts what the server must know
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# The domain that passkeys belong to. Browsers take no address for one: the demo's is localhost.
PASSKEY_DOMAIN = "localhost" if LOOPBACK else _base.hostname
# Each passkey asks for a fingerprint, face or PIN, so that it is a password and a code in one.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RATE_LIMITS = False  # a passkey cannot be guessed: no one may be kept out by others' tries
MFA_TOTP_ISSUER = "Cairn"
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds: a phone may be that far off (RFC 6238 section 5.2)
SESSION_ENGINE = "api.accounts.session_store"  # its table alone gives no access
CREDENTIAL_SESSION_S = 12 * 3600  # seconds: the cap, enforced by the database
SESSION_COOKIE_AGE = CREDENTIAL_SESSION_S
IDLE_LOCK_S = 15 * 60  # seconds without use: api/accounts/idle_lock.py
FRESH_PROOF_S = 5 * 60  # seconds: how new a second factor is that changes the person's own account
CREDENTIAL_TOKEN_S = 5 * 60

_prefix = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_prefix}session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Bound to the path of one notice's page: api/desk/card/notice_page.py
CARD_COOKIE_NAME = "__Secure-notice" if HTTPS else "notice"
SLIP_COOKIE_NAME = f"{_prefix}slip"  # ten minutes: api/desk/slip/visit.py
# Bound to the page of one signature that is asked for: api/desk/referral/release/asking.py
SIGNING_COOKIE_NAME = "__Secure-signing" if HTTPS else "signing"
DEVICE_COOKIE_NAME = f"{_prefix}device"  # api/accounts/sign_in_brake.py
LANGUAGE_COOKIE_NAME = f"{_prefix}language"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE: Literal["Strict"] = "Strict"
CSRF_COOKIE_NAME = f"{_prefix}csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_TRUSTED_ORIGINS = [BASE_URL.rstrip("/")]
CSRF_FAILURE_VIEW = "api.http.problem_details.csrf_failure"
SECURE_SSL_REDIRECT = False  # nginx redirects; a redirect here would answer health checks with 301
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
PROXIES = _number("CAIRN_PROXIES", 0)  # how many, from the right, are trusted in X-Forwarded-For
# No referrer goes to another site. "no-referrer" would make browsers send `Origin: null` with our
# own forms (Fetch, "append a request Origin header"), which the CSRF check rightly refuses.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

OAUTH2_PROVIDER_APPLICATION_MODEL = "permissions.Client"
TOKEN_URL = f"{BASE_URL.rstrip('/')}/oauth/token"
OAUTH2_PROVIDER = {
    "OAUTH2_VALIDATOR_CLASS": "api.accounts.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "api.accounts.oauth.Scopes",
    "ACCESS_TOKEN_EXPIRE_SECONDS": CREDENTIAL_TOKEN_S,
    # Client credentials are the only grant; the others are closed anyway, as RFC 9700 asks.
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "CLEAR_EXPIRED_TOKENS_BATCH_SIZE": 1000,
}

# -- Traces (api/http/traces.py) ------------------------------------------------------------------

TRACES = os.environ.get("CAIRN_TRACES") or ""
if TRACES:
    _like = "https://collector.example.org/v1/traces"
    _collector = _parts("CAIRN_TRACES", TRACES, _like)
    if _collector.scheme not in {"http", "https"} or not _collector.hostname:
        raise ImproperlyConfigured(f"CAIRN_TRACES must be like {_like}.")
    if _collector.scheme == "http" and _collector.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ImproperlyConfigured(
            "CAIRN_TRACES is plain http and not this machine: when who works would cross the"
            " network in the clear. Use https, or a collector on this machine."
        )
    if not find_spec("opentelemetry"):
        raise ImproperlyConfigured("CAIRN_TRACES needs the packages of the extra `traces`.")
    MIDDLEWARE.insert(0, "api.http.traces.TraceMiddleware")

# -- FHIR (api/fhir) ------------------------------------------------------------------------------

FHIR = os.environ.get("CAIRN_FHIR") == "1"
if FHIR and not find_spec("fhir"):
    raise ImproperlyConfigured("CAIRN_FHIR needs the packages of the extra `fhir`.")

# -- Webhooks (referrals/webhooks/ssrf_guard.py) ---------------------------------------------------

# host:port of this machine that a webhook may go to, also by http: for trials and tests.
WEBHOOK_LOOPBACK = frozenset((os.environ.get("CAIRN_WEBHOOK_LOOPBACK") or "").split())
if WEBHOOK_LOOPBACK and not LOOPBACK:
    raise ImproperlyConfigured(
        "CAIRN_WEBHOOK_LOOPBACK is for this machine's demo: on a server a webhook goes to public"
        " addresses only."
    )
if SANDBOX:  # its own page of received webhooks, /demo/webhooks
    _here = _base.port or (443 if HTTPS else 80)
    WEBHOOK_LOOPBACK |= {f"127.0.0.1:{_here}", f"localhost:{_here}"}

# host:port of this machine where an agency's sign-in may be, also by http: for trials and tests.
PROVIDER_LOOPBACK = frozenset((os.environ.get("CAIRN_PROVIDER_LOOPBACK") or "").split())
if PROVIDER_LOOPBACK and not LOOPBACK:
    raise ImproperlyConfigured(
        "CAIRN_PROVIDER_LOOPBACK is for this machine's demo: on a server an agency's sign-in has a"
        " public address."
    )

# host:port of this machine where a push service may be, also by http: for trials and tests.
PUSH_LOOPBACK = frozenset((os.environ.get("CAIRN_PUSH_LOOPBACK") or "").split())
if PUSH_LOOPBACK and not LOOPBACK:
    raise ImproperlyConfigured(
        "CAIRN_PUSH_LOOPBACK is for this machine's demo: on a server a push service has a public"
        " address."
    )

# -- The network: phone lines shown on every page and every failure (R16) ------------------------

NETWORK_TIME_ZONE = os.environ.get("CAIRN_TIME_ZONE") or "America/Denver"  # for opening hours
if NETWORK_TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured("CAIRN_TIME_ZONE must be a name like America/Denver.")
TERMS = None  # a network without a file of terms asks no agency to sign
if _terms := os.environ.get("CAIRN_TERMS"):
    try:
        TERMS = terms_file.read(_terms, NETWORK_TIME_ZONE)
    except ValueError as error:
        raise ImproperlyConfigured(f"CAIRN_TERMS: {error}") from error
DIRECTORY_REVIEW_DAYS = _number("CAIRN_REVIEW_DAYS", 180)  # until an entry is due for review
DIRECTORY_HISTORY_DAYS = _number("CAIRN_HISTORY_DAYS", 365)  # what edits replaced; 0: none is kept
VERIFY_ENTRIES = os.environ.get("CAIRN_VERIFY_ENTRIES", "0") == "1"  # by mail, once a year
SAFETY_NOTICE = "In danger now? Do not step in yourself: call 911."
SAFETY_NOTICE_ES = "¿En peligro ahora? No intervenga usted: llame al 911."
SAFETY_LINES = [  # the offline page (/safety) shows the Spanish texts
    {
        "name": "Emergency",
        "phone": "911",
        "note": "Police, fire, ambulance",
        "name_es": "Emergencia",
        "note_es": "Policía, bomberos, ambulancia",
    },
    {
        "name": "Missoula police, not an emergency",
        "phone": "406-555-0100",
        "note": "Demo number",
        "note_es": "Número de demostración",
        "name_es": "Policía de Missoula, cuando no es una emergencia",
    },
    {
        "name": "National Domestic Violence Hotline",
        "phone": "1-800-799-7233",
        "note": "24 hours, English and Spanish",
        "note_es": "24 horas, en inglés y español",
        "name_es": "Línea Nacional contra la Violencia Doméstica",
    },
    {
        "name": "National Human Trafficking Hotline",
        "phone": "1-888-373-7888",
        "note": "24 hours; text 233733",
        "note_es": "24 horas; por mensaje de texto: 233733",
        "name_es": "Línea Nacional contra la Trata de Personas",
    },
    {
        "name": "National Sexual Assault Hotline",
        "phone": "1-800-656-4673",
        "note": "24 hours",
        "note_es": "24 horas",
        "name_es": "Línea Nacional de Agresión Sexual",
    },
    {
        "name": "Montana state hotline",
        "phone": "406-555-0101",
        "note": "Demo number",
        "name_es": "Línea estatal de Montana",
        "note_es": "Número de demostración",
    },
    {
        "name": "Child abuse line",
        "phone": "406-555-0102",
        "note": "Demo number",
        "name_es": "Línea de maltrato infantil",
        "note_es": "Número de demostración",
    },
]
if _lines := os.environ.get("CAIRN_SAFETY_LINES"):
    try:
        SAFETY_LINES = [
            {
                **{name: str(line[name]) for name in ("name", "phone", "note")},
                **{name: str(line[name]) for name in ("name_es", "note_es") if name in line},
            }
            for line in json.loads(_lines)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(
            'CAIRN_SAFETY_LINES must be JSON: [{"name": …, "phone": …, "note": …}, …].'
        ) from error
    if not SAFETY_LINES or not all(line["phone"].strip() for line in SAFETY_LINES):
        raise ImproperlyConfigured(
            "CAIRN_SAFETY_LINES is empty, or one of its lines has no phone number."
        )
elif not LOOPBACK:
    raise ImproperlyConfigured(
        "A server needs CAIRN_SAFETY_LINES: the numbers to call in danger, as env.example shows."
        " The local numbers of the default belong to the demo, and no one answers them."
    )
if not LOOPBACK and re.search(r"555\D{0,2}01\d\d(?!\d)", str(SAFETY_LINES)):
    raise ImproperlyConfigured(
        "CAIRN_SAFETY_LINES holds an invented number (555-01xx), which no one answers. Enter the"
        " real number, or leave the line out."
    )
if _notice := os.environ.get("CAIRN_SAFETY_NOTICE"):
    # A changed notice needs its own Spanish text; without one, no Spanish notice is shown.
    SAFETY_NOTICE, SAFETY_NOTICE_ES = _notice, ""
SAFETY_NOTICE_ES = os.environ.get("CAIRN_SAFETY_NOTICE_ES") or SAFETY_NOTICE_ES
# The state's rules, shown with records of mandated reports and of compelled disclosures (R8).
# Empty: Montana's, by the agency's kind and duties (referrals/law/texts.py).
REPORT_LINE = os.environ.get("CAIRN_REPORT_LINE") or ""
DISCLOSURE_LINE = os.environ.get("CAIRN_DISCLOSURE_LINE") or ""

# -- Messages: mail, SMS, calls (referrals/notifications/transports.py) ----------------------------

# Country codes of the numbers that members may add. 1: North America.
PHONE_COUNTRIES = tuple((os.environ.get("CAIRN_PHONE_COUNTRIES") or "1").split())
if not all(re.fullmatch("[1-9][0-9]{0,2}", one) for one in PHONE_COUNTRIES):
    raise ImproperlyConfigured("CAIRN_PHONE_COUNTRIES must be country codes, such as 1 52.")


def _smtp(url: str) -> dict[str, Any]:
    like = "smtp://user:…@mail.example.org:587"
    parts = _parts("CAIRN_SMTP", url, like)
    tls = {"smtp": "starttls", "smtps": "tls", "smtp+plain": ""}.get(parts.scheme)
    if tls is None or not parts.hostname:
        raise ImproperlyConfigured(f"CAIRN_SMTP must be like {like}.")
    if not tls and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ImproperlyConfigured("CAIRN_SMTP: smtp+plain is for a relay on this machine only.")
    if not (sender := os.environ.get("CAIRN_MAIL_FROM")):
        raise ImproperlyConfigured("CAIRN_SMTP needs CAIRN_MAIL_FROM.")
    return {
        "host": parts.hostname,
        "port": parts.port or (465 if tls == "tls" else 587),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "tls": tls,
        "from": sender,
    }


def _mail_copies(url: str) -> dict[str, Any]:
    like = "imaps://user:…@mail.example.org:993/INBOX"
    parts = _parts("CAIRN_MAIL_COPIES", url, like)
    tls = {"imaps": True, "imap+plain": False}.get(parts.scheme)
    if tls is None or not parts.hostname or not parts.username:
        raise ImproperlyConfigured(f"CAIRN_MAIL_COPIES must be like {like}.")
    if not tls and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ImproperlyConfigured("CAIRN_MAIL_COPIES: imap+plain is for this machine only.")
    if not (to := os.environ.get("CAIRN_MAIL_COPY_TO")) or not SMTP:
        raise ImproperlyConfigured("CAIRN_MAIL_COPIES needs CAIRN_MAIL_COPY_TO and CAIRN_SMTP.")
    return {
        "host": parts.hostname,
        "port": parts.port or 993,
        "user": unquote(parts.username),
        "password": unquote(parts.password or ""),
        "tls": tls,
        "folder": unquote(parts.path.lstrip("/")) or "INBOX",
        "to": to,
    }


def _twilio(account: str) -> dict[str, str]:
    base = (os.environ.get("CAIRN_TWILIO_BASE") or "").rstrip("/")
    stand_in = _parts("CAIRN_TWILIO_BASE", base, "http://127.0.0.1:9000").hostname
    if base and stand_in not in {"127.0.0.1", "localhost", "::1"}:
        raise ImproperlyConfigured("CAIRN_TWILIO_BASE is for a stand-in on this machine only.")
    sender = os.environ.get("CAIRN_TWILIO_FROM")
    token_file = os.environ.get("CAIRN_TWILIO_TOKEN_FILE")
    if not sender or not token_file:
        raise ImproperlyConfigured(
            "CAIRN_TWILIO_ACCOUNT needs CAIRN_TWILIO_FROM and CAIRN_TWILIO_TOKEN_FILE."
        )
    return {"account": account, "from": sender, "token_file": token_file, "base": base}


# Without a provider the demo shows what it would send; a server sends nothing and reports that.
_default_sender = "demo" if _DEMO else None
SENDERS: dict[str, str | None] = {"mail": _default_sender, "phone": _default_sender}
SMTP: dict[str, Any] = {}
MAIL_COPIES: dict[str, Any] = {}  # empty: no copies are kept
TWILIO: dict[str, str] = {}
DEMO_MESSAGES = HOME / "demo-messages.jsonl"
if _url := os.environ.get("CAIRN_SMTP"):
    SMTP, SENDERS["mail"] = _smtp(_url), "smtp"
if _url := os.environ.get("CAIRN_MAIL_COPIES"):
    MAIL_COPIES = _mail_copies(_url)
if _account := os.environ.get("CAIRN_TWILIO_ACCOUNT"):
    TWILIO, SENDERS["phone"] = _twilio(_account), "twilio"

# -- Operation (ADR 0095) -------------------------------------------------------------------------

HOST_NAME = os.environ.get("CAIRN_HOST_NAME") or ""
if HOST_NAME and not re.fullmatch("[A-Za-z0-9._-]{1,60}", HOST_NAME):
    raise ImproperlyConfigured("CAIRN_HOST_NAME is up to 60 letters, digits, '.', '_' or '-'.")
METRICS_TOKEN_FILE = os.environ.get("CAIRN_METRICS_TOKEN_FILE") or ""

# Requests a second of one process, for a caller and for a network of unknown callers; 0: no limit
# (api/http/request_limits.py).
REQUESTS_OF_CALLER = _number("CAIRN_REQUESTS_OF_CALLER", 0 if LOOPBACK else 20)
REQUESTS_OF_NETWORK = _number("CAIRN_REQUESTS_OF_NETWORK", 0 if LOOPBACK else 40)

# The width of a band of the network's figures: no smaller number is shown
# (referrals/numbers/bands.py).
FIGURES_BAND = _number("CAIRN_FIGURES_BAND", 10)
if not 5 <= FIGURES_BAND <= 100:
    raise ImproperlyConfigured("CAIRN_FIGURES_BAND is from 5 to 100.")

# -- Where to report a weakness (RFC 9116; api/discovery.py) ---------------------------------------

SECURITY_CONTACT = os.environ.get("CAIRN_SECURITY_CONTACT") or ""
if SECURITY_CONTACT and not re.fullmatch(r"(mailto:|https://|tel:)[!-~]{3,200}", SECURITY_CONTACT):
    raise ImproperlyConfigured("CAIRN_SECURITY_CONTACT must be like mailto:security@example.org.")
SECURITY_EXPIRES = _day("CAIRN_SECURITY_EXPIRES")
if bool(SECURITY_CONTACT) != bool(SECURITY_EXPIRES):
    raise ImproperlyConfigured(
        "CAIRN_SECURITY_CONTACT and CAIRN_SECURITY_EXPIRES belong together: a contact, and the day"
        " from which no one should rely on it."
    )

# -- API ------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # Our endpoints (api/http/endpoints.py) do not use these; they close any other DRF view.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.http.json_bodies.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "openapi.schema.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cairn",
    "DESCRIPTION": "Warm referrals between agencies, with the survivor's information kept to"
    " need-to-know.\n\n"
    "Each write says what the same request means when it comes twice (`x-repeat`). `keyed`: it"
    " makes or sends something each time; send an `Idempotency-Key` with it. `safe`: a repeat"
    " leaves what the first one left, or is refused by the state (409) or the ETag (412)."
    " `counted`: each request counts. A key on a request that is not `keyed` is refused (400"
    " `idempotency_key_unused`), never ignored.\n\n"
    "Each answer has an `X-Request-Id`, by which its log line and its access entry are found. It is"
    " the one that you sent, if that is a random UUID (RFC 9562, version 4) in small letters, such"
    " as `3f1c9e0a-6b1d-4c53-9f0e-2a7d5b8c4e10`; else it is one of ours, of version 7. Choose a new"
    " one for each request.\n\n"
    "Where the server limits requests, each answer that no cache may hold says so in"
    " `RateLimit-Policy` (`q` requests in `w` seconds, of one process), and a known caller how many"
    " are left in `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). Beyond it the answer is"
    " 429 with `Retry-After`, and nothing was done.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Deep links are links inside of buttons, and the list of schemas grows under the keyboard; each
    # operation shows its own.
    # From 150 lines on it draws only what is looked at, and Tab loses its place: groups are closed.
    # It asks the server that it is from: the contract's `servers` are left out, with their fields.
    "SWAGGER_UI_SETTINGS": """{
        deepLinking: false,
        defaultModelsExpandDepth: -1,
        docExpansion: "none",
        plugins: [() => ({statePlugins: {spec: {wrapActions: {
            updateJsonSpec: (update) => ({servers, ...contract}) => update(contract),
        }}}})],
    }""",
    "PREPROCESSING_HOOKS": ["openapi.schema.only_the_contract"],
    "POSTPROCESSING_HOOKS": [
        "openapi.schema.add_token_endpoint",
        "api.contract.completion.complete",
    ],
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "CONTACT": {"name": "The operator of your network"},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "AUTHENTICATION_WHITELIST": [],
}

# -- Logs: ids and codes only (R10); api/logging_config.py holds the allow-list --------------------

LOGGING_CONFIG = "api.logging_config.configure"
LOGGING = {"level": (os.environ.get("CAIRN_LOG_LEVEL") or "INFO").upper()}
if LOGGING["level"] not in (_levels := ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")):
    raise ImproperlyConfigured(f"CAIRN_LOG_LEVEL must be one of {', '.join(_levels)}.")
