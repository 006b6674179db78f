"""Single conditions of the database's functions about a referral: each is called by itself, and a
second referral of the same two agencies must stay as it is."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections, transaction
from psycopg2.errors import InsufficientPrivilege

from tests.support.ground.database import as_app, refused_for_want_of_rights
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story, begun, return_body, service_of
from tests.support.proofs.sec_functions import call, changed, refused

DELIVER = "SELECT sec.record_delivery(gen_random_uuid(), %s)"


def test_a_return_ends_by_those_who_know_of_it_and_no_other_ends(
    api: Any, superuser: Any, shift_clock: Callable[[str], None]
) -> None:
    one, other = (begun(api).answers("put_return_release", return_body()) for _ in range(2))
    never = begun(api)
    for who in ("police.worker", "ywca.worker"):
        assert call(api(who), "end_return_release", never.id) is False, "it knows of none"
    for who in ("outsider.lead", "ywca.worker2"):
        assert call(api(who), "end_return_release", one.id) is False, (
            "of no side; of a side, and no part"
        )
    with superuser.cursor() as cursor:  # as if the return release had been ended without it
        cursor.execute("UPDATE release SET ended = true WHERE referral_id = %s", [other.id])
    assert call(api("ywca.worker"), "end_return_release", one.id) is True
    left = "SELECT referral_id::text FROM returned WHERE key_bundle IS NOT NULL"
    assert rows(superuser, left) == [(other.id,)]
    open_ = "SELECT referral_id::text, direction FROM release WHERE NOT ended ORDER BY created_at"
    assert rows(superuser, open_) == [(one.id, "outbound"), (never.id, "outbound")]
    assert call(api("police.worker"), "end_return_release", one.id) is False, (
        "nothing is left to it"
    )
    assert call(api("ywca.worker"), "end_return_release", one.id) is True, "twice"
    shift_clock("6 days 1 minute")
    assert call(api("police.worker"), "end_return_release", other.id) is False, "it ran out"
    assert call(api("ywca.worker"), "end_return_release", other.id) is True
    assert rows(superuser, left) == []


def test_the_end_of_a_return_is_the_senders_too(api: Any, superuser: Any) -> None:
    one, other = (begun(api).answers("put_return_release", return_body()) for _ in range(2))
    assert call(api("police.lead"), "end_return_release", one.id) is True
    ended = "SELECT referral_id::text, direction FROM release WHERE ended"
    assert rows(superuser, ended) == [(one.id, "return")]
    left = "SELECT referral_id::text FROM returned WHERE key_bundle IS NOT NULL"
    assert rows(superuser, left) == [(other.id,)]


def test_a_system_takes_delivery_of_what_waits_for_its_agency(api: Any, superuser: Any) -> None:
    one, other = (Story(api, service_of("ywca")).send() for _ in range(2))
    accepted, draft, half = (Story(api, service_of("ywca")) for _ in range(3))
    accepted.accept()
    draft.create()
    half.create()
    with superuser.cursor() as cursor:  # its status alone says so
        cursor.execute("UPDATE referral SET status = 'sent' WHERE id = %s", [half.id])
    mailbox = api("ywca.client")
    for who, story in (
        ("ywca.worker", one),
        ("police.client", one),
        ("outsider.client", one),
        ("ywca.client", accepted),
        ("ywca.client", draft),
        ("ywca.client", half),
    ):
        assert refused(api(who), DELIVER, story.id), who
    call(mailbox, "record_delivery", uuid4(), one.id)
    delivered = "SELECT referral_id::text FROM referral_event WHERE act = 'delivered'"
    assert rows(superuser, delivered) == [(one.id,)]
    one.answers("accept").answers("block", {"member_id": str(member_id("ywca.worker2"))})
    other.sends("block", {"other_agency": True})
    assert refused(mailbox, DELIVER, other.id)


def test_a_grant_closes_by_whoever_answers_for_it_on_a_side(api: Any, superuser: Any) -> None:
    one, other = begun(api), begun(api)
    elsewhere = Story(api, service_of("ywca"), sender="outsider.worker").send()
    with superuser.cursor() as cursor:  # the sender is asked for help, too: that is another
        to_it = "UPDATE referral SET to_agency_id = %s WHERE id = %s"
        cursor.execute(to_it, [agency_id("police"), elsewhere.id])
    closed = (
        "SELECT referral_id::text, agency_id FROM packet_grant"
        " WHERE closed AND key_bundle IS NULL AND kek_version IS NULL"
    )
    for who in ("outsider.lead", "hospital.lead", "police.worker2", "ywca.worker2", "ywca.client"):
        call(api(who), "destroy_grant", one.id)
        assert rows(superuser, closed) == [], who
    with superuser.cursor() as cursor:  # its part has gone: it is the recipient's alone
        cursor.execute("UPDATE referral SET from_purged = true WHERE id = %s", [one.id])
    call(api("police.lead"), "destroy_grant", one.id)
    assert rows(superuser, closed) == []
    call(api("ywca.lead"), "destroy_grant", one.id)
    gone = (one.id, str(agency_id("ywca")))
    assert [tuple(map(str, row)) for row in rows(superuser, closed)] == [gone]
    call(api("police.worker"), "destroy_grant", other.id)
    assert len(rows(superuser, closed)) == 2
    sealed = "SELECT FROM packet_grant WHERE release_id IS NULL AND key_bundle IS NOT NULL"
    assert len(rows(superuser, sealed)) == 2, "the sender's own stays until the purge"


READS_ONLY = (
    "credential SET scopes = array_remove(scopes, 'referrals:write')"
    " WHERE 'referrals:write' = ANY (scopes)"
)


@pytest.mark.parametrize(
    ("function", "done"),
    [
        ("end_return_release", "FROM returned WHERE key_bundle IS NULL"),
        ("destroy_grant", "FROM packet_grant WHERE closed"),
    ],
)
def test_a_system_that_may_only_read_ends_nothing_whoever_acts_by_it(
    api: Any, superuser: Any, function: str, done: str
) -> None:
    one, caller = begun(api), api("police.client", "police.worker")
    one.answers("put_return_release", return_body())
    for change, ended in ((READS_ONLY, 0), ("credential SET scopes = scopes", 1)):
        with changed(superuser, change, [], caller) as cursor:
            cursor.execute(f"SELECT sec.{function}(%s)", [one.id])
            cursor.execute(f"SELECT {done}")
            assert cursor.rowcount == ended


def test_nor_does_it_erase_a_draft(api: Any, superuser: Any) -> None:
    draft, caller = Story(api, service_of("ywca")).create(), api("police.client", "police.worker")
    erase = "SELECT sec.erase_draft(%s, %s)"
    with (
        changed(superuser, READS_ONLY, [], caller) as cursor,
        pytest.raises(InsufficientPrivilege, match="no such draft"),
    ):
        cursor.execute(erase, [str(uuid4()), draft.id])
    with changed(superuser, "credential SET scopes = scopes", [], caller) as cursor:
        cursor.execute(erase, [str(uuid4()), draft.id])
        cursor.execute("SELECT FROM referral WHERE id = %s", [draft.id])
        assert cursor.rowcount == 0


@pytest.mark.parametrize(
    "change",
    [
        "permissions_membership SET active = false WHERE agency_id = %s",
        "permissions_membership SET roles = '{agency_admin}' WHERE agency_id = %s",
        "permissions_person SET is_active = false WHERE id IN (SELECT person_id FROM"
        " permissions_membership WHERE agency_id = %s)",
        "permissions_agency SET active = false WHERE id = %s",
        "permissions_agency SET takes_notices = false WHERE id = %s",
    ],
)
def test_no_one_answers_where_no_one_is(
    change: str, story: Story, api: Any, superuser: Any
) -> None:
    story.create()
    agency, sender = agency_id("ywca"), api("police.worker")
    assert call(sender, "has_staff_to_answer", agency, story.id) is True
    with changed(superuser, change, [agency], sender) as cursor:
        cursor.execute("SELECT sec.has_staff_to_answer(%s, %s)", [agency, story.id])
        assert cursor.fetchone() == (False,)


def test_no_one_answers_whom_the_senders_mark_bars(story: Story, api: Any, superuser: Any) -> None:
    """sec.has_staff_to_answer (R12): marked for their leads only, and they have none left."""
    story.create()
    agency, sender = agency_id("ywca"), api("police.worker")
    assert sender.act(story.id, "leads_only").status_code == 200
    assert call(sender, "has_staff_to_answer", agency, story.id) is True
    none_left = "permissions_membership SET roles = '{worker}' WHERE agency_id = %s"
    with changed(superuser, none_left, [agency], sender) as cursor:
        for lifted, answers in ((None, False), ("conflict_block SET lifted_at = now()", True)):
            if lifted:
                cursor.execute(f"UPDATE {lifted}")
            cursor.execute("SELECT sec.has_staff_to_answer(%s, %s)", [agency, story.id])
            assert cursor.fetchone() == (answers,)


def test_a_credential_is_of_the_agency_that_she_serves(api: Any, superuser: Any) -> None:
    worker = api("ywca.worker")
    assert call(worker, "current_agency_id") == agency_id("ywca")
    change = "credential SET agency_id = %s WHERE membership_id = %s"
    values = [agency_id("police"), member_id("ywca.worker")]
    with changed(superuser, change, values, worker) as cursor:
        cursor.execute("SELECT sec.current_agency_id()")
        assert cursor.fetchone() == (None,)


def test_whether_she_agreed_is_told_to_the_two_agencies_alone(api: Any) -> None:
    """sec.has_agreed"""
    story = begun(api)
    for who, expected in (
        ("police.worker", True),
        ("ywca.worker", True),
        ("outsider.worker", False),
        (None, False),
    ):
        assert call(api(who), "has_agreed", story.id) is expected, who
    assert call(api("police.worker"), "has_agreed", uuid4()) is False


def test_what_a_side_said_at_its_end_stays(api: Any) -> None:
    """sec.refuse_end_change: not even the clocks, which may flag a side, take back her stop."""
    story = begun(api).answers("stop")
    with transaction.atomic(using="jobs"), connections["jobs"].cursor() as cursor:
        assert refused_for_want_of_rights(
            cursor,
            "UPDATE referral_side SET state = 'accepted', escalated_at = sec.clock()"
            " WHERE referral_id = %s AND state = 'stopped'",
            [story.id],
        )


@pytest.mark.parametrize("when", ["at once", "after the fixed moment", "after its end"])
def test_a_mistake_is_marked_before_the_senders_fixed_moment(
    api: Any, shift_clock: Callable[[str], None], when: str
) -> None:
    """Else the sender's lead would learn by it what was opened since (R2)."""
    story = begun(api)
    if when == "after its end":
        story.sends("withdraw", {"code": "other"})
    elif when == "after the fixed moment":
        shift_clock("7 days 1 minute")
    change = "UPDATE referral SET status = 'entered_in_error', ended_at = sec.clock() WHERE id = %s"
    assert refused(api("police.lead"), change, story.id) is (when != "at once")


def test_a_release_is_ended_by_whom_it_concerns(api: Any) -> None:
    """By raw SQL without a WHERE, which asks no policy of reading: a return release by who gave it,
    and none by a sender whose part is purged."""

    def ended(who: str) -> int:
        with as_app(api(who)) as cursor:
            cursor.execute("UPDATE release SET ended = true")
            count: int = cursor.rowcount
            return count

    story = begun(api).answers("complete", {"outcome": "served"})
    before = ended("police.lead"), ended("ywca.lead")
    story.answers("put_return_release", return_body("connected"))
    assert (ended("police.lead"), ended("ywca.lead")) == (before[0], before[1] + 1)
    with connections["jobs"].cursor() as cursor:
        cursor.execute("UPDATE referral SET from_purged = true WHERE id = %s", [story.id])
    assert ended("police.lead") == before[0] - 1
