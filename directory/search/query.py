"""A search query, and its SQL conditions. It knows nothing of HTTP or paging."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from directory.facets import GENDERS
from directory.postcodes import Point
from directory.search.question import Question, read

Value: TypeAlias = "str | int | float | bool | datetime | UUID | list[str]"
CAP = 50  # the most matches counted near a place: "50 or more"
FILTERED_CAP = 1_000  # the same for filters without words or place
NAMED_CAP = 300  # the most matches of words that are ranked and paged through
METRES = (1, 20_037_500)  # a radius: up to the other side of the earth
QUERY_POINT = "directory_point(%(latitude)s, %(longitude)s)"
# The index can only use the box; the distance decides.
WITHIN_RADIUS = (
    f"{{p}}.point <@ cube_enlarge({QUERY_POINT}, directory_chord(%(metres)s), 3)"
    f" AND {{p}}.point <-> {QUERY_POINT} <= directory_chord(%(metres)s)"
)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """All given filters must match. An empty query finds everything that is open, by name.

    `needs` are taxonomy terms, all required; each also matches the terms below it. `open_at` takes
    schedules, holidays and the time zone into account; later than the rendered hours reach, nothing
    counts as open. `near` orders by distance; `radius` (meters) limits it. `placeless`, a postcode,
    finds what no distance finds: services without any place that is shown, by phone or
    confidential, unless they name the areas that they serve and this is in none. `on_map` finds
    only places that have a point of their own. `meant_first`, with words near a place: while few
    match, what is meant by the words comes before what only mentions them, whatever the distance.
    """

    words: str = ""
    needs: tuple[UUID, ...] = ()
    taxonomy_id: UUID | None = None
    organization_id: UUID | None = None
    modified_after: datetime | None = None  # inclusive
    victimization_type: str = ""
    age: float | None = None  # years
    served: str = ""
    language: str = ""
    accessibility: tuple[str, ...] = ()
    free: bool = False
    open_at: datetime | None = None
    answered: bool | None = None  # through Cairn; False: phone only
    answered_by: UUID | None = None
    kind: str = ""  # the kind of the agency that answers
    taking: bool = False
    interpreter: bool = False
    postcode: str = ""  # named by a service area or an address
    near: Point | None = None
    radius: float | None = None
    placeless: str = ""
    on_map: bool = False
    meant_first: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether no filter is given."""
        return all(getattr(self, field.name) == field.default for field in fields(SearchQuery))

    @property
    def where(self) -> "dict[str, Value]":
        """The values for QUERY_POINT and WITHIN_RADIUS; empty without `near`."""
        if self.near is None:
            return {}
        return {
            "latitude": self.near.latitude,
            "longitude": self.near.longitude,
            "metres": self.radius or METRES[1],
        }

    @property
    def text(self) -> str:
        """The words without quotes: the index keeps no positions, so it cannot match phrases."""
        return " ".join(self.words.replace("\x00", " ").replace('"', " ").split())

    @property
    def question(self) -> Question:
        """The words as they are read; it takes a moment each time."""
        return read(self.text)


_VALUE = re.compile(r"%\(\w+\)s(?:::uuid\[\])?")


@dataclass(frozen=True, slots=True)
class Condition:
    """Parts of a WHERE on the columns of `Place` (alias {p}), joined by AND, and their values."""

    parts: tuple[str, ...]
    values: dict[str, Value]
    indexed: bool = True  # only `needs` and `facets`, which have their own indexes

    def on(self, alias: str, *, by_index: bool = False) -> str:
        """The SQL of the condition on `alias`. `by_index` hides the values from the planner, so
        that it takes an index whatever it estimates."""
        said = " AND ".join(part.format(p=alias) for part in self.parts) or "true"
        return _VALUE.sub(r"(SELECT \g<0>)", said) if by_index else said


def condition(
    asked: SearchQuery, *, at_place: bool = False, tables: Sequence[str] = ()
) -> Condition:
    """All filters except words and distance. With `at_place` each row is judged as one place;
    otherwise it represents its service, whose other places are in `tables`."""
    parts: list[str] = []
    values: dict[str, Value] = {}

    def add(part: str, **more: Value) -> None:
        parts.append(part)
        values.update(more)

    if asked.needs:
        add("{p}.taxonomy_term_ids @> %(needs)s::uuid[]", needs=[str(one) for one in asked.needs])
    if asked.taxonomy_id:
        # An array instead of a join, so that the index on the terms is used.
        add(
            "{p}.taxonomy_term_ids && ARRAY(SELECT t.id FROM directory_taxonomyterm t"
            " WHERE t.taxonomy_id = %(taxonomy)s)",
            taxonomy=asked.taxonomy_id,
        )
    if asked.organization_id:
        add("{p}.organization_id = %(organization)s", organization=asked.organization_id)
    if asked.modified_after:
        add("{p}.last_modified >= %(after)s", after=asked.modified_after)
    if asked.age is not None:
        add(
            "coalesce({p}.minimum_age, 0) <= %(age)s"
            " AND coalesce({p}.maximum_age, 1000) >= %(age)s",
            age=asked.age,
        )
    if asked.served:
        add(
            "{p}.facets && %(served)s",
            served=[f"served:{asked.served}", *_everybody(asked.served)],
        )
    if asked.answered_by:
        add("{p}.answered_by = %(agency)s", agency=asked.answered_by)
    if asked.kind:
        add(
            "{p}.answered_by = ANY (ARRAY(SELECT a.id FROM permissions_agency a"
            " WHERE a.kind = %(kind)s))",
            kind=asked.kind,
        )
    if asked.postcode:
        # HSDS: given areas must contain the postcode; without areas, nothing is known.
        add("{p}.postcodes @> %(postcode)s", postcode=[asked.postcode])
    if asked.placeless:
        add(
            "{p}.point IS NULL"
            " AND (cardinality({p}.postcodes) = 0 OR {p}.postcodes @> %(placeless)s)",
            placeless=[asked.placeless],
        )
        parts += [_NOWHERE_ELSE.replace("TABLE", table) for table in tables]
    if asked.on_map:
        add("{p}.point IS NOT NULL AND {p}.middle_of = ''")
    if asked.open_at:
        own = "{p}.open_hours @> %(open_at)s"
        others = [_ELSEWHERE.replace("TABLE", table) for table in tables if not at_place]
        add(f"({' OR '.join([own, *others])})", open_at=asked.open_at)
    beside = len(parts) - bool(asked.needs)
    if tokens := _tokens(asked, at_place):
        add("{p}.facets @> %(facets)s", facets=tokens)
    return Condition(tuple(parts), values, indexed=not beside)


_ELSEWHERE = (
    "NOT {p}.alone AND EXISTS (SELECT FROM TABLE other WHERE"
    " other.service_id = {p}.service_id AND other.open_hours @> %(open_at)s)"
)


_NOWHERE_ELSE = (
    "({p}.alone OR NOT EXISTS (SELECT FROM TABLE other WHERE"
    " other.service_id = {p}.service_id AND other.point IS NOT NULL))"
)


def _everybody(served: str) -> Sequence[str]:
    return ["served:any_gender"] if served in GENDERS else []


def _tokens(asked: SearchQuery, at_place: bool) -> list[str]:
    access = "here" if at_place else "access"
    found = [f"{access}:{code}" for code in asked.accessibility]
    for token, wanted in (
        (f"type:{asked.victimization_type}", bool(asked.victimization_type)),
        (f"language:{asked.language}", bool(asked.language)),
        ("cost:free", asked.free),
        ("answered", asked.answered is True),
        ("phone_only", asked.answered is False),
        ("intake:taking", asked.taking),
        ("interpreter", asked.interpreter),
    ):
        if wanted:
            found.append(token)
    return found
