"""Finds services and places: ids first, from the indexes, then the documents of one page.

query.py has the query and its conditions, sql_statements.py the statement, documents.py the
documents; retrieval.py reads by id, organizations, taxonomies and streams. Related modules:
change_feed.py (the feed), next_openings.py, directory/postcodes.py and unmet_searches.py (searches
without a match).

Each page is one statement, whose cost is bounded at any size of the directory (a test reads its
plan): counts stop at a cap, words rank a few hundred matches, and orders walk their index while
that is cheaper. Row security keeps words and filters from using the indexes of the confidential
half, so a function of `definer` returns its matching rows; distance uses only the public half.
The data guide (/directory/guide) explains the order of results to callers.

Call inside `permissions.database.db_identity.identified_transaction(principal)`: the database
shows the network's confidential entries, and only to a live credential.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from directory.search.documents import PageOfResults, visible_halves
from directory.search.query import FILTERED_CAP, SearchQuery
from directory.search.readings import ANY_WORD, AS_WRITTEN, ENOUGH, Reading, readings
from directory.search.sql_statements import SearchStatement
from permissions.principal import Principal

PER_PAGE = 20
MOST_PER_PAGE = 100


class Hit(NamedTuple):
    """One service or place in the order of the answer, with the parts of its document
    (documents.py). `metres` is set if the query has a place; with `middle_of` it is approximate,
    since the entry has no point and stands at the middle of this postcode."""

    id: UUID
    metres: float | None
    middle_of: str
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Matches(PageOfResults):
    """One page of hits. `reading`: how the words were read (readings.py). `complete`:
    how many have all that was asked; they come first."""

    hits: tuple[Hit, ...]
    reading: Reading
    complete: int = 0

    @property
    def lacks_words(self) -> bool:
        """Whether nothing has all of the words: these have the most of them."""
        return self.total > 0 and not self.complete


def find(
    principal: Principal | None,
    asked: SearchQuery,
    *,
    kind: str = "service",
    shape: str = "item",
    page: int = 1,
    per_page: int = PER_PAGE,
    using: str = "default",
) -> Matches:
    """A page of the matching services, each once, or (`service_at_location`) of services at their
    places. `shape` selects the documents that come with them."""
    statement = SearchStatement(visible_halves(principal), asked, kind, shape, page, per_page)
    fills_up = statement.question.is_more_than_a_name and not (asked.near or asked.placeless)
    enough = ENOUGH if fills_up else 1
    found: Matches | None = None
    for reading in readings(statement.question):
        if found and found.total >= (1 if reading is ANY_WORD else enough):
            break
        wider = _run(statement, reading, using)
        complete = found.complete if found else 0
        if not reading.missing:
            complete = max(wider.total, complete)
        if found is None or wider.total >= found.total:
            found = replace(wider, complete=complete)
    assert found is not None  # there is always a reading
    return found


def _run(asked: SearchStatement, reading: Reading, using: str) -> Matches:
    with connections[using].cursor() as cursor:
        cursor.execute(asked.statement(reading), asked.values)
        rows = cursor.fetchall()
    total, cap = rows[0][:2]
    hits = [Hit(row[4], row[2], row[3], tuple(row[5:])) for row in rows if row[4] is not None]
    return Matches(
        hits=tuple(hits[: asked.per_page]),
        reading=reading,
        total=min(total, cap) if cap else total,
        capped=bool(cap) and total > cap,
        last=len(hits) <= asked.per_page,
        page=asked.page,
        per_page=asked.per_page,
    )


def facets(
    principal: Principal | None,
    asked: SearchQuery,
    reading: Reading = AS_WRITTEN,
    using: str = "default",
) -> dict[str, dict[str, int]]:
    """The number of matches for each facet: name → value → count, of FILTERED_CAP matches at most.
    `reading`: the one that found the matches."""
    question = SearchStatement(visible_halves(principal), asked, "service", "item", 1, 1)
    where = f"p.open AND p.first AND {question.filter.on('p')}"
    if asked.text:
        where += f" AND p.search @@ (SELECT {reading.query})"
    rows = question.each("facets", where, limit=str(FILTERED_CAP))
    found: dict[str, dict[str, int]] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT f, count(*) FROM ({rows}) r, unnest(r.facets) f GROUP BY f ORDER BY f",
            question.values,
        )
        for facet, count in cursor.fetchall():
            name, _, value = facet.partition(":")
            found.setdefault(name, {})[value or "true"] = count
    found.pop("here", None)
    return found
