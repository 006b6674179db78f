"""The key of a partner system's request, when it comes again: for another member, from another
system, with another body, after the survivor's permission ended, and twenty times at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from api.sandbox.reset import content_tables
from tests.support.people.callers import Caller
from tests.support.people.stories import NOTICE, PACKET, Story, authorization, bar, release_body

REFERRALS = "/v1/referrals"
KEY = {"Idempotency_Key": "one key"}


@pytest.fixture
def body(story: Story) -> dict[str, Any]:
    """A referral as a records system sends it, in one request."""
    parts = {"release": release_body(*PACKET), "packet": PACKET, "send": {"agreement": "agrees"}}
    return NOTICE | parts | {"service_id": story.service_id}


def system(api: Any, acting: str = "police.worker") -> Caller:
    caller: Caller = api(f"{acting.partition('.')[0]}.client", acting)
    return caller


def stored(superuser: Any) -> dict[str, Any]:
    """Every row of every referral."""
    with superuser.cursor() as cursor:
        found = {}
        for table in content_tables(cursor, ["referral"]):
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found[table] = cursor.fetchall()
    assert found["packet_field"]
    return found


# -- Another caller --------------------------------------------------------------------------------


def test_for_another_member_it_is_the_same_referral(
    api: Any, body: dict[str, Any], superuser: Any
) -> None:
    made = system(api).post(REFERRALS, body, **KEY)
    assert made.status_code == 201, made.content
    before = stored(superuser)
    other = system(api, "police.worker2").post(REFERRALS, body, **KEY)
    assert (other.status_code, other["Idempotency-Replayed"]) == (201, "true")
    assert other.json()["id"] == made.json()["id"]
    assert other.json()["holder"] == made.json()["holder"], "who made it has it"
    wrong = system(api, "police.worker2").post(REFERRALS, body | {"urgency": "routine"}, **KEY)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "key_reused")
    for acting in ("police.auditor", "police.editor", "ywca.worker"):
        refused = api("police.client", acting).post(REFERRALS, body, **KEY)
        assert refused.status_code == 403, acting
        assert "Idempotency-Replayed" not in refused
    assert stored(superuser) == before


@pytest.mark.parametrize("who", ["police.worker", "hospital.client"])
def test_another_caller_with_the_same_key_makes_their_own(
    api: Any, body: dict[str, Any], who: str
) -> None:
    """A member of the agency, and the system of another one: the key tells them nothing."""
    made = system(api).post(REFERRALS, body, **KEY)
    caller = api(who)
    if who.endswith("client"):
        caller = system(api, "hospital.worker")
        body["release"] |= authorization()
    other = caller.post(REFERRALS, body, **KEY)
    assert other.status_code == 201, other.content
    assert "Idempotency-Replayed" not in other
    assert other.json()["id"] != made.json()["id"]
    routine = body | {"urgency": "routine"}
    assert caller.post(REFERRALS, routine, **KEY).status_code == 422, "their own by now"


def test_for_a_member_whom_it_bars_the_key_is_as_new(
    api: Any, story: Story, body: dict[str, Any]
) -> None:
    """Else the system's key would say that there is a referral which they may not see (R12)."""
    made = system(api).post(REFERRALS, body, **KEY).json()["id"]
    story.id = made
    bar(api, "police.worker", story, "police.worker2")
    barred = system(api, "police.worker2")
    assert barred.get(f"{REFERRALS}/{made}").status_code == 404
    answers = [barred.post(REFERRALS, body | {"urgency": "routine"}, **KEY) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201], answers[0].content
    assert "Idempotency-Replayed" not in answers[0]
    assert answers[0].json()["id"] == answers[1].json()["id"] != made


# -- After the permission ended --------------------------------------------------------------------


def test_after_a_revoke_nothing_is_shared_again(
    api: Any, story: Story, body: dict[str, Any], superuser: Any
) -> None:
    made = system(api).post(REFERRALS, body, **KEY)
    story.id = made.json()["id"]
    story.answers("accept")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    assert opened.status_code == 200
    story.sends("revoke_release", {"via": "oral"})
    before = stored(superuser)
    again = system(api).post(REFERRALS, body, **KEY)
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert again.json()["id"] == story.id
    assert not again.json()["release"]["in_force"]
    assert stored(superuser) == before
    shut = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    assert (shut.status_code, shut.json()["code"]) == (409, "sealed")


def test_a_release_that_was_revoked_is_not_recorded_again(
    api: Any, story: Story, superuser: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    once = release_body("name")
    officer = system(api)
    assert officer.act(story.id, "put_release", once, **KEY).status_code == 200
    story.sends("revoke_release", {"via": "oral"})
    before = stored(superuser)
    again = officer.act(story.id, "put_release", once, **KEY)
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    assert not again.json()["release"]["in_force"]
    assert stored(superuser) == before


# -- Twenty at once --------------------------------------------------------------------------------


def test_twenty_at_once_make_one_referral(api: Any, body: dict[str, Any], superuser: Any) -> None:
    callers = [system(api, f"police.{short}") for short in ("worker", "worker2") * 10]

    def go(caller: Caller) -> Any:
        try:
            return caller.post(REFERRALS, body, **KEY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(go, callers))
    done = [one for one in answers if one.status_code == 201]
    waits = [one for one in answers if one.status_code == 409]
    assert len(done) + len(waits) == 20, {one.status_code for one in answers}
    assert {one.json()["code"] for one in waits} <= {"in_flight"}
    assert len({one.json()["id"] for one in done}) == 1
    assert sum("Idempotency-Replayed" not in one for one in done) == 1
    with superuser.cursor() as cursor:
        for table, rows in (("referral", 1), ("release", 1), ("packet_field", len(PACKET))):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (rows,), table
        cursor.execute("SELECT act FROM referral_event ORDER BY xact, id")
        acts = [act for (act,) in cursor.fetchall()]
    assert acts == ["create", "put_release", "put_packet", "send"]
