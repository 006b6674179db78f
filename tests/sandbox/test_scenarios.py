"""A scenario brings a referral, by the product's own acts, to where a partner's test begins."""

from typing import Any

import pytest

from api.sandbox.scenarios import PACKET, SCENARIOS
from tests.sandbox.asks import ahead, ask
from tests.support.people.desk_pages import Pages

# What each side's worker is shown at its end.
ENDS = {
    "waiting": ("sent", "sent"),
    "acknowledged": ("acknowledged", "acknowledged"),
    "accepted": ("accepted", "accepted"),
    "declined": ("cannot_take", "declined"),
    "expired": ("expired", "expired"),
    "returned": ("accepted", "completed"),
}


def test_each_scenario_is_tried_here() -> None:
    assert set(ENDS) == set(SCENARIOS)


@pytest.mark.parametrize("name", ENDS)
def test_a_scenario_ends_where_it_says(api: Any, name: str) -> None:
    answer = ask(f"scenarios/{name}")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["sender"], made["recipient"]) == ("police.worker", "ywca.worker")
    path = f"/v1/referrals/{made['referral_id']}"
    shown = tuple(api(made[side]).get(path).json()["status"] for side in ("sender", "recipient"))
    assert shown == ENDS[name]
    assert (ahead() != "P0DT00H00M00S") == (name == "expired")


def test_what_was_accepted_has_a_packet_and_what_was_returned_its_outcome(api: Any) -> None:
    accepted = ask("scenarios/accepted").json()["referral_id"]
    opened = api("ywca.worker").act(accepted, "open_packet", {"purpose": "intake"})
    assert (opened.status_code, opened.json()["packet"]) == (200, PACKET)
    returned = ask("scenarios/returned").json()["referral_id"]
    found = api("police.worker").get(f"/v1/referrals/{returned}/returned")
    assert found.status_code == 200, found.content


def test_each_call_makes_another(api: Any) -> None:
    made = {ask("scenarios/waiting").json()["referral_id"] for _ in range(2)}
    listed = api("ywca.worker").get("/v1/referrals", {"needs_answer": "true"}).json()["items"]
    assert {one["id"] for one in listed} == made
    assert len(made) == 2


@pytest.mark.parametrize("name", ["none", "Waiting", "0", "waiting-"])
def test_a_name_that_is_none_makes_nothing(api: Any, name: str) -> None:
    assert ask(f"scenarios/{name}").status_code == 404
    assert ask("scenarios/waiting", {"urgency": "routine"}).status_code == 400
    assert api("ywca.worker").get("/v1/referrals").json()["items"] == []


def test_the_page_lists_them_with_a_button_each(api: Any) -> None:
    pages = Pages()
    shown = pages.get("/demo").content.decode()
    assert [name for name in SCENARIOS if f'action="/demo/scenarios/{name}"' not in shown] == []
    answer = pages.submit("/demo", action="/demo/scenarios/declined")
    made = api("police.worker").get("/v1/referrals", {"box": "out"}).json()["items"]
    assert [one["status"] for one in made] == ["cannot_take"]
    assert made[0]["id"] in answer.content.decode()


def test_when_no_service_takes_referrals_it_is_said(api: Any, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE directory_listing SET intake = 'paused' WHERE intake = 'taking'")
        assert cursor.rowcount
        try:
            refused = ask("scenarios/waiting")
        finally:
            cursor.execute("UPDATE directory_listing SET intake = 'taking' WHERE intake = 'paused'")
    assert (refused.status_code, refused.json()["code"]) == (409, "service_not_taking")
