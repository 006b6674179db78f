"""Single conditions of the functions about messages: who may be notified of a referral, and by
which channel. Each is called by itself, and must return nothing about a second referral."""

from typing import Any

import pytest
from django.db import connections

from tests.support.ground.database import as_app, rolled_back
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.stories import Story, begun, service_of
from tests.support.proofs.message_functions import asked, found, self_assigned
from tests.support.proofs.sec_functions import changed

NOBODY = Caller("nobody", "")


def one_person(superuser: Any, of: str, also: str) -> Any:
    """While it stands, one person is a member of two agencies."""
    change = (
        "permissions_membership SET person_id ="
        " (SELECT person_id FROM permissions_membership WHERE id = %s) WHERE id = %s"
    )
    values = [str(member_id(of)), str(member_id(also))]
    return changed(superuser, change, values, NOBODY)


def bar(story: Story, who: str = "ywca.worker2") -> Story:
    return story.answers("block", {"member_id": str(member_id(who))})


# -- sec.members_to_notify, sec.may_notify_member --------------------------------------------------


def told(*holders: str, less: tuple[str, ...] = ()) -> list[Any]:
    """The rows of sec.members_to_notify for the demo's ywca."""
    return sorted(
        (
            str(member_id(f"ywca.{one}")),
            one == "lead",
            "reachable",
            one in holders,
        )
        for one in ("worker", "worker2", "lead")
        if one not in less
    )


def may_be_told(cursor: Any, story: Story, key: str = "ywca") -> list[Any]:
    rows_ = found(cursor, "members_to_notify", story.id, agency_id(key))
    assert [row[0] for row in rows_] == sorted(row[0] for row in rows_)
    return [(member, *rest) for member, _, *rest in rows_]


def test_told_are_an_agencys_workers_and_leads_whom_nothing_bars(api: Any, superuser: Any) -> None:
    """sec.members_to_notify: each once, and the holder is known, of this referral and this side."""
    one, other, waiting = begun(api), begun(api), Story(api, service_of("ywca")).send()
    other.answers("assign", {"member_id": str(member_id("ywca.worker2"))})
    why = {"reason": "review", "keep": True}
    assert api("ywca.lead").act(other.id, "take_over", why).status_code == 200
    with connections["jobs"].cursor() as cursor:
        assert may_be_told(cursor, one) == told("worker")
        assert may_be_told(cursor, other) == told("lead")
        assert may_be_told(cursor, waiting) == told()
        bar(one)
        assert may_be_told(cursor, one) == told("worker", less=("worker2",))
        assert may_be_told(cursor, other) == told("lead")
        one.sends("leads_only")
        assert may_be_told(cursor, one) == told(less=("worker", "worker2"))
        other.sends("block", {"other_agency": True})
        assert may_be_told(cursor, other) == []
        assert len(may_be_told(cursor, other, "police")) == 3


OFF = [
    ("permissions_agency SET active = false WHERE id = %s", agency_id("ywca")),
    ("permissions_membership SET active = false WHERE id = %s", member_id("ywca.worker2")),
    (
        "permissions_person SET is_active = false WHERE id ="
        " (SELECT person_id FROM permissions_membership WHERE id = %s)",
        member_id("ywca.worker2"),
    ),
]


@pytest.mark.parametrize(("change", "value"), OFF)
def test_a_member_who_has_left_is_not_notified(
    change: str, value: Any, api: Any, superuser: Any
) -> None:
    """Neither sec.members_to_notify nor sec.may_notify_member, just before the call, names them."""
    story = begun(api)
    her = member_id("ywca.worker2")
    assert asked("may_notify_member", story.id, her) == [(True,)]
    with changed(superuser, change, [str(value)], NOBODY) as cursor:
        left = [] if "agency" in change else told("worker", less=("worker2",))
        assert may_be_told(cursor, story) == left
        assert found(cursor, "may_notify_member", story.id, her) == [(False,)]
        assert found(cursor, "may_notify_member", story.id, member_id("police.worker")) == [(True,)]


def test_no_one_is_called_for_what_bars_her(api: Any) -> None:
    """sec.may_notify_member, whatever her roles; of a member that there is."""
    one, other = begun(api), begun(api)
    bar(one)
    assert asked("may_notify_member", one.id, member_id("ywca.worker2")) == [(False,)]
    assert asked("may_notify_member", other.id, member_id("ywca.worker2")) == [(True,)]
    assert asked("may_notify_member", one.id, member_id("ywca.admin")) == [(True,)]
    assert asked("may_notify_member", one.id, member_id("ywca.nobody")) == [(False,)]


# -- sec.may_notify_mailbox, sec.is_mailbox_blocked ------------------------------------------------


def mailboxes(cursor: Any, story: Story, key: str) -> tuple[bool, bool]:
    """What sec.may_notify_mailbox says, and the opposite of what sec.is_mailbox_blocked does."""
    ((is_open,),) = found(cursor, "may_notify_mailbox", story.id, agency_id(key))
    ((barred,),) = found(cursor, "is_mailbox_blocked", story.id, agency_id(key))
    return is_open, not barred


def test_a_mailbox_is_shut_to_a_referral_that_bars_one_who_reads_there(api: Any) -> None:
    """sec.may_notify_mailbox and sec.is_mailbox_blocked, until the block is lifted."""
    one, whole, other = begun(api), begun(api), begun(api)
    bar(one)
    whole.sends("block", {"other_agency": True})
    with connections["jobs"].cursor() as cursor:
        for story in (one, whole):
            assert mailboxes(cursor, story, "ywca") == (False, False)
            for key in ("police", "hospital"):
                assert mailboxes(cursor, story, key) == (True, True)
        assert mailboxes(cursor, other, "ywca") == (True, True)
    one.answers("unblock", {"member_id": str(member_id("ywca.worker2"))})
    with connections["jobs"].cursor() as cursor:
        assert mailboxes(cursor, one, "ywca") == (True, True)


def test_a_mailbox_is_shut_once_its_part_was_purged(api: Any, superuser: Any) -> None:
    """sec.may_notify_mailbox and sec.is_mailbox_blocked: the recipient's, of this referral."""
    one, other = begun(api), begun(api)
    with rolled_back(superuser) as cursor:
        cursor.execute("UPDATE referral SET to_purged = true WHERE id = %s", [one.id])
        assert mailboxes(cursor, one, "ywca") == (False, False)
        assert mailboxes(cursor, one, "police") == (True, True)
        assert mailboxes(cursor, other, "ywca") == (True, True)


def test_a_mailbox_is_shut_where_the_one_who_is_barred_serves_too(api: Any, superuser: Any) -> None:
    """sec.may_notify_mailbox and sec.is_mailbox_blocked: also where she has left."""
    one, other = begun(api), begun(api)
    bar(one)
    with one_person(superuser, "ywca.worker2", "hospital.worker2") as cursor:
        assert mailboxes(cursor, one, "hospital") == (False, False)
        assert mailboxes(cursor, one, "outsider") == (True, True)
        assert mailboxes(cursor, other, "hospital") == (True, True)
        cursor.execute(
            "UPDATE permissions_membership SET active = false WHERE id = %s",
            [str(member_id("hospital.worker2"))],
        )
        assert mailboxes(cursor, one, "hospital") == (False, False), "she may read there still"


def test_a_mailbox_is_shut_with_its_agency(api: Any, superuser: Any) -> None:
    story = begun(api)
    change, values = OFF[0][0], [str(OFF[0][1])]
    with changed(superuser, change, values, NOBODY) as cursor:
        assert found(cursor, "may_notify_mailbox", story.id, agency_id("ywca")) == [(False,)]
        assert found(cursor, "may_notify_mailbox", story.id, agency_id("police")) == [(True,)]


# -- sec.flag_blocked_side -------------------------------------------------------------------------


def test_a_side_knows_of_a_block_that_came_before_it(api: Any, superuser: Any) -> None:
    one, other = begun(api), begun(api)
    bar(one)

    def begins(story: Story) -> Any:
        """Whether sec.flag_blocked_side flags a side of an agency that had none; and none is
        left."""
        with superuser.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "INSERT INTO referral_side (id, referral_id, agency_id, subject, version)"
                " VALUES (gen_random_uuid(), %s, %s, gen_random_uuid(), 1) RETURNING has_block",
                [story.id, str(agency_id("hospital"))],
            )
            (flagged,) = cursor.fetchone()
            cursor.execute("ROLLBACK")
            return flagged

    assert (begins(one), begins(other)) == (True, False)
    one.answers("unblock", {"member_id": str(member_id("ywca.worker2"))})
    bar(other)
    assert (begins(one), begins(other)) == (False, True)


# -- sec.outside_reviewer, sec.self_assignments_to_review ------------------------------------------

REVIEWER = "ywca.lead"  # of the demo's solo


def of_solo(api: Any, sender: str = "police.worker") -> Story:
    return Story(api, service_of("solo"), sender=sender, recipient="solo.all").accept()


def reviewers(cursor: Any, story: Story, key: str = "solo") -> list[str]:
    return [row[0] for row in found(cursor, "outside_reviewer", story.id, agency_id(key))]


def test_the_outside_reviewer_is_one_live_member_of_no_side(api: Any, superuser: Any) -> None:
    """sec.outside_reviewer"""
    one, theirs = of_solo(api), of_solo(api, "ywca.worker")
    hers = [str(member_id(REVIEWER))]
    with connections["jobs"].cursor() as cursor:
        assert reviewers(cursor, one) == hers
        assert reviewers(cursor, theirs) == []
        assert reviewers(cursor, one, "police") == []
    for change, _ in OFF[1:]:
        with changed(superuser, change, hers, NOBODY) as cursor:
            assert reviewers(cursor, one) == []


def test_who_serves_a_side_as_well_is_no_outside_reviewer_of_it(api: Any, superuser: Any) -> None:
    """sec.is_member_of_a_side, which sec.outside_reviewer and sec.self_assignments_to_review ask:
    by person, as long as she is there."""
    one, other = of_solo(api), of_solo(api, "hospital.worker")
    self_assigned(superuser, api, one)
    reviewed = self_assigned(superuser, api, other)
    at_once = (
        "permissions_membership SET agency_id = %s, person_id = (SELECT person_id"
        " FROM permissions_membership WHERE id = %s) WHERE id = %s"
    )
    values = [str(agency_id("police")), str(member_id(REVIEWER)), str(member_id("police.admin"))]
    hers = [str(member_id(REVIEWER))]
    with changed(superuser, at_once, values, api(REVIEWER)) as cursor:
        assert reviewers(cursor, one) == []
        assert reviewers(cursor, other) == hers
        assert to_review(cursor) == [reviewed]
    gone = at_once.replace("SET agency_id", "SET active = false, agency_id")
    with changed(superuser, gone, values, api(REVIEWER)) as cursor:
        assert reviewers(cursor, one) == hers
        assert len(to_review(cursor)) == 2


def barring(superuser: Any, story: Story, api: Any, caller: Caller) -> Any:
    """As if the one whom a block of this referral bars were its outside reviewer."""
    api("police.worker").act(story.id, "block", {"member_id": str(member_id("police.worker2"))})
    change = "conflict_block SET bars_member_id = %s WHERE referral_id = %s"
    return changed(superuser, change, [str(member_id(REVIEWER)), story.id], caller)


def test_an_outside_reviewer_whom_it_bars_reviews_nothing(api: Any, superuser: Any) -> None:
    """sec.outside_reviewer, and sec.self_assignments_to_review of what there was before."""
    one, other = of_solo(api), of_solo(api)
    reviewed = [self_assigned(superuser, api, story) for story in (one, other)]
    with barring(superuser, one, api, api(REVIEWER)) as cursor:
        assert reviewers(cursor, one) == []
        assert reviewers(cursor, other) == [str(member_id(REVIEWER))]
        assert to_review(cursor) == [reviewed[1]]


def to_review(cursor: Any) -> list[Any]:
    return [tuple(row[1:3]) for row in found(cursor, "self_assignments_to_review")]


def test_a_reviewer_is_told_of_the_agency_she_reviews_alone(api: Any, superuser: Any) -> None:
    """sec.self_assignments_to_review: hers, newest first, and to no system that names her."""
    one, other, theirs = of_solo(api), of_solo(api), of_solo(api, "ywca.worker")
    first = self_assigned(superuser, api, one)
    self_assigned(superuser, api, one, "police.lead")
    self_assigned(superuser, api, theirs)
    second = self_assigned(superuser, api, other)
    for who, acting, expected in (
        (REVIEWER, None, [second, first]),
        ("ywca.client", REVIEWER, []),
        ("ywca.worker", None, []),
        ("sarc.lead", None, []),
    ):
        with as_app(api(who, acting)) as cursor:
            assert to_review(cursor) == expected, who
