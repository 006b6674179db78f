"""Keys that the server makes of its own secret, one for each use."""

from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def derived_key(use: str) -> bytes:
    """The 32 bytes for this use (HKDF, RFC 5869). The same in every process that has
    CAIRN_SECRET_KEY; one use says nothing of another."""
    return _derived(settings.SECRET_KEY, use)


@lru_cache
def _derived(secret: str, use: str) -> bytes:
    return derived_from(secret.encode(), use)


def derived_from(secret: bytes, use: str) -> bytes:
    """The same, of another secret."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=use.encode()).derive(secret)
