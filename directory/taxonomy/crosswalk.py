"""A crosswalk: which of our terms each term of a source means (ADR 0125, directory/meanings.py).

A draft compares names, synonyms and descriptions. A person says yes or no to each line of it. Then
the services that have such a term are found by our needs, victimization types and groups. A draft
is a CSV file, which a spreadsheet opens. The coordinator does the same at the desk (ADR 0132,
directory/taxonomy/term_meanings.py).
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid5

import orjson
from django.db import connections, transaction

from directory import meanings, vocabulary
from directory import models as m
from directory.projection.affected_parents import affected_organizations
from directory.projection.render import render_organizations
from directory.taxonomy.parsed_terms import Faults, NotATaxonomy
from directory.vocabulary import Key
from permissions.database.aliases import JOBS

NAMESPACE = UUID("5a8f0f6e-0c37-5a53-9d0e-8f2f6b1c7e11")  # for the ids of meanings
COLUMNS = ("code", "name", "services", "means", "score", "confirmed")
YES, NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}
LEAST = 0.35  # the score of a draft's line; below, a person looks for a meaning by hand
OF_DESCRIPTIONS = 0.6  # what likeness to a description is worth
MOST_MEANINGS = 3  # in a line of a draft


class UsedTerm(NamedTuple):
    """One term of another taxonomy that entries of a source have, and how many have it. `source`
    is the term's own."""

    id: UUID
    code: str
    name: str
    services: int
    source: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a term may mean, the likeliest first."""

    term: UsedTerm
    means: tuple[Key, ...]
    score: float  # 0 to 1, of the first
    confirmed: str  # yes: as stored, or by its name; '' otherwise


@dataclass
class Confirmed:
    """The outcome of a file: the number of meanings, and of organizations rendered again."""

    added: int = 0
    removed: int = 0
    unchanged: int = 0
    organizations: int = 0
    left_open: list[str] = field(default_factory=list)  # names without yes or no


# -- A draft ---------------------------------------------------------------------------------------


def draft(source: str) -> list[Draft]:
    """A line for each term that entries of this source have, the most used first."""
    used = used_terms(source)
    ids = [term.id for term in used]
    likely, known = likely_meanings(ids), meanings.of_terms(ids, JOBS)
    lines = []
    for term in used:
        if certain := known.get(term.id) or vocabulary.codes_for_name(term.name):
            lines.append(Draft(term, tuple(sorted(certain)), 1.0, "yes"))
            continue
        near = likely.get(term.id, [])
        means = tuple(key for key, _ in near)
        lines.append(Draft(term, means, near[0][1] if near else 0.0, ""))
    return lines


def used_terms(source: str | None = None) -> list[UsedTerm]:
    """The terms of other taxonomies that entries of this source have, or of all sources, the most
    used first. Reads only."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_USED, {"source": source, "ours": vocabulary.SOURCE})
        return [UsedTerm(*row) for row in cursor.fetchall()]


_USED = """
    SELECT t.id, t.code, t.name, count(*), t.source
      FROM directory_attribute a JOIN directory_taxonomyterm t ON t.id = a.taxonomy_term_id
     WHERE (%(source)s::text IS NULL OR a.source = %(source)s)
       AND a.part_of_id IS NOT NULL AND t.source <> %(ours)s
     GROUP BY t.id ORDER BY count(*) DESC, t.name, t.id
"""
_LIKELY = """
    WITH ours AS (
        SELECT o.key, o.phrase FROM jsonb_to_recordset(%(ours)s::jsonb) AS o (key int, phrase text)
    )
    SELECT id, key, round(score::numeric, 2) FROM (
        SELECT t.id, o.key, score, row_number() OVER (PARTITION BY t.id ORDER BY score DESC, o.key)
          FROM directory_taxonomyterm t
         CROSS JOIN LATERAL (
               SELECT key, max(greatest(
                          similarity(unaccent(t.name), unaccent(phrase)),
                          %(worth)s * CASE WHEN t.description = '' THEN 0 ELSE
                              word_similarity(unaccent(phrase), unaccent(t.description)) END
                      )) AS score
                 FROM ours GROUP BY key) o
         WHERE t.id = ANY (%(terms)s::uuid[]) AND score >= %(least)s) r (id, key, score, place)
     WHERE place <= %(most)s ORDER BY id, place
"""


def likely_meanings(terms: list[UUID]) -> dict[UUID, list[tuple[Key, float]]]:
    """Up to three of our terms that each of these may mean, with their scores, the likeliest first.
    A term without a likely meaning is left out. Reads only."""
    keys = list(vocabulary.by_key())
    ours = [
        {"key": place, "phrase": phrase}
        for place, term in enumerate(vocabulary.by_key().values())
        for phrase in _phrases(term)
    ]
    found: dict[UUID, list[tuple[Key, float]]] = defaultdict(list)
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            _LIKELY,
            {
                "ours": orjson.dumps(ours).decode(),
                "terms": [str(one) for one in terms],
                "worth": OF_DESCRIPTIONS,
                "least": LEAST,
                "most": MOST_MEANINGS,
            },
        )
        for term_id, place, score in cursor.fetchall():
            found[term_id].append((keys[place], float(score)))
    return found


def _phrases(term: vocabulary.Term) -> list[str]:
    return [*term.names.values(), *term.synonyms, *term.open_eligibility]


def write(lines: Iterable[Draft], path: Path) -> None:
    """Write a draft as CSV. A line without a likely meaning has an empty cell to fill in."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in lines:
            means = ";".join(map("/".join, one.means))
            writer.writerow([*one.term[1:4], means, f"{one.score:.2f}", one.confirmed])


# -- What a person confirmed -----------------------------------------------------------------------


def read(path: Path) -> list[dict[str, str]]:
    """The lines of such a file, of which `name` or `code`, `means` and `confirmed` count. Raises
    NotATaxonomy, with every fault."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise NotATaxonomy(f"{path}: no CSV file in UTF-8 that can be read.") from None
    if rows and not {"means", "confirmed"} <= rows[0].keys():
        raise NotATaxonomy(f"{path}: the columns means and confirmed are missing.")
    faults = Faults()
    for number, row in enumerate(rows, 2):
        at = f"{path.name} line {number}"
        word = row["confirmed"].strip().lower()
        if word and word not in YES | NO:
            faults.add(at, "confirmed is neither yes nor no")
        if not (row.get("code") or row.get("name")):
            faults.add(at, "has neither a code nor a name")
        for key in _keys(row["means"]):
            if key not in vocabulary.by_key():
                faults.add(at, f"there is no term {'/'.join(key)}")
        if word in YES and not row["means"].strip():
            faults.add(at, "is confirmed and means nothing")
    faults.refuse()
    return rows


def _keys(cell: str) -> list[Key]:
    parts = [part.strip() for part in cell.split(";") if part.strip()]
    return [(taxonomy, code) for taxonomy, _, code in (part.partition("/") for part in parts)]


def confirm(source: str, rows: Iterable[Mapping[str, str]], *, dry_run: bool = False) -> Confirmed:
    """Store what is confirmed of the terms of this source, and take back what is not; a line
    without a word stays as it is. Renders the entries with such a term. Safe to repeat. Raises
    NotATaxonomy if a line names a term that the source does not have."""
    outcome, faults = Confirmed(), Faults()
    with transaction.atomic(using=JOBS):
        used = used_terms(source)
        wanted: dict[UUID, set[UUID]] = {}
        for number, row in enumerate(rows, 2):
            terms = [term for term in used if _names(row, term)]
            if not terms:
                faults.add(f"line {number}", f"the source {source} has no such term in use")
            word = row["confirmed"].strip().lower()
            if not word:
                outcome.left_open.append(row.get("name") or row["code"])
                continue
            keys = set(_keys(row["means"])) if word in YES else set()
            for term in terms:  # what its name says already is not said twice
                more = keys - vocabulary.codes_for_name(term.name)
                wanted.setdefault(term.id, set()).update(vocabulary.term_id(*key) for key in more)
        faults.refuse()
        changed = store(wanted, outcome, dry_run=dry_run)
        if changed and not dry_run:
            _render(changed, outcome)
    return outcome


def _names(row: Mapping[str, str], term: UsedTerm) -> bool:
    """Whether a line is about a term: by its code if the line has one, else by its name."""
    if code := row.get("code", ""):
        return code == term.code and row.get("name", term.name) in ("", term.name)
    return row.get("name") == term.name


def store(
    wanted: Mapping[UUID, set[UUID]], outcome: Confirmed, *, dry_run: bool = False
) -> set[UUID]:
    """Make the meanings of these terms the ids of our terms that are given. Returns the terms whose
    meaning changed, whose entries the caller renders. Safe to repeat."""
    there: dict[UUID, set[UUID]] = defaultdict(set)
    rows = meanings.stored(JOBS).filter(link_id__in=wanted)
    for term, ours in rows.values_list("link_id", "taxonomy_term"):
        there[term].add(ours)
    new = [(term, one) for term, ours in wanted.items() for one in ours - there[term]]
    gone = [(term, one) for term, ours in wanted.items() for one in there[term] - ours]
    outcome.added, outcome.removed = len(new), len(gone)
    outcome.unchanged = sum(len(ours & there[term]) for term, ours in wanted.items())
    if not dry_run:
        ids = {pair: uuid5(NAMESPACE, "\n".join(map(str, pair))) for pair in (*new, *gone)}
        meanings.stored(JOBS).filter(id__in=[ids[pair] for pair in gone]).delete()
        m.Attribute.objects.using(JOBS).bulk_create(
            m.Attribute(
                id=ids[term, one],
                source=meanings.SOURCE,
                link_table="taxonomy_term",
                link_entity="taxonomy_term",
                link_id=term,
                taxonomy_term_id=one,
            )
            for term, one in new
        )
    return {term for term, _ in (*new, *gone)}


def _render(terms: set[UUID], outcome: Confirmed) -> None:
    organizations = affected_organizations(
        [("taxonomy_term", {"id": one}) for one in terms], using=JOBS
    )
    outcome.organizations = len(organizations)
    render_organizations(organizations)
