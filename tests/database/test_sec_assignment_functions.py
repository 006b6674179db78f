"""Single conditions of the functions that assign people to a referral (R7): each is called by
itself, and a second referral of the same two agencies must stay as it is."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.ground.database import past_triggers
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story, service_of
from tests.support.proofs.sec_functions import PUT_ON, call, change, refused

TAKE = "SELECT sec.claim_referral(gen_random_uuid(), %s, %s, false)"
HAND_OVER = "SELECT sec.transfer_referral(gen_random_uuid(), %s, %s, false)"
WORKING = (
    "SELECT s.content_object_id::text, s.membership_id::text FROM referral_assignment s"
    " WHERE s.agency_id = %s"
)
HOLDING = (
    "SELECT referral_id::text, holder_id::text, version FROM referral_side WHERE agency_id = %s"
)
SELF = "SELECT referral_id::text, member_id::text, reason FROM self_assignment"


def who(short: str) -> str:
    return str(member_id(short))


@pytest.fixture
def two(api: Any) -> tuple[Story, Story]:
    return Story(api, service_of("ywca")).accept(), Story(api, service_of("ywca")).accept()


def test_who_takes_it(two: tuple[Story, Story], api: Any, superuser: Any) -> None:
    """sec.claim_referral and sec.set_holder: a waiting referral is taken by any worker whose agency
    has a side of it; later only by a lead, who gives a reason."""
    one, other = two
    waiting = Story(api, service_of("ywca")).send().answers("acknowledge")
    ywca = [str(agency_id("ywca"))]
    before = set(rows(superuser, WORKING, ywca))
    for caller, story, why in (
        ("ywca.worker2", one, "review"),
        ("ywca.lead", one, None),
        ("police.worker2", one, "review"),
        ("police.worker2", waiting, None),
        ("ywca.worker2", Story(api, service_of("ywca")).send(), None),  # no side of it yet
        ("hospital.lead", one, "review"),
        ("ywca.client", waiting, None),
        ("ywca.admin", waiting, None),
    ):
        assert refused(api(caller), TAKE, story.id, why), (caller, why)
    call(api("ywca.worker2"), "claim_referral", uuid4(), waiting.id, None, False)
    taken = {(waiting.id, who("ywca.worker2"))}
    assert set(rows(superuser, WORKING, ywca)) - before == taken
    assert rows(superuser, SELF) == [], "a worker who answers needs no reason"
    call(api("ywca.lead"), "claim_referral", uuid4(), one.id, "review", True)
    call(api("ywca.lead"), "claim_referral", uuid4(), other.id, "safety", False)
    assert set(rows(superuser, WORKING, ywca)) == taken | {
        (one.id, who("ywca.worker")),
        (one.id, who("ywca.lead")),
        (other.id, who("ywca.lead")),
    }, "kept, and not kept"
    lead = who("ywca.lead")
    assert set(rows(superuser, SELF)) == {(one.id, lead, "review"), (other.id, lead, "safety")}
    held = {(id_, holder) for id_, holder, _ in rows(superuser, HOLDING, ywca)}
    assert held == {(one.id, lead), (other.id, lead), (waiting.id, who("ywca.worker2"))}


def test_nothing_is_taken_of_what_is_over(
    two: tuple[Story, Story], api: Any, superuser: Any
) -> None:
    """sec.caller_relation: ended, run out before an answer, and a side that completed or
    stopped."""
    one, _ = two
    lead, sender = api("ywca.lead"), api("police.lead")
    where = "WHERE id = %s"

    def taken_by(caller: Any) -> bool:
        return not refused(caller, TAKE, one.id, "review")

    assert taken_by(lead)
    change(superuser, f"referral SET ended_at = now() {where}", one.id)
    assert not taken_by(lead)
    with past_triggers(superuser):  # one keeps the end; the test takes it back
        change(superuser, f"referral SET ended_at = NULL {where}", one.id)
    change(superuser, f"referral SET expires_at = now() - interval '1 hour' {where}", one.id)
    assert taken_by(lead), "what was accepted does not run out"
    side = "referral_side SET state = %s WHERE referral_id = %s AND agency_id = %s"
    for state, open_ in (("completed", False), ("stopped", False), ("in_handoff", True)):
        with past_triggers(superuser):
            change(superuser, side, state, one.id, agency_id("ywca"))
        assert taken_by(lead) is open_, state
        assert taken_by(sender), "what the other side does, it does not feel (R2)"
    late = Story(api, service_of("ywca")).send().answers("acknowledge")
    assert not refused(lead, TAKE, late.id, None)
    change(superuser, f"referral SET expires_at = now() - interval '1 hour' {where}", late.id)
    assert refused(lead, TAKE, late.id, None)
    change(superuser, f"referral SET expires_at = NULL {where}", late.id)
    assert not refused(lead, TAKE, late.id, None)


def test_a_draft_is_taken_by_its_own_side_and_once(api: Any, superuser: Any) -> None:
    """sec.caller_relation: a referral is fresh if it has no holder and no event, was not sent, and
    belongs to the caller's agency. One that has lost its holder is taken over with a reason."""
    story = Story(api, service_of("ywca")).create()
    colleague = api("police.worker2")
    assert refused(colleague, TAKE, story.id, None), "it has a holder"
    side = "referral_side SET holder_id = NULL WHERE referral_id = %s AND agency_id = %s"
    change(superuser, side, story.id, agency_id("police"))
    assert refused(colleague, TAKE, story.id, None), "it has events"
    assert not refused(colleague, TAKE, story.id, "nobody_assigned")
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM referral_event WHERE referral_id = %s", [story.id])
    assert not refused(colleague, TAKE, story.id, None)
    assert refused(api("ywca.worker"), TAKE, story.id, None), "it was not sent"
    story.send().answers("acknowledge")
    change(superuser, side, story.id, agency_id("police"))
    assert refused(colleague, TAKE, story.id, None), "it was sent"
    assert not refused(api("ywca.worker"), TAKE, story.id, None)
    story.accept()
    change(superuser, side, story.id, agency_id("ywca"))
    assert refused(api("ywca.worker2"), TAKE, story.id, None), "it was accepted"
    change(superuser, "referral SET from_purged = true WHERE id = %s", story.id)
    assert refused(api("police.lead"), TAKE, story.id, "review"), "it is the recipient's alone"
    assert not refused(api("ywca.lead"), TAKE, story.id, "review")
    change(superuser, "referral SET from_purged = false, to_purged = true WHERE id = %s", story.id)
    assert refused(api("ywca.lead"), TAKE, story.id, "review"), "its part is purged"
    assert not refused(api("police.lead"), TAKE, story.id, "review")


def test_who_puts_whom_on_it(two: tuple[Story, Story], api: Any, superuser: Any) -> None:
    """sec.assign_member and sec.insert_assignment: the holder or a lead, a colleague who works
    there."""
    one, other = two
    ywca = [str(agency_id("ywca"))]
    before = set(rows(superuser, WORKING, ywca))
    for caller, whom, why in (
        ("ywca.worker2", who("ywca.worker2"), "review"),
        ("ywca.worker2", who("ywca.lead"), None),
        ("ywca.worker", who("ywca.worker"), "review"),
        ("ywca.lead", who("ywca.lead"), None),
        ("ywca.lead", who("police.worker"), None),
        ("ywca.lead", who("ywca.admin"), None),
        ("ywca.lead", str(uuid4()), None),
        ("police.worker", who("ywca.worker2"), None),
        ("hospital.lead", who("hospital.worker"), None),
    ):
        assert refused(api(caller), PUT_ON, one.id, whom, why), (caller, whom)
    for column, table, id_ in (
        ("active", "permissions_membership", "id = %s"),
        ("is_active", "permissions_person", "id = (SELECT person_id FROM permissions_membership"
         " WHERE id = %s)"),
    ):  # fmt: skip
        change(superuser, f"{table} SET {column} = false WHERE {id_}", who("ywca.worker2"))
        assert refused(api("ywca.worker"), PUT_ON, one.id, who("ywca.worker2"), None), table
        change(superuser, f"{table} SET {column} = true WHERE {id_}", who("ywca.worker2"))
    for _ in range(2):  # twice is once
        call(api("ywca.worker"), "assign_member", uuid4(), one.id, who("ywca.worker2"), None)
    more = {(one.id, who("ywca.worker2"))}
    assert set(rows(superuser, WORKING, ywca)) - before == more
    assert rows(superuser, SELF) == []
    call(api("ywca.lead"), "assign_member", uuid4(), one.id, who("ywca.lead"), "review")
    more |= {(one.id, who("ywca.lead"))}
    assert set(rows(superuser, WORKING, ywca)) - before == more
    assert rows(superuser, SELF) == [(one.id, who("ywca.lead"), "review")]
    call(api("ywca.worker"), "assign_member", uuid4(), other.id, who("ywca.worker2"), None)
    assert (other.id, who("ywca.worker2")) in set(rows(superuser, WORKING, ywca))
    of = "SELECT DISTINCT codename, user_id = person_id FROM referral_assignment s"
    of += " JOIN auth_permission p ON p.id = s.permission_id"
    of += " JOIN permissions_membership m ON m.id = s.membership_id"
    assert rows(superuser, of) == [("work_on_referral", True)]


def test_who_hands_it_over(two: tuple[Story, Story], api: Any, superuser: Any) -> None:
    """sec.transfer_referral and sec.set_holder: the holder or a lead, to a colleague."""
    one, other = two
    ywca = [str(agency_id("ywca"))]
    colleague = who("ywca.worker2")
    for caller, whom in (
        ("ywca.worker2", who("ywca.lead")),
        ("ywca.worker2", colleague),
        ("ywca.worker", who("ywca.worker")),
        ("ywca.worker", who("police.worker")),
        ("ywca.lead", who("ywca.lead")),
        ("hospital.lead", who("hospital.worker")),
    ):
        assert refused(api(caller), HAND_OVER, one.id, whom), (caller, whom)
    theirs = [str(agency_id("police"))]
    before = set(rows(superuser, HOLDING, theirs))
    assert len(before) == 2
    version = {id_: n for id_, _, n in rows(superuser, HOLDING, ywca)}
    call(api("ywca.worker"), "transfer_referral", uuid4(), one.id, colleague, True)
    worker = who("ywca.worker")
    assert set(rows(superuser, HOLDING, ywca)) == {
        (one.id, colleague, version[one.id] + 1),
        (other.id, worker, version[other.id]),
    }
    assert set(rows(superuser, WORKING, ywca)) == {
        (one.id, worker),
        (one.id, colleague),
        (other.id, worker),
    }
    call(api("ywca.lead"), "assign_member", uuid4(), one.id, who("ywca.lead"), "review")
    call(api("ywca.worker"), "assign_member", uuid4(), other.id, colleague, None)
    call(api("ywca.lead"), "transfer_referral", uuid4(), one.id, worker, False)
    assert set(rows(superuser, WORKING, ywca)) == {
        (one.id, worker),
        (one.id, who("ywca.lead")),
        (other.id, worker),
        (other.id, colleague),  # she is off the one alone
    }
    call(api("ywca.lead"), "transfer_referral", uuid4(), one.id, worker, False)
    assert (one.id, worker) in set(rows(superuser, WORKING, ywca)), "to the holder herself"
    change(superuser, "referral SET ended_at = now() WHERE id = %s", one.id)
    assert refused(api("ywca.worker"), HAND_OVER, one.id, colleague)
    assert not refused(api("ywca.worker"), PUT_ON, one.id, colleague, None), "it is still kept"
    assert set(rows(superuser, HOLDING, theirs)) == before, "the other side has its own"


def test_a_tally_counts_for_whoever_writes(api: Any, superuser: Any) -> None:
    """sec.count_agreement_answer"""
    counted = "SELECT agency_id::text, offered, declined FROM agreement_tally"
    for caller in ("police.admin", "police.client", "taskforce.coordinator"):
        assert refused(api(caller), "SELECT sec.count_agreement_answer(true)"), caller
    call(api("police.worker"), "count_agreement_answer", True)
    call(api("police.worker2"), "count_agreement_answer", False)
    assert rows(superuser, counted) == [(str(agency_id("police")), 2, 1)]
