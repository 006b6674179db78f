"""Whatever way is tried by raw SQL: what the database keeps and shows of what is hidden (R3, R4).

The scene is tests/support/people/confidential_scene.py; tests/directory/test_confidential_places.py
asks over HTTP.
"""

import logging
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from django.db import connections, transaction
from django.db.utils import DatabaseError

from directory import listings
from directory.search import change_feed, matches, retrieval
from directory.search.query import SearchQuery
from permissions.database.db_identity import identified_transaction
from permissions.identity import credentials
from tests.support.ground.database import as_app, refused_for_want_of_rights
from tests.support.people import confidential_scene as hidden
from tests.support.people.callers import Caller
from tests.support.people.confidential_scene import WAYS, WHERE, Scene, kept_anywhere, text_of

CHANGES_THE_DIRECTORY = (  # functions that only `jobs`, `editor` or a trigger may call
    "SELECT sec.derive_postcodes(NULL)",
    "SELECT sec.hide_places(ARRAY[gen_random_uuid()])",
    "SELECT sec.lock_entries(ARRAY[gen_random_uuid()], ARRAY[gen_random_uuid()])",
    "SELECT sec.create_organization('{}', gen_random_uuid())",
    "SELECT sec.is_editor_of(gen_random_uuid())",
    "SELECT sec.may_edit_links('{}')",
    "SELECT sec.organization_id_of('service', gen_random_uuid())",
    "SELECT sec.must_be_confidential(gen_random_uuid(), gen_random_uuid())",
    "SELECT sec.may_editor_render(gen_random_uuid(), gen_random_uuid())",
    "SELECT directory_add_words('quennelby')",
    "SELECT directory_remove_words('shelter')",
    "SELECT last_value FROM directory_change_seq_seq",
    "SELECT nextval('directory_change_seq_seq')",
    "SELECT count FROM directory_unmet_search",
)


@pytest.fixture(scope="module", params=WAYS)
def scene(request: pytest.FixtureRequest, network: Any) -> Iterator[Scene]:
    found = Scene(request.param)
    try:
        yield found.set().hide()
    finally:
        found.clear()


def test_where_it_is_is_kept_nowhere(scene: Scene, superuser: Any) -> None:
    """Not in a source row, its history, the quarantine, a document, a spelling, a postcode."""
    with superuser.cursor() as cursor:
        found = {word: kept_anywhere(word, cursor) for word in WHERE}
    assert {word: tables for word, tables in found.items() if tables} == {}


def test_no_spelling_of_it_is_kept(scene: Scene, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT word FROM directory_word")
        words = {word for (word,) in cursor.fetchall()}
    assert "shelter" in words
    assert words & {*scene.words, *WHERE} == set()


def tables(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm')"
        " AND relname LIKE 'directory\\_%' ORDER BY 1"
    )
    return [name for (name,) in cursor.fetchall()]


def shown(caller: Caller | None, secrets: list[str]) -> tuple[list[tuple[str, str]], int]:
    """Which table shows which of the secrets to `app`, and how many tables show anything."""
    found, count = [], 0
    with as_app(caller) as cursor:
        for table in tables(cursor):
            try:
                with transaction.atomic():
                    cursor.execute(f"SELECT lower(t::text) FROM {table} t")
                    rows = [row for (row,) in cursor.fetchall()]
            except DatabaseError:
                continue  # it has no right to the table
            count += bool(rows)
            found += [(table, word) for word in secrets if any(word in row for row in rows)]
    return found, count


def named(scene: Scene) -> list[str]:
    """Secrets less the ids that the public part of the change feed names as gone."""
    return [*WHERE, *scene.words]


def test_app_without_an_identity_reads_nothing_of_it(scene: Scene, api: Any) -> None:
    found, count = shown(None, named(scene))
    assert found == []
    assert count >= 5


def test_app_for_a_client_that_does_not_read_the_directory_reads_nothing_of_it(
    scene: Scene, api: Any
) -> None:
    """The database asks for the scope itself; with it there is something to read."""
    assert shown(api("outsider.client"), named(scene))[0] != []
    assert shown(hidden.without_the_scope(api), named(scene))[0] == []


def test_app_with_an_ended_identity_reads_nothing_of_it(scene: Scene, api: Any) -> None:
    lead = api("outsider.lead")
    assert shown(lead, named(scene))[0] != []
    hidden.ended()
    assert shown(lead, named(scene))[0] == []


def test_app_without_a_live_identity_reads_no_line_of_the_networks(scene: Scene, api: Any) -> None:
    scene.change_hidden()
    ids = [str(scene.ids[name]) for name in scene.names]
    lead = api("outsider.lead")

    def lines(caller: Caller | None) -> int:
        with as_app(caller) as cursor:
            cursor.execute(
                "SELECT count(*) FROM directory_change"
                " WHERE network AND entity_id = ANY (%s::uuid[])",
                [ids],
            )
            return int(cursor.fetchone()[0])

    assert lines(lead) > 0
    assert lines(None) == 0
    assert lines(hidden.without_the_scope(api)) == 0
    hidden.ended()
    assert lines(lead) == 0


def test_app_for_the_network_reads_nothing_of_where(scene: Scene, api: Any) -> None:
    for who in ("outsider.lead", "outsider.client", "ywca.editor"):
        found, count = shown(api(who), list(WHERE))
        assert found == []
        assert count >= 8


def test_no_id_of_it_stands_in_a_projection_of_the_publics(scene: Scene, superuser: Any) -> None:
    public = ("directory_listing", "directory_place", "directory_organization_listing")
    ids = [str(scene.ids[name]) for name in scene.names]
    with superuser.cursor() as cursor:
        for table in public:
            for one in ids:
                cursor.execute(
                    f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{one}%"]
                )
                assert cursor.fetchone() == (0,), (table, one)


@pytest.mark.parametrize("statement", CHANGES_THE_DIRECTORY)
def test_app_may_not(statement: str, api: Any) -> None:
    for caller in (None, api("ywca.editor"), api("outsider.client")):
        with as_app(caller) as cursor:
            assert refused_for_want_of_rights(cursor, statement)


def test_an_ended_credential_finds_nothing_by_any_function(scene: Scene, api: Any) -> None:
    caller = api("outsider.lead")
    principal = credentials.resolve_credential(caller.secret)
    assert principal is not None

    def everything() -> str:
        with identified_transaction(principal):
            found: list[Any] = [matches.facets(principal, SearchQuery())]
            for kind in ("service", "service_at_location"):
                found.append(
                    matches.find(principal, SearchQuery(), kind=kind, shape="full", per_page=99)
                )
                found.append(retrieval.next_documents(principal, SearchQuery(), kind, "full", None))
            found.append(retrieval.organizations(principal, SearchQuery(), "full_service", 1, 99))
            found.append(change_feed.list_changes(principal, 0, 10_000))
            for name in scene.names:
                found.append(listings.find(principal, scene.ids[name]))
                found.append(retrieval.detail(principal, "service_at_location", scene.ids[name]))
        return str(found).lower()

    assert "morrowick" in everything()
    hidden.ended()
    assert [word for word in named(scene) if word in everything()] == []


def test_no_log_line_repeats_what_was_read_or_looked_for(
    scene: Scene, api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        lead = api("outsider.lead")
        page = lead.get("/v1/directory/service_at_locations", {"full": "true", "per_page": "100"})
        assert "morrowick" in text_of(page)
        lead.post("/v1/directory/services", {"search": "morrowick quennelby"})
        api(None).get(f"/v1/directory/services/{scene.ids['refuge']}")
    lines = "\n".join(
        record.getMessage() for record in caplog.records if record.name != "django.db.backends"
    ).lower()
    assert [word for word in named(scene) if word in lines] == []


FOUND = (
    "SELECT count(*) FROM sec.search_network_places(NULL, NULL, NULL, NULL, false, NULL)",
    "SELECT count(*) FROM sec.search_network_places('shelter'::tsquery, true, NULL, NULL, false,"
    " NULL)",
    "SELECT count(*) FROM sec.search_network_places(NULL, NULL, NULL, ARRAY['answered'], false, 5)",
    "SELECT count(*) FROM sec.search_network_places(NULL, NULL, NULL, NULL, true, NULL)",
)


def rows_found(caller: Caller | None) -> list[int]:
    with as_app(caller) as cursor:
        found = []
        for statement in FOUND:
            cursor.execute(statement)
            found.append(cursor.fetchone()[0])
    return found


def test_the_function_that_searches_for_the_network_gives_others_no_row(
    scene: Scene, api: Any
) -> None:
    """It reads past row security, for the sake of its indexes, and asks who is there itself."""
    lead, client = api("outsider.lead"), api("outsider.client")
    assert all(rows_found(lead))
    assert rows_found(client) == rows_found(lead)
    nothing = [0] * len(FOUND)
    assert rows_found(None) == nothing
    assert rows_found(hidden.without_the_scope(api)) == nothing
    hidden.ended()
    assert rows_found(lead) == rows_found(client) == nothing


@pytest.mark.parametrize("role", ["signin", "editor", "jobs", "auditor", "sealer", "backup"])
def test_no_one_but_app_may_search_for_the_network(role: str, superuser: Any) -> None:
    function = "sec.search_network_places(tsquery, boolean, uuid[], text[], boolean, integer)"
    with superuser.cursor() as cursor:
        cursor.execute("SELECT has_function_privilege(%s, %s, 'EXECUTE')", [role, function])
        assert cursor.fetchone() == (False,)


def test_what_is_confidential_stands_nowhere(scene: Scene, superuser: Any) -> None:
    """No order of distances could tell where it is, not to a member either: the table refuses."""
    with superuser.cursor() as cursor, pytest.raises(psycopg2.errors.CheckViolation):
        cursor.execute("UPDATE directory_network_place SET point = directory_point(46.9, -114)")


def test_a_search_in_vain_keeps_no_word(scene: Scene, api: Any, superuser: Any) -> None:
    for query in ({"search": "morrowick"}, {"search": "quennelby", "postcode": hidden.POSTCODE}):
        assert api(None).get("/v1/directory/services", query).json()["total_items"] == 0
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM directory_unmet_search t"
            " WHERE t::text ~* 'morrow|quennel' OR length(area) > 3"
        )
        assert cursor.fetchone() == (0,)


def test_what_another_may_not_render_waits_for_the_night(scene: Scene) -> None:
    """Nothing is left to withhold where `jobs` has hidden it; twice is safe."""
    from directory.projection.reindex import hide_leftovers

    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT max(seq) FROM directory_change")
        before = cursor.fetchone()
        hide_leftovers()
        cursor.execute("SELECT max(seq) FROM directory_change")
        assert cursor.fetchone() == before
