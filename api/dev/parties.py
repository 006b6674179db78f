"""The callers of the walkthrough: anyone, a partner system with its tokens, a browser session."""

import base64
import hmac
import re
import struct
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import requests
from jwcrypto import jwk, jwt

TIMEOUT_S = 30


class Differs(Exception):
    """The server did something other than the design says."""


def one_time_code(secret: str, at: float | None = None) -> str:
    """Return the one-time code of a TOTP secret (RFC 6238: SHA-1, 30 seconds, 6 digits)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = struct.pack(">Q", int(time.time() if at is None else at) // 30)
    digest = hmac.digest(key, counter, "sha1")
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


class Party:
    """A caller: a name to print, and a way to send requests."""

    def __init__(self, name: str, base_url: str) -> None:
        self.name, self.base_url = name, base_url
        self.http = requests.Session()

    def headers(self) -> dict[str, str]:
        return {}

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[requests.Response, float]:
        began = time.monotonic()
        answer = self.http.request(
            method,
            self.base_url + path,
            json=body,
            headers=self.headers() | headers,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
        return answer, (time.monotonic() - began) * 1000


class PartnerSystem(Party):
    """An API client: a five-minute token by `private_key_jwt`; each request names who acts."""

    def __init__(
        self, name: str, base_url: str, client: Mapping[str, Any], token_url: str, acting: str
    ) -> None:
        super().__init__(name, base_url)
        self.acting = acting
        self.token = fetch_token(client, token_url)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Acting-Member": self.acting}


def assertion(client: Mapping[str, Any], token_url: str, **claims: Any) -> str:
    """Make a signed client assertion (RFC 7523), valid once and for a minute."""
    key = jwk.JWK(**client["private_jwk"])
    said = {
        "iss": client["client_id"],
        "sub": client["client_id"],
        "aud": token_url,
        "exp": int(time.time()) + 60,
        "jti": str(uuid4()),
    } | claims
    token = jwt.JWT(header={"alg": "ES256", "kid": client["private_jwk"]["kid"]}, claims=said)
    token.make_signed_token(key)
    return str(token.serialize())


def fetch_token(client: Mapping[str, Any], token_url: str) -> str:
    answer = requests.post(
        token_url,
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion(client, token_url),
        },
        timeout=TIMEOUT_S,
    )
    if answer.status_code != 200:
        raise Differs(f"no token for {client['client_id']}: {answer.status_code} {answer.text}")
    return str(answer.json()["access_token"])


class Browser(Party):
    """A person's browser session: password, one-time code, then pages and API by cookie."""

    next: str  # where the last form led

    def __init__(self, name: str, base_url: str, member: Mapping[str, Any]) -> None:
        super().__init__(name, base_url)
        login = self._form("/accounts/login")
        self._submit(
            "/accounts/login",
            login | {"login": member["username"], "password": member["password"]},
            leads_to="/accounts/code",
        )
        self._enter_code(member["totp_secret"])
        for _ in range(4):  # the choice of agency, then the desk
            answer, _ms = self.ask("GET", self.next)
            if answer.status_code not in (302, 303):
                break
            self.next = answer.headers["Location"]
        if answer.status_code != 200:
            raise Differs(f"{name} did not get in: {answer.status_code} at {self.next}")

    def _enter_code(self, secret: str) -> None:
        """Enter a code. A code is valid once: if it was used just now, wait for the next."""
        path = "/accounts/code"
        try:
            self._submit(path, self._form(path) | {"code": one_time_code(secret)}, leads_to="/desk")
        except Differs:
            time.sleep(31 - time.time() % 30)
            self._submit(path, self._form(path) | {"code": one_time_code(secret)}, leads_to="/desk")

    def _form(self, path: str) -> dict[str, str]:
        answer, _ms = self.ask("GET", path)
        field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
        if answer.status_code != 200 or field is None:
            raise Differs(f"{path}: no form, {answer.status_code}")
        return {"csrfmiddlewaretoken": field[1]}

    def _submit(self, path: str, fields: dict[str, str], leads_to: str) -> None:
        answer = self.http.post(
            self.base_url + path, data=fields, timeout=TIMEOUT_S, allow_redirects=False
        )
        self.next = answer.headers.get("Location", "")
        if answer.status_code not in (302, 303) or not self.next.startswith(leads_to):
            raise Differs(f"{self.name}: sign-in stopped at {path} ({answer.status_code})")

    def headers(self) -> dict[str, str]:
        token = next((c.value for c in self.http.cookies if c.name.endswith("csrf")), "")
        return {"X-CSRFToken": token or "", "Referer": self.base_url}
