"""Stores taxonomies that were read, and renders the entries that have a changed term.

Runs as `jobs`, in one transaction. A stored term is found by its id, else by its code and language
in the taxonomy. A term that the file no longer has is kept, since services may have it, and
reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from directory import models as m
from directory.projection.affected_parents import affected_organizations
from directory.projection.render import render_organizations, render_taxonomies
from directory.taxonomy.parsed_terms import ParsedTaxonomy, ParsedTerm
from permissions.database.aliases import JOBS


class BelongsToAnother(Exception):
    """An id in the file belongs to another source; nothing is stored."""


@dataclass
class Stored:
    """The outcome of the terms, each by the source's key."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    no_longer_there: list[str] = field(default_factory=list)  # no longer in the file, but kept


def store(given: Sequence[ParsedTaxonomy], source: str, *, dry_run: bool = False) -> Stored:
    """Store these taxonomies under the name `source`; safe to repeat.

    `dry_run` only reports what would change. Raises BelongsToAnother.
    """
    with transaction.atomic(using=JOBS):
        storing = _Storing(given, source)
        if not dry_run:
            storing.write()
    return storing.told


class _Storing:
    def __init__(self, given: Sequence[ParsedTaxonomy], source: str) -> None:
        self.told = Stored()
        self.given, self.source = given, source
        self.new: list[m.Taxonomy | m.TaxonomyTerm] = []
        self.differing: list[tuple[m.Taxonomy | m.TaxonomyTerm, list[str]]] = []
        for taxonomy in given:
            self._taxonomy(taxonomy)
        there = m.TaxonomyTerm.objects.using(JOBS).in_bulk(
            [term.id for taxonomy in given for term in taxonomy.terms]
        )
        for taxonomy in given:
            self._terms(taxonomy, there)

    def _taxonomy(self, given: ParsedTaxonomy) -> None:
        row = m.Taxonomy.objects.using(JOBS).filter(id=given.id).first()
        values = {
            "name": given.name,
            "description": given.description,
            "uri": given.uri,
            "version": given.version,
            "external_id": given.key,
        }
        self._compare(row, m.Taxonomy, given.id, values)

    def _terms(self, given: ParsedTaxonomy, there: dict[UUID, m.TaxonomyTerm]) -> None:
        kept = m.TaxonomyTerm.objects.using(JOBS).filter(taxonomy_id=given.id, source=self.source)
        by_code = {(row.code, row.language): row for row in kept if row.code}
        rows = {
            term.id: there.get(term.id) or by_code.get((term.code, term.language))
            for term in given.terms
        }
        ids = {asked: row.id if row else asked for asked, row in rows.items()}
        for term in given.terms:
            row = rows[term.id]
            values = self._values(given, term, ids)
            how = self._compare(row, m.TaxonomyTerm, term.id, values)
            if how == "unchanged":
                self.told.unchanged += 1
            else:
                (self.told.created if how == "created" else self.told.changed).append(term.key)
        gone = kept.exclude(id__in=ids.values()).order_by("external_id")
        self.told.no_longer_there += list(gone.values_list("external_id", flat=True))

    def _values(
        self, given: ParsedTaxonomy, term: ParsedTerm, ids: dict[UUID, UUID]
    ) -> dict[str, object]:
        return {
            "code": term.code,
            "name": term.name,
            "description": term.description,
            "parent_id": ids.get(term.parent, term.parent) if term.parent else None,
            "taxonomy_name": given.name,
            "taxonomy_id": given.id,
            "language": term.language,
            "term_uri": term.uri,
            "external_id": term.key,
        }

    def _compare(
        self,
        row: m.Taxonomy | m.TaxonomyTerm | None,
        model: type[m.Taxonomy] | type[m.TaxonomyTerm],
        own_id: UUID,
        values: Mapping[str, object],
    ) -> str:
        """Record how a row differs; returns created, changed or unchanged. Raises
        BelongsToAnother."""
        if row is None:
            self.new.append(model(id=own_id, source=self.source, **values))
            return "created"
        if row.source != self.source:
            raise BelongsToAnother(
                f"{values['external_id']}: its id belongs to the source {row.source or 'here'}."
                f" Import it with --source {row.source}, or give it an id of its own."
            )
        names = [name for name, value in values.items() if getattr(row, name) != value]
        for name in names:
            setattr(row, name, values[name])
        if names:
            self.differing.append((row, names))
        return "changed" if names else "unchanged"

    def write(self) -> None:
        """Store the differences, then render the entries that show them."""
        if not (self.new or self.differing):
            return
        taxonomies = [row for row in self.new if isinstance(row, m.Taxonomy)]
        m.Taxonomy.objects.using(JOBS).bulk_create(taxonomies)
        terms = [row for row in self.new if isinstance(row, m.TaxonomyTerm)]
        m.TaxonomyTerm.objects.using(JOBS).bulk_create(terms, batch_size=500)
        for row, names in self.differing:
            row.save(using=JOBS, update_fields=names)
        _render(
            {row.id for row in self.new} | {row.id for row, _ in self.differing},
            {row.id for row, _ in self.differing},
            {taxonomy.id for taxonomy in self.given},
        )


def _render(written: set[UUID], changed: set[UUID], taxonomies: set[UUID]) -> None:
    """Render the entries with a changed term, a term below it, or a term of a changed taxonomy.
    Then write the change feed, which stays locked until the commit."""
    rows = [("taxonomy" if one in taxonomies else "taxonomy_term", {"id": one}) for one in changed]
    render_organizations(affected_organizations(rows, using=JOBS))
    render_taxonomies(written & taxonomies, "taxonomy")
    render_taxonomies(written - taxonomies, "taxonomy_term")
