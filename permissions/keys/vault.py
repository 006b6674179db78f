"""HashiCorp Vault's transit engine as the key store: the keys never leave Vault.

Each agency has one transit key, `cairn-<agency id>` (aes256-gcm96). It needs the optional
dependency `hvac` (extra `vault`). The token is read from a file at every call, so that an agent may
renew it there. The Vault policy that each process needs: deploy/RUNBOOK.md, "Vault".
"""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import hvac
import structlog
from hvac import exceptions

from permissions.errors import Unavailable
from permissions.keys.keystore import (
    KeyGone,
    NoKey,
    Signed,
    Wrapped,
    bind_context,
    key_id,
    unbind_context,
)
from permissions.principal import Principal

log = structlog.get_logger()

TIMEOUT_S = 5  # to connect, and again for each part of an answer
RENEWAL_S = 60  # between two looks at the token
_SIGNING = "cairn-signing"
# Vault's messages for a key, or a version of a key, that it does not hold (any longer).
_LOST = ("key not found", "version is too new")
# Vault's messages for altered content. Every other refusal, e.g. of an empty token, says nothing
# about a row and must not count: an altered row does not stop its key from being ended
# (rotation.py).
_ALTERED = ("invalid ciphertext", "message authentication failed")

T = TypeVar("T")


class Token(NamedTuple):
    """`ends_in_s`: seconds that it still counts, 0: it never ends; `lives_s`: seconds that it
    counts when it has just been renewed."""

    ends_in_s: int
    lives_s: int
    renewable: bool
    policies: tuple[str, ...]


class VaultKeyStore:
    """A key store with the same guarantees as the file store, on its own server."""

    def __init__(self, address: str, token_file: str, mount: str = "transit") -> None:
        self.address, self.token_file, self.mount = address, Path(token_file), mount
        self.client = hvac.Client(address, timeout=TIMEOUT_S)  # connections are kept open
        self._look_at = 0.0  # time.monotonic() when the token is looked at next

    def begin(self) -> None:
        """Make the key that seals the log. Vault must already run, with the transit engine."""
        self._ask(lambda transit: self._keys_of(transit))
        if not self._public_halves():
            self.begin_signing_key()

    def begin_version(self, agency_id: UUID) -> int:
        """Create the agency's transit key, or rotate it if there is one."""
        name = _name(agency_id)

        def begin(transit: Any) -> int:
            try:
                self._read(transit, agency_id)
            except NoKey:
                transit.create_key(name, key_type="aes256-gcm96", mount_point=self.mount)
            else:
                transit.rotate_key(name, mount_point=self.mount)
            return int(self._read(transit, agency_id)["latest_version"])

        return self._ask(begin)

    def versions(self, agency_id: UUID) -> list[int]:
        """The versions from `min_decryption_version` on, ascending."""
        try:
            data = self._ask(lambda transit: self._read(transit, agency_id))
        except NoKey:
            return []
        oldest = int(data["min_decryption_version"])
        return sorted(int(one) for one in data["keys"] if int(one) >= oldest)

    def wrap(self, agency_id: UUID, plain: bytes, context: str) -> Wrapped:
        """Makes two calls: check that there is a key, then encrypt."""
        text = base64.b64encode(bind_context(plain, context)).decode()

        def encrypt(transit: Any) -> Any:
            self._read(transit, agency_id)  # Vault would silently create a missing key
            return transit.encrypt_data(_name(agency_id), plaintext=text, mount_point=self.mount)

        return _wrapped(self._ask(encrypt)["data"]["ciphertext"])

    def unwrap(self, principal: Principal, wrapped: Wrapped, context: str) -> bytes:
        """Unwraps by the key of the principal's own agency."""
        found = self._ask(
            lambda transit: transit.decrypt_data(
                _name(principal.agency_id), ciphertext=_text(wrapped), mount_point=self.mount
            )
        )
        return unbind_context(base64.b64decode(found["data"]["plaintext"]), context)

    def rewrap(self, agency_id: UUID, wrapped: Wrapped) -> Wrapped:
        """Happens inside Vault: no plaintext leaves it."""
        found = self._ask(
            lambda transit: transit.rewrap_data(
                _name(agency_id), ciphertext=_text(wrapped), mount_point=self.mount
            )
        )
        return _wrapped(found["data"]["ciphertext"])

    def destroy(self, agency_id: UUID, version: int) -> None:
        """Vault first refuses these versions, then trims them: it keeps no copy of the key."""
        name = _name(agency_id)

        def destroy(transit: Any) -> None:
            data = self._read(transit, agency_id)
            if version >= int(data["latest_version"]):
                raise ValueError("the newest version wraps what is written next")
            oldest = version + 1
            if oldest <= int(data.get("min_available_version", 0)):
                return
            # By the API itself: the library refuses two equal numbers, which the API takes.
            self.client.adapter.post(
                f"/v1/{self.mount}/keys/{name}/config",
                json={"min_decryption_version": oldest, "min_encryption_version": oldest},
            )
            transit.trim_key(name, min_version=oldest, mount_point=self.mount)

        self._ask(destroy)

    def sign(self, message: bytes) -> Signed:
        """Signs inside Vault, by its transit key of type ed25519."""
        text = base64.b64encode(message).decode()
        found = self._ask(
            lambda transit: transit.sign_data(_SIGNING, hash_input=text, mount_point=self.mount)
        )
        _vault, version, signature = found["data"]["signature"].split(":")
        public = self._public_halves()[int(version.removeprefix("v"))]
        return Signed(key_id(public), base64.b64decode(signature))

    def signing_keys(self) -> dict[str, bytes]:
        """Read from Vault, which keeps all versions."""
        halves = self._public_halves()
        return {key_id(halves[version]): halves[version] for version in sorted(halves)}

    def begin_signing_key(self) -> str:
        """Create the key, or rotate it if there is one."""

        def begin(transit: Any) -> None:
            try:
                transit.read_key(_SIGNING, mount_point=self.mount)
            except exceptions.InvalidPath as error:
                _is_no_more_than_missing(error)
                transit.create_key(_SIGNING, key_type="ed25519", mount_point=self.mount)
            else:
                transit.rotate_key(_SIGNING, mount_point=self.mount)

        self._ask(begin)
        return list(self.signing_keys())[-1]

    def tend(self) -> None:
        """Renew the token before its time is half over, if it can be renewed. An agent may put
        another token into the file instead."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + RENEWAL_S
        try:
            token = self.token()
            if token.renewable and token.ends_in_s < token.lives_s / 2:
                self._ask(
                    lambda _transit: self.client.auth.token.renew_self(
                        increment=f"{token.lives_s}s"  # else it gets what it was given last
                    )
                )
        except Unavailable:
            self._look_at = time.monotonic()
            log.warning("vault_token_not_renewed")

    def token(self) -> Token:
        """What Vault says of the token in the file. Raises Unavailable."""
        data = self._ask(lambda _transit: self.client.auth.token.lookup_self())["data"]
        return Token(
            ends_in_s=int(data["ttl"]),
            lives_s=int(data.get("period") or data["creation_ttl"]),
            renewable=bool(data.get("renewable")),
            policies=tuple(data.get("policies") or ()),
        )

    def _public_halves(self) -> dict[int, bytes]:
        def read(transit: Any) -> Any:
            try:
                return transit.read_key(_SIGNING, mount_point=self.mount)["data"]["keys"]
            except exceptions.InvalidPath as error:
                _is_no_more_than_missing(error)
                return {}

        keys = self._ask(read)
        return {int(one): base64.b64decode(keys[one]["public_key"]) for one in keys}

    def _read(self, transit: Any, agency_id: UUID) -> dict[str, Any]:
        try:
            data: dict[str, Any] = transit.read_key(_name(agency_id), mount_point=self.mount)[
                "data"
            ]
            return data
        except exceptions.InvalidPath as error:
            _is_no_more_than_missing(error)
            raise NoKey(str(agency_id)) from None

    def _keys_of(self, transit: Any) -> None:
        try:
            transit.list_keys(mount_point=self.mount)
        except exceptions.InvalidPath as error:  # an empty engine answers this too
            _is_no_more_than_missing(error)

    def _ask(self, question: Callable[[Any], T]) -> T:
        """Call the transit engine; every error of Vault becomes KeyGone or Unavailable."""
        try:
            self.client.token = self.token_file.read_text().strip()
            return question(self.client.secrets.transit)
        except exceptions.InvalidRequest as error:
            if "too old" in str(error):  # below min_decryption_version
                raise KeyGone from None
            if any(words in str(error) for words in _LOST):
                raise Unavailable("key_store", "The key store has lost a key.") from None
            if any(words in str(error) for words in _ALTERED):
                raise Unavailable(
                    "unsealing_failed", "This content does not open: it was altered."
                ) from None
            raise Unavailable("key_store", "The key store does not answer.") from error
        except (exceptions.VaultError, OSError) as error:
            raise Unavailable("key_store", "The key store does not answer.") from error


def _is_no_more_than_missing(error: exceptions.InvalidPath) -> None:
    """Return if only a key is missing. Raise the error again if the engine itself is missing: then
    nothing is known about the key."""
    if "no handler" in str(error):
        raise error


def _name(agency_id: UUID) -> str:
    return f"cairn-{agency_id}"


def _text(wrapped: Wrapped) -> str:
    return wrapped.blob.decode("ascii", "replace")


def _wrapped(ciphertext: str) -> Wrapped:
    """Vault's ciphertext begins with the version: `vault:v3:…`."""
    return Wrapped(int(ciphertext.split(":")[1].removeprefix("v")), ciphertext.encode())
