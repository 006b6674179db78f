"""Finds services and places: ids first, from the indexes, then the documents of one page.

asked.py is the question and its conditions, this file the statement, shapes.py the documents;
reads.py reads by id, organizations, taxonomies and streams. Beside them: changes.py (the feed),
openings.py, postcodes.py, gaps.py (what was not found).

One statement a page, of bounded cost whatever the size of the directory (a test reads its plan):
counts stop at a cap, words look at a few hundred matches, orders walk their index as far as it
pays. Under row security the confidential half has no index for words and filters: it is looked
through, and is small.
How results are ordered is explained to callers in the data guide (/directory/guide).

Call inside `permissions.session.begin(principal)`: it is the database that shows the network's
confidential entries, and only to a live credential.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from directory.finding.asked import (
    CAP,
    FILTERED_CAP,
    HERE,
    WITHIN,
    Asked,
    Condition,
    Value,
    condition,
)
from directory.finding.shapes import Paged, Tables, halves, select
from permissions.principal import Principal

PER_PAGE = 20
MOST_PER_PAGE = 100
NAMED_CAP = 300  # matches of words that are looked at, ranked and paged through
AHEAD = 100  # rows looked at, in their order, for each that is wanted: then all matches are sorted
_TERMS = "directory_asked(%(words)s)"
_RESPELT = "(SELECT directory_respelt(%(words)s))"


class Hit(NamedTuple):
    """One service or place in the order of the answer, with the parts of its document
    (shapes.py). `metres` where a distance was asked for."""

    id: UUID
    metres: float | None
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Found(Paged):
    """One page of hits."""

    hits: tuple[Hit, ...]


def find(
    principal: Principal | None,
    asked: Asked,
    *,
    kind: str = "service",
    shape: str = "item",
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Found:
    """A page of the services that fit, each once, or (`service_at_location`) of services at their
    places. `shape` says which documents come with them."""
    search = _Search(halves(principal), asked, kind, shape, page, per_page)
    found = search.run(_TERMS)
    # Nothing has the words as they are written: then words that are spelt much like them count.
    return search.run(_RESPELT) if asked.text and not found.total else found


class _Search:
    """One question: its conditions, and the statement they make."""

    def __init__(
        self,
        halves: Sequence[Tables],
        asked: Asked,
        kind: str,
        shape: str,
        page: int,
        per_page: int,
    ) -> None:
        self.halves = halves
        self.asked = asked
        self.kind, self.shape = kind, shape
        self.page, self.per_page = page, per_page
        self.at_place = kind == "service_at_location"
        self.filter: Condition = condition(
            asked,
            at_place=self.at_place or asked.near is not None,
            tables=[half.place for half in halves],
        )
        self.values: dict[str, Value] = {
            **self.filter.values,
            "words": asked.text,
            "some": (page - 1) * per_page + per_page + 1,  # one more tells whether a page follows
            "ahead": AHEAD * page * per_page,
            "offset": (page - 1) * per_page,
            "limit": per_page + 1,
        }
        self.values |= asked.where

    def run(self, terms: str) -> Found:
        """Ask, the words read as `terms` says."""
        with connection.cursor() as cursor:
            cursor.execute(self._statement(terms), self.values)
            rows = cursor.fetchall()
        total, cap = rows[0][:2]
        hits = [Hit(row[3], row[2], tuple(row[4:])) for row in rows if row[3] is not None]
        return Found(
            hits=tuple(hits[: self.per_page]),
            total=min(total, cap) if cap else total,
            capped=bool(cap) and total > cap,
            last=len(hits) <= self.per_page,
            page=self.page,
            per_page=self.per_page,
        )

    # -- Statements

    def _statement(self, terms: str) -> str:
        paged = "OFFSET %(offset)s LIMIT %(limit)s"
        if self.asked.near:
            count, chosen, cap = self._near(terms if self.asked.text else "")
        elif self.asked.text:
            count, chosen, cap = self._words(terms)
        else:
            count, chosen, cap = self._by_name()
            paged = ""
        key = "id" if self.at_place else "service_id"
        documents = " UNION ALL ".join(
            f"({select(self.kind, self.shape, half)})" for half in self.halves
        )
        return f"""
            WITH {chosen},
            hit AS MATERIALIZED (SELECT * FROM chosen ORDER BY place {paged})
            SELECT ({count}), ({cap}), hit.metres, document.*
              FROM (SELECT 1) once
              LEFT JOIN hit ON true
              LEFT JOIN ({documents}) document ON document.id = hit.{key}
             ORDER BY hit.place
        """

    def _rows(self) -> str:
        """Which rows may stand in the answer at all."""
        return "p.open AND p.location_id IS NOT NULL" if self.at_place else "p.open AND p.first"

    def _each(self, columns: str, where: str, order: str = "", limit: str = "") -> str:
        """The same question to every projection."""
        tail = (f" ORDER BY {order}" if order else "") + (f" LIMIT {limit}" if limit else "")
        return " UNION ALL ".join(
            f"(SELECT {columns} FROM {half.place} p WHERE {where}{tail})" for half in self.halves
        )

    def _by_name(self) -> tuple[str, str, str]:
        """In the order of names, walked along their index (places: of ids)."""
        where = self.filter.on("p")
        order = "id" if self.at_place else "name, service_id"
        columns = "service_id, id" if self.at_place else "service_id, id, name"
        if self.asked.is_plain:
            walk = self._each(columns, self._rows(), order, "%(some)s")
            found = f"found AS ({walk})"
            count, cap = self._total(), "0"
        else:
            both = f"{self._rows()} AND {where}"
            few = self._each(columns, both, limit=str(FILTERED_CAP + 1))
            ordered = self._ordered(columns, self._rows(), where, both, order)
            found = f"{_few(few, FILTERED_CAP)}, {ordered}"
            count, cap = _COUNT_FEW, str(FILTERED_CAP)
        chosen = f"""{found}, chosen AS MATERIALIZED (
            SELECT service_id, id, NULL::float AS metres, row_number() OVER () AS place
              FROM (SELECT * FROM found ORDER BY {order}
                    OFFSET %(offset)s LIMIT %(limit)s) page)"""
        return count, chosen, cap

    def _ordered(
        self, columns: str, walked: str, wanted: str, both: str, order: str, by: str = ""
    ) -> str:
        """CTE `found`, after `_few`: the first matches in an order that has an index. `walked` is
        what that index answers, `wanted` what is looked at row by row, `both` the same for other
        indexes, `by` the order's column as the table knows it.

        Few matches are all there. Of many, those of the next rows in the order, where that makes a
        page; else all of them sorted: the walk might be as long as the index.
        """
        public, *others = self.halves
        by = by or order
        others_found = "".join(
            f" UNION ALL SELECT * FROM (SELECT {columns} FROM {half.place} p"
            f" WHERE {walked} AND {wanted} ORDER BY {by} LIMIT %(some)s) other"
            " WHERE (SELECT so FROM many)"
            for half in others
        )
        return f"""
            ahead AS MATERIALIZED (
                SELECT {columns} FROM (SELECT p.* FROM {public.place} p WHERE {walked}
                                        ORDER BY {by} LIMIT %(ahead)s) p
                 WHERE {wanted} AND (SELECT so FROM many) LIMIT %(some)s),
            enough AS MATERIALIZED (SELECT count(*) = %(some)s AS so FROM ahead),
            found AS MATERIALIZED (
                SELECT * FROM few WHERE NOT (SELECT so FROM many)
                UNION ALL
                SELECT * FROM ahead WHERE (SELECT so FROM enough)
                UNION ALL
                SELECT * FROM (SELECT * FROM (SELECT {columns} FROM {public.place} p
                                               WHERE {both} OFFSET 0) every
                                ORDER BY {order} LIMIT %(some)s) every
                 WHERE (SELECT so FROM many) AND NOT (SELECT so FROM enough){others_found})"""

    def _total(self) -> str:
        """Of everything: kept for the public, counted for the few that are confidential."""
        kind = "service_at_locations" if self.at_place else "services"
        total = f"coalesce((SELECT rows FROM directory_total WHERE \"table\" = '{kind}'), 0)"
        for half in self.halves[1:]:
            total += f" + (SELECT count(*) FROM {half.place} p WHERE {self._rows()})"
        return f"SELECT {total}"

    def _words(self, terms: str) -> tuple[str, str, str]:
        """Best match first: those that bear the words in a name or a need, then all others, which
        are not looked for where the former are many."""
        fits = f"{self._rows()} AND {self.filter.on('p')}"
        limit = str(NAMED_CAP + 1)
        best = self._each(
            f"service_id, id, name, ts_rank(p.named, {terms}) AS rank",
            f"{fits} AND p.named @@ {terms}",
            limit=limit,
        )
        other = self._each(
            "service_id, id, name, 0 AS rank",
            f"{fits} AND p.search @@ {terms} AND NOT p.named @@ {terms}",
            limit=limit,
        )
        chosen = f"""{_few(best, NAMED_CAP)},
            fitting AS MATERIALIZED (
                SELECT * FROM few
                UNION ALL
                SELECT * FROM ({other}) o WHERE NOT (SELECT so FROM many)),
            chosen AS (SELECT service_id, id, NULL::float AS metres,
                              row_number() OVER (ORDER BY rank DESC, name, id) AS place
                         FROM fitting ORDER BY place LIMIT {NAMED_CAP})"""
        return "SELECT count(*) FROM fitting", chosen, str(NAMED_CAP)

    def _near(self, terms: str) -> tuple[str, str, str]:
        """Nearest first. Few matches are sorted; of many the index of distances is walked."""
        chord = f"p.point <-> {HERE}"
        columns = f"service_id, id, {chord} AS chord"
        there = "p.point IS NOT NULL"
        if self.asked.radius:
            there += f" AND {WITHIN.format(p='p')}"
        once = "true" if self.at_place else f"(p.alone OR NOT EXISTS ({self._nearer(terms)}))"
        wanted = f"{self.filter.on('p')} AND {once}"
        if terms:
            walked = f"p.open AND {there} AND p.search @@ {terms}"
            # Said so that the index of distances is no choice: for few GIN is much better.
            both = f"p.open AND ({there}) IS TRUE AND p.search @@ {terms} AND {wanted}"
        else:
            walked = f"p.open AND {there}"
            both = f"{walked} AND {wanted}"
        few = self._each(columns, both, limit=str(CAP + 1))
        if terms or self.filter.parts:
            found = self._ordered(columns, walked, wanted, both, "chord", chord)
        else:
            found = f"found AS ({self._each(columns, both, chord, '%(some)s')})"
        chosen = f"""{_few(few, CAP)}, {found},
            chosen AS (SELECT service_id, id, directory_metres(chord) AS metres,
                              row_number() OVER (ORDER BY chord, id) AS place FROM found)"""
        return _COUNT_FEW, chosen, str(CAP)

    def _nearer(self, terms: str) -> str:
        """Another place of the same service that fits as well and is nearer: it stands instead."""
        found = f" AND q.search @@ {terms}" if terms else ""
        return " UNION ALL ".join(
            f"SELECT FROM {half.place} q WHERE q.service_id = p.service_id AND q.open"
            f" AND q.point IS NOT NULL AND {self.filter.on('q')}{found}"
            f" AND (q.point <-> {HERE}, q.id) < (p.point <-> {HERE}, p.id)"
            for half in self.halves
        )


_COUNT_FEW = "SELECT count(*) FROM few"


def _few(rows: str, cap: int) -> str:
    """The matches as they come, one more than `cap` of them at most, and whether there are more."""
    return (
        f"few AS MATERIALIZED ({rows}),"
        f" many AS MATERIALIZED (SELECT count(*) > {cap} AS so FROM few)"
    )


def facets(principal: Principal | None, asked: Asked) -> dict[str, dict[str, int]]:
    """How many of the matches have what: name → value → count, of FILTERED_CAP matches at most."""
    search = _Search(halves(principal), asked, "service", "item", 1, 1)
    where = f"p.open AND p.first AND {search.filter.on('p')}"
    if asked.text:
        where += f" AND p.search @@ {_TERMS}"
    rows = search._each("facets", where, limit=str(FILTERED_CAP))
    found: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT f, count(*) FROM ({rows}) r, unnest(r.facets) f GROUP BY f ORDER BY f",
            search.values,
        )
        for facet, count in cursor.fetchall():
            name, _, value = facet.partition(":")
            found.setdefault(name, {})[value or "true"] = count
    found.pop("here", None)
    return found
