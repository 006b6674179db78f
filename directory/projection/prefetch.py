"""Loads services and organizations with all related rows, one query per table."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q

from directory import meanings
from directory import models as m
from directory.hsds.schema import LISTS, ONES, TABLES
from directory.postcodes import Point, middles
from directory.projection import replacements
from directory.projection.points import middle_codes
from directory.vocabulary import Key, codes_for_name

Row = dict[str, Any]

# Parents come first: rows of a contact or a phone follow it.
_BENEATH = (
    *("contact", "phone", "language", "schedule", "holiday_schedule", "address", "accessibility"),
    *("service_area", "funding", "required_document", "cost_option", "url", "service_capacity"),
    *("organization_identifier", "program"),
)


_PROVENANCE = ("service", "organization")  # tables whose documents say where they came from


class RelatedRows:
    """Rows by table, column and parent, as plain dictionaries of their fields.

    For the organizations in `whole` all rows are read; for the others, which only own a service,
    the rows that a service is searched and called by. `locations`: further places to read.
    """

    def __init__(
        self,
        services: Collection[UUID],
        whole: Collection[UUID],
        using: str,
        locations: Collection[UUID] = (),
    ) -> None:
        self.using = using
        self._under: dict[tuple[str, str, UUID], list[Row]] = defaultdict(list)
        self._rows: dict[str, dict[UUID, Row]] = defaultdict(dict)
        self._read("service", Q(id__in=services))
        above = {row["organization_id"] for row in self._rows["service"].values()}
        self._read("organization", Q(id__in=above | set(whole)))
        self._read("service_at_location", Q(service_id__in=services))
        places = {row["location_id"] for row in self._rows["service_at_location"].values()}
        places |= set(locations)
        self._read("location", Q(id__in=places) | Q(organization_id__in=whole))
        for table in _BENEATH:
            self._beneath(table, set(whole))
        self._single("service", "program")
        self._single("service_capacity", "unit")
        self._withhold()
        replacements.overlay(self._rows["service"], self._rows["organization"], using)
        self._marks()
        self.middles = self._middles()
        self._sources = self._describe_sources()
        self._withhold_licensed()

    def row(self, table: str, row_id: UUID | None) -> Row | None:
        return self._rows[table].get(row_id) if row_id else None

    def rows(self, table: str) -> list[Row]:
        return list(self._rows[table].values())

    def source(self, name: str) -> Row:
        """What is said of a source; {} if nothing is."""
        return self._sources.get(name, {})

    def children_of(self, table: str, column: str, parent: UUID) -> list[Row]:
        """The rows of `table` whose `column` names `parent`, in the order of the source."""
        return self._under.get((table, column, parent), [])

    def attributes_of(self, kind: str, table: str, row_id: UUID) -> list[Row]:
        """The attributes or the metadata of one row, as they may be shown."""
        return self._under.get((kind, table, row_id), [])

    # -- Reading

    def _select(self, table: str, which: Q, *order: str) -> list[Row]:
        """Rows as dictionaries: reading instances costs three times as much."""
        rows: Any = TABLES[table].model._default_manager.using(self.using)
        return list(rows.filter(which).order_by(*order).values())

    def _read(self, table: str, which: Q) -> list[Row]:
        order = ("id",) if table in ("service", "organization") else ("position", "id")
        rows = self._select(table, which, *order)
        for row in rows:
            self._rows[table][row["id"]] = row
            for column in TABLES[table].links:
                if parent := row.get(column):
                    self._under[table, column, parent].append(row)
        return rows

    def _beneath(self, table: str, whole: Collection[UUID]) -> None:
        """Read the rows of `table` that belong to any row read before."""
        which = Q()
        for column, parent in TABLES[table].links.items():
            ids: Collection[UUID] = self._rows[parent].keys()
            if parent == "organization" and table != "phone":
                ids = whole
            if ids and parent in LISTS and any(table == t for t, _ in LISTS[parent].values()):
                which |= Q((f"{column}__in", list(ids)))
        if which:
            self._read(table, which)

    def _single(self, table: str, member: str) -> None:
        """Read the rows that `member` names and that are not read yet."""
        target, column = ONES[table][member]
        wanted = {row[column] for row in self._rows[table].values() if row[column]}
        if missing := wanted - self._rows[target].keys():
            for row in self._select(target, Q(id__in=missing)):
                self._rows[target][row["id"]] = row

    def _withhold(self) -> None:
        """Remove from public rows everything that also belongs to something hidden (T1): a phone
        with two parents, another organization's program, the parent organization."""
        hidden = self._hidden()
        closed = hidden | {
            one for one, row in self._rows["location"].items() if row["confidential"]
        }
        for (table, _, parent), rows in self._under.items():
            if parent not in closed:
                rows[:] = [row for row in rows if hidden.isdisjoint(_named(table, row))]
        for row in self._rows["organization"].values():
            if row["id"] not in hidden and row["parent_organization_id"] in hidden:
                row["parent_organization_id"] = None
        for row in self._rows["service"].values():
            program = self.row("program", row["program_id"])
            if row["id"] not in hidden and program and program["organization_id"] in hidden:
                row["program_id"] = None

    def _hidden(self) -> set[UUID]:
        """The ids named by the rows that are confidential, by themselves or by their owner."""
        named: dict[str, set[UUID]] = defaultdict(set)
        for table, rows in self._rows.items():
            for column, target in TABLES[table].links.items():
                named[target] |= {row[column] for row in rows.values() if row[column]}
        confidential = Q(confidential=True)
        found: set[UUID] = set()
        for table, which in (
            ("organization", confidential),
            ("service", confidential | Q(organization__confidential=True)),
            (
                "service_at_location",
                Q(service__confidential=True) | Q(service__organization__confidential=True),
            ),
        ):
            if ids := named[table] | self._rows[table].keys():
                model: Any = TABLES[table].model._default_manager.using(self.using)
                found |= set(model.filter(which, id__in=ids).values_list("id", flat=True))
        return found

    def _marks(self) -> None:
        """Read the attributes with their terms, and the metadata, of every row."""
        ids = [row_id for rows in self._rows.values() for row_id in rows]
        attributes = self._marked("attribute", "link", ids)
        self._terms({row["taxonomy_term_id"] for row in attributes if row["taxonomy_term_id"]})
        terms = [*self._rows["taxonomy_term"], *self._rows["taxonomy"]]
        self._marked("metadata", "resource", [*ids, *terms, *(row["id"] for row in attributes)])

    def _marked(self, table: str, about: str, ids: Iterable[UUID]) -> list[Row]:
        rows = self._select(table, Q((f"{about}_id__in", list(ids))), "position", "id")
        for row in rows:
            self._under[table, row[f"{about}_table"], row[f"{about}_id"]].append(row)
        return rows

    def _terms(self, wanted: set[UUID]) -> None:
        """Read taxonomy terms with all their ancestors and their translations."""
        terms = self._rows["taxonomy_term"]
        while missing := wanted - terms.keys():
            found = {row["id"]: row for row in self._select("taxonomy_term", Q(id__in=missing))}
            terms.update(found)
            wanted = {row["parent_id"] for row in found.values() if row["parent_id"]}
            if not found:
                break
        keys = {(row["taxonomy_id"], row["code"]) for row in terms.values() if row["code"]}
        same = Q(taxonomy_id__in={key for key, _ in keys if key}, code__in={c for _, c in keys})
        self._alike: dict[tuple[UUID, str], list[Row]] = defaultdict(list)
        for row in self._select("taxonomy_term", same, "id"):
            if (row["taxonomy_id"], row["code"]) in keys:
                self._alike[row["taxonomy_id"], row["code"]].append(row)
        taxonomies = {row["taxonomy_id"] for row in terms.values() if row["taxonomy_id"]}
        for row in self._select("taxonomy", Q(id__in=taxonomies)):
            self._rows["taxonomy"][row["id"]] = row
        self._meanings = meanings.of_terms(terms, self.using)

    def _describe_sources(self) -> dict[str, Row]:
        """What is said of the sources of services and organizations, by their names."""
        named = {row["source"] for one in _PROVENANCE for row in self._rows[one].values()}
        rows = m.Source.objects.using(self.using)
        rows = rows.filter(Q(name__in=named - {""}) | Q(licensed=True))
        return {row["name"]: dict(row) for row in rows.values()}

    def _withhold_licensed(self) -> None:
        """Set apart the attributes with a licensed term, which say only what the row is found by,
        and remove licensed taxonomies, which other terms would name."""
        self._licensed = {name for name, row in self._sources.items() if row["licensed"]}
        terms = self._rows["taxonomy_term"]
        licensed = {one for one, row in terms.items() if self.is_licensed(row)}
        self._found_by = dict(self._under)
        for key, rows in self._found_by.items() if licensed else ():
            if key[0] == "attribute":
                shown = [row for row in rows if row["taxonomy_term_id"] not in licensed]
                self._under[key] = shown
        for one, row in list(self._rows["taxonomy"].items()):
            if self.is_licensed(row):
                del self._rows["taxonomy"][one]

    def _middles(self) -> dict[str, Point]:
        """The operator's midpoints of the postcodes in which places without a point are."""
        codes = {
            code
            for location in self.rows("location")
            for code in middle_codes(
                location, self.children_of("address", "location_id", location["id"])
            )
        }
        return middles(codes, self.using)

    # -- Terms

    def is_licensed(self, row: Row) -> bool:
        """Whether a term or taxonomy may be shown to its licensees alone: then its name, code and
        id are in nothing that is rendered, and only what it means is."""
        return row["source"] in self._licensed

    def terms_of(self, rows: Iterable[tuple[str, UUID]]) -> list[Row]:
        """The taxonomy terms on these rows, with all their ancestors, each once; also licensed
        ones."""
        found: dict[UUID, Row] = {}
        for table, row_id in rows:
            for attribute in self._found_by.get(("attribute", table, row_id), ()):
                term = self.row("taxonomy_term", attribute["taxonomy_term_id"])
                while term and term["id"] not in found:  # also ends in a cycle
                    found[term["id"]] = term
                    term = self.row("taxonomy_term", term["parent_id"])
        return list(found.values())

    def meanings_of(self, term: Row) -> frozenset[Key]:
        """The terms of our taxonomies that a term of another means: by its name, and as a person
        confirmed (directory/meanings.py)."""
        return self._meanings.get(term["id"], frozenset()) | codes_for_name(term["name"])

    def own_term_ids(self, table: str, row_id: UUID) -> set[UUID]:
        """The ids of the terms that one row has itself; also of licensed ones."""
        marks = self._found_by.get(("attribute", table, row_id), ())
        return {mark["taxonomy_term_id"] for mark in marks if mark["taxonomy_term_id"]}

    def translations_of(self, term: Row) -> list[Row]:
        """The term in every language: the same code of the same taxonomy. None of a licensed
        one."""
        alike = self._alike.get((term["taxonomy_id"], term["code"]), [term])
        return [one for one in alike if not self.is_licensed(one)]


def _named(table: str, row: Row) -> set[UUID | None]:
    """The ids that a row links to."""
    return {row[column] for column in TABLES[table].links if column in row}
