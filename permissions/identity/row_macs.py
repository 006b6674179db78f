"""Binds the rows that let someone in, or say who someone is: each has a MAC by a key that is not in
the database (permissions/keys/binding_key.py). A writer of the database, its administrator
included, cannot make such a row, change one, or bring back an older copy of it.

Bound are persons with their second factors, memberships, partner systems, agencies' providers with
the accounts linked there, and lawyers' opinions that loosen what may leave, in the table row_mac;
credentials bear their MAC themselves (permissions/identity/credentials.py). A MAC covers a version.
Taking something away raises it, and the journal of closings keeps the least version that is
accepted (permissions/keys/closings.py).

Saving a row through its model makes its MAC, in the same transaction. A row that is not bound by a
right MAC cannot be saved: a change of ours must not make a change of theirs good.
"""

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_save, pre_save

from permissions.audit import writer
from permissions.errors import Unavailable
from permissions.identity import bound_access
from permissions.keys import binding_key, closings
from permissions.models import (
    Client,
    Membership,
    NoticeOpinion,
    Person,
    RowMac,
    SignInLink,
    SignInProvider,
)

log = structlog.get_logger()

_also_bound: list[Callable[[], int]] = []

Row = Person | Membership | Client | SignInProvider | SignInLink | NoticeOpinion

# What a MAC covers, by the table's kind. A person's covers their second factors as well.
MEMBERSHIP = ("agency_id", "person_id", "roles", "active")
COLUMNS: dict[type[Model], tuple[str, ...]] = {
    Person: ("username", "password", "is_active"),
    Membership: MEMBERSHIP,
    Client: (
        *("agency_id", "client_id", "scopes", "public_keys", "system_of_record", "networks"),
        *("openings_a_day", "active"),
    ),
    SignInProvider: (
        *("agency_id", "code", "issuer", "client_id", "sealed_secret"),
        *("active", "tested", "gives_refresh"),
    ),
    SignInLink: ("provider_id", "person_id", "subject"),
    NoticeOpinion: (
        *("agency_id", "lawyer", "dated", "until", "member_id", "recorded_at"),
        "ended_at",
    ),
}
# Columns that a later release added. While one is null it is left out of the text, so that what was
# bound before stays bound; otherwise it is there with its name, and no value passes for another's.
LATER: dict[type[Model], tuple[str, ...]] = {Membership: ("staff_ref",)}


def mac(kind: str, values: Sequence[Any]) -> bytes:
    """A MAC of these values by the newest key: the key's number in two bytes, then HMAC-SHA256.

    Values are what JSON holds, ids and times. Raises Unavailable.
    """
    name, key = binding_key.newest_key()
    return name + hmac.digest(key, _text(kind, values), "sha256")


def is_right(found: bytes | memoryview | None, kind: str, values: Sequence[Any]) -> bool:
    """Whether this is the MAC of these values by a key that is held. Raises Unavailable."""
    stored_mac = bytes(found or b"")
    key = binding_key.named_key(stored_mac)
    if key is None:
        return False
    return hmac.compare_digest(stored_mac[2:], hmac.digest(key, _text(kind, values), "sha256"))


def _text(kind: str, values: Sequence[Any]) -> bytes:
    return orjson.dumps(
        [kind, [_plain(value) for value in values]],
        option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z,
    )


def named(**columns: Any) -> list[list[Any]]:
    """Columns of LATER as a MAC's text has them: name and value, without those that are null."""
    return [[name, value] for name, value in columns.items() if value is not None]


def _in_text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


# -- Rows ------------------------------------------------------------------------------------------


def sign(row: Row, using: str, *, closing: bool = False) -> None:
    """Make the row's MAC, of what it is now. `closing`: something was taken away; from the commit
    on, no older version is accepted. Raises Unavailable."""
    kind = _kind(row)
    with transaction.atomic(using=using):
        rows = RowMac.objects.using(using).filter(kind=kind, row_id=row.id)
        row_mac = rows.select_for_update().first()
        version = max(row_mac.version if row_mac else 1, closings.least_version(row.id.hex))
        version += closing
        made = {"version": version, "mac": mac(kind, [row.id, version, *bound_values(row)])}
        if row_mac is None:
            RowMac.objects.using(using).create(kind=kind, row_id=row.id, **made)
        else:
            rows.update(**made)
        if closing:
            subject = row.id.hex, version
            transaction.on_commit(lambda: closings.close([subject]), using=using)


def is_bound(row: Row, using: str = "signin") -> bool:
    """Whether the row, as it was read, has the right MAC, of a version that is still accepted.
    Raises Unavailable."""
    row_mac = RowMac.objects.using(using).filter(kind=_kind(row), row_id=row.id).first()
    return row_mac is not None and is_version_bound(
        _kind(row), row.id, row_mac.version, row_mac.mac, bound_values(row)
    )


def is_version_bound(
    kind: str,
    row_id: UUID,
    version: int | None,
    found: bytes | memoryview | None,
    values: Sequence[Any],
) -> bool:
    """The same, of a row's values that were read elsewhere, in the order of COLUMNS, then those of
    LATER (`named`)."""
    if version is None or version < closings.least_version(row_id.hex):
        return False
    return is_right(found, kind, [row_id, version, *values])


def require_bound(*rows: Row, using: str = "signin") -> None:
    """Raise Unavailable (`binding`) for a row that is not bound, and say so loudly."""
    for row in rows:
        if not is_bound(row, using):
            refuse(_kind(row), row.id)


def refuse(kind: str, row_id: UUID | str) -> None:
    """Log that a row is not bound, for the operator and in the access log; raise Unavailable."""
    log.error("row_not_bound", kind=kind, row=str(row_id))
    writer.log_refusal(None, "session.sign_in", "binding")
    raise Unavailable(
        "binding",
        "What lets you in was not written by this server, or is out of date. The network operator"
        " was notified and must look into it.",
    )


def _kind(row: Row) -> str:
    return str(row._meta.model_name)


def bound_values(row: Row, using: str = "signin") -> list[Any]:
    """What the row's MAC covers after its id and version, as it is now. `using`: on which
    connection a person's second factors are read."""
    values = [getattr(row, name) for name in COLUMNS[row._meta.model]]
    if row._meta.model is Person:
        factors = Authenticator.objects.using(using).filter(user_id=row.id)
        # Several passkeys are of one type: their order is that of their text.
        values.append(sorted(([factor.type, factor.data] for factor in factors), key=_in_text))
    if isinstance(row, Client) and row.token_hash is not None:
        values.append(bytes(row.token_hash).hex())
    later = LATER.get(row._meta.model, ())
    return [*values, *named(**{name: getattr(row, name) for name in later})]


def also_bind(bind: Callable[[], int]) -> None:
    """Let `rebind` call this as well, for the rows of a module above. Twice is safe."""
    if bind not in _also_bound:
        _also_bound.append(bind)


def rebind(progress: Callable[[int], None] = lambda _: None) -> int:
    """Make a new key, bind by it every row that is bound now, and end the older keys; what was
    signed in by them is refused. Returns how many rows it bound. `progress` is given how many are
    done. Killed half-way both keys hold; run it again. Raises Unavailable."""
    binding_key.begin_next()
    done = 0
    for model in (Person, Membership, Client, SignInProvider, SignInLink, NoticeOpinion):
        using = "jobs" if model is Membership else "signin"
        for row in model._default_manager.using(using).order_by("pk"):
            if is_bound(row, using):
                sign(row, using)
                done += 1
                progress(done)
    done += bound_access.rebind(lambda more: progress(done + more))
    done += sum(bind() for bind in _also_bound)
    binding_key.end_older()
    return done


# -- Whenever one is saved -------------------------------------------------------------------------


def _touches(row: Row, update_fields: frozenset[str] | None) -> bool:
    if update_fields is None:
        return True
    columns = {*update_fields, *(f"{name}_id" for name in update_fields)}  # of a foreign key
    return not columns.isdisjoint((*COLUMNS[row._meta.model], *LATER.get(row._meta.model, ())))


def _before_save(
    sender: type[Row], instance: Row, using: str, update_fields: Any, **_: Any
) -> None:
    if _touches(instance, update_fields):
        stored = sender._default_manager.using(using).filter(pk=instance.pk).first()
        if stored is not None:
            require_bound(stored, using=using)


def _after_save(sender: type[Row], instance: Row, using: str, update_fields: Any, **_: Any) -> None:
    if _touches(instance, update_fields):
        sign(instance, using)


def bind_when_saved() -> None:
    """Connect the signals: once, when the process starts."""
    for model in COLUMNS:
        pre_save.connect(_before_save, sender=model, dispatch_uid="require_bound")
        post_save.connect(_after_save, sender=model, dispatch_uid="bind")
