"""How a field and a note are sealed, and a bundle of keys wrapped for an agency: for bare and the
peers, from the same folder of keys."""

import json
import os
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEYS = Path(os.environ.get("BENCH_KEYS", ""))


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    sealed = bytes(sealed)
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], context.encode())


def wrap(agency: str, keys: dict[str, Any], context: str) -> tuple[int, bytes]:
    """The version of the agency's key, and the bundle."""
    version = max(int(one.stem) for one in (KEYS / agency).glob("*.kek"))
    plain = sha256(context.encode()).digest() + json.dumps(keys).encode()
    return version, seal(_kek(agency, version), plain, f"bundle:{agency}")


def unwrap(agency: str, version: int, bundle: bytes, context: str) -> Any:
    bound = unseal(_kek(agency, version), bundle, f"bundle:{agency}")
    if bound[:32] != sha256(context.encode()).digest():
        raise ValueError("wrapped for something else")
    return json.loads(bound[32:])


@lru_cache
def _kek(agency: str, version: int) -> bytes:
    sealed = (KEYS / agency / f"{version}.kek").read_bytes()
    return unseal((KEYS / "root.key").read_bytes(), sealed, f"kek:{agency}:{version}")
