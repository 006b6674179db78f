"""Where the agencies' key-encryption keys (KEK) live, and the few things one may ask of it.

Root key → KEK per agency, in versions (epochs) → a key per field. The database holds none of the
first two, so that its backup opens nothing (threat TH5). The file store is the default, also on
a server; permissions/keys/vault.py keeps them in Vault. Who asks is permissions/keys/wrapping.py.
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
    """What an agency's key wrapped, and the version of that key which unwraps it."""

    kek_version: int
    blob: bytes


class Signed(NamedTuple):
    """A signature by one of the log's keys."""

    key_id: str  # which key signed: the beginning of its public half's SHA-256, in hex
    signature: bytes  # Ed25519 (RFC 8032)


def key_id(public: bytes) -> str:
    """The name of a signing key, from its public half."""
    return hashlib.sha256(public).hexdigest()[:16]


class NoKey(Exception):
    """The store answers, and holds no key of this agency: it is new, or its keys were lost. Only
    the database knows which (permissions/keys/wrapping.py)."""


class KeyGone(Unavailable):
    """Wrapped by a version that was destroyed: nobody can open it, here or from a backup."""

    code = "key_gone"
    detail = "The key of this content was destroyed."


class KeyStore(Protocol):
    """What a key store can do. Every failure to answer is `Unavailable`, never a guess."""

    def begin(self) -> None:
        """Make the root key, with a new database and never later: a store that is away must not be
        begun anew, or what is sealed meanwhile is lost when it returns. Twice is safe."""

    def begin_version(self, agency_id: UUID) -> int:
        """A new version, the newest from now on: what is wrapped next is wrapped by it."""

    def versions(self, agency_id: UUID) -> list[int]:
        """Those that can still unwrap, ascending; none: the agency has no key here."""

    def wrap(self, agency_id: UUID, plain: bytes, context: str) -> Wrapped:
        """By its newest version: anyone may. `context` is needed to unwrap. Raises NoKey."""

    def unwrap(self, principal: Principal, wrapped: Wrapped, context: str) -> bytes:
        """As the agency's own principal: nobody else's keys can be asked for. Raises KeyGone."""

    def rewrap(self, agency_id: UUID, wrapped: Wrapped) -> Wrapped:
        """The same content by the newest version; no plaintext leaves the store. Raises KeyGone."""

    def destroy(self, agency_id: UUID, version: int) -> None:
        """It and all older ones open nothing from now on. Twice is safe. The newest: ValueError."""

    def sign(self, message: bytes) -> Signed:
        """By the newest of the keys that seal the access log. They are the network's own, apart
        from the agencies', and no key of theirs is ever destroyed: what it signed stands."""

    def signing_keys(self) -> dict[str, bytes]:
        """The public halves (32 bytes) of all keys that ever sealed, by id; the newest last."""

    def begin_signing_key(self) -> str:
        """A new key, which seals from now on; returns its id. Old seals stay valid."""


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """AES-256-GCM: 12 random bytes of nonce, then ciphertext and tag. `context` is the AAD."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The inverse. Unavailable when key, content or context differ: a swapped row is loud."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], context.encode())
    except (InvalidTag, ValueError):  # ValueError: too short for a nonce
        raise _content_altered() from None


def bind_context(plain: bytes, context: str) -> bytes:
    """What a store wraps: the context's hash goes inside, not into the AAD, so that rewrapping
    needs to know no context and Vault's transit engine can do it too."""
    return hashlib.sha256(context.encode()).digest() + plain


def unbind_context(bound: bytes, context: str) -> bytes:
    """The inverse. Unavailable: it was wrapped for something else."""
    if not hmac.compare_digest(bound[:32], hashlib.sha256(context.encode()).digest()):
        raise _content_altered()
    return bound[32:]


def _content_altered() -> Unavailable:
    return Unavailable("unsealing_failed", "This content does not open: it was altered.")


class FileKeyStore:
    """KEKs as files, each wrapped by the root key; folders 0700, files 0600.

    Several processes at once are safe: a file appears whole or not at all, and never over another.
    Not in the database's backup: keep a copy elsewhere, or a lost disk loses every packet.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.root_key = f"{self.folder}/root.key"

    def begin(self) -> None:
        self._write(Path(self.root_key), os.urandom(32))
        if not self._signing_numbers():
            self.begin_signing_key()

    def begin_version(self, agency_id: UUID) -> int:
        """Its number is one that never was: those of destroyed versions are remembered. None is
        made by a root key that does not open what the store holds."""
        if self._signing_numbers():
            self._signing_key()
        version = 1 + max(
            self._numbers(agency_id, "kek") + self._numbers(agency_id, "gone"), default=0
        )
        sealed = seal(self._root(), AESGCM.generate_key(256), _kek_context(agency_id, version))
        self._write(self._path(agency_id, version, "kek"), sealed)
        return version

    def versions(self, agency_id: UUID) -> list[int]:
        self._root()  # a store that is away has no versions either
        gone = self._numbers(agency_id, "gone")
        return sorted(set(self._numbers(agency_id, "kek")) - set(gone))

    def wrap(self, agency_id: UUID, plain: bytes, context: str) -> Wrapped:
        return self._wrap(agency_id, bind_context(plain, context))

    def unwrap(self, principal: Principal, wrapped: Wrapped, context: str) -> bytes:
        return unbind_context(self._unwrap(principal.agency_id, wrapped), context)

    def rewrap(self, agency_id: UUID, wrapped: Wrapped) -> Wrapped:
        return self._wrap(agency_id, self._unwrap(agency_id, wrapped))

    def destroy(self, agency_id: UUID, version: int) -> None:
        """Each file is overwritten and removed; an empty one keeps its number."""
        if version >= self._newest(agency_id):
            raise ValueError("the newest version wraps what is written next")
        for old in self._numbers(agency_id, "kek"):
            if old <= version:
                # The mark first: of a half-destroyed key it is known that it is gone for good.
                self._write(self._path(agency_id, old, "gone"), b"")
                kek = self._path(agency_id, old, "kek")
                self._erase(kek)
                for draft in kek.parent.glob(f"{kek.name}.*"):  # of a writer that was killed
                    self._erase(draft)

    def sign(self, message: bytes) -> Signed:
        """The key leaves its file for this one signature."""
        key = self._signing_key()
        return Signed(key_id(key.public_key().public_bytes_raw()), key.sign(message))

    def signing_keys(self) -> dict[str, bytes]:
        """Kept beside the keys, in clear."""
        public = [self._read(self._signing_path(one, "pub")) for one in self._signing_numbers()]
        return {key_id(one): one for one in public}

    def begin_signing_key(self) -> str:
        """Several processes at once are safe."""
        number = max(self._signing_numbers("pub"), default=0) + 1
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        sealed = seal(self._root(), key.private_bytes_raw(), _signing_context(number))
        # The public half first: a key that signed is never one that nobody can check. Of two
        # processes at once one file of each wins; a half whose other half lost signs nothing.
        self._write(self._signing_path(number, "pub"), public)
        if self._read(self._signing_path(number, "pub")) == public:
            self._write(self._signing_path(number), sealed)
        return key_id(self._read(self._signing_path(number, "pub")))

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
        # As text: a Path takes longer to make than a key to open.
        path = f"{self.folder}/{agency_id}/{version}"
        try:
            sealed = self._read(f"{path}.kek")
            return self._unseal(sealed, _kek_context(agency_id, version))
        finally:  # also of one that opens: a copy that was put back may bring a destroyed one back
            if os.path.exists(f"{path}.gone"):
                raise KeyGone from None

    def _unseal(self, sealed: bytes, context: str) -> bytes:
        """One of its own keys. One that does not open is no content that was altered: the folder is
        put together of two, or broken, and nothing that it says of a row counts."""
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
            # Three calls of the system, where a file object takes eight; a key is short.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.read(descriptor, MAX_KEY_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unavailable("key_store", "The key store does not answer.") from error

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        """Never over an existing key: what it wrapped would open to nobody."""
        try:
            write_once(path, content)
        except OSError as error:
            raise Unavailable("key_store", "The key store cannot be written.") from error

    @staticmethod
    def _erase(path: Path) -> None:
        """Overwritten, then removed. What a disk keeps of it all the same is wrapped by the root
        key (SECURITY.md)."""
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
    """Ascending. What a copy or an editor left there beside (`1 (copy).kek`) is no key of ours."""
    try:
        found = [path.stem for path in folder.glob(f"*.{kind}")]
    except OSError as error:
        raise Unavailable("key_store", "The key store does not answer.") from error
    return sorted(int(stem) for stem in found if re.fullmatch("[1-9][0-9]*", stem))


def _signing_context(number: int) -> str:
    return f"signing:{number}"


def _kek_context(agency_id: UUID, version: int) -> str:
    return f"kek:{agency_id}:{version}"


@lru_cache
def key_store() -> KeyStore:
    """The store that settings.KEY_STORE names."""
    options = dict(settings.KEY_STORE)
    store: KeyStore = import_string(options.pop("class"))(**options)
    return store
