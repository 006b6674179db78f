"""No read commits after a revoke, or whatever else closes a referral, has."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid5

import pytest

from api.dev import demo
from tests.support.ground.races import OPENING, Race, act
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import PACKET, Story, release_body, return_body

# -- The reader and the revoke ---------------------------------------------------------------------


def waiting_to_close(race: Race) -> int:
    """How many acts wait until the readers of a referral are through."""
    count: int = race.one(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
        " AND mode = 'ExclusiveLock'"
    )
    return count


@pytest.mark.parametrize(
    ("who", "closing"),
    [
        ("police.worker", "revoke_release"),
        ("ywca.worker", "revoke_release"),
        ("police.worker", "narrow_release"),
        ("ywca.worker", "narrow_release"),
        ("police.worker", "put_release"),  # in place of the one that is read under
        ("police.worker", "withdraw"),
        ("ywca.worker", "stop"),
    ],
)
def test_a_reading_under_way_commits_before_what_closes_it(
    race: Race, story: Story, api: Any, who: str, closing: str
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    close = act(api, who, story, closing)
    with race.held(OPENING):
        reading = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
        closed = race.start_and_wait(close)
        assert waiting_to_close(race) == 1, "it waits for the reader, not for the table"
    assert reading.result(SOON).json()["packet"] == PACKET
    assert closed.result(SOON).status_code == 200


@pytest.mark.parametrize("closing", ["put_return_release", "revoke_return_release"])
def test_what_came_back_is_read_before_what_closes_it(
    race: Race, story: Story, api: Any, closing: str
) -> None:
    story.accept().answers("complete", {"outcome": "served"})
    story.answers("put_return_release", return_body())
    body = return_body("connected") if closing == "put_return_release" else {}
    sender, advocate = api("police.worker"), api("ywca.worker")
    with race.held("LOCK TABLE returned IN ACCESS EXCLUSIVE MODE"):
        reading = race.start_and_wait(lambda: sender.get(f"/v1/referrals/{story.id}/returned"))
        closed = race.start_and_wait(lambda: advocate.act(story.id, closing, body))
        assert waiting_to_close(race) == 1
    assert set(reading.result(SOON).json()["returned"]) > {"connected"}
    assert closed.result(SOON).status_code == 200


def test_a_reader_that_comes_while_a_revoke_is_under_way_gets_nothing(
    race: Race, story: Story, api: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    with race.held("LOCK TABLE release_end IN ACCESS EXCLUSIVE MODE"):
        revoked = race.start_and_wait(act(api, "police.worker", story, "revoke_release"))
        reading = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
    assert revoked.result(SOON).status_code == 200
    answer = reading.result(SOON)
    assert (answer.status_code, answer.json()["code"]) == (409, "sealed")
    assert "packet" not in answer.json()


def test_a_reader_that_comes_while_a_narrower_release_is_put_reads_by_that_one(
    race: Race, story: Story, api: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    officer, narrower = api("police.worker"), release_body("name")
    with race.held("LOCK TABLE release_end IN ACCESS EXCLUSIVE MODE"):
        put = race.start_and_wait(lambda: officer.act(story.id, "put_release", narrower))
        reading = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
    assert put.result(SOON).status_code == 200
    assert reading.result(SOON).json()["packet"] == {"name": PACKET["name"]}


@pytest.mark.parametrize("who", ["police.worker", "ywca.worker"])
def test_a_reader_that_comes_while_fields_are_taken_away_reads_those_that_are_left(
    race: Race, story: Story, api: Any, who: str
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    closer, left = api(who), {"fields": ["name"]}
    with race.held("LOCK TABLE referral_event IN ACCESS EXCLUSIVE MODE"):
        narrowed = race.start_and_wait(lambda: closer.act(story.id, "narrow_release", left))
        reading = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
    assert narrowed.result(SOON).status_code == 200
    assert reading.result(SOON).json()["packet"] == {"name": PACKET["name"]}


CLOSINGS = [
    # who closes, by which act, how; what a later reader is answered
    ("police.worker", "revoke_release", {"via": "oral"}, (409, "sealed")),
    ("ywca.worker2", "revoke_release", {"via": "written"}, (409, "sealed")),
    ("police.worker", "stop", {}, (409, "wrong_state")),
    ("ywca.worker2", "stop", {}, (409, "wrong_state")),
    ("ywca.lead", "block", {"member_id": str(member_id("ywca.worker"))}, (404, "not_found")),
    ("police.worker", "block", {"other_agency": True}, (404, "not_found")),
]


@pytest.mark.parametrize(("who", "closing", "body", "later"), CLOSINGS)
def test_no_reader_of_twenty_commits_after_what_closes_has(
    race: Race, story: Story, api: Any, who: str, closing: str, body: Any, later: Any
) -> None:
    """Twenty read while it is closed: each that reads does so before the closing commits."""
    story.accept().release(*PACKET).packet(**PACKET)
    colleague = {"member_id": str(member_id("ywca.worker2"))}
    story.answers("assign", colleague)
    closer = api(who)
    readers = [api("ywca.worker") for _ in range(20)]

    def read(caller: Any) -> Any:
        return caller.act(story.id, "open_packet", {"purpose": "intake"})

    with ThreadPoolExecutor(21) as pool:
        crowd = Race(race.superuser, pool)
        with race.held(OPENING):
            before = [crowd.start_and_wait(lambda one=one: read(one)) for one in readers[:10]]
            closed = crowd.start_and_wait(lambda: closer.act(story.id, closing, body))
            after = [crowd.start_and_wait(lambda one=one: read(one)) for one in readers[10:]]
        assert [one.result(SOON).status_code for one in before] == [200] * 10
        assert closed.result(SOON).status_code == 200
        answers = [one.result(SOON) for one in after]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [later] * 10
    late = race.one(
        "SELECT count(*) FROM access_entry e, access_entry b WHERE b.act = %(act)s"
        " AND b.referral_id = %(id)s AND e.referral_id = %(id)s AND e.decision = 'allowed'"
        " AND b.decision = 'allowed' AND e.act = 'referral.open_packet' AND e.at > b.at",
        {"id": story.id, "act": f"referral.{closing}"},
    )
    assert late == 0


# -- What ends without an act ----------------------------------------------------------------------

Change = tuple[str, list[Any]]


def endings(who: str) -> dict[str, tuple[Change, Change, tuple[int, str]]]:
    """What ends, how it begins again, and the answer that a reader gets from then on."""
    member, agency = str(member_id(who)), str(agency_id(who.split(".")[0]))
    client = str(uuid5(demo.NAMESPACE, "client ywca"))
    person = "(SELECT person_id FROM permissions_membership WHERE id = %s)"

    def switch(table: str, column: str, key: str, value: str) -> tuple[Change, Change]:
        say = f"UPDATE {table} SET {column} = %s WHERE id = {key}"
        return (say, [False, value]), (say, [True, value])

    nothing: Change = ("SELECT 1", [])
    return {
        "the release": (
            ("UPDATE release SET expires_at = sec.clock()", []),
            nothing,
            (409, "sealed"),
        ),
        "the grant": (
            ("UPDATE packet_grant SET expires_at = sec.clock() WHERE release_id IS NOT NULL", []),
            nothing,
            (409, "sealed"),
        ),
        "the session": (
            ("UPDATE credential SET ended_at = now()", []),
            nothing,
            (401, "not_authenticated"),
        ),
        "the session's time": (
            ("UPDATE credential SET expires_at = now() - interval '1 second'", []),
            nothing,
            (401, "not_authenticated"),
        ),
        "the membership": (
            *switch("permissions_membership", "active", "%s", member),
            (401, "not_authenticated"),
        ),
        "the person": (
            *switch("permissions_person", "is_active", person, member),
            (401, "not_authenticated"),
        ),
        "the agency": (
            *switch("permissions_agency", "active", "%s", agency),
            (401, "not_authenticated"),
        ),
        "the client": (
            *switch("permissions_client", "active", "%s", client),
            (401, "not_authenticated"),
        ),
        "the assignment": (
            ("DELETE FROM referral_assignment WHERE membership_id = %s", [member]),
            nothing,
            (403, "not_assigned"),
        ),
    }


@pytest.mark.parametrize("what", endings("ywca.worker"))
def test_once_it_has_ended_each_of_twenty_is_refused_at_the_next_request(
    race: Race, story: Story, api: Any, superuser: Any, what: str
) -> None:
    """All twenty have just read; what they read by ends; not one reads again."""
    story.accept().release(*PACKET).packet(**PACKET)
    end, again, refusal = endings("ywca.worker")[what]
    who = ("ywca.client", "ywca.worker") if what == "the client" else ("ywca.worker", None)
    readers = [api(*who) for _ in range(20)]

    def read(caller: Any) -> Any:
        answer = caller.act(story.id, "open_packet", {"purpose": "intake"})
        return answer.status_code, answer.json().get("code")

    with ThreadPoolExecutor(20) as pool:
        crowd = Race(race.superuser, pool)

        def all_read() -> set[Any]:
            every = [crowd.start(lambda one=one: read(one)) for one in readers]
            return {one.result(SOON) for one in every}

        assert all_read() == {(200, None)}
        with superuser.cursor() as cursor:
            cursor.execute(*end)
            assert cursor.rowcount
        try:
            assert all_read() == {refusal}
        finally:
            with superuser.cursor() as cursor:
                cursor.execute(*again)
