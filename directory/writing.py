"""From a draft to rows: which are new, which differ, which are left out; judged before any is
written. What has not changed is not judged again: an import may have let it pass."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connections

from directory import models as m
from directory import strict
from directory.documents import Document, plain
from directory.drafts import SERVERS, Draft, Reference
from directory.drafts import uuid as read_uuid
from directory.entries import USING, Owned, Present, organization_of, row_of, shown
from directory.nested import Row
from directory.standard import TABLES, WHEREABOUTS, Kind
from permissions import assignments
from permissions.errors import BadRequest, NotPermitted, NotPossible
from permissions.ids import uuid7
from permissions.principal import Principal

Values = dict[str, Any]  # a row's fields, as the model names them
SHORT = 6  # letters of a street that are enough to look for it in texts


class Writing:
    """One act's rows. `fields` are the members of the document that it changes."""

    def __init__(
        self,
        principal: Principal,
        now: datetime,
        draft: Draft,
        present: Present | None,
        organization_id: UUID,
    ) -> None:
        self.principal, self.now, self.draft, self.present = principal, now, draft, present
        self.organization_id = organization_id
        self.owned = dict(present.owned) if present else {}
        self.ids: dict[int, UUID] = {}  # by id() of a draft's row
        self.new: list[tuple[str, Values]] = []
        self.changed: list[tuple[str, UUID, Values]] = []
        self.gone: list[Owned] = []
        self.fields: set[str] = set()
        self.places: set[UUID] = set()  # that it hides
        if draft.rows:
            self._judge()

    @property
    def entry_id(self) -> UUID:
        if self.present:
            entry_id: UUID = self.present.row["id"]
            return entry_id
        return UUID(self.draft.entry.key)

    # -- Judge

    def _judge(self) -> None:
        for reference in self.draft.references:
            self._refer(reference)
        self._hide()
        self._identify()
        kept = {(row.table, self.ids[id(row)]) for row in self.draft.rows}
        self.gone = [owned for key, owned in self.owned.items() if key not in kept]
        self.fields |= {owned.member for owned in self.gone}
        for row in self.draft.rows:
            self._row(row)
        self._order()

    def _existing(self, row: Row) -> Mapping[str, Any] | None:
        if row is self.draft.entry:
            return self.present.row if self.present else None
        owned = self.owned.get((row.table, self.ids[id(row)]))
        return owned.row if owned else None

    def _refer(self, reference: Reference) -> None:
        """What is nested of another entry is there, and says what that says itself."""
        found = row_of(reference.table, reference.id)
        if reference.table == "unit" and found is None:
            self._unit(reference)
            return
        if found is None or reference.id is None:
            raise BadRequest("unknown_reference", "There is none.", f"{reference.pointer}/id")
        known: Document = self.present.known(reference.table, reference.id) if self.present else {}
        own = shown(reference.table, found)
        for member, value in reference.said.items():
            if value is not None and value not in (known.get(member), own.get(member)):
                raise BadRequest(
                    "own_address",
                    "This is an entry of its own: name it by its id, and change it there.",
                    reference.pointer,
                )

    def _unit(self, reference: Reference) -> None:
        """What a capacity is counted in: one that says the same, or a new one."""
        unit = Row("unit", {k: v for k, v in reference.said.items() if k != "id"}, "")
        for column in unit.values:
            if column not in TABLES["unit"].columns:
                raise BadRequest("unknown_field", "Not a documented field.", reference.pointer)
        unit.pointer = reference.pointer
        values = self._values(unit, None)
        same = m.Unit.objects.using(USING).filter(**values).values_list("id", flat=True).first()
        unit_id = reference.id or same or uuid7()
        if reference.id or not same:
            self.new.append(("unit", {**values, "id": unit_id}))
        named = [row for row in self.draft.rows if row.pointer == reference.named_by]
        for row in named:
            row.links["unit_id"] = str(unit_id)

    def _identify(self) -> None:
        """Each row's id: the document's; that of a row of ours that says the same; a new one."""
        claimed = {(row.table, UUID(row.key)) for row in self.draft.rows if row.key}
        for row in self.draft.rows:
            if row.key:
                self.ids[id(row)] = UUID(row.key)
                continue
            for key, owned in self.owned.items():
                if key not in claimed and key[0] == row.table and self._same(row, owned.row):
                    claimed.add(key)
                    self.ids[id(row)] = key[1]
                    break
            else:
                self.ids[id(row)] = uuid7()

    def _same(self, row: Row, existing: Mapping[str, Any]) -> bool:
        says = shown(row.table, dict(existing))
        columns = set(TABLES[row.table].columns) - SERVERS.get(row.table, set())
        return all(
            _plainly(row.values.get(column)) == _plainly(says.get(column)) for column in columns
        ) and all(str(existing[field]) == str(value) for field, value in self._links(row).items())

    def _links(self, row: Row) -> Values:
        """What the row hangs on and what it names."""
        found: Values = {}
        for column, link in row.links.items():
            found[column] = self.ids[id(link)] if isinstance(link, Row) else UUID(link)
        if row.about is not None:
            about = "link" if row.table == "attribute" else "resource"
            found[f"{about}_table"] = row.about.table
            found[f"{about}_id"] = self.ids[id(row.about)]
        return found

    def _row(self, row: Row) -> None:
        row_id, existing = self.ids[id(row)], self._existing(row)
        model = TABLES[row.table].model
        if existing is None and row_of(row.table, row_id) is not None:
            raise BadRequest("id_taken", "This id belongs to something else.", f"{row.pointer}/id")
        links = self._links(row)
        for column, link in row.links.items():
            if isinstance(link, str):
                self._named(row, column, UUID(link), existing)
        if existing is None:
            empty = {
                field.attname: field.get_default()
                for field in model._meta.concrete_fields
                if field.attname not in ("id", "source", "external_id", "part_of_id", "position")
            }
            for column in (
                TABLES[row.table].required & TABLES[row.table].links.keys() - links.keys()
            ):
                raise BadRequest("invalid", "This field is needed.", f"{row.pointer}/{column}")
            values = {**empty, **links, **self._values(row, None)}
            self._whole(row, values)
            self._add(row, row_id, values)
            return
        hangs = {
            column
            for column, link in row.links.items()
            if isinstance(link, Row) or column == "service_id"
        }
        if row.about is not None:
            hangs |= {name for name in links if name.endswith(("_table", "_id"))} - {
                "taxonomy_term_id"
            }
        if any(existing[column] != links[column] for column in hangs):
            raise BadRequest("id_taken", "This id belongs to something else.", f"{row.pointer}/id")
        values = {**links, **self._values(row, existing)}
        if row.table in ("service", "service_capacity"):
            values.pop("last_modified", None)
        unnamed = {
            column: None
            for column in ("program_id", "taxonomy_term_id", "parent_organization_id")
            if column in TABLES[row.table].links and column not in links
        }
        values = {**unnamed, **values}
        differing = {name: value for name, value in values.items() if existing[name] != value}
        if differing:
            self._whole(row, {**existing, **differing}, existing)
            self._turn(row, row_id, differing)

    def _add(self, row: Row, row_id: UUID, values: Values) -> None:
        if row is self.draft.entry:
            self.fields |= {
                member
                for member, value in row.values.items()
                if _plainly(value) is not None and member != "id"
            }
        else:
            self.fields.add(row.pointer.split("/")[1])
        self.new.append((row.table, {**values, "id": row_id, "part_of_id": self.organization_id}))

    def _turn(self, row: Row, row_id: UUID, differing: Values) -> None:
        if row is self.draft.entry:
            named = {TABLES[row.table].field_of(column): column for column in row.values}
            self.fields |= {
                named.get(name, name.removesuffix("_id") if name == "answered_by_id" else name)
                for name in differing
            }
        else:
            self.fields.add(row.pointer.split("/")[1])
        if row.table == "service_capacity":
            differing = {**differing, "updated": self.now}
        self.changed.append((row.table, row_id, differing))

    def _values(self, row: Row, existing: Mapping[str, Any] | None) -> Values:
        """The row's own columns. One that says what it said is left as it is."""
        kind, says = TABLES[row.table], shown(row.table, dict(existing)) if existing else {}
        found: Values = {}
        for column, how in kind.columns.items():
            if column in SERVERS.get(row.table, ()):
                continue
            raw, pointer = row.values.get(column), f"{row.pointer}/{column}"
            if existing and _plainly(raw) == _plainly(says.get(column)):
                continue
            if _plainly(raw) is None:
                if column in kind.required and column not in kind.links:
                    raise BadRequest("invalid", "This field is needed.", pointer)
                if existing and how is Kind.FLAG and column == "confidential":
                    continue  # only a plain "false" makes it public
                found[kind.field_of(column)] = _default(kind.model, kind.field_of(column))
                continue
            try:
                found[kind.field_of(column)] = strict.value(row.table, column, how, raw)
            except strict.Fault as fault:
                raise BadRequest("invalid", f"{str(fault).capitalize()}.", pointer) from None
        if row.table == "service":
            found |= self._answered_by(row, existing)
        return found

    def _answered_by(self, row: Row, existing: Mapping[str, Any] | None) -> Values:
        said = row.values.get("answered_by")
        agency = read_uuid(said, "/answered_by") if said is not None else None
        there = existing["answered_by_id"] if existing else None
        if agency not in (None, there, self.principal.agency_id):
            raise NotPermitted("not_your_agency", "Another agency answers for itself.")
        return {"answered_by_id": agency}

    def _whole(
        self, row: Row, values: Mapping[str, Any], existing: Mapping[str, Any] | None = None
    ) -> None:
        today = strict.today_of(self.now)
        found = strict.row(row.table, values, today)
        if found and not (existing and strict.row(row.table, existing, today) == found):
            column, why = found
            raise BadRequest("invalid", f"{why.capitalize()}.", f"{row.pointer}/{column}")

    def _named(
        self, row: Row, column: str, named: UUID, existing: Mapping[str, Any] | None
    ) -> None:
        """What a row names is there, and may be named."""
        if existing and existing[column] == named:
            return
        target = TABLES[row.table].links[column]
        pointer = f"{row.pointer}/{column}"
        if column == "organization_id":
            if named != self.organization_id:
                raise BadRequest("invalid", "An entry stays with its organization.", pointer)
            return
        if column == "service_id":
            raise BadRequest("invalid", "It hangs on what it stands in.", pointer)
        if target == "unit" and any(table == "unit" for table, _ in self.new):
            return
        found = row_of(target, named)
        ours = found is not None and (
            target not in ("program", "location")
            or assignments.edits(
                m.Organization, organization_of(target, found), self.principal.agency_id, USING
            )
        )
        if not ours or (
            target == "program" and found and found["organization_id"] != self.organization_id
        ):
            raise BadRequest("unknown_reference", "There is none of yours.", pointer)

    # -- Order

    def _order(self) -> None:
        """Rows of one parent keep the order of the document; where it is as it was, so it stays."""
        lists: dict[tuple[str, UUID | None], list[Row]] = {}
        for row in self.draft.rows[1:]:
            parent = row.about or next((x for x in row.links.values() if isinstance(x, Row)), None)
            lists.setdefault((row.table, self.ids[id(parent)] if parent else None), []).append(row)
        for rows in lists.values():
            there = [self._existing(row) for row in rows]
            places = [one["position"] for one in there if one is not None]
            olds_first = all(one is not None for one in there[: len(places)])
            keys = [(one["position"], one["id"]) for one in there if one is not None]
            if keys == sorted(keys) and olds_first:
                after = max(places, default=-1) + 1
                for number, row in enumerate(rows[len(places) :]):
                    self._place(row, after + number)
            else:
                for number, row in enumerate(rows):
                    self._place(row, number)

    def _place(self, row: Row, position: int) -> None:
        row_id, existing = self.ids[id(row)], self._existing(row)
        if existing is None:
            for table, values in self.new:
                if (table, values["id"]) == (row.table, row_id):
                    values["position"] = position
        elif existing["position"] != position:
            self.fields.add(row.pointer.split("/")[1])
            self.changed.append((row.table, row_id, {"position": position}))

    # -- Confidential

    def _hide(self) -> None:
        """Nothing that tells where a confidential place is comes in, or stays (R4)."""
        entry, table = self.draft.entry, self.draft.table
        existing = self.present.row if self.present else None
        was = bool(existing and existing["confidential"])
        said = entry.values.get("confidential")
        if table == "location" and was and said is False and self._secret_here():
            raise NotPossible(
                "confidential_here",
                "Something confidential is found at this place, or its organization is so.",
            )
        hides = said is True or (said is None and was)
        if table == "location":
            above = row_of("organization", self.organization_id)
            if hides or (existing is None and above and above["confidential"]):
                entry.values["confidential"] = True
                self._forget_where(entry, existing)
        if said is True and not was:
            self.places = self._places_of_entry()
            self._forbid_streets()

    def _secret_here(self) -> bool:
        links = m.ServiceAtLocation.objects.using(USING).filter(location_id=self.entry_id)
        return (
            m.Organization.objects.using(USING)
            .filter(id=self.organization_id, confidential=True)
            .exists()
            or links.filter(service__confidential=True).exists()
            or links.filter(service__organization__confidential=True).exists()
        )

    def _forget_where(self, entry: Row, existing: Mapping[str, Any] | None) -> None:
        says = shown("location", dict(existing)) if existing else {}
        for column in WHEREABOUTS["location"]:
            raw = _plainly(entry.values.pop(column, None))
            if raw is not None and raw != _plainly(says.get(column)):
                raise BadRequest("confidential_place", NOT_STORED, f"/{column}")
        for row in [one for one in self.draft.rows if one.table == "address"]:
            if not row.key or ("address", UUID(row.key)) not in self.owned:
                raise BadRequest("confidential_place", NOT_STORED, row.pointer)
            self.draft.rows.remove(row)
        gone = [one for one in self.draft.rows if one.about and one.about.table == "address"]
        for row in gone:
            self.draft.rows.remove(row)

    def _places_of_entry(self) -> set[UUID]:
        if self.draft.table == "location":
            return {self.entry_id}
        links = m.ServiceAtLocation.objects.using(USING)
        if self.draft.table == "service":
            named = {
                UUID(link)
                for row in self.draft.rows
                if isinstance(link := row.links.get("location_id"), str)
            }
            there = links.filter(service_id=self.entry_id)
            return named | set(there.values_list("location_id", flat=True))
        there = links.filter(service__organization_id=self.entry_id)
        own = m.Location.objects.using(USING).filter(organization_id=self.entry_id)
        return {
            *there.values_list("location_id", flat=True),
            *own.values_list("id", flat=True),
        }

    def _forbid_streets(self) -> None:
        """A street that is forgotten as an address must not stay behind in a text."""
        rows = m.Address.objects.using(USING).filter(
            location_id__in=self.places, location__confidential=False
        )
        streets = {
            street.casefold()
            for street in rows.values_list("address_1", flat=True)
            if len(street) >= SHORT
        }
        for row in self.draft.rows:
            for column, value in row.values.items():
                text = value.casefold() if isinstance(value, str) else ""
                if row.table != "address" and any(street in text for street in streets):
                    raise BadRequest(
                        "street_in_text",
                        "This text holds the street of a place that becomes confidential.",
                        f"{row.pointer}/{column}",
                    )

    # -- Write

    def touched(self) -> tuple[set[UUID], set[UUID]]:
        """The services and organizations whose documents this act changes; asked before and after,
        since it may move what is found where."""
        services, organizations = set[UUID](), {self.organization_id}
        links = m.ServiceAtLocation.objects.using(USING)
        places = set(self.places)
        if self.draft.table == "service":
            services.add(self.entry_id)
        elif self.draft.table == "location":
            places.add(self.entry_id)
        else:
            own = m.Service.objects.using(USING).filter(organization_id=self.entry_id)
            services |= set(own.values_list("id", flat=True))
        if places:
            services |= set(
                links.filter(location_id__in=places).values_list("service_id", flat=True)
            )
            organizations |= set(
                m.Location.objects.using(USING)
                .filter(id__in=places, organization_id__isnull=False)
                .values_list("organization_id", flat=True)
            )
        return services, {one for one in organizations if one}

    def write(self) -> None:
        """Everything, the entry first; what is left out last."""
        if self.draft.table == "service" and self.present:
            self.changed.insert(0, ("service", self.entry_id, {"last_modified": self.now}))
        elif self.draft.table == "service":
            for table, values in self.new:
                if table == "service":
                    values["last_modified"] = self.now
        self._insert(("organization",))
        self._update(lambda table, row_id: row_id == self.entry_id)
        self._insert([table for table in TABLES if table != "organization"])
        self._update(lambda table, row_id: row_id != self.entry_id)
        self.erase_rows(self.gone)

    def _insert(self, tables: Iterable[str]) -> None:
        for table in tables:
            rows = [values for name, values in self.new if name == table]
            for values in rows:
                if table == "organization":
                    _begin_organization(values)
            if table != "organization" and rows:
                model = TABLES[table].model
                names = {field.attname for field in model._meta.concrete_fields}
                made = [
                    model(**{name: value for name, value in values.items() if name in names})
                    for values in rows
                ]
                model._default_manager.using(USING).bulk_create(made)

    def _update(self, which: Any) -> None:
        for table, row_id, values in self.changed:
            if which(table, row_id):
                rows: Any = TABLES[table].model._default_manager.using(USING)
                rows.filter(id=row_id).update(**values)

    def erase_rows(self, gone: Iterable[Owned]) -> None:
        """Remove rows, those that hang on others first. One that hangs on something else as well
        is taken off this entry and stays there."""
        by_table: dict[str, list[UUID]] = {}
        removed = {(one.table, one.row["id"]) for one in gone}
        for one in gone:
            if elsewhere := self._also_hangs(one, removed):
                rows: Any = TABLES[one.table].model._default_manager.using(USING)
                rows.filter(id=one.row["id"]).update(**dict.fromkeys(elsewhere))
            else:
                by_table.setdefault(one.table, []).append(one.row["id"])
        with connections[USING].cursor() as cursor:
            for table in reversed(list(TABLES)):
                if ids := by_table.get(table):
                    name = TABLES[table].model._meta.db_table
                    cursor.execute(
                        f"DELETE FROM {name} WHERE id = ANY (%s::uuid[])",  # noqa: S608
                        [[str(one) for one in ids]],
                    )

    def _also_hangs(self, one: Owned, removed: set[tuple[str, UUID]]) -> list[str]:
        """The columns that hang a row on this entry, where others hang it on something else."""
        inside = {(self.draft.table, self.entry_id), *self.owned, *removed}
        here: list[str] = []
        there: list[str] = []
        for column, parent in TABLES[one.table].links.items():
            if column in ("program_id", "taxonomy_term_id", "unit_id") or not one.row.get(column):
                continue
            (here if (parent, one.row[column]) in inside else there).append(column)
        required = TABLES[one.table].required
        return here if there and not required.intersection(TABLES[one.table].links) else []

    def erase(self) -> None:
        """Remove the whole entry."""
        assert self.present is not None
        entry = Owned(self.present.table, dict(self.present.row), "")
        self.erase_rows([*self.owned.values(), entry])


NOT_STORED = "Where a confidential place is, is not stored: its agency may seal it apart."


def _plainly(value: object) -> object:
    """As it is compared: nothing said is None, whichever way it is not said."""
    return None if value in (None, "", []) else value


def _default(model: type[m.Entry], name: str) -> object:
    field: Any = model._meta.get_field(name)
    return field.get_default()


def _begin_organization(values: Values) -> None:
    fields = {field.attname for field in m.Organization._meta.concrete_fields}
    row = {name: plain(value) for name, value in values.items() if name in fields}
    row = {"source": "", "external_id": "", **row}
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "SELECT sec.begin_organization(%s::jsonb, %s)",
            [orjson.dumps(row).decode(), uuid7()],
        )
