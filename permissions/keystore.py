"""Where the agencies' key-encryption keys (KEK) live, and the few things one may ask of it.

Root key → KEK per agency, in versions → a key per field. The database holds none of the first
two, so that its backup opens nothing (threat TH5). The file store is the embedded default.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.module_loading import import_string

from permissions.errors import Unavailable
from permissions.principal import Principal
from permissions.secret_files import write_once


class Wrapped(NamedTuple):
    kek_version: int
    blob: bytes


class KeyStore(Protocol):
    """What a key store can do. Every failure to answer is `Unavailable`, never a guess."""

    def begin(self) -> None:
        """Make the root key, with a new database and never later: a store that is away must not be
        begun anew, or what is sealed meanwhile is lost when it returns. Twice is safe."""

    def wrap(self, agency_id: UUID, plain: bytes, context: str) -> Wrapped:
        """Wrap for an agency: anyone may. `context` is bound in and needed to unwrap."""

    def unwrap(self, principal: Principal, wrapped: Wrapped, context: str) -> bytes:
        """Unwrap as the agency's own principal: nobody else's keys can be asked for."""


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """AES-256-GCM: 12 random bytes of nonce, then ciphertext and tag. `context` is the AAD."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The inverse. Unavailable when key, content or context differ: a swapped row is loud."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], context.encode())
    except (InvalidTag, ValueError):  # ValueError: too short for a nonce
        raise Unavailable(
            "unsealing_failed", "This content does not open: it was altered."
        ) from None


class FileKeyStore:
    """KEKs as files, each wrapped by the root key; folders 0700, files 0600.

    Not in the database's backup: keep a copy elsewhere, or a lost disk loses every packet.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def begin(self) -> None:
        self._write(self.folder / "root.key", os.urandom(32))

    def wrap(self, agency_id: UUID, plain: bytes, context: str) -> Wrapped:
        version = self._newest(agency_id)
        return Wrapped(version, seal(self._kek(agency_id, version), plain, context))

    def unwrap(self, principal: Principal, wrapped: Wrapped, context: str) -> bytes:
        kek = self._kek(principal.agency_id, wrapped.kek_version)
        return unseal(kek, wrapped.blob, context)

    def _newest(self, agency_id: UUID) -> int:
        folder = self.folder / str(agency_id)
        try:
            versions = [int(path.stem) for path in folder.glob("*.kek")]
        except OSError as error:
            raise Unavailable("key_store", "The key store does not answer.") from error
        if versions:
            return max(versions)
        context = f"kek:{agency_id}:1"
        self._write(folder / "1.kek", seal(self._root(), AESGCM.generate_key(256), context))
        return 1

    def _kek(self, agency_id: UUID, version: int) -> bytes:
        sealed = self._read(self.folder / str(agency_id) / f"{version}.kek")
        return unseal(self._root(), sealed, f"kek:{agency_id}:{version}")

    def _root(self) -> bytes:
        return self._read(self.folder / "root.key")

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise Unavailable("key_store", "The key store does not answer.") from error

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        """Never over an existing key: what it wrapped would open to nobody."""
        try:
            write_once(path, content)
        except OSError as error:
            raise Unavailable("key_store", "The key store cannot be written.") from error


@lru_cache
def key_store() -> KeyStore:
    """The store that settings.KEY_STORE names."""
    options = dict(settings.KEY_STORE)
    store: KeyStore = import_string(options.pop("class"))(**options)
    return store
