"""The exact gates of the directory's reads, at 10,000 and at 50,000 services: one statement a page,
which indexes answer it, how many pages of the database it touches. No timing: `make bench` does
that. As nobody, and as a member, who is also shown the confidential entries (one in thirty)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from directory import finding
from directory.finding import reads, shapes
from directory.finding.asked import Asked, Point
from directory.vocabulary import term_id
from permissions import credentials
from permissions.models import Membership
from permissions.session import begin
from tests.bench import plans
from tests.bench.directory import grow
from tests.conftest import _cluster, member_id

SMALL, BIG = 10_000, 50_000
GROWN = "::text LIKE '9e9e9e%'"
TABLES = (
    *("directory_listing", "directory_place", "directory_organization_listing"),
    *("directory_network_listing", "directory_network_place", "directory_network_organization"),
)
MISSOULA = Point(46.8721, -113.994)
NEED = term_id("needs", "emergency-shelter")
THEN = datetime(2026, 11, 25, 17, tzinfo=UTC)

# What is asked: the question, how it is asked, and the most buffers (8 KiB pages) that one page of
# the answer may touch at 50,000 services, documents and all: as nobody, and as a member. Measured,
# with a quarter to spare. A member's questions with words or filters look through the confidential
# half (750 pages here), twice at most: no index answers those under row security.
QUESTIONS: dict[str, tuple[Asked, dict[str, Any], int, int]] = {
    "list": (Asked(), {}, 85, 210),
    "list, deep": (Asked(), {"page": 1_200}, 570, 680),
    "25 nested": (Asked(), {"shape": "full", "per_page": 25}, 300, 455),
    "25 nested, deep": (Asked(), {"shape": "full", "per_page": 25, "page": 960}, 780, 900),
    "50 nested": (Asked(), {"shape": "full", "per_page": 50}, 580, 800),
    "places": (Asked(), {"kind": "service_at_location"}, 85, 185),
    "places, deep": (Asked(), {"kind": "service_at_location", "page": 500}, 175, 260),
    "common word": (Asked(words="shelter"), {}, 355, 1_365),
    "rare words": (Asked(words="Lantern Quarry immigration"), {}, 165, 2_125),
    "nearest": (Asked(near=MISSOULA), {}, 195, 300),
    "nearest, radius": (Asked(near=MISSOULA, radius=20_000), {}, 320, 2_300),
    "word, nearest": (Asked(words="shelter", near=MISSOULA), {}, 225, 500),
    "town, nearest": (Asked(words="Tamarack", near=MISSOULA), {}, 240, 2_300),
    "rare words, nearest": (
        Asked(words="Lantern Quarry immigration", near=MISSOULA),
        {},
        145,
        1_200,
    ),
    "language, nearest": (Asked(language="es", near=MISSOULA), {}, 360, 740),
    "free, nearest": (Asked(free=True, near=MISSOULA), {}, 205, 360),
    "open, word, nearest": (Asked(words="shelter", near=MISSOULA, open_at=THEN), {}, 310, 2_000),
    "need, nearest": (Asked(needs=(NEED,), near=MISSOULA), {}, 1_200, 3_400),
    "need": (Asked(needs=(NEED,)), {}, 7_200, 11_400),
}
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
    member = credentials.resolve(
        credentials.open_for_member(
            Membership.objects.using("door").get(id=member_id("ywca.worker"))
        )
    )
    found = {}
    with closing(_cluster().connect_superuser(django_db_setup)) as superuser:
        cursor = superuser.cursor()
        for table in TABLES:
            cursor.execute(f"SELECT FROM {table} WHERE id{GROWN}")
            assert not cursor.rowcount, table
        cursor.execute('SELECT "table", rows FROM directory_total')
        totals = cursor.fetchall()
        try:
            for size in (SMALL, BIG):
                grow(superuser, size)
                for who, principal in (("nobody", None), ("member", member)):
                    for name, (asked, options, _, _) in QUESTIONS.items():
                        found[size, who, name] = plan_of(
                            principal,
                            lambda who, asked=asked, options=options: finding.find(
                                who, asked, **options
                            ),
                        )
            yield Measured(found)
        finally:
            superuser.rollback()
            superuser.autocommit = True
            for table in TABLES:
                cursor.execute(f"DELETE FROM {table} WHERE id{GROWN}")
            for name, rows in totals:
                cursor.execute(
                    'UPDATE directory_total SET rows = %s WHERE "table" = %s', [rows, name]
                )
            cursor.execute(f"VACUUM ANALYZE {', '.join(TABLES)}, directory_total")


def plan_of(principal: Any, ask: Any) -> plans.Plan:
    """The plan of the one statement that answers a question."""
    with begin(principal):
        with plans.statements() as seen:
            ask(principal)
        (statement,) = seen
        with connection.cursor() as cursor:
            return plans.explain(cursor, statement)


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


# -- How much is touched --------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_page_touches_no_more_than_its_gate(measured: Measured, question: str) -> None:
    _, _, for_nobody, for_member = QUESTIONS[question]
    assert measured(question).buffers <= for_nobody
    assert measured(question, "member").buffers <= for_member


@pytest.mark.parametrize(
    "question",
    [
        *("nearest", "nearest, radius", "word, nearest", "town, nearest"),
        *("language, nearest", "free, nearest", "open, word, nearest"),
    ],
)
def test_the_nearest_are_within_three_hundred_pages(measured: Measured, question: str) -> None:
    assert measured(question).buffers <= GATE


@pytest.mark.parametrize("question", ["list", "nearest", "word, nearest", "common word"])
def test_five_times_as_many_services_cost_the_same(measured: Measured, question: str) -> None:
    small, big = measured(question, size=SMALL), measured(question)
    assert big.buffers <= GROWTH * small.buffers


def test_a_detail_is_the_same_few_pages_whether_it_is_there_or_not(
    measured: Measured, api: Any
) -> None:
    member = credentials.resolve(api("ywca.worker").secret)
    ids = {}
    with begin(member), connection.cursor() as cursor:
        for half in (shapes.PUBLIC, shapes.NETWORK):
            cursor.execute(f"SELECT id FROM {half.listing} WHERE id{GROWN} ORDER BY id LIMIT 1")
            ids[half.network] = cursor.fetchone()[0]
    ids["none"] = term_id("needs", "none")
    for who, most in ((None, 20), (member, 60)):
        for row_id in ids.values():
            plan = plan_of(who, lambda who, row_id=row_id: reads.detail(who, "service", row_id))
            assert plan.buffers <= most
            assert not any(node["Node Type"] == "Seq Scan" for node in nodes(plan))


# -- How it is found ------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nobody", "member"])
@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("list", "by_name"),
        ("list, deep", "by_name"),
        ("25 nested, deep", "by_name"),
        ("places", "by_id"),
        ("places, deep", "by_id"),
    ],
)
def test_a_list_walks_its_index_alone(
    measured: Measured, who: str, question: str, index: str
) -> None:
    plan = measured(question, who)
    walked = [
        node
        for node in nodes(plan)
        if node["Node Type"] == "Index Only Scan" and node["Index Name"] == f"place_{index}"
    ]
    assert len(walked) == 1
    # A few, of rows that others have written since the vacuum; never one an entry.
    assert walked[0]["Heap Fetches"] <= 20
    assert most_sorted(plan) <= 51  # a page, never the directory
    # Whole rows only of the page: places of nested services, documents of places.
    others = scans(plan) - {("Index Only Scan", f"place_{index}")}
    assert others <= {("Index Scan", "place_by_service"), ("Index Scan", "directory_place_pkey")}
    assert ("Seq Scan", "") not in scans(plan, "directory_network_place")


def test_rare_words_are_found_by_their_indexes(measured: Measured) -> None:
    plan = measured("rare words")
    assert scans(plan) == {("Bitmap Heap Scan", "")}
    assert bitmaps(plan) == {"place_named", "place_search"}
    near = measured("rare words, nearest")
    assert scans(near) == {("Bitmap Heap Scan", "")}
    assert bitmaps(near) == {"place_search"}


@pytest.mark.parametrize("who", ["nobody", "member"])
@pytest.mark.parametrize("question", ["nearest", "word, nearest", "language, nearest"])
def test_of_many_matches_the_index_of_distances_is_walked(
    measured: Measured, who: str, question: str
) -> None:
    plan = measured(question, who)
    walks = [node for node in nodes(plan) if node.get("Index Name") == "place_near"]
    assert walks
    assert all("Order By" in node for node in walks)
    if who == "nobody":
        assert most_sorted(plan) <= 21


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_a_rare_need_is_found_by_its_index(measured: Measured, size: int) -> None:
    for question in ("need", "need, nearest"):
        assert "place_terms" in bitmaps(measured(question, size=size)) or question != "need"
        assert ("Seq Scan", "") not in scans(measured("need", size=size))


# -- One statement --------------------------------------------------------------------------------

SERVICES, PLACES = "/v1/directory/services", "/v1/directory/service_at_locations"
ORGANIZATIONS = "/v1/directory/organizations"
HERE = {"latitude": "46.8721", "longitude": "-113.994"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (SERVICES, {}),
        (SERVICES, {"page": "1200"}),
        (SERVICES, {"full": "true", "per_page": "50"}),
        (SERVICES, {"minimal": "true", "per_page": "100"}),
        (SERVICES, {"search": "shelter"}),
        (SERVICES, {"search": "shelter", **HERE}),
        (SERVICES, {"language": "es", "open_at": "now", "radius": "50000", **HERE}),
        (SERVICES, {"taxonomy_term_id": str(NEED)}),
        (PLACES, {}),
        (PLACES, {"full": "true"}),
        (ORGANIZATIONS, {}),
        (ORGANIZATIONS, {"full_service": "true"}),
        (ORGANIZATIONS, {"search": "lantern"}),
        ("/v1/directory/taxonomy_terms", {}),
    ],
)
def test_a_page_is_one_statement_beside_the_identity(
    measured: Measured, api: Any, path: str, query: dict[str, str]
) -> None:
    assert statements(api(None), path, query) == ["identity", 1]
    assert statements(api("ywca.worker"), path, query) == [
        "identity + SELECT sec.identity",  # whose token is it?
        "identity",
        1,
    ]


def statements(caller: Any, path: str, query: dict[str, str]) -> list[Any]:
    """Those of the identity by name, then how many others."""
    with plans.statements() as seen:
        answer = caller.get(path, query)
    assert answer.status_code == 200, answer.content
    assert answer.json()["contents"]
    names = [statement.name for statement in seen]
    identity = [name for name in names if name.startswith("identity")]
    return [*identity, len(names) - len(identity)]


def test_a_misspelling_takes_a_second_statement(measured: Measured, api: Any) -> None:
    assert statements(api(None), SERVICES, {"search": "sheltr"}) == ["identity", 2]
