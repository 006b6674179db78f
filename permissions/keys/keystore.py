"""The key store: it holds the agencies' key-encryption keys (KEK) and offers a few operations.

Root key → KEK per agency, in versions (epochs) → a key per field. The database holds neither of
the first two, so its backup opens nothing (threat TH5). The file store is the default, also on
a server; permissions/keys/vault.py uses Vault. The caller is permissions/keys/wrapping.py.
"""

import hashlib
import hmac
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.module_loading import import_string

from permissions.errors import Unavailable
from permissions.keys.secret_files import sync_folder, write_once
from permissions.principal import Principal

MAX_KEY_BYTES = 4096


class Wrapped(NamedTuple):
    """Content wrapped by an agency's key, and the version of the key that unwraps it."""

    kek_version: int
    blob: bytes


class Signed(NamedTuple):
    """A signature by one of the log's keys."""

    key_id: str  # the signing key: the beginning of its public half's SHA-256, in hex
    signature: bytes  # Ed25519 (RFC 8032)


def key_id(public: bytes) -> str:
    """The id of a signing key, derived from its public half: 16 hex digits."""
    return hashlib.sha256(public).hexdigest()[:16]


class NoKey(Exception):
    """The store answers but holds no key of this agency: the agency is new, or its keys were lost.
    Only the database knows which (permissions/keys/wrapping.py)."""


class KeyGone(Unavailable):
    """The content was wrapped by a version that was destroyed: it can never be opened, here or from
    a backup."""

    code = "key_gone"
    detail = "The key of this content was destroyed."


class KeyStore(Protocol):
    """What a key store can do. Every failure to answer is `Unavailable`, never a guess."""

    def begin(self) -> None:
        """Make the root key, together with a new database and never later: if a store that does not
        answer were begun again, what is sealed meanwhile would be lost when it returns. Twice is
        safe."""

    def begin_version(self, agency_id: UUID) -> int:
        """Make a new version, which wraps from now on; return its number."""

    def versions(self, agency_id: UUID) -> list[int]:
        """The versions that can still unwrap, ascending; empty: the agency has no key here."""

    def wrap(self, agency_id: UUID, plain: bytes, context: str) -> Wrapped:
        """Wrap by the agency's newest version; any caller may. `context` is needed to unwrap.
        Raises NoKey."""

    def unwrap(self, principal: Principal, wrapped: Wrapped, context: str) -> bytes:
        """Unwrap by the key of the principal's own agency, never another's. Raises KeyGone."""

    def rewrap(self, agency_id: UUID, wrapped: Wrapped) -> Wrapped:
        """Wrap the same content by the newest version; no plaintext leaves the store. Raises
        KeyGone."""

    def destroy(self, agency_id: UUID, version: int) -> None:
        """Destroy this version and all older ones: they open nothing from now on. Twice is safe.
        Raises ValueError for the newest version."""

    def sign(self, message: bytes) -> Signed:
        """Sign by the newest of the keys that seal the access log. They belong to the network, not
        to an agency, and none is ever destroyed: signatures stay valid."""

    def signing_keys(self) -> dict[str, bytes]:
        """The public halves (32 bytes) of all keys that ever sealed the log, by id; newest last."""

    def begin_signing_key(self) -> str:
        """Make a new key, which seals from now on; return its id. Old seals stay valid."""

    def tend(self) -> None:
        """Do what the store needs now and then of each process that uses it; called every few
        seconds. Raises nothing: what fails is seen where the store is used."""


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """Encrypt by AES-256-GCM: 12 random bytes of nonce, then ciphertext and tag. `context` is the
    AAD."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """Decrypt what `seal` made. Raises Unavailable if key, content or context differ: a swapped row
    is noticed."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], context.encode())
    except (InvalidTag, ValueError):  # ValueError: too short for a nonce
        raise _content_altered() from None


def bind_context(plain: bytes, context: str) -> bytes:
    """The content that a store wraps. The context's hash goes inside, not into the AAD, so that
    rewrapping needs no context and Vault's transit engine can do it too."""
    return hashlib.sha256(context.encode()).digest() + plain


def unbind_context(bound: bytes, context: str) -> bytes:
    """Undo `bind_context`. Raises Unavailable if it was wrapped for another context."""
    if not hmac.compare_digest(bound[:32], hashlib.sha256(context.encode()).digest()):
        raise _content_altered()
    return bound[32:]


def _content_altered() -> Unavailable:
    return Unavailable("unsealing_failed", "This content does not open: it was altered.")


class FileKeyStore:
    """KEKs as files, each wrapped by the root key; folders 0700, files 0600.

    Several processes at once are safe: a file appears whole or not at all, and never replaces
    another. The database's backup does not contain them: keep a copy elsewhere, or a lost disk
    loses every packet.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.root_key = f"{self.folder}/root.key"

    def begin(self) -> None:
        self._write(Path(self.root_key), os.urandom(32))
        if not self._signing_numbers():
            self.begin_signing_key()

    def begin_version(self, agency_id: UUID) -> int:
        """The number is never reused: those of destroyed versions are remembered. No version is
        made if the root key does not open what the store holds."""
        if self._signing_numbers():
            self._signing_key()
        version = 1 + max(
            self._numbers(agency_id, "kek") + self._numbers(agency_id, "gone"), default=0
        )
        sealed = seal(self._root(), AESGCM.generate_key(256), _kek_context(agency_id, version))
        self._write(self._path(agency_id, version, "kek"), sealed)
        return version

    def versions(self, agency_id: UUID) -> list[int]:
        self._root()  # raises Unavailable: a missing store must not look like an empty one
        gone = self._numbers(agency_id, "gone")
        return sorted(set(self._numbers(agency_id, "kek")) - set(gone))

    def wrap(self, agency_id: UUID, plain: bytes, context: str) -> Wrapped:
        return self._wrap(agency_id, bind_context(plain, context))

    def unwrap(self, principal: Principal, wrapped: Wrapped, context: str) -> bytes:
        return unbind_context(self._unwrap(principal.agency_id, wrapped), context)

    def rewrap(self, agency_id: UUID, wrapped: Wrapped) -> Wrapped:
        return self._wrap(agency_id, self._unwrap(agency_id, wrapped))

    def destroy(self, agency_id: UUID, version: int) -> None:
        """Overwrite and remove each key file; an empty file keeps its number."""
        if version >= self._newest(agency_id):
            raise ValueError("the newest version wraps what is written next")
        for old in self._numbers(agency_id, "kek"):
            if old <= version:
                # The mark is written first, so that a half-destroyed key counts as gone for good.
                self._write(self._path(agency_id, old, "gone"), b"")
                kek = self._path(agency_id, old, "kek")
                self._erase(kek)
                for draft in kek.parent.glob(f"{kek.name}.*"):  # left by a writer that was killed
                    self._erase(draft)

    def sign(self, message: bytes) -> Signed:
        """The key is read from its file for this one signature."""
        key = self._signing_key()
        return Signed(key_id(key.public_key().public_bytes_raw()), key.sign(message))

    def signing_keys(self) -> dict[str, bytes]:
        """The public halves are stored next to the keys, unencrypted."""
        public = [self._read(self._signing_path(one, "pub")) for one in self._signing_numbers()]
        return {key_id(key): key for key in public}

    def begin_signing_key(self) -> str:
        """Several processes may call this at once."""
        number = max(self._signing_numbers("pub"), default=0) + 1
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        sealed = seal(self._root(), key.private_bytes_raw(), _signing_context(number))
        # The public half is written first, so that every signature can be checked. If two processes
        # write at once, one wins each file; a private half whose public half lost is not written.
        self._write(self._signing_path(number, "pub"), public)
        if self._read(self._signing_path(number, "pub")) == public:
            self._write(self._signing_path(number), sealed)
        return key_id(self._read(self._signing_path(number, "pub")))

    def tend(self) -> None:
        """A folder needs nothing."""

    def _signing_key(self) -> Ed25519PrivateKey:
        numbers = self._signing_numbers()
        if not numbers:
            raise Unavailable("key_store", "The key store has no key that seals the log.")
        sealed = self._read(self._signing_path(numbers[-1]))
        return Ed25519PrivateKey.from_private_bytes(
            self._unseal(sealed, _signing_context(numbers[-1]))
        )

    def _signing_path(self, number: int, kind: str = "ed25519") -> Path:
        return self.folder / "signing" / f"{number}.{kind}"

    def _signing_numbers(self, kind: str = "ed25519") -> list[int]:
        return _numbers(self.folder / "signing", kind)

    def _wrap(self, agency_id: UUID, bound: bytes) -> Wrapped:
        version = self._newest(agency_id)
        return Wrapped(version, seal(self._kek(agency_id, version), bound, f"bundle:{agency_id}"))

    def _unwrap(self, agency_id: UUID, wrapped: Wrapped) -> bytes:
        kek = self._kek(agency_id, wrapped.kek_version)
        return unseal(kek, wrapped.blob, f"bundle:{agency_id}")

    def _newest(self, agency_id: UUID) -> int:
        versions = self.versions(agency_id)
        if not versions:
            raise NoKey(str(agency_id))
        return versions[-1]

    def _kek(self, agency_id: UUID, version: int) -> bytes:
        # A string, since making a Path takes longer than opening a key.
        path = f"{self.folder}/{agency_id}/{version}"
        try:
            sealed = self._read(f"{path}.kek")
            return self._unseal(sealed, _kek_context(agency_id, version))
        finally:  # also if it opens: a restored copy of the folder may contain a destroyed key
            if os.path.exists(f"{path}.gone"):
                raise KeyGone from None

    def _unseal(self, sealed: bytes, context: str) -> bytes:
        """Unseal one of the store's own keys. A key that does not open does not mean altered
        content: the folder is broken or mixes two stores, and says nothing about a row."""
        try:
            return unseal(self._root(), sealed, context)
        except Unavailable as error:
            if error.code == "unsealing_failed":
                raise Unavailable("key_store", "A key does not open by the root key.") from None
            raise

    def _root(self) -> bytes:
        return self._read(self.root_key)

    def _path(self, agency_id: UUID, version: int, kind: str) -> Path:
        return self.folder / str(agency_id) / f"{version}.{kind}"

    def _numbers(self, agency_id: UUID, kind: str) -> list[int]:
        return _numbers(self.folder / str(agency_id), kind)

    @staticmethod
    def _read(path: Path | str) -> bytes:
        try:
            # Three system calls, where a file object needs eight; a key is short.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.read(descriptor, MAX_KEY_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unavailable("key_store", "The key store does not answer.") from error

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        """Never replace an existing key: what it wrapped could never be opened again."""
        try:
            write_once(path, content)
        except OSError as error:
            raise Unavailable("key_store", "The key store cannot be written.") from error

    @staticmethod
    def _erase(path: Path) -> None:
        """Overwrite the file, then remove it. Anything that the disk still keeps is wrapped by the
        root key (SECURITY.md)."""
        try:
            with open(path, "r+b") as file:
                file.write(os.urandom(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            pass  # another process was first
        except OSError as error:
            raise Unavailable("key_store", "The key store cannot be written.") from error


def _numbers(folder: Path, kind: str) -> list[int]:
    """The numbers of the key files, ascending. Other files, such as an editor's copy
    (`1 (copy).kek`), are ignored."""
    try:
        stems = [path.stem for path in folder.glob(f"*.{kind}")]
    except OSError as error:
        raise Unavailable("key_store", "The key store does not answer.") from error
    return sorted(int(stem) for stem in stems if re.fullmatch("[1-9][0-9]*", stem))


def _signing_context(number: int) -> str:
    return f"signing:{number}"


def _kek_context(agency_id: UUID, version: int) -> str:
    return f"kek:{agency_id}:{version}"


@lru_cache
def key_store() -> KeyStore:
    """The key store that settings.KEY_STORE configures."""
    options = dict(settings.KEY_STORE)
    store: KeyStore = import_string(options.pop("class"))(**options)
    return store
