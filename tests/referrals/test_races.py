"""Two at once: exactly one wins, and no read commits after a revoke has.

Each interleaving is forced: the superuser holds what both need, the test sees each of them wait in
`pg_locks`, in the order it wants, and only then lets go.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid5

import pytest
from django.db import connections

from api.dev import demo
from permissions.identity import credentials
from permissions.models import Membership
from tests.support import routes
from tests.support.callers import agency_id, member_id
from tests.support.races import OPENING, WAIT_S, Race, act, events, in_order, told
from tests.support.races import race as race  # a fixture
from tests.support.stories import PACKET, Story, release_body, return_body

# -- One wins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (("ywca.worker", "accept"), ("ywca.worker2", "accept"), "accepted"),
        (("ywca.worker", "accept"), ("ywca.worker2", "decline"), "accepted"),
        (("ywca.worker", "decline"), ("ywca.worker2", "accept"), "declined"),
        (("police.worker", "withdraw"), ("ywca.worker", "accept"), "withdrawn"),
        (("police.worker", "stop"), ("ywca.worker", "accept"), "stopped"),
        (("ywca.worker", "acknowledge"), ("ywca.worker2", "acknowledge"), "acknowledged"),
    ],
)
def test_of_two_answers_the_first_wins_and_the_second_is_told_the_state(
    race: Race, story: Story, api: Any, first: Any, second: Any, state: str
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    one, other = in_order(
        race, story, act(api, first[0], story, first[1]), act(api, second[0], story, second[1])
    )
    assert told(one) == (200, None)
    assert told(other) == (409, state)
    assert events(race, story, first[1]) == 1
    holder = race.one(
        "SELECT count(*) FROM referral_assignment a WHERE content_object_id = %s"
        " AND membership_id = %s",
        [story.id, str(member_id(second[0]))],
    )
    assert holder == 0, "the second did not become an assignee"
    open_bundles = race.one(
        "SELECT count(*) FROM packet_grant WHERE release_id IS NOT NULL AND opened_at IS NOT NULL"
    )
    assert open_bundles == (state == "accepted")


@pytest.mark.parametrize("closing", ["withdraw", "stop"])
def test_what_the_sender_ends_wins_over_an_accept_that_came_first(
    race: Race, story: Story, api: Any, closing: str
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    accepted, ended = in_order(
        race,
        story,
        act(api, "ywca.worker", story, "accept"),
        act(api, "police.worker", story, closing),
    )
    assert (accepted.status_code, ended.status_code) == (200, 200)
    bundle = race.one("SELECT key_bundle IS NULL FROM packet_grant WHERE release_id IS NOT NULL")
    assert bundle is True
    shown = api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["status"]
    assert shown == {"withdraw": "withdrawn", "stop": "stopped"}[closing]


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [("complete", "stop", "completed"), ("stop", "complete", "stopped")],
)
def test_of_two_endings_by_the_recipient_the_first_wins(
    race: Race, story: Story, api: Any, first: str, second: str, state: str
) -> None:
    story.accept()
    one, other = in_order(
        race,
        story,
        act(api, "ywca.worker", story, first),
        act(api, "ywca.worker", story, second),
    )
    assert told(one) == (200, None)
    assert told(other) == (409, state)
    assert events(race, story, second) == 0


@pytest.mark.parametrize("first", ["complete", "take_over"])
def test_of_a_take_over_and_an_ending_at_once_one_wins(
    race: Race, story: Story, api: Any, first: str
) -> None:
    story.accept()
    calls = {
        "complete": act(api, "ywca.worker", story, "complete"),
        "take_over": act(api, "ywca.lead", story, "take_over"),
    }
    second = next(name for name in calls if name != first)
    one, other = in_order(race, story, calls[first], calls[second])
    assert told(one) == (200, None)
    # Who was replaced meanwhile may end nothing; what was ended meanwhile is taken over by nobody.
    assert told(other) == ((409, "completed") if first == "complete" else (403, None))
    assert (events(race, story, first), events(race, story, second)) == (1, 0)
    assert race.one("SELECT count(*) FROM self_assignment") == (first == "take_over")


@pytest.mark.parametrize(
    ("order", "state", "told_recipient"),
    [(("complete", "withdraw"), "completed", 200), (("withdraw", "complete"), "withdrawn", 409)],
)
def test_an_ending_and_a_withdrawal_at_once_tell_the_sender_nothing(
    race: Race, story: Story, api: Any, order: tuple[str, str], state: str, told_recipient: int
) -> None:
    story.accept()
    calls = {
        "complete": act(api, "ywca.worker", story, "complete"),
        "withdraw": act(api, "police.worker", story, "withdraw"),
    }
    answers = dict(zip(order, in_order(race, story, *(calls[one] for one in order)), strict=True))
    assert answers["withdraw"].status_code == 200
    assert answers["withdraw"].json()["status"] == "withdrawn"
    assert answers["complete"].status_code == told_recipient
    assert api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["status"] == state


# -- Both are right --------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "name"), [("police.worker", "send"), ("ywca.worker", "accept")])
def test_the_same_member_twice_at_once_is_answered_twice_and_done_once(
    race: Race, story: Story, api: Any, who: str, name: str
) -> None:
    story.create() if name == "send" else story.send()
    one, other = in_order(race, story, act(api, who, story, name), act(api, who, story, name))
    assert one.status_code == other.status_code == 200
    assert one.json() == other.json()
    assert one["ETag"] == other["ETag"]
    assert events(race, story, name) == 1


def test_two_fields_written_at_once_are_both_in_the_packet(
    race: Race, story: Story, api: Any
) -> None:
    story.accept().release("name", "phone")
    police = [api("police.worker"), api("police.worker")]
    one, other = in_order(
        race,
        story,
        lambda: police[0].act(story.id, "put_packet", {"packet": {"name": "Invented"}}),
        lambda: police[1].act(story.id, "put_packet", {"packet": {"phone": "406-555-0100"}}),
    )
    assert one.status_code == other.status_code == 200
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert opened["packet"] == {"name": "Invented", "phone": "406-555-0100"}


def test_of_one_stale_version_only_the_first_act_is_honoured(
    race: Race, story: Story, api: Any
) -> None:
    story.create()
    police = [api("police.worker"), api("police.worker")]
    etag = police[0].get(f"/v1/referrals/{story.id}")["ETag"]
    body = routes.BODIES["put_notice"]
    one, other = in_order(
        race,
        story,
        lambda: police[0].act(story.id, "put_notice", body, If_Match=etag),
        lambda: police[1].act(story.id, "put_notice", body, If_Match=etag),
    )
    assert (one.status_code, other.status_code) == (200, 412)


# -- A key in flight -------------------------------------------------------------------------------


def test_one_idempotency_key_at_once_makes_one_referral(race: Race, story: Story, api: Any) -> None:
    callers = [api("police.client", "police.worker") for _ in range(4)]
    body = routes.BODIES["put_notice"] | {"service_id": story.service_id}

    def create(caller: Any, **change: Any) -> Any:
        return caller.post("/v1/referrals", body | change, Idempotency_Key="one key")

    with race.held("LOCK TABLE referral IN SHARE MODE"):  # an insert waits, a read does not
        first = race.start_and_wait(lambda: create(callers[0]))
        second = race.start(lambda: create(callers[1])).result(WAIT_S)
        assert (second.status_code, second.json()["code"]) == (409, "in_flight")
        assert not first.done()
    made = first.result(WAIT_S)
    assert made.status_code == 201
    again = create(callers[2])
    assert again.status_code == 201
    assert again.json()["id"] == made.json()["id"]
    assert create(callers[3], urgency="routine").status_code == 422
    assert race.one("SELECT count(*) FROM referral") == 1


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
    assert reading.result(WAIT_S).json()["packet"] == PACKET
    assert closed.result(WAIT_S).status_code == 200


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
    assert set(reading.result(WAIT_S).json()["returned"]) > {"connected"}
    assert closed.result(WAIT_S).status_code == 200


def test_a_reader_that_comes_while_a_revoke_is_under_way_gets_nothing(
    race: Race, story: Story, api: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    with race.held("LOCK TABLE release_end IN ACCESS EXCLUSIVE MODE"):
        revoked = race.start_and_wait(act(api, "police.worker", story, "revoke_release"))
        reading = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
    assert revoked.result(WAIT_S).status_code == 200
    answer = reading.result(WAIT_S)
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
    assert put.result(WAIT_S).status_code == 200
    assert reading.result(WAIT_S).json()["packet"] == {"name": PACKET["name"]}


@pytest.mark.parametrize("who", ["police.worker", "ywca.worker"])
def test_a_reader_that_comes_while_fields_are_taken_away_reads_those_that_are_left(
    race: Race, story: Story, api: Any, who: str
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    closer, left = api(who), {"fields": ["name"]}
    with race.held("LOCK TABLE referral_event IN ACCESS EXCLUSIVE MODE"):
        narrowed = race.start_and_wait(lambda: closer.act(story.id, "narrow_release", left))
        reading = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
    assert narrowed.result(WAIT_S).status_code == 200
    assert reading.result(WAIT_S).json()["packet"] == {"name": PACKET["name"]}


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
        assert [one.result(3 * WAIT_S).status_code for one in before] == [200] * 10
        assert closed.result(3 * WAIT_S).status_code == 200
        answers = [one.result(3 * WAIT_S) for one in after]
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
    """What ends, how it begins again, and what whoever reads is answered from then on."""
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
            return {one.result(10 * WAIT_S) for one in every}

        assert all_read() == {(200, None)}
        with superuser.cursor() as cursor:
            cursor.execute(*end)
            assert cursor.rowcount
        try:
            assert all_read() == {refusal}
        finally:
            with superuser.cursor() as cursor:
                cursor.execute(*again)


# -- Seen again after the wait ---------------------------------------------------------------------


def test_a_row_that_was_blocked_while_one_waited_for_it_is_not_handed_out(
    race: Race, story: Story, api: Any
) -> None:
    story.send()
    bar = (
        "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id,"
        " bars_member_id, set_by, set_at) SELECT gen_random_uuid(), id, to_agency_id, 'member',"
        " to_agency_id, %s, %s, now() FROM referral WHERE id = %s"
    )
    by = [str(member_id("ywca.worker")), str(member_id("ywca.lead")), story.id]
    with race.held(bar, by):
        future = race.start_and_wait(act(api, "ywca.worker", story, "accept"))
    assert future.result(WAIT_S).status_code == 404
    assert events(race, story, "accept") == 0


def test_a_member_who_left_while_she_waited_sees_it_no_more(
    race: Race, story: Story, api: Any
) -> None:
    """The first statement's policy was asked before the wait; only a second one asks it anew."""
    story.send()
    change = "UPDATE permissions_membership SET active = %s WHERE id = %s"
    member = str(member_id("ywca.worker2"))
    try:
        with race.row(story):
            future = race.start_and_wait(act(api, "ywca.worker2", story, "accept"))
            with race.superuser.cursor() as cursor:
                cursor.execute(change, [False, member])
        answer = future.result(WAIT_S)
    finally:
        with race.superuser.cursor() as cursor:
            cursor.execute(change, [True, member])
    assert answer.status_code == 404
    rule = race.one("SELECT rule FROM access_entry WHERE request_id = %s", [answer["X-Request-Id"]])
    assert rule == "not_found", "seen again and not found, before any write was tried"
    assert events(race, story, "accept") == 0


# -- Who comes in while somebody is put out --------------------------------------------------------


def signed_in(secret: str) -> bool:
    return credentials.resolve_credential(secret) is not None


def put_out(active: bool) -> None:
    with connections["jobs"].cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_membership SET active = %s WHERE id = %s",
            [active, member_id("police.worker")],
        )


def test_nobody_comes_in_on_what_was_true_a_moment_ago(race: Race) -> None:
    member = Membership.objects.using("door").get(id=member_id("police.worker"))
    ends = "UPDATE permissions_membership SET active = false WHERE id = %s"
    try:
        with race.held(ends, [str(member.id)]):
            opening = race.start_and_wait(lambda: credentials.open_for_member(member))
        assert not signed_in(opening.result(WAIT_S))
    finally:
        put_out(True)


def test_who_just_comes_in_is_put_out_with_the_others(race: Race) -> None:
    member = Membership.objects.using("door").get(id=member_id("police.worker"))
    came_in = (
        "INSERT INTO credential (hash, agency_id, membership_id, roles, scopes, created_at,"
        " expires_at, live, left_roles, system_of_record)"
        " SELECT decode(%s, 'hex'), agency_id, id, roles, '{}', now(), now() + interval '1 hour',"
        " true, '{}', false FROM permissions_membership WHERE id = %s"
    )
    secret = "a-secret-of-the-race-between-two"
    try:
        with race.held(came_in, [credentials.hash_secret(secret), str(member.id)]):
            ending = race.start_and_wait(lambda: put_out(False))
        ending.result(WAIT_S)
        assert not signed_in(secret)
    finally:
        put_out(True)
    assert signed_in(secret)
