"""Compares a draft with the stored entry: which rows are new, changed or left out. Everything is
checked before anything is written."""

from datetime import datetime
from uuid import UUID

from directory.editing import validation
from directory.editing.apply import Change
from directory.editing.columns import (
    Existing,
    Values,
    blank_values,
    changed_values,
    comparable,
    is_same_row,
    require_consistent,
)
from directory.editing.confidentiality import hide_confidential
from directory.editing.draft_parser import Draft
from directory.editing.references import new_unit, require_named, require_same
from directory.editing.stored_entry import StoredEntry, find_row, unseen_links
from directory.hsds.flattening import Row
from directory.hsds.schema import TABLES
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest

TAKEN = "This id belongs to something else."
NAMED_OR_NOT = ("program_id", "taxonomy_term_id", "parent_organization_id")


def diff_entry(
    draft: Draft,
    present: StoredEntry | None,
    organization_id: UUID,
    agency_id: UUID,
    now: datetime,
) -> Change:
    """The changes that the draft makes to the stored entry (None: a new one), for an agency.

    Raises BadRequest, NotPermitted, NotPossible.
    """
    return _Diff(draft, present, organization_id, agency_id, now).change


class _Diff:
    def __init__(
        self,
        draft: Draft,
        present: StoredEntry | None,
        organization_id: UUID,
        agency_id: UUID,
        now: datetime,
    ) -> None:
        self.draft, self.present, self.agency_id, self.now = draft, present, agency_id, now
        self.ids: dict[int, UUID] = {}  # by id() of a row of the draft
        self.change = Change(
            draft.table,
            UUID(draft.entry.key),
            organization_id,
            dict(present.owned) if present else {},
        )
        self._refer()
        self._leave_status()
        self._leave_hidden_links()
        self.change.places = hide_confidential(draft, present, organization_id)
        self._identify()
        kept = {(row.table, self.ids[id(row)]) for row in draft.rows}
        gone = [owned for key, owned in self.change.owned.items() if key not in kept]
        self.change.gone = gone
        self.change.fields |= {owned.member for owned in gone}
        for row in draft.rows:
            self._row(row)
        self._order()

    def _refer(self) -> None:
        for reference in self.draft.references:
            if reference.table == "unit" and find_row("unit", reference.id) is None:
                if unit := new_unit(self.draft, reference, self.agency_id):
                    self.change.new.append(("unit", unit))
            else:
                require_same(reference, self.present)

    def _leave_status(self) -> None:
        """A service that is the same as another one says `inactive` (directory/duplicates). An
        editor who sends that back has not closed it."""
        if self.present is None or self.draft.table != "service":
            return
        values, document = self.draft.entry.values, self.present.document
        if document["status"] != self.present.row["status"] == "active" and (
            values.get("status") == document["status"]
        ):
            values["status"] = self.present.row["status"]

    def _leave_hidden_links(self) -> None:
        """A public service's document cannot show its links to confidential places. A draft that
        names such a place again, as a repeated request does, adds no second link."""
        if self.present is None or self.draft.table != "service":
            return
        unseen = unseen_links(self.present)
        places = {str(row["location_id"]) for row in unseen}
        says_nothing = [{}, *({"id": str(row["id"])} for row in unseen)]
        rows = self.draft.rows
        above = {id(link) for row in rows for link in (*row.links.values(), row.about)}
        self.draft.rows = [
            row
            for row in rows
            if row.table != "service_at_location"
            or row.links.get("location_id") not in places
            or row.values not in says_nothing
            or id(row) in above
        ]

    # -- Identity

    def _existing(self, row: Row) -> Existing:
        if row is self.draft.entry:
            return self.present.row if self.present else None
        owned = self.change.owned.get((row.table, self.ids[id(row)]))
        return owned.row if owned else None

    def _identify(self) -> None:
        """Give each row an id: the document's, that of an equal stored row, or a new one."""
        claimed = {(row.table, UUID(row.key)) for row in self.draft.rows if row.key}
        for row in self.draft.rows:
            if row.key:
                self.ids[id(row)] = UUID(row.key)
                continue
            links = self._links(row)
            for key, owned in self.change.owned.items():
                if (
                    key not in claimed
                    and key[0] == row.table
                    and all(owned.row[name] == value for name, value in links.items())
                    and is_same_row(row, owned.row)
                ):
                    claimed.add(key)
                    self.ids[id(row)] = key[1]
                    break
            else:
                self.ids[id(row)] = uuid7()

    def _links(self, row: Row) -> Values:
        """The ids of the row's parents and of the entries it names."""
        found: Values = self._parent_links(row)
        for column, link in row.links.items():
            if isinstance(link, str):
                found[column] = UUID(link)
        return found

    def _parent_links(self, row: Row) -> Values:
        found: Values = {
            column: self.ids[id(link)]
            for column, link in row.links.items()
            if isinstance(link, Row)
        }
        if row.about is not None:
            about = "link" if row.table == "attribute" else "resource"
            found[f"{about}_table"] = row.about.table
            found[f"{about}_id"] = self.ids[id(row.about)]
        return found

    # -- Values

    def _row(self, row: Row) -> None:
        existing = self._existing(row)
        if existing is None and row.key and find_row(row.table, UUID(row.key)) is not None:
            raise BadRequest("id_taken", TAKEN, f"{row.pointer}/id")
        for column, link in row.links.items():
            if isinstance(link, str) and not self._is_new("unit", column, link):
                owner = self.change.organization_id
                require_named(row, column, UUID(link), existing, owner, self.agency_id)
        if existing is None:
            self._add(row)
        elif any(existing[name] != value for name, value in self._parent_links(row).items()):
            raise BadRequest("id_taken", TAKEN, f"{row.pointer}/id")
        else:
            self._turn(row, existing)

    def _is_new(self, table: str, column: str, link: str) -> bool:
        return column == f"{table}_id" and any(
            name == table and str(new["id"]) == link for name, new in self.change.new
        )

    def _add(self, row: Row) -> None:
        links, table = self._links(row), TABLES[row.table]
        for column in table.required & table.links.keys():
            if column not in links:
                raise BadRequest("invalid", "This field is needed.", f"{row.pointer}/{column}")
        whole = {**blank_values(row.table), **links, **changed_values(row, None, self.agency_id)}
        require_consistent(row, whole, None, validation.network_date(self.now))
        if row.table != "organization":
            whole["part_of_id"] = self.change.organization_id
        self.change.new.append((row.table, {**whole, "id": self.ids[id(row)]}))
        said = {name for name, value in row.values.items() if comparable(value) is not None}
        self._told(row, said - {"id"})

    def _turn(self, row: Row, existing: Existing) -> None:
        assert existing is not None
        links = self._links(row)
        unnamed = [
            column
            for column in NAMED_OR_NOT
            if column in TABLES[row.table].links and column not in links
        ]
        said = {**dict.fromkeys(unnamed), **links, **changed_values(row, existing, self.agency_id)}
        differing = {name: value for name, value in said.items() if existing[name] != value}
        if not differing:
            return
        require_consistent(
            row, {**existing, **differing}, existing, validation.network_date(self.now)
        )
        fields = {"answered_by" if name == "answered_by_id" else name for name in differing}
        self._told(row, fields)
        if row.table == "service_capacity":
            differing["updated"] = self.now
        self.change.changed.append((row.table, self.ids[id(row)], differing))

    def _told(self, row: Row, fields: set[str]) -> None:
        """Record the changed members for the history: by column for the entry's own row."""
        if row is self.draft.entry:
            self.change.fields |= fields
        else:
            self.change.fields.add(row.pointer.split("/")[1])

    # -- Order

    def _order(self) -> None:
        """Order the rows of one parent as in the document; an unchanged order keeps its numbers."""
        lists: dict[tuple[str, UUID | None], list[Row]] = {}
        for row in self.draft.rows[1:]:
            parent = row.about or next((x for x in row.links.values() if isinstance(x, Row)), None)
            lists.setdefault((row.table, self.ids[id(parent)] if parent else None), []).append(row)
        for rows in lists.values():
            there = [self._existing(row) for row in rows]
            keys = [(one["position"], one["id"]) for one in there if one is not None]
            as_it_was = keys == sorted(keys) and all(one is not None for one in there[: len(keys)])
            if as_it_was:
                after = max((position for position, _ in keys), default=-1) + 1
                for number, row in enumerate(rows[len(keys) :]):
                    self._place(row, after + number)
            else:
                for number, row in enumerate(rows):
                    self._place(row, number)

    def _place(self, row: Row, position: int) -> None:
        row_id, existing = self.ids[id(row)], self._existing(row)
        if existing is None:
            for table, new in self.change.new:
                if (table, new["id"]) == (row.table, row_id):
                    new["position"] = position
        elif existing["position"] != position:
            self._told(row, set())
            self.change.changed.append((row.table, row_id, {"position": position}))
