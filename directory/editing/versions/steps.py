"""The steps of an entry's history, opened: what an edit replaced, and putting it back.

Only the editors of the agency that made an edit see what it replaced; to all others its line says
which members it changed (reviews.py).
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from directory import models as m
from directory.editing import earlier_text
from directory.editing.earlier_text import Document, Replaced
from directory.editing.edit import (
    Edited,
    Preconditions,
    editing_transaction,
    load_for_editing,
    patch,
    put,
    require_editor,
)
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotVisible
from permissions.principal import Principal


class Step(NamedTuple):
    """One own edit. `replaced`: None if nothing is kept of it. `now`, `etag`: the entry as it is;
    None and '' if it was deleted."""

    line: m.Edit
    replaced: Replaced | None
    now: Document | None
    etag: str

    @property
    def puts_back(self) -> Document:
        """The merge patch that puts back what the edit replaced: only what says something else now.
        For a deleted entry its document."""
        if self.replaced is None or (self.line.action == "deleted") != (self.now is None):
            return {}
        before, after = self.replaced
        now = earlier_text.own_members(self.line.table, self.now or {})
        return {
            name: before.get(name)
            for name in {**before, **after}
            if before.get(name) != now.get(name)
        }


def kept_lines(principal: Principal, organization_id: UUID) -> set[UUID]:
    """The lines of an organization's history whose text the caller's agency has kept."""
    with identified_transaction(principal, EDITOR):
        return set(earlier_text.kept_texts(organization_id))


def open_step(principal: Principal, service_id: UUID, edit_id: UUID) -> Step:
    """An edit of the caller's own agency, of a service, its organization or a place of that. If
    there is a text, this is one access entry. Raises NotVisible, NotPermitted, NotPossible,
    Unavailable."""
    require_editor(principal, "directory.history", lambda: False, service_id)
    with identified_transaction(principal, EDITOR):
        owner = load_for_editing(principal, "service", service_id).organization_id
        rows = m.Edit.objects.using(EDITOR).filter(id=edit_id, organization_id=owner)
        line = rows.filter(agency_id=principal.agency_id).first()
        if line is None or (line.table == "service" and line.row_id != service_id):
            raise NotVisible
        text_id = earlier_text.kept_texts(owner).get(edit_id)
    replaced = None
    if text_id is not None:
        content = earlier_text.open_text(principal, line.row_id, text_id).content
        replaced = Replaced(content["before"], content["after"])
    now, etag = _now(principal, line)
    return Step(line, replaced, now, etag)


def _now(principal: Principal, line: m.Edit) -> tuple[Document | None, str]:
    with identified_transaction(principal, EDITOR):
        try:
            present = load_for_editing(principal, line.table, line.row_id)
        except NotVisible:
            return None, ""
        return present.document, present.etag


def put_back(principal: Principal, step: Step, etag: str) -> Edited:
    """Put back what an edit replaced, as a change of the entry as it is now. Raises as `edit.put`
    does: StaleMatch if the entry is no longer the one of `etag`."""
    table, entry_id = step.line.table, step.line.row_id
    if step.now is None:
        return put(principal, table, entry_id, step.puts_back, Preconditions(if_none_match="*"))
    return patch(principal, table, entry_id, step.puts_back, Preconditions(if_match=etag))


def place_names(principal: Principal, places: Iterable[UUID]) -> dict[UUID, str]:
    """The names of these places that are public."""
    with identified_transaction(principal, EDITOR):
        rows = m.Location.objects.using(EDITOR).filter(id__in=list(places), confidential=False)
        return dict(rows.values_list("id", "name"))


def erase(principal: Principal, service_id: UUID) -> None:
    """Erase what the caller's agency keeps of the edits that the service's history shows. Twice is
    safe. Raises NotVisible, NotPermitted."""
    with editing_transaction(principal, "service", service_id):
        present = load_for_editing(principal, "service", service_id)
        earlier_text.erase(principal, present.organization_id, service_id)
