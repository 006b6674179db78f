"""Sessions whose table opens nothing: who reads it, or a backup of it, can be nobody in it.

Django keeps the cookie's value as the row's key, and what is in the session readable beside it,
our credential's secret too. Here the row stands under the hash of the cookie's value, and what is
in it is sealed by a key made of that value, which is in the browser alone.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase

from permissions.errors import Unavailable
from permissions.keys.keystore import seal, unseal

CONTEXT = "session"
MADE_HERE = re.compile("[a-z0-9]{32}")  # a cookie's value


class SessionStore(db.SessionStore):
    """Django's, but for what stands in the row. The cookie's value has 165 random bits, so that a
    plain hash of it is enough."""

    def __init__(self, session_key: str | None = None) -> None:
        """Of a cookie's value. One that was not made here is none, and is not looked for."""
        super().__init__(session_key if MADE_HERE.fullmatch(session_key or "") else None)

    def encode(self, session_dict: dict[str, Any]) -> str:
        """What is in it, sealed for the holder of the cookie."""
        plain = json.dumps(session_dict).encode()
        return base64.b64encode(seal(self._sealed_by(), plain, CONTEXT)).decode()

    def decode(self, session_data: str) -> dict[str, Any]:
        """The inverse. Nothing, where the row was altered or is another's: she signs in again."""
        try:
            plain = unseal(self._sealed_by(), base64.b64decode(session_data), CONTEXT)
        except (binascii.Error, Unavailable):
            return {}
        found: dict[str, Any] = json.loads(plain)
        return found

    def _sealed_by(self) -> bytes:
        value = self._get_or_create_session_key().encode()
        return HKDF(hashes.SHA256(), 32, salt=None, info=CONTEXT.encode()).derive(value)

    def _get_session_from_db(self) -> Any:
        value = self.session_key
        self._session_key = row_of(value or "")  # by what Django looks
        kept = super()._get_session_from_db()
        self._session_key = value if kept else None
        return kept

    def exists(self, session_key: str) -> bool:
        """Whether a session of this cookie's value is kept."""
        return super().exists(row_of(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row to be kept."""
        row = super().create_model_instance(data)
        row.session_key = row_of(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End it, or this one. Twice is safe."""
        value = session_key or self.session_key
        if value is not None:
            super().delete(row_of(value))

    # Those of the base ask the above; Django's own would keep the cookie's value.
    aexists, acreate, asave = SessionBase.aexists, SessionBase.acreate, SessionBase.asave
    adelete, aload = SessionBase.adelete, SessionBase.aload


def row_of(value: str) -> str:
    """The key of the row of a cookie's value: 160 bits of its SHA-256, as long as the column."""
    return hashlib.sha256(value.encode()).hexdigest()[:40]
