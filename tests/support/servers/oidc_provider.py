"""An agency's OpenID provider for tests: django-oauth-toolkit in a process of its own, on a sqlite
database of its own, as a real HTTP server on this machine. `python -m
tests.support.servers.oidc_provider FOLDER PORT` runs it; `Provider` is its administrator and its
people's browser.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import requests
from jwcrypto import jwk, jwt

from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import until

CLIENT_ID, SECRET = "cairn-at-the-agency", "a secret of the agency, for its provider"
PASSWORD = "their password at the agency"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Provider:
    """The provider, seen from outside."""

    def __init__(self, folder: Path, port: int, back: str) -> None:
        self.folder, self.port = folder, port
        self.authority = f"127.0.0.1:{port}"
        self.issuer = f"http://{self.authority}/o"
        self.back = back
        self.process: subprocess.Popen[bytes] | None = None
        if not (folder / "key.pem").exists():
            key = jwk.JWK.generate(kty="RSA", size=2048)
            (folder / "key.pem").write_bytes(key.export_to_pem(private_key=True, password=None))

    def start(self) -> None:
        """Start it, again with what it knew."""
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self.folder), str(self.port), self.back],
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
        )
        log.close()
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return requests.get(f"{self.issuer}/.well-known/openid-configuration", timeout=5).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        """Be away."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def account(self, name: str, **claims: Any) -> str:
        """Make an account; return its sub. `claims`: what else the provider says of it."""
        answer = self._control("account", name=name, claims=claims)
        return str(answer.json()["sub"])

    def end(self, name: str) -> None:
        """Disable an account: it gets no token any more."""
        self._control("end", name=name)

    def forbid_refresh(self, *, forbid: bool) -> None:
        """Give no refresh token from now on, or again."""
        self._control("refresh", forbid=forbid)

    def _control(self, what: str, **said: Any) -> requests.Response:
        answer = requests.post(f"http://{self.authority}/control/{what}", json=said, timeout=10)
        answer.raise_for_status()
        return answer

    def sign_in(self, there: str, name: str) -> str:
        """A browser that follows the product's redirect, signs in, and is sent back: the path and
        query that it is sent to."""
        with requests.Session() as browser:
            asked = browser.get(there, timeout=10)
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', asked.text)
            assert found, (asked.status_code, asked.text[:500])
            given = {
                "username": name,
                "password": PASSWORD,
                "csrfmiddlewaretoken": found[1],
            }
            answer = browser.post(asked.url, given, timeout=10, allow_redirects=False)
            while "code=" not in answer.headers["Location"]:
                assert "error=" not in answer.headers["Location"], answer.headers["Location"]
                at = requests.compat.urljoin(answer.url, answer.headers["Location"])
                answer = browser.get(at, timeout=10, allow_redirects=False)
        parts = urlsplit(answer.headers["Location"])
        assert answer.headers["Location"].startswith(tuple(self.back.split()))
        return f"{parts.path}?{parts.query}"

    def logout_token(self, **changed: Any) -> str:
        """The message that an account, or a session, has ended. `changed`: claims; None: without;
        `typ` and `key` are of the header."""
        now = int(time.time())
        header = {"alg": "RS256", "typ": changed.pop("typ", "logout+jwt")}
        key = changed.pop("key", None) or jwk.JWK.from_pem((self.folder / "key.pem").read_bytes())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": uuid4().hex,
            "events": {LOGOUT_EVENT: {}},
        } | changed
        token = jwt.JWT(header, {name: one for name, one in claims.items() if one is not None})
        token.make_signed_token(key)
        return str(token.serialize())


@contextmanager
def provider(folder: Path, port: int, back: str, settings: Any) -> Iterator[Provider]:
    """A provider that answers, and that the product may ask; `settings` is pytest-django's."""
    made = Provider(folder, port, back)
    settings.PROVIDER_LOOPBACK = frozenset({made.authority})
    made.start()
    try:
        yield made
    finally:
        made.stop()


def asked(there: str) -> dict[str, str]:
    """What the product asks of a provider, by the address that it sends a browser to."""
    return {name: one for name, (one,) in parse_qs(urlsplit(there).query).items()}


# -- The process -----------------------------------------------------------------------------------


def _serve(folder: Path, port: int, back: str) -> None:
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="of the agency's provider",
        DEBUG=False,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__ + "_urls",
        USE_TZ=True,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "provider.sqlite3"),
                "OPTIONS": {"timeout": 10},
            }
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        SESSION_COOKIE_NAME="provider",
        LOGIN_URL="/sign-in",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": (folder / "key.pem").read_text(),
            "OIDC_ISS_ENDPOINT": f"http://127.0.0.1:{port}/o",
            "PKCE_REQUIRED": True,
            "ALLOWED_REDIRECT_URI_SCHEMES": ["http", "https"],
            "SCOPES": {"openid": "who", "offline_access": "to ask again"},
            "OAUTH2_VALIDATOR_CLASS": __name__ + "_urls.Validator",
        },
    )
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    Application.objects.get_or_create(
        client_id=CLIENT_ID,
        defaults={
            "client_secret": SECRET,
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "redirect_uris": back,
            "algorithm": Application.RS256_ALGORITHM,
            "skip_authorization": True,
        },
    )
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIServer, make_server

    class Threads(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    make_server("127.0.0.1", port, get_wsgi_application(), Threads).serve_forever()


if __name__ == "__main__":
    __name__ = "tests.support.servers.oidc_provider"
    _serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
