"""Sessions whose table gives no access: its rows, or a backup of them, let no reader act as a user.

Django keeps the cookie's value as the row's key, with the session's content readable next to it,
our credential's secret included. Here the row's key is a hash of the cookie's value, and its
content is encrypted with a key made from that value, which only the browser has.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase

from permissions.errors import Unavailable
from permissions.keys.derived_keys import derived_from
from permissions.keys.keystore import seal, unseal

CONTEXT = "session"
MADE_HERE = re.compile("[a-z0-9]{32}")  # a cookie's value


class SessionStore(db.SessionStore):
    """Django's store, but for the key and the content of the row.

    The cookie's value has 165 random bits, so that a plain hash of it is enough.
    """

    def __init__(self, session_key: str | None = None) -> None:
        """Open the session of a cookie's value. A value not made here is not looked up."""
        super().__init__(session_key if MADE_HERE.fullmatch(session_key or "") else None)

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Encrypt the content for the holder of the cookie."""
        plain = json.dumps(session_dict).encode()
        return base64.b64encode(seal(self._sealed_by(), plain, CONTEXT)).decode()

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Decrypt the content. An altered row, or another's, gives {}: the user signs in again."""
        try:
            plain = unseal(self._sealed_by(), base64.b64decode(session_data), CONTEXT)
        except (binascii.Error, Unavailable):
            return {}
        found: dict[str, Any] = json.loads(plain)
        return found

    def _sealed_by(self) -> bytes:
        value = self._get_or_create_session_key().encode()  # type: ignore[attr-defined]
        return derived_from(value, CONTEXT)

    def _get_session_from_db(self) -> Any:
        value = self.session_key
        self._session_key = row_of(value or "")  # the key that Django looks up
        kept = super()._get_session_from_db()  # type: ignore[misc]  # not in the stubs
        self._session_key = value if kept else None
        return kept

    def exists(self, session_key: str) -> bool:
        """Whether there is a session for this cookie's value."""
        return super().exists(row_of(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Make the row to be stored."""
        row = super().create_model_instance(data)
        row.session_key = row_of(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End the session of this cookie's value, by default this one. Twice is safe."""
        value = session_key or self.session_key
        if value is not None:
            super().delete(row_of(value))

    # The base class's call the methods above; db.SessionStore's would store the cookie's value.
    aexists, acreate, asave = SessionBase.aexists, SessionBase.acreate, SessionBase.asave
    adelete, aload = SessionBase.adelete, SessionBase.aload


def row_of(value: str) -> str:
    """Return the row's key for a cookie's value: 160 bits of its SHA-256, the column's length."""
    return hashlib.sha256(value.encode()).hexdigest()[:40]
