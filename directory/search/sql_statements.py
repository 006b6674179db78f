"""Builds the one statement that answers a query; each part has a bounded cost (a test reads plans).

directory/search/matches.py runs it; query.py has the conditions, documents.py the documents.
"""

from collections.abc import Sequence

from directory.search import deep_pagination, unit_ranks
from directory.search.documents import PUBLIC, ProjectionTables, select
from directory.search.query import (
    CAP,
    FILTERED_CAP,
    NAMED_CAP,
    QUERY_POINT,
    WITHIN_RADIUS,
    Condition,
    SearchQuery,
    Value,
    condition,
)
from directory.search.readings import AS_WRITTEN, Reading

AHEAD = 100  # rows walked in order for each row wanted, before all matches are sorted instead
# What is meant by the words, and any of the words as written.
_SPELT = """asked AS MATERIALIZED (SELECT directory_units(%({parts})s::text[]) AS units),
    spelt AS MATERIALIZED (SELECT directory_query_without(units, {missing}) AS words, units,
        directory_query(%(written)s) AS written FROM asked),"""
_TERMS = "(SELECT words FROM spelt)"  # evaluated once: per row it costs more than the search
# One row in sixteen is in the index place_sample: words common there are common everywhere.
_SAMPLED = "p.open AND p.first AND uuid_hash(p.id) & 15 = 0"
# Sorting m matches reads about m pages. Walking to the nearest of them among n rows reads 4 n / m
# with words, which are in the distance index, else 21 n / m. The sample has c matches, so m is
# about 16 c: the walk is shorter if c² · 64 > n with words, c² · 12 > n without.
_DENSE = (12, 64)


class SearchStatement:
    """One query: its conditions, its statement, and the statement's `values`."""

    def __init__(
        self,
        halves: Sequence[ProjectionTables],
        asked: SearchQuery,
        kind: str,
        shape: str,
        page: int,
        per_page: int,
    ) -> None:
        # Confidential rows have no point, so distance cannot find them (network_place_is_nowhere).
        self.halves = [half for half in halves if not (asked.near and half.network)]
        self.asked = asked
        self.question = asked.question
        self.kind, self.shape = kind, shape
        self.page, self.per_page = page, per_page
        self.at_place = kind == "service_at_location"
        self.filter: Condition = condition(
            asked,
            at_place=self.at_place or asked.near is not None,
            tables=[half.place for half in self.halves],
        )
        self.values: dict[str, Value] = {
            **self.filter.values,
            **self.question.values,
            "written": " or ".join(self.question.single_words),
            "some": (page - 1) * per_page + per_page + 1,  # one more shows whether a page follows
            "ahead": AHEAD * page * per_page,
            "offset": (page - 1) * per_page,
            "limit": per_page + 1,
        }
        self.values |= asked.where

    def statement(self, reading: Reading = AS_WRITTEN) -> str:
        """The SQL for the page and the number of matches."""
        paged = "OFFSET %(offset)s LIMIT %(limit)s"
        spelt = f"spelt AS MATERIALIZED (SELECT {reading.query} AS words),"
        if reading.parts:
            spelt = _SPELT.format(parts=reading.parts, missing=reading.missing)
        if self.asked.near:
            count, chosen, cap = self._near()
        elif self.asked.text:
            count, chosen, cap = self._words(reading)
        else:
            count, chosen, cap = self._by_name()
            paged = ""
        key = "id" if self.at_place else "service_id"
        documents = " UNION ALL ".join(
            f"({select(self.kind, self.shape, half, f'hit WHERE network = {half.network}')})"
            for half in self.halves
        )
        return f"""
            WITH {spelt if self.asked.text else ""} {chosen},
            hit AS MATERIALIZED (SELECT * FROM chosen ORDER BY place {paged})
            SELECT ({count}), ({cap}), hit.metres, hit.middle_of, document.*
              FROM (SELECT 1) once
              LEFT JOIN hit ON true
              LEFT JOIN ({documents}) document ON document.id = hit.{key}
             ORDER BY hit.place
        """

    def _rows(self) -> str:
        """The condition for rows that can be in any answer."""
        return "p.open AND p.location_id IS NOT NULL" if self.at_place else "p.open AND p.first"

    def each(
        self,
        columns: str,
        where: str,
        order: str = "",
        limit: str = "",
        words: str = "NULL, NULL",
        unless: str = "",
    ) -> str:
        """The same SELECT from every projection, without the public one if CTE `unless` is true.
        `words`: the arguments for sec.search_network_places."""
        tail = (f" ORDER BY {order}" if order else "") + (f" LIMIT {limit}" if limit else "")
        most = limit if self.filter.indexed and limit and not order else "NULL"
        known = f" AND NOT (SELECT so FROM {unless})" if unless else ""
        return " UNION ALL ".join(
            f"(SELECT {columns}, {half.network} AS network"
            f" FROM {self._rows_of(half, words, most)} p"
            f" WHERE {where}{'' if half.network else known}{tail})"
            for half in self.halves
        )

    def _rows_of(
        self, half: ProjectionTables, words: str = "NULL, NULL", most: str = "NULL"
    ) -> str:
        """A projection. The rows of the confidential one with the words, needs and facets come from
        a function, because row security keeps a query from using their indexes."""
        needs, facets = (name in self.filter.values for name in ("needs", "facets"))
        if not half.network or not (needs or facets or "words" in words):
            return half.place
        return (
            f"sec.search_network_places({words}, {'%(needs)s::uuid[]' if needs else 'NULL'},"
            f" {'%(facets)s' if facets else 'NULL'}, {self.at_place}, {most})"
        )

    def _by_name(self) -> tuple[str, str, str]:
        """The order by name (places: by id), walked along its index."""
        where = self.filter.on("p")
        order = "id" if self.at_place else "name, service_id"
        columns = "service_id, id" if self.at_place else "service_id, id, name"
        skipped = "%(offset)s"
        if self.asked.is_plain and (self.page - 1) * self.per_page >= deep_pagination.DEEP:
            places = [half.place for half in self.halves]
            start = deep_pagination.start(places, self._rows(), order, self._list())
            later = f"{self._rows()} AND {deep_pagination.after_start(order)}"
            found = f"{start}, found AS ({self.each(columns, later, order, '%(some)s')})"
            skipped = "(SELECT skip FROM start)"
            count, cap = self._total("(SELECT rows FROM hidden)"), "0"
        elif self.asked.is_plain:
            walk = self.each(columns, self._rows(), order, "%(some)s")
            found = f"found AS ({walk})"
            count, cap = self._total(), "0"
        else:
            both = f"{self._rows()} AND {where}"
            few = self.each(columns, both, limit=str(FILTERED_CAP + 1))
            ordered = self._ordered(columns, self._rows(), where, both, order)
            found = f"{_few(few, FILTERED_CAP)}, {ordered}"
            count, cap = _COUNT_FEW, str(FILTERED_CAP)
        chosen = f"""{found}, chosen AS MATERIALIZED (
            SELECT service_id, id, network, NULL::float AS metres, '' AS middle_of,
                   row_number() OVER () AS place
              FROM (SELECT * FROM found ORDER BY {order}
                    OFFSET {skipped} LIMIT %(limit)s) page)"""
        return count, chosen, cap

    def _ordered(
        self,
        columns: str,
        walked: str,
        wanted: str,
        both: str,
        order: str,
        by: str = "",
        dense: str = "true",
    ) -> str:
        """CTE `found`, after `_few`: the first matches in an order that has an index. `walked` is
        the condition that this index serves, `wanted` the one checked row by row, `both` the two
        for other indexes, `by` the order's expression in the table.

        Few matches are taken from `few`. With many, the index is walked for a limited number of
        rows. If that does not fill a page, or the matches are not `dense`, all of them are sorted:
        the walk might be as long as the index.
        """
        public, *others = self.halves
        by = by or order
        others_found = "".join(
            f" UNION ALL SELECT * FROM (SELECT {columns}, true AS network"
            f" FROM {self._rows_of(half)} p"
            f" WHERE {walked} AND {wanted} ORDER BY {by} LIMIT %(some)s) other"
            " WHERE (SELECT so FROM many)"
            for half in others
        )
        return f"""
            ahead AS MATERIALIZED (
                SELECT {columns}, false AS network
                  FROM (SELECT p.* FROM {public.place} p WHERE {walked}
                                        ORDER BY {by} LIMIT %(ahead)s) p
                 WHERE {wanted} AND (SELECT so FROM many) AND {dense} LIMIT %(some)s),
            enough AS MATERIALIZED (SELECT count(*) = %(some)s AS so FROM ahead),
            found AS MATERIALIZED (
                SELECT * FROM few WHERE NOT (SELECT so FROM many)
                UNION ALL
                SELECT * FROM ahead WHERE (SELECT so FROM enough)
                UNION ALL
                SELECT * FROM (SELECT *, false FROM (SELECT {columns} FROM {public.place} p
                                                      WHERE {both} OFFSET 0) every
                                ORDER BY {order} LIMIT %(some)s) every
                 WHERE (SELECT so FROM many) AND NOT (SELECT so FROM enough){others_found})"""

    def _total(self, hidden: str = "") -> str:
        """The number of all rows: stored for the public ones, counted for the few confidential."""
        total = self._kept()
        for half in self.halves[1:]:
            total += f" + {hidden or f'(SELECT count(*) FROM {half.place} p WHERE {self._rows()})'}"
        return f"SELECT {total}"

    def _kept(self) -> str:
        """The length of the public list, which each change updates."""
        return f"coalesce((SELECT rows FROM directory_total WHERE \"table\" = '{self._list()}'), 0)"

    def _list(self) -> str:
        return "service_at_locations" if self.at_place else "services"

    def _words(self, reading: Reading) -> tuple[str, str, str]:
        """Best match first: rows with the words in a name or a need, then all others, best first as
        well. What is read by its units is ordered by them (unit_ranks.py). The others are not
        searched if the first group is large."""
        fits = f"{self._rows()} AND {self.filter.on('p')}"
        limit = str(NAMED_CAP + 1)
        weights = self.question.weights if reading.parts == "units" else ()
        if reading.parts == "single_words":
            weights = (1,) * len(self.question.single_words)
        units = len(weights)
        columns = f"service_id, id, name{unit_ranks.columns(units)}"
        ranked = f"{columns}, ts_rank(p.named, {_TERMS}) AS rank"
        named = f"p.named @@ {_TERMS}"
        sample, common = "", ""
        if self.filter.indexed:
            # Common words take the sample's matches; otherwise the index is read to its end.
            sample = f"""sample AS MATERIALIZED (
                SELECT {ranked}, false AS network FROM {PUBLIC.place} p
                 WHERE {_SAMPLED} AND {self._rows()} AND {named}
                   AND {self.filter.on("p", by_index=True)} LIMIT {limit}),
                {_many("common", "sample", NAMED_CAP)},"""
            common = "SELECT * FROM sample WHERE (SELECT so FROM common) UNION ALL "
        best = self.each(
            ranked,
            f"{fits} AND {named}",
            limit=limit,
            words=f"{_TERMS}, true",
            unless="common" if common else "",
        )
        other = self.each(
            f"{columns}, ts_rank(p.search, {_TERMS}) - 1 AS rank",  # after all that are named so
            f"{fits} AND p.search @@ {_TERMS} AND NOT {named}",
            limit=limit,
            words=f"{_TERMS}, false",
        )
        order, counted = "rank DESC, name, id", ""
        if units:
            order = f"{unit_ranks.order(weights)}, {order}"
            counted = f", (SELECT {unit_ranks.frequencies(units)} FROM fitting) counted"
        chosen = f"""{sample} {_few(common + best, NAMED_CAP)},
            fitting AS MATERIALIZED (
                SELECT * FROM few
                UNION ALL
                SELECT * FROM ({other}) o WHERE NOT (SELECT so FROM many)),
            chosen AS (SELECT service_id, id, network, NULL::float AS metres, '' AS middle_of,
                              row_number() OVER (ORDER BY {order}) AS place
                         FROM fitting{counted} ORDER BY place LIMIT {NAMED_CAP})"""
        return "SELECT count(*) FROM fitting", chosen, str(NAMED_CAP)

    def _near(self) -> tuple[str, str, str]:
        """Nearest first. Few matches are sorted; for many the distance index is walked."""
        chord = f"p.point <-> {QUERY_POINT}"
        columns = f"service_id, id, middle_of, {chord} AS chord, true AS aside"
        of_few = f"service_id, id, middle_of, {chord} AS chord, {self._aside()} AS aside"
        there = "p.point IS NOT NULL"
        if self.asked.radius:
            there += f" AND {WITHIN_RADIUS.format(p='p')}"
        once = "true" if self.at_place else f"(p.alone OR NOT EXISTS ({self._nearer()}))"
        wanted = f"{self.filter.on('p')} AND {once}"
        walked, both = f"p.open AND {there}", f"p.open AND {there} AND {wanted}"
        bears = f"p.search @@ {_TERMS}" if self.asked.text else "true"
        longer = _DENSE[bool(self.asked.text)]
        narrowed = self.asked.text or self.filter.parts
        if self.asked.text:
            walked += f" AND {bears}"
            # IS TRUE keeps the planner off the distance index: GIN is much faster for few matches.
            both = f"p.open AND ({there}) IS TRUE AND {bears} AND {wanted}"
        count, sample, unless, dense = _COUNT_FEW, "", "", "true"
        if narrowed and self.filter.indexed and not self.asked.radius:
            sample = f"""sample AS MATERIALIZED (
                SELECT FROM {PUBLIC.place} p
                 WHERE {_SAMPLED} AND p.point IS NOT NULL AND {bears}
                   AND {self.filter.on("p", by_index=True)}
                 LIMIT {CAP + 1}),
                {_many("common", "sample", CAP)},
                dense AS MATERIALIZED (SELECT count(*) > {CAP} OR count(*) * count(*) * {longer} > (
                    SELECT rows FROM directory_total WHERE "table" = 'services') AS so
                  FROM sample),"""
            dense = "(SELECT so FROM dense)"
            count = f"SELECT CASE WHEN so THEN {CAP + 1} ELSE ({_COUNT_FEW}) END FROM common"
            unless = "common"
        if narrowed:
            few = self.each(of_few, both, limit=str(CAP + 1), unless=unless)
            found = f"""{_few(few, CAP, unless)},
                {self._ordered(columns, walked, wanted, both, "chord", chord, dense)}"""
        else:
            walk = self.each(columns, both, chord, f"greatest(%(some)s, {CAP + 1})")
            found = f"found AS MATERIALIZED ({walk}), few AS (SELECT FROM found LIMIT {CAP + 1})"
        chosen = f"""{sample} {found},
            chosen AS (SELECT service_id, id, network, directory_metres(chord) AS metres,
                              middle_of, row_number() OVER (ORDER BY aside, chord, id) AS place
                         FROM found)"""
        return count, chosen, str(CAP)

    def _aside(self) -> str:
        """Whether a row only mentions the words: neither its needs nor its own names have them."""
        if not (self.asked.meant_first and self.asked.text):
            return "true"
        named = f"ts_filter(p.named, '{{a}}') @@ {_TERMS}"
        return f"NOT ({named} OR p.taxonomy_term_ids && %(meant)s::uuid[])"

    def _nearer(self) -> str:
        """Selects a nearer matching place of the same service, which replaces this one."""
        found = f" AND q.search @@ {_TERMS}" if self.asked.text else ""
        return (
            f"SELECT FROM {PUBLIC.place} q WHERE q.service_id = p.service_id AND q.open"
            f" AND q.point IS NOT NULL AND {self.filter.on('q')}{found}"
            f" AND (q.point <-> {QUERY_POINT}, q.id) < (p.point <-> {QUERY_POINT}, p.id)"
        )


_COUNT_FEW = "SELECT count(*) FROM few"


def _few(rows: str, cap: int, unless: str = "") -> str:
    """CTEs `few` (the matches, unordered, at most `cap` + 1) and `many` (whether there are more
    than `cap`). `unless`: a CTE that already says so, so that `rows` did not search for them."""
    return f"few AS MATERIALIZED ({rows}), {_many('many', 'few', cap, unless)}"


def _many(name: str, rows: str, cap: int, unless: str = "") -> str:
    known = f"(SELECT so FROM {unless}) OR " if unless else ""
    return f"{name} AS MATERIALIZED (SELECT {known}count(*) > {cap} AS so FROM {rows})"
