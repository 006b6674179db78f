"""The plans of the directory's questions, over 10,000 and 50,000 services."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from directory.postcodes import Point
from directory.search import matches
from directory.search.query import SearchQuery
from directory.vocabulary import term_id
from permissions.database.db_identity import identified_transaction
from permissions.identity import credentials
from permissions.models import Membership
from tests.bench import plans
from tests.bench.directory import count, grow
from tests.support.ground.cluster import own_cluster
from tests.support.people.callers import member_id

SMALL, BIG = 10_000, 50_000
GROWN = "::text LIKE '9e9e9e%'"
TABLES = (
    *("directory_listing", "directory_place", "directory_organization_listing"),
    *("directory_network_listing", "directory_network_place", "directory_network_organization"),
)
COUNTS = ("directory_total", "directory_milestone")
MISSOULA = Point(46.8721, -113.994)
NEED = term_id("needs", "emergency-shelter")
# The next Wednesday but today, ten in the morning there: hours are rendered from yesterday on.
TODAY = datetime.now(UTC)
THEN = TODAY.replace(hour=17, minute=0) + timedelta(days=(1 - TODAY.weekday()) % 7 + 1)

# What is asked: the question, how it is asked, and the most buffers (8 KiB pages) that one page of
# the answer may touch at 50,000 services, documents and all: as nobody, and as a member. Measured,
# with a quarter to spare; a GiST index is built a little otherwise each time. A member's questions
# with words or filters look through the confidential half (750 pages here), twice at most: no index
# answers those under row security.
QUESTIONS: dict[str, tuple[SearchQuery, dict[str, Any], int, int]] = {
    "list": (SearchQuery(), {}, 60, 130),
    "list, deep": (SearchQuery(), {"page": 1_200}, 90, 160),
    "list, last": (SearchQuery(), {"page": 2_400}, 90, 160),
    "25 nested": (SearchQuery(), {"shape": "full", "per_page": 25}, 270, 360),
    "25 nested, deep": (SearchQuery(), {"shape": "full", "per_page": 25, "page": 960}, 295, 350),
    "50 nested": (SearchQuery(), {"shape": "full", "per_page": 50}, 520, 610),
    "places": (SearchQuery(), {"kind": "service_at_location"}, 85, 130),
    "places, deep": (SearchQuery(), {"kind": "service_at_location", "page": 500}, 100, 150),
    "common word": (SearchQuery(words="shelter"), {}, 435, 740),
    "rare words": (SearchQuery(words="Lantern Quarry immigration"), {}, 135, 200),
    "a question": (SearchQuery(words="mi esposo me pega"), {}, 550, 1_100),
    "a long question": (
        SearchQuery(words="free lawyer for divorce and custody of my kids"),
        {},
        2_600,
        5_000,
    ),
    "misspelt word": (SearchQuery(words="sheltr"), {}, 465, 830),
    "nearest": (SearchQuery(near=MISSOULA), {}, 210, 210),
    "nearest, radius": (SearchQuery(near=MISSOULA, radius=20_000), {}, 300, 300),
    "word, nearest": (SearchQuery(words="shelter", near=MISSOULA), {}, 225, 225),
    "town, nearest": (SearchQuery(words="Tamarack", near=MISSOULA), {}, 220, 220),
    "misspelt word, nearest": (SearchQuery(words="sheltr", near=MISSOULA), {}, 265, 265),
    "rare words, nearest": (
        SearchQuery(words="Lantern Quarry immigration", near=MISSOULA),
        {},
        110,
        110,
    ),
    "one in a hundred, nearest": (SearchQuery(words="zq10", near=MISSOULA), {}, 700, 700),
    "one in a thousand, nearest": (SearchQuery(words="zq100", near=MISSOULA), {}, 300, 300),
    "language, nearest": (SearchQuery(language="es", near=MISSOULA), {}, 290, 290),
    "free, nearest": (SearchQuery(free=True, near=MISSOULA), {}, 260, 260),
    "open, word, nearest": (
        SearchQuery(words="shelter", near=MISSOULA, open_at=THEN),
        {},
        300,
        300,
    ),
    "need, nearest": (SearchQuery(needs=(NEED,), near=MISSOULA), {}, 950, 950),
    "need": (SearchQuery(needs=(NEED,)), {}, 7_200, 7_600),
}
MOST_READINGS = 4  # before the last one
GATE = 300  # words and distance, at any size
GROWTH = 1.2  # five times as many services


@dataclass
class Measured:
    """Plans by size, caller and question."""

    found: dict[tuple[int, str, str], plans.Plan]

    def __call__(self, question: str, who: str = "nobody", size: int = BIG) -> plans.Plan:
        return self.found[size, who, question]


@pytest.fixture(scope="module")
def measured(django_db_setup: str, network: Any) -> Iterator[Measured]:
    """Every question's plan at both sizes; meanwhile the directory stays at the larger."""
    member = credentials.resolve_credential(
        credentials.open_for_member(
            Membership.objects.using("signin").get(id=member_id("ywca.worker"))
        )
    )
    found = {}
    with closing(own_cluster().connect_superuser(django_db_setup)) as superuser:
        cursor = superuser.cursor()
        for table in TABLES:
            cursor.execute(f"SELECT FROM {table} WHERE id{GROWN}")
            assert not cursor.rowcount, table
        for table in TABLES:  # what other tests have written and removed leaves GiST keys too wide
            cursor.execute(f"REINDEX TABLE {table}")
        try:
            for size in (SMALL, BIG):
                grow(superuser, size)
                for who, principal in (("nobody", None), ("member", member)):
                    for name, (asked, options, _, _) in QUESTIONS.items():
                        found[size, who, name] = plan_of(
                            principal,
                            lambda who, asked=asked, options=options: matches.find(
                                who, asked, **options
                            ),
                        )
            yield Measured(found)
        finally:
            superuser.rollback()
            superuser.autocommit = True
            for table in TABLES:
                cursor.execute(f"DELETE FROM {table} WHERE id{GROWN}")
            count(cursor)
            cursor.execute(f"VACUUM ANALYZE {', '.join((*TABLES, *COUNTS))}")


def plan_of(principal: Any, ask: Any) -> plans.Plan:
    """The plan of the one statement that answers a query. For a misspelling or a question it is the
    plan of the last statement, which searched again, with the pages of all."""
    with identified_transaction(principal):
        with connection.cursor() as cursor:
            plans.wait_long(cursor)
        with plans.statements() as seen:
            ask(principal)
        with connection.cursor() as cursor:
            *before, last = [plans.explain(cursor, statement) for statement in seen]
    assert len(before) <= MOST_READINGS
    return replace(last, buffers=last.buffers + sum(plan.buffers for plan in before))


def nodes(plan: plans.Plan) -> Iterator[dict[str, Any]]:
    """All that was executed, once at least."""
    waiting = [plan.root]
    while waiting:
        node = waiting.pop()
        if node["Actual Loops"]:
            yield node
            waiting += node.get("Plans", [])


def scans(plan: plans.Plan, table: str = "directory_place") -> set[tuple[str, str]]:
    """How a table was read: (kind of node, index)."""
    return {
        (node["Node Type"], node.get("Index Name", ""))
        for node in nodes(plan)
        if node.get("Relation Name") == table
    }


def bitmaps(plan: plans.Plan) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if node["Node Type"] == "Bitmap Index Scan"}


def most_sorted(plan: plans.Plan) -> int:
    return max(node["Actual Rows"] for node in nodes(plan) if "Sort" in node["Node Type"])
