"""What comes due without an answer: who is shown it, once, and what it leaves behind."""

from datetime import datetime
from itertools import product
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from psycopg2.errors import InsufficientPrivilege

from referrals.deadlines import overdue
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.sender_view import Sender

NOTHING = dict.fromkeys(("ack_by", "accept_by", "handoff_by", "expires_at"), 0)


def seen(api: Any, who: str, story: Story) -> Any:
    return api(who).get(f"/v1/referrals/{story.id}").json()


def history(api: Any, who: str, story: Story) -> list[tuple[str, str, str | None]]:
    steps = api(who).get(f"/v1/referrals/{story.id}/history").json()["items"]
    return [(step["act"], step["side"], step["code"]) for step in steps if step["side"] == "system"]


def test_nothing_is_marked_before_its_time(story: Story, shift_clock: Any) -> None:
    story.send()
    shift_clock("59 minutes")
    assert overdue.missed_deadlines() == []
    assert overdue.mark_all_missed() == NOTHING


def test_no_one_looked_and_no_one_answered_is_marked_once_each_and_shown_to_both(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.send()
    for after, clock in (("61 minutes", "ack_by"), ("121 minutes", "accept_by")):
        shift_clock(after)
        (alarm,) = overdue.missed_deadlines()
        assert (alarm.clock, str(alarm.referral_id)) == (clock, story.id)
        assert overdue.mark_all_missed() == NOTHING | {clock: 1}
        assert overdue.mark_all_missed() == NOTHING, "not twice"
        assert overdue.mark_missed(alarm) is False
    for who in ("police.worker", "ywca.worker"):
        assert seen(api, who, story)["escalated_at"] is not None
        assert history(api, who, story) == [
            ("escalated", "system", "ack_by"),
            ("escalated", "system", "accept_by"),
        ]


def test_a_scheduler_that_slept_marks_both_deadlines_as_one(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.send()
    shift_clock("3 hours")
    assert overdue.mark_all_missed() == NOTHING | {"accept_by": 1}
    assert history(api, "police.worker", story) == [("escalated", "system", "accept_by")]


def test_what_was_looked_at_is_only_late_with_its_answer(story: Story, shift_clock: Any) -> None:
    story.send().answers("acknowledge")
    shift_clock("61 minutes")
    assert overdue.mark_all_missed() == NOTHING
    shift_clock("121 minutes")
    assert overdue.mark_all_missed() == NOTHING | {"accept_by": 1}


def test_it_expires_in_the_word_that_it_was_shown_already_and_its_packet_is_destroyed(
    story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    shift_clock("4 hours 1 minute")
    before = seen(api, "police.worker", story)
    assert overdue.mark_all_missed() == NOTHING | {"expires_at": 1}
    assert overdue.mark_all_missed() == NOTHING
    after = seen(api, "police.worker", story)
    assert before["status"] == after["status"] == "expired"
    assert before | {"acts": []} == after | {"acts": []}
    for who in ("police.worker", "ywca.worker"):
        assert history(api, who, story) == [("expire", "system", None)]
    assert api("ywca.worker").act(story.id, "accept").json()["current_state"] == "expired"
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT r.status, r.ended_at = r.expires_at, g.key_bundle IS NULL FROM referral r"
            " JOIN packet_grant g ON g.referral_id = r.id AND g.release_id IS NOT NULL"
        )
        assert cursor.fetchall() == [("expired", True, True)]


def test_a_hand_off_that_no_one_tries_is_the_recipients_alone_to_know(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept()
    story.answers("start_handoff", {"mode": "phone"})  # an intention stops no clock
    shift_clock("4 hours 1 minute")
    sender = Sender(api)
    before = sender.view(story.id)
    assert overdue.mark_all_missed() == NOTHING | {"handoff_by": 1}
    assert overdue.mark_all_missed() == NOTHING
    assert sender.view(story.id) == before
    assert seen(api, "ywca.worker", story)["escalated_at"] is not None
    assert history(api, "ywca.worker", story) == [("escalated", "system", "handoff_by")]
    attempt = {"result": "not_connected"}
    assert api("ywca.worker").act(story.id, "record_attempt", attempt).status_code == 201
    now = seen(api, "ywca.worker", story)
    assert (now["escalated_at"], now["handoff_by"]) == (None, None)


@pytest.mark.parametrize("act", ["accept", "decline"])
def test_an_answer_that_came_first_is_not_marked(
    story: Story, api: Any, shift_clock: Any, act: str
) -> None:
    story.send()
    shift_clock("61 minutes")
    (alarm,) = overdue.missed_deadlines()
    body = {"code": "other"} if act == "decline" else {}
    assert api("ywca.worker").act(story.id, act, body).status_code == 200
    assert overdue.mark_missed(alarm) is False
    assert history(api, "police.worker", story) == []


def test_a_clock_that_is_set_back_marks_nothing_twice(story: Story, shift_clock: Any) -> None:
    story.send()
    shift_clock("61 minutes")
    assert overdue.mark_all_missed() == NOTHING | {"ack_by": 1}
    shift_clock("10 minutes")
    assert overdue.mark_all_missed() == NOTHING
    shift_clock("62 minutes")
    assert overdue.mark_all_missed() == NOTHING


def test_the_next_deadline_is_the_nearest_that_is_still_open(
    story: Story, api: Any, shift_clock: Any
) -> None:
    assert overdue.next_deadline() is None
    story.send()
    at = seen(api, "ywca.worker", story)
    assert same(overdue.next_deadline(), at["ack_by"])
    story.answers("acknowledge")
    assert same(overdue.next_deadline(), at["accept_by"])
    shift_clock("121 minutes")
    overdue.mark_all_missed()
    assert same(overdue.next_deadline(), at["expires_at"])
    shift_clock("0")
    now = api("ywca.worker").act(story.id, "accept").json()
    assert same(overdue.next_deadline(), now["handoff_by"])
    story.answers("complete", {"outcome": "served"})
    assert overdue.next_deadline() is None


def same(moment: Any, text: str) -> bool:
    return moment is not None and moment == datetime.fromisoformat(text)


def test_the_clocks_change_nothing_else_whatever_they_try(story: Story) -> None:
    """The role of the background work, by raw SQL: a mark, or an end that is due by its word."""
    story.accept()
    for statement in (
        "UPDATE referral SET status = 'accepted'",
        "UPDATE referral SET status = 'expired'",
        "UPDATE referral_side SET escalated_at = NULL, version = 9 WHERE state = 'accepted'",
        "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,"
        " from_sees, to_sees) SELECT gen_random_uuid(), id, from_agency_id, to_agency_id, now(),"
        " 'escalated', true, true FROM referral",
        "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, code,"
        " from_sees, to_sees) SELECT gen_random_uuid(), id, from_agency_id, to_agency_id, now(),"
        " 'escalated', 'handoff_by', true, true FROM referral",
    ):
        assert untouched(statement), statement


def may_be_told_by_the_clock(act: str, code: str | None, sender: bool, recipient: bool) -> bool:
    """What the background work may say in nobody's name, and to whom."""
    return {
        "purge_due": sender != recipient,
        "idle": recipient and not sender,
        "unable": recipient and not sender,
        "closed": sender and not recipient,
        "expire": sender and recipient,
        "escalated": recipient
        and ((code in ("ack_by", "accept_by") and sender) or (code == "handoff_by" and not sender)),
    }.get(act, False)


def test_the_clock_tells_each_side_what_it_may_know_and_nothing_in_anybodys_name(
    story: Story, superuser: Any
) -> None:
    story.send()
    acts = ("purge_due", "idle", "unable", "closed", "expire", "escalated", "accept")
    codes_ = (None, "ack_by", "accept_by", "handoff_by", "other")
    wrong = []
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE jobs")
            for act, code, sender, recipient, agency, member in product(
                acts, codes_, *[(False, True)] * 4
            ):
                may = may_be_told_by_the_clock(act, code, sender, recipient)
                cursor.execute("SAVEPOINT one")
                try:
                    cursor.execute(
                        "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id,"
                        " at, act, code, from_sees, to_sees, agency_id, member_id)"
                        " SELECT gen_random_uuid(), id, from_agency_id, to_agency_id, now(), %s,"
                        " %s, %s, %s, CASE WHEN %s THEN from_agency_id END,"
                        " CASE WHEN %s THEN %s::uuid END FROM referral WHERE id = %s",
                        [act, code, sender, recipient, agency, member, story.id, story.id],
                    )
                    taken = cursor.rowcount == 1
                except InsufficientPrivilege:
                    taken = False
                cursor.execute("ROLLBACK TO one")
                if taken != (may and not agency and not member):
                    wrong.append((act, code, sender, recipient, agency, member, taken))
    finally:
        superuser.rollback()
        superuser.autocommit = True
    assert wrong == []


@pytest.mark.parametrize(
    ("can", "cannot"),
    [
        ("referral_event SET from_sees = false", "referral_event SET from_sees = true"),
        ("referral_side SET state = 'unable'", "referral_side SET state = 'completed'"),
        ("referral SET to_purged = true", "referral SET to_purged = false"),
        ("referral_side SET state = 'unable'", "referral_side SET state = NULL"),
        ("referral_side SET escalated_at = now()", "referral_side SET escalated_at = NULL"),
        ("referral_plan SET replaces_id = NULL", "referral_plan SET replaces_id = referral_id"),
    ],
)
def test_what_the_background_work_changes_goes_one_way(
    story: Story, superuser: Any, can: str, cannot: str
) -> None:
    story.accept().answers("start_handoff", {"mode": "phone"})
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT id FROM directory_listing WHERE answered_by IS NULL LIMIT 1")
        story.sends("set_plan", {"services": [str(cursor.fetchone()[0])]})
    mine = " WHERE state IS NOT NULL" if "side" in can else ""
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE jobs")
            cursor.execute(f"UPDATE {can}{mine}")
            assert cursor.rowcount
    finally:
        superuser.rollback()
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE jobs")
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(f"UPDATE {cannot}{mine}")
    finally:
        superuser.rollback()
        superuser.autocommit = True


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ("status = 'expired'", True),
        ("escalated_at = now()", True),
        ("version = version + 1", False),
        ("status = 'accepted', escalated_at = now()", False),
        ("status = 'draft', escalated_at = now()", False),
    ],
)
def test_what_waits_the_clocks_mark_or_end_and_change_no_further(
    story: Story, change: str, taken: bool
) -> None:
    """referral.jobs_expire."""
    story.send()
    assert untouched(f"UPDATE referral SET {change}") != taken


def test_no_hand_off_is_late_of_a_side_that_has_none_or_has_ended_it(story: Story) -> None:
    """referral_side.jobs_flag: the sender's side, and a recipient's that said how it went."""
    story.accept().answers("start_handoff", {"mode": "phone"})
    assert untouched("UPDATE referral_side SET escalated_at = now() WHERE state IS NULL")
    assert not untouched("UPDATE referral_side SET escalated_at = now() WHERE state IS NOT NULL")
    story.answers("complete", {"outcome": "connected"})
    assert untouched("UPDATE referral_side SET escalated_at = now() WHERE state IS NOT NULL")


def untouched(statement: str) -> bool:
    try:
        with transaction.atomic(using="jobs"), connections["jobs"].cursor() as cursor:
            cursor.execute(statement)
            count = cursor.rowcount
            transaction.set_rollback(True, using="jobs")
    except DatabaseError:
        return True
    return count == 0
