"""A confidential service (T1): the network knows of it, the public does not, its place nobody."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from directory import listings
from directory.demo import loader
from directory.importing.parsing import id_of
from directory.search.query import SearchQuery
from directory.vocabulary import term_id
from permissions.database.db_identity import identified_transaction
from permissions.identity import credentials
from permissions.models import Client
from tests.support.people.callers import agency_id

LIST = "/v1/directory/services"
PLACES = "/v1/directory/service_at_locations"
HIDDEN = loader.service_id("shelter-confidential")
NAME = "Emergency shelter"


def body(answer: Any) -> dict[str, Any]:
    return {**answer.json(), "request_id": None}


def headers(answer: Any) -> dict[str, str]:
    return {key: value for key, value in answer.items() if key not in ("X-Request-Id", "Date")}


def ways_in() -> list[dict[str, str]]:
    return [
        {"per_page": "100"},
        {"search": NAME, "per_page": "100"},
        {"search": "Refugio de emergencia"},
        {"search": "emergncy sheltr"},
        {"answered_by": str(agency_id("ywca")), "per_page": "100"},
        {"organization_id": str(_shelter()), "per_page": "100"},
        {"victimization_type": "domestic", "per_page": "100"},
        {"taxonomy_term_id": str(term_id("needs", "emergency-shelter")), "per_page": "100"},
        {"modified_after": "2020-01-01", "per_page": "100"},
    ]


def _shelter() -> Any:
    return id_of(loader.SOURCE, "organization", "shelter")


def test_without_a_token_it_is_in_no_list_and_no_total(api: Any) -> None:
    for query in ways_in():
        answer = api(None).get(LIST, query).json()
        assert str(HIDDEN) not in json.dumps(answer), query
        known = api("outsider.worker").get(LIST, query).json()
        assert str(HIDDEN) in json.dumps(known), query
        if "search" not in query:  # near spellings count only where nothing is spelled so
            assert known["total_items"] == answer["total_items"] + 1


def test_without_a_token_it_is_like_an_id_that_never_was(api: Any) -> None:
    hidden, random = api(None).get(f"{LIST}/{HIDDEN}"), api(None).get(f"{LIST}/{uuid4()}")
    assert hidden.status_code == random.status_code == 404
    assert body(hidden) == body(random)
    assert headers(hidden) == headers(random)


def test_plain_it_is_nobodys_not_even_the_networks(api: Any) -> None:
    """Plain HSDS has no marker for it."""
    caller = api("outsider.worker")
    for query in ways_in():
        answer = caller.get(LIST, query | {"plain": "true"})
        assert str(HIDDEN) not in answer.content.decode(), query
    asked = [caller.get(f"{LIST}/{one}", {"plain": "true"}) for one in (HIDDEN, uuid4())]
    assert asked[0].status_code == asked[1].status_code == 404
    assert body(asked[0]) == body(asked[1])
    assert headers(asked[0]) == headers(asked[1])


@pytest.mark.parametrize("who", [None, "outsider.worker", "ywca.client"])
def test_it_is_on_nobodys_map(api: Any, who: str | None) -> None:
    for query in ways_in():
        answer = api(who).get(PLACES, query | {"format": "geojson"})
        assert answer.status_code == 200
        assert str(HIDDEN) not in answer.content.decode(), query


@pytest.mark.parametrize("who", ["police.worker", "ywca.lead", "outsider.client", "sarc.admin"])
def test_the_network_finds_it_but_not_where_it_is(api: Any, who: str) -> None:
    found = api(who).get(f"{LIST}/{HIDDEN}")
    assert found.status_code == 200
    detail = found.json()
    assert detail["name"] == NAME
    assert detail["confidential"] is True
    places = [one["location"] for one in detail["service_at_locations"]]
    assert places
    for place in places:
        assert place.keys().isdisjoint({"addresses", "latitude", "longitude", "transportation"})


@pytest.mark.parametrize("who", ["sarc.auditor", "ywca.auditor", "taskforce.auditor"])
def test_an_auditor_is_answered_as_the_public(api: Any, who: str) -> None:
    """Counts are hers, and the log (T1)."""
    hidden, random = api(who).get(f"{LIST}/{HIDDEN}"), api(who).get(f"{LIST}/{uuid4()}")
    assert hidden.status_code == random.status_code == 404
    assert body(hidden) == body(random)
    assert str(HIDDEN) not in api(who).get(LIST, {"per_page": "100"}).content.decode()


def test_a_client_without_the_scope_is_answered_as_the_public(api: Any) -> None:
    client = Client.objects.get(agency_id=agency_id("outsider"))
    secret = f"token-without-the-directory-{uuid4().hex}"
    credentials.open_for_client(client, secret, ["referrals:read"])
    caller = api(None)
    caller.secret = secret
    assert caller.get(f"{LIST}/{HIDDEN}").status_code == 404
    assert str(HIDDEN) not in caller.get(LIST, {"per_page": "100"}).content.decode()


def test_an_ended_credential_finds_nothing_in_the_database_itself(api: Any) -> None:
    caller = api("police.worker")
    principal = credentials.resolve_credential(caller.secret)
    assert principal is not None
    with identified_transaction(principal):
        assert listings.find(principal, HIDDEN)
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE credential SET ended_at = now()")
    with identified_transaction(principal):
        assert listings.find(principal, HIDDEN) is None
        assert listings.search(principal, SearchQuery(words=NAME)).total_items == (
            listings.search(None, SearchQuery(words=NAME)).total_items
        )


def test_without_an_identity_the_table_is_empty_to_app() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM directory_network_listing")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class"
            " WHERE relname = 'directory_network_listing'"
        )
        assert cursor.fetchone() == (True, True)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO directory_listing (id) VALUES (gen_random_uuid())",
        "UPDATE directory_listing SET answered_by = NULL",
        "DELETE FROM directory_network_listing",
        "SELECT 1 FROM directory_service",
        "SELECT 1 FROM directory_address",
        "SELECT 1 FROM directory_quarantine",
    ],
)
def test_app_changes_nothing_and_sees_no_source(statement: str) -> None:
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)
