"""Sign-ins by an agency's provider: what the provider said last of each, and their end.

What was said, with the provider's refresh token, is sealed by a key outside the database. An end is
in the journal of closings, and so is that of the credential of the agency that was chosen: no
writer of the database brings either back. Runs as `signin`.
"""

import hmac
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction

from permissions.database.clock import database_now
from permissions.errors import Unavailable
from permissions.identity import credentials
from permissions.keys import closings
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import ProviderSession, SignInLink, SignInProvider

KEPT = timedelta(hours=13)  # an hour longer than a sign-in lives


class Standing(NamedTuple):
    """A sign-in by a provider that has not ended. `checked_at`: when the provider last said that
    the person may sign in; `refresh_token` None: it cannot be asked."""

    session: ProviderSession
    refresh_token: str | None
    begun_at: datetime
    checked_at: datetime
    now: datetime

    @property
    def link(self) -> SignInLink:
        found: SignInLink = self.session.link
        return found

    @property
    def silent_for(self) -> timedelta:
        return self.now - self.checked_at


def begin(link: SignInLink, sid: str, refresh_token: str | None) -> ProviderSession:
    """A new sign-in, of which the provider said just now that it is good. Deletes those of the same
    account that are over. Raises Unavailable."""
    now = database_now("signin")
    rows = ProviderSession.objects.using("signin")
    rows.filter(link=link, created_at__lt=now - KEPT).delete()
    made = ProviderSession(link=link, sid=sid_hash(link.provider, sid), created_at=now)
    made.sealed = _sealed(made, refresh_token, now, now)
    made.save(using="signin", force_insert=True)
    return made


def find(session_id: UUID) -> Standing | None:
    """The sign-in with this id; None: it ended, or is longer ago than one lives. Raises
    Unavailable."""
    return _standing(session_id, lock=False)


def lock(session_id: UUID) -> Standing | None:
    """The same, locked in the open transaction: the provider is asked once at a time."""
    return _standing(session_id, lock=True)


def _standing(session_id: UUID, *, lock: bool) -> Standing | None:
    if closings.least_version(session_id.hex) > 0:
        return None
    rows = ProviderSession.objects.using("signin").select_related("link__provider")
    if lock:
        rows = rows.select_for_update(of=("self",))
    found = rows.filter(id=session_id, ended_at=None).first()
    if found is None:
        return None
    try:
        said = orjson.loads(unseal(_key(), bytes(found.sealed), _context(found)))
    except Unavailable:  # altered: it is as if it had ended
        return None
    begun, checked = (datetime.fromisoformat(said[name]) for name in ("begun", "checked"))
    now = database_now("signin")
    if now - begun >= timedelta(seconds=settings.CREDENTIAL_SESSION_S):
        return None
    return Standing(found, said["refresh"], begun, checked, now)


def note_good(standing: Standing, refresh_token: str | None) -> None:
    """The provider said just now that the person may sign in; its refresh token from now on."""
    session = standing.session
    session.sealed = _sealed(session, refresh_token, standing.begun_at, standing.now)
    session.save(using="signin", update_fields=["sealed"])


def opens(session: ProviderSession, secret: str) -> None:
    """By this sign-in the credential with this secret was opened: it ends with it."""
    session.credential_hash = bytes.fromhex(credentials.hash_secret(secret))
    session.save(using="signin", update_fields=["credential_hash"])


def opens_nothing(session_id: UUID) -> None:
    """What this sign-in opened goes on by another one."""
    rows = ProviderSession.objects.using("signin").filter(id=session_id)
    rows.update(credential_hash=None)


def of_logout(
    provider: SignInProvider, subject: str | None, sid: str | None
) -> dict[SignInLink, list[UUID]]:
    """The sign-ins that a provider's message of an end is about, by account. `subject`: the keyed
    hash of an account; with a `sid` only that session of the provider."""
    rows = ProviderSession.objects.using("signin").filter(link__provider=provider, ended_at=None)
    if subject is not None:
        rows = rows.filter(link__subject=subject)
    if sid:
        rows = rows.filter(sid=sid_hash(provider, sid))
    found: dict[SignInLink, list[UUID]] = {}
    if subject is not None or sid:
        for one in rows.select_related("link__provider"):
            found.setdefault(one.link, []).append(one.id)
    return found


def end(session_ids: list[UUID]) -> None:
    """End these sign-ins and what they opened, now and for good. Twice is safe. Raises
    Unavailable."""
    with transaction.atomic(using="signin"):
        rows = ProviderSession.objects.using("signin").filter(id__in=session_ids)
        hashes = [bytes(one.credential_hash).hex() for one in rows if one.credential_hash]
        rows.filter(ended_at=None).update(ended_at=database_now("signin"))
        credentials.end_by_hash(hashes)
        subjects = [(one.hex, closings.CREDENTIAL_VERSION) for one in session_ids]
        transaction.on_commit(lambda: closings.close(subjects), using="signin")


def end_of_link(link: SignInLink) -> None:
    """End every sign-in by this account. Raises Unavailable."""
    rows = ProviderSession.objects.using("signin").filter(link=link, ended_at=None)
    end([one.id for one in rows])


def subject_hash(provider: SignInProvider, subject: str) -> str:
    """What is stored of an account at a provider: 64 hexadecimal digits that tell no one whose it
    is."""
    return _hash("subject", provider.issuer, subject)


def sid_hash(provider: SignInProvider, sid: str) -> str:
    """The same of the provider's name for a session; '' for none."""
    return _hash("session", provider.issuer, sid) if sid else ""


def _hash(what: str, *texts: str) -> str:
    told = "\0".join([what, *texts]).encode()
    return hmac.digest(derived_key("provider account"), told, "sha256").hex()


def _sealed(
    session: ProviderSession, refresh_token: str | None, begun: datetime, checked: datetime
) -> bytes:
    said = {"refresh": refresh_token, "begun": begun, "checked": checked}
    return seal(_key(), orjson.dumps(said), _context(session))


def _key() -> bytes:
    return derived_key("provider session")


def _context(session: ProviderSession) -> str:
    return f"provider session {session.id} {session.link_id} {session.sid}"
