"""What an edit replaced, for the editors of the agency that made it (ADR 0139).

The members of the document that an act changed are sealed with the agency's key, as they were and
as they became, in the act's transaction. Directory editors of that agency open one at a time; each
opening first writes an access entry (R11). No document, search, export or log contains it.

Nothing is kept of what is confidential. As soon as anything of an organization becomes that, the
database erases all that was kept of its entries (directory/sql/functions/earlier_text.sql).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, connections
from django.db.models import Q

from directory import models as m
from directory.editing.draft_parser import ELSEWHERE, SERVERS
from directory.editing.stored_entry import StoredEntry
from directory.hsds.schema import ONES
from permissions.audit import writer
from permissions.audit.writer import LoggedAct
from permissions.database.aliases import EDITOR, JOBS
from permissions.database.uuid7 import uuid7
from permissions.enrollment import resets
from permissions.errors import NotVisible, Unavailable
from permissions.keys import wrapping
from permissions.keys.keystore import KeyGone, Wrapped, key_store, seal, unseal
from permissions.principal import Principal

Document = dict[str, Any]
OPEN = "directory.earlier"


class Replaced(NamedTuple):
    """Members of a document before an act and after it; a member that was not there is absent."""

    before: Document
    after: Document


class About(NamedTuple):
    """What a kept text is about."""

    edit_id: UUID
    organization_id: UUID
    table: str
    row_id: UUID


class EarlierText(NamedTuple):
    """An opened text. `content`: what `keep` or `store` was given."""

    kind: str
    about: About
    ends_at: datetime
    content: Document


# -- Keep ------------------------------------------------------------------------------------------


def record_edit(
    attempt: LoggedAct,
    organization_id: UUID,
    table: str,
    row_id: UUID,
    action: str,
    fields: set[str],
    before: StoredEntry | None = None,
    after: StoredEntry | None = None,
) -> UUID:
    """Write the history line and the access entry, which have no values; seal what was replaced
    (`before`, `after`: the entry). Returns the line's id. Call it once everything is written."""
    principal = attempt.principal
    line = m.Edit(
        organization_id=organization_id,
        table=table,
        row_id=row_id,
        action=action,
        fields=sorted(fields),
        agency_id=principal.agency_id,
        member_id=principal.member_id,
        client_id=principal.client_id,
        at=attempt.now,
    )
    line.save(using=EDITOR, force_insert=True)
    attempt.record(fields=sorted(fields))
    if before is not None:
        _keep(attempt, About(line.id, organization_id, table, row_id), before, after)
    return line.id


def _keep(attempt: LoggedAct, about: About, before: StoredEntry, after: StoredEntry | None) -> None:
    """Seal what an edit replaced. Nothing is kept of what was confidential or is it now, or if the
    key store does not answer: no edit waits for a key."""
    kept_for = timedelta(settings.DIRECTORY_HISTORY_DAYS)
    replaced = changed_members(about.table, before.document, after.document if after else {})
    if not kept_for or not any(replaced) or before.document.get("confidential"):
        return
    places = sorted(set(places_in(replaced)))
    with connections[EDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT sec.may_keep_earlier_text(%s, %s, %s::uuid[])",
            [about.organization_id, about.row_id, [str(one) for one in places]],
        )
        (may_keep,) = cursor.fetchone()
    if may_keep:
        try:
            store(attempt, "edit", about, replaced._asdict(), kept_for, places)
        except Unavailable:
            return


def store(
    attempt: LoggedAct,
    kind: str,
    about: About,
    content: Document,
    kept_for: timedelta,
    places: Iterable[UUID] = (),
) -> UUID:
    """Seal a text for the editors of the acting agency, in the act's transaction. Raises
    Unavailable."""
    row_id, key = uuid7(), AESGCM.generate_key(256)
    agency_id = attempt.principal.agency_id
    wrapped = wrapping.wrap(agency_id, key, _context(row_id), using=EDITOR)
    m.EarlierText(
        id=row_id,
        kind=kind,
        **about._asdict(),
        places=list(places),
        agency_id=agency_id,
        ends_at=attempt.now + kept_for,
        kek_version=wrapped.kek_version,
        key_bundle=wrapped.blob,
        sealed=seal(key, orjson.dumps(content), _context(row_id)),
    ).save(using=EDITOR, force_insert=True)
    return row_id


def _context(row_id: UUID) -> str:
    return f"directory_earlier_text:{row_id}:text"


def changed_members(table: str, before: Document, after: Document) -> Replaced:
    """The members that an editor writes and that differ. An entry that a document nests has its own
    history, so it is named by its id alone."""
    old, new = own_members(table, before), own_members(table, after)
    differ = [one for one in {**old, **new} if old.get(one) != new.get(one)]
    return Replaced(
        {one: old[one] for one in differ if one in old},
        {one: new[one] for one in differ if one in new},
    )


def own_members(table: str, document: Document) -> Document:
    """The members of a document that are its entry's own, with the places of a service by id."""
    out = {"id", *SERVERS.get(table, ()), *ELSEWHERE.get(table, ()), *ONES.get(table, ())}
    found = {name: value for name, value in document.items() if name not in out}
    if links := found.get("service_at_locations"):
        found["service_at_locations"] = [
            {**link, "location": {"id": link["location"]["id"]}} if "location" in link else link
            for link in links
        ]
    if counted := found.get("capacities"):  # when one was counted is the server's to say
        found["capacities"] = [
            {name: value for name, value in one.items() if name != "updated"} for one in counted
        ]
    return found


def places_in(value: object) -> Iterator[UUID]:
    """The ids of all places that a text names."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "location_id" and isinstance(inner, str):
                yield UUID(inner)
            elif name == "location" and isinstance(inner, Mapping) and inner.get("id"):
                yield UUID(inner["id"])
            yield from places_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from places_in(inner)


# -- Open, erase, end ------------------------------------------------------------------------------


def kept_texts(organization_id: UUID, kind: str = "edit") -> dict[UUID, UUID]:
    """Which lines of an organization's history have a text of the caller's agency: line → text.
    Call it within a transaction of EDITOR that has the caller's identity."""
    rows = m.EarlierText.objects.using(EDITOR).filter(organization_id=organization_id, kind=kind)
    return dict(rows.values_list("edit_id", "id"))


def open_text(principal: Principal, entry_id: UUID, text_id: UUID) -> EarlierText:
    """A text in clear, for a directory editor of the agency that made it.

    Clients cannot open it. Each opening is an access entry. For all other callers, and once it has
    ended, it does not exist (R3). Raises NotVisible, NotPossible (the caller's reset waits),
    Unavailable.
    """
    with writer.logged_act(principal, OPEN, directory_id=entry_id) as attempt:
        if principal.is_client or not principal.has_role("directory_editor"):
            raise NotVisible
        resets.require_confirmed(principal)
        attempt.record()
        return _opened(principal, text_id)


def _opened(principal: Principal, text_id: UUID, tried: int = 0) -> EarlierText:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.earlier_text(%s)", [text_id])
        row = cursor.fetchone()
    if row is None:
        raise NotVisible
    kind, edit_id, organization_id, table, row_id, ends_at, version, bundle, sealed = row
    context = _context(text_id)
    try:
        key = key_store().unwrap(principal, Wrapped(version, bytes(bundle)), context)
    except KeyGone:  # a key rotation has rewrapped it since this read and ended that version
        if tried == version:
            raise
        return _opened(principal, text_id, version)
    content = orjson.loads(unseal(key, bytes(sealed), context))
    return EarlierText(kind, About(edit_id, organization_id, table, row_id), ends_at, content)


def erase(principal: Principal, organization_id: UUID, service_id: UUID) -> None:
    """Erase what the caller's agency keeps of the edits of a service, of its organization and of
    all places. Call it within the transaction of an act of EDITOR. Twice is safe."""
    rows = m.EarlierText.objects.using(EDITOR).filter(
        organization_id=organization_id, agency_id=principal.agency_id, kind="edit"
    )
    rows.filter(~Q(table="service") | Q(row_id=service_id))._raw_delete(EDITOR)


def step() -> bool:
    """Delete the texts that have ended. Returns False: nothing is left to do. Safe to kill at any
    point and to run twice at once."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.end_earlier_texts()")
    return False
