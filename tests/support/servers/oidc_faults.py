"""A provider that says what a test wants it to: a real HTTP server on this machine whose tokens may
be wrong in any way that a test asks for."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from jwcrypto import jwk, jwt

from tests.support.servers.oidc_provider import CLIENT_ID

Answer = tuple[int, Any]


class FaultyProvider:
    """`tokens` answers its token endpoint: given the form, a status and what JSON holds."""

    def __init__(self) -> None:
        self.key = jwk.JWK.generate(kty="EC", crv="P-256", kid="one", use="sig")
        self.forms: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.tokens: Callable[[dict[str, str]], Answer] = lambda _form: (400, {})
        self.metadata: dict[str, Any] = {}
        self.status = 200
        self.keys: list[dict[str, Any]] = [self.key.export_public(as_dict=True)]
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ours.asked.append(self.path)
                found = ours.documents().get(self.path)
                self._say((ours.status, found) if found is not None else (404, {}))

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = parse_qs(self.rfile.read(length).decode())
                form = {name: one for name, (one,) in body.items()}
                ours.forms.append(form)
                self._say((ours.status, {}) if ours.status != 200 else ours.tokens(form))

            def _say(self, answer: Answer) -> None:
                status, said = answer
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.authority = f"127.0.0.1:{self._server.server_port}"
        self.issuer = f"http://{self.authority}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def documents(self) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **self.metadata,
            },
            "/keys": {"keys": self.keys},
        }

    def claims(self, nonce: str, /, **changed: Any) -> dict[str, Any]:
        """What a right ID token says, but for what is changed; None: it says nothing of it."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "someone",
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
        } | changed
        return {name: one for name, one in claims.items() if one is not None}

    def signed(self, claims: dict[str, Any], key: jwk.JWK | None = None, **header: Any) -> str:
        """A token as a provider signs it, or as `key` and `header` say."""
        token = jwt.JWT({"alg": "ES256", "kid": "one"} | header, claims, algs=[*_ALGS])
        token.make_signed_token(key or self.key)
        return str(token.serialize())

    def gives(self, id_token: str, refresh_token: str | None = "one") -> None:
        """Answer the token endpoint with these from now on."""
        said: dict[str, Any] = {"access_token": "a", "token_type": "Bearer", "id_token": id_token}
        if refresh_token:
            said["refresh_token"] = refresh_token
        self.tokens = lambda _form: (200, said)


_ALGS = ("ES256", "HS256", "RS256", "ES384")


@contextmanager
def faulty_provider(settings: Any) -> Iterator[FaultyProvider]:
    """One that the product may ask; `settings` is pytest-django's."""
    made = FaultyProvider()
    settings.PROVIDER_LOOPBACK = frozenset({made.authority})
    try:
        yield made
    finally:
        made.end()
