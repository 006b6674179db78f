"""A passkey in software, for tests without a browser: it makes and signs what a browser would send.
What a real browser sends is tested in tests/desk/test_passkeys_in_a_browser.py."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from tests.support.people.desk_pages import Pages

FLAG = AuthenticatorData.FLAG
OPTIONS = "/accounts/passkey/options"
ADD = "/accounts/passkeys/add"


@dataclass
class Passkey:
    """One device. `verifies`: it asked for a fingerprint, face or PIN."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    id: bytes = field(default_factory=lambda: uuid4().bytes)
    handle: str = ""
    origin: str = "http://localhost"
    crossed: bool = False
    verifies: bool = True

    def made(self, options: dict[str, Any]) -> str:
        """What a browser sends for a new passkey."""
        asked = options["publicKey"]
        self.handle = asked["user"]["id"]
        public = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]
        credential = AttestedCredentialData.create(bytes(16), self.id, public)
        data = self._data(asked["rp"]["id"], FLAG.AT, credential)
        attested = AttestationObject.create("none", data, {})
        answer = {"attestationObject": websafe_encode(attested)}
        return self._answer("webauthn.create", asked["challenge"], answer)[0]

    def used(self, options: dict[str, Any], **changed: Any) -> str:
        """What a browser sends when the passkey is used; `changed` fields of its response."""
        asked = options["publicKey"]
        data = self._data(asked["rpId"], FLAG(0))
        answer: dict[str, Any] = {"authenticatorData": websafe_encode(data)}
        _, client_data = self._answer("webauthn.get", asked["challenge"], {})
        signed = self.key.sign(data + sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        answer |= {"signature": websafe_encode(signed), "userHandle": self.handle}
        return self._answer("webauthn.get", asked["challenge"], answer | changed)[0]

    def _data(self, rp_id: str, more: Any, credential: bytes = b"") -> AuthenticatorData:
        flags = FLAG.UP | more | (FLAG.UV if self.verifies else FLAG(0))
        domain = sha256(rp_id.encode()).digest()
        return AuthenticatorData(AuthenticatorData.create(domain, flags, 0, credential))

    def _answer(self, kind: str, challenge: str, answer: dict[str, Any]) -> tuple[str, bytes]:
        client_data = CollectedClientData.create(kind, challenge, self.origin, self.crossed)
        response = {"clientDataJSON": websafe_encode(client_data)} | answer
        name = websafe_encode(self.id)
        sent = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps(sent | {"clientExtensionResults": {}}), bytes(client_data)


def options(pages: Pages, what: str) -> dict[str, Any]:
    """The challenge that the page's script asks for."""
    answer = pages.get(OPTIONS, {"for": what})
    assert answer.status_code == 200, (what, answer.status_code)
    found: dict[str, Any] = answer.json()
    return found


def add(pages: Pages, passkey: Passkey, name: str = "Work phone", after: str = "") -> Any:
    """Add a passkey on the page for it, as a person who proved just now who they are."""
    page = f"{ADD}?next={after}" if after else ADD
    fields = pages.hidden(page)
    made = passkey.made(options(pages, "add"))
    return pages.http.post(ADD, fields | {"name": name, "credential": made}, follow=True)


def sign_in_by(pages: Pages, passkey: Passkey, path: str = "/desk/", **changed: Any) -> Any:
    """The button of the sign-in page, from a page that asked to sign in."""
    asked = pages.get(path, follow=True).request
    fields = pages.hidden(f"/accounts/login?{asked['QUERY_STRING']}", "/accounts/passkey")
    used = passkey.used(options(pages, "sign_in"), **changed)
    return pages.http.post("/accounts/passkey", fields | {"credential": used}, follow=True)


def prove(pages: Pages, passkey: Passkey, page: str) -> Any:
    """Prove it once more on the lock page or before a change."""
    fields = pages.hidden(page)
    used = passkey.used(options(pages, "prove"))
    return pages.http.post(page.partition("?")[0], fields | {"credential": used}, follow=True)
