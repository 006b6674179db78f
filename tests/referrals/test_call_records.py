"""Services that only a call reaches: what came of it is the caller's own; a need that was not met
is counted for the network, without the service, the agency or the day."""

from typing import Any

import pytest
from django.db import connections

from referrals import codes
from referrals.call_records import UNMET
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import phone_only, service_of


@pytest.fixture
def counted(superuser: Any) -> Any:
    def rows() -> list[tuple[Any, ...]]:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT codes, area, count FROM directory_unmet_search ORDER BY codes")
            return list(cursor.fetchall())

    return rows


@pytest.mark.parametrize("outcome", codes.CALL_OUTCOME)
def test_what_was_full_out_of_area_or_not_there_is_counted_and_nothing_else(
    api: Any, counted: Any, outcome: str
) -> None:
    service = phone_only()
    body = {"service_id": service, "outcome": outcome, "put_through": False}
    caller = api("police.worker")
    for _ in range(2):  # a retried request counts once
        answer = caller.post("/v1/call-records", body, Idempotency_Key="one")
        assert answer.status_code == 201
    rows = counted()
    assert bool(rows) == (outcome in UNMET)
    for kinds, area, count in rows:
        assert (area, count) == ("", 1)
        (kind,) = kinds
        assert ":" in kind
        assert service not in str(rows)


def test_a_call_to_what_is_answered_here_is_neither_kept_nor_counted(
    api: Any, counted: Any
) -> None:
    body = {"service_id": service_of("ywca"), "outcome": "full", "put_through": False}
    answer = api("police.worker").post("/v1/call-records", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "answered_here")
    assert counted() == []


@pytest.mark.parametrize(
    ("change", "back"),
    [
        (
            "permissions_agency SET takes_notices = false",
            "permissions_agency SET takes_notices = true",
        ),
        ("directory_listing SET intake = 'paused'", "directory_listing SET intake = 'taking'"),
        ("directory_listing SET intake = 'full'", "directory_listing SET intake = 'taking'"),
    ],
)
def test_a_call_to_what_takes_no_referral_now_is_kept_and_counted(
    api: Any, counted: Any, superuser: Any, change: str, back: str
) -> None:
    """The service is phone only, or paused: sending to it says to call instead."""
    service, agency = service_of("ywca"), agency_id("ywca")
    key = service if "listing" in change else str(agency)
    with superuser.cursor() as cursor:
        cursor.execute(f"UPDATE {change} WHERE id = %s", [key])
        try:
            body = {"service_id": service, "outcome": "full", "put_through": False}
            assert api("police.worker").post("/v1/call-records", body).status_code == 201
            assert counted() != []
        finally:
            cursor.execute(f"UPDATE {back} WHERE id = %s", [key])


def test_the_page_brings_the_number_from_the_directory(api: Any) -> None:
    service = phone_only()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT name FROM directory_listing WHERE id = %s", [service])
        (name,) = cursor.fetchone()
    page = at_the_desk("police.worker").get("/desk/calls/new", {"service": service})
    text = page.content.decode()
    assert name in text_of(text)
    assert 'href="tel:' in text


def test_own_records_come_page_by_page(api: Any) -> None:
    service = phone_only()
    body = {"service_id": service, "outcome": "full", "put_through": False}
    made = [api("police.worker").post("/v1/call-records", body).json()["id"] for _ in range(5)]
    found, cursor = [], None
    while cursor is not None or not found:
        ask = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api("police.worker").get("/v1/call-records", ask).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]
    assert found == made[::-1]
    assert api("police.worker").get("/v1/call-records", {"limit": 101}).status_code == 400
