"""Who may open what of a referral is bound: a writer of the database who works with a live member
of an agency opens no more than that member was given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from permissions.identity.access_record import BoundAccess, Opening, ReleasedFields
from permissions.principal import key_owner
from tests.identity.bound_rows import (
    LEAD,
    OPENS,
    OTHER,
    WORKER,
    assign_by_hand,
    copy_of,
    is_refused,
    opens,
    put_all_back,
    write,
)
from tests.support.people.callers import agency_id, member_id
from tests.support.people.shared_packet import sealed as sealed  # a fixture
from tests.support.people.stories import PACKET, Story, release_body, return_body

# -- Forged ----------------------------------------------------------------------------------------


def test_a_database_writer_assigns_a_colleague_who_helps_them(
    sealed: Story, superuser: Any
) -> None:
    assert opens(sealed, OTHER).status_code == 403
    assign_by_hand(superuser, sealed.id, OTHER)
    is_refused(lambda: opens(sealed, OTHER), superuser)
    is_refused(lambda: sealed.api(OTHER).act(sealed.id, "open_notes", OPENS), superuser)
    is_refused(lambda: sealed.api(OTHER).act(sealed.id, "add_note", {"text": "x"}), superuser)
    assert opens(sealed, WORKER).json()["packet"] == PACKET


def test_a_database_writer_makes_a_colleague_the_holder(sealed: Story, superuser: Any) -> None:
    write(
        superuser,
        "UPDATE referral_side SET holder_id = %s WHERE referral_id = %s AND agency_id = %s",
        [str(member_id(OTHER)), sealed.id, str(agency_id("ywca"))],
    )
    whom = {"member_id": str(member_id(LEAD))}
    is_refused(lambda: sealed.api(OTHER).act(sealed.id, "assign", whom), superuser)


def test_a_database_writer_accepts_for_an_agency(story: Story, superuser: Any) -> None:
    """The member has only acknowledged it."""
    story.create().release(*PACKET).packet(**PACKET).send().answers("acknowledge")
    for statement in (
        "UPDATE referral SET status = 'accepted', accepted_at = sec.clock() WHERE id = %s",
        "UPDATE referral_side SET state = 'accepted' WHERE referral_id = %s AND holder_id ="
        f" '{member_id(WORKER)}'",
        "UPDATE packet_grant SET opened_at = sec.clock() WHERE referral_id = %s"
        " AND release_id IS NOT NULL",
    ):
        write(superuser, statement, [story.id])
    is_refused(lambda: opens(story, WORKER), superuser)


@pytest.mark.parametrize(
    "change", ["expires_at = expires_at + interval '1 hour'", "fields = fields || '{health}'"]
)
def test_a_database_writer_widens_a_release(sealed: Story, superuser: Any, change: str) -> None:
    where = " WHERE referral_id = %s"
    write(superuser, f"UPDATE release SET {change}{where}", [sealed.id])
    grant = f"UPDATE packet_grant SET {change}{where} AND release_id IS NOT NULL"
    write(superuser, grant, [sealed.id])
    is_refused(lambda: opens(sealed, WORKER), superuser)


def test_a_database_writer_stops_the_clock_of_the_database() -> None:
    """The end is compared with this server's clock, too."""
    agencies = agency_id("police"), agency_id("ywca")
    principal = replace(
        key_owner(agency_id("ywca")), member_id=member_id(WORKER), roles=frozenset({"worker"})
    )
    for ended, opened in ((timedelta(minutes=-6), False), (timedelta(minutes=1), True)):
        until = datetime.now(UTC) + ended
        released = ReleasedFields(uuid4(), frozenset({"name"}), until)
        access = BoundAccess(uuid4(), *agencies, accepted=True, released=released)
        access.assigned.add(principal.staff_id)
        assert access.lets_open(principal, Opening(released.release_id, ["name"], until)) is opened


def test_a_database_writer_turns_the_recipient_into_the_sender(
    sealed: Story, superuser: Any
) -> None:
    write(
        superuser,
        "UPDATE referral SET from_agency_id = to_agency_id, to_agency_id = from_agency_id"
        " WHERE id = %s",
        [sealed.id],
    )
    write(
        superuser,
        "UPDATE packet_grant SET release_id = NULL, expires_at = NULL WHERE referral_id = %s",
        [sealed.id],
    )
    is_refused(lambda: opens(sealed, WORKER), superuser)


@pytest.mark.parametrize("change", ["deleted", "emptied", "of another referral", "of no key"])
def test_a_database_writer_changes_the_record(sealed: Story, superuser: Any, change: str) -> None:
    other = Story(sealed.api, sealed.service_id).accept().release(*PACKET).packet(**PACKET)
    where = " WHERE referral_id = %s"
    statement, values = {
        "deleted": ("DELETE FROM bound_access" + where, [sealed.id]),
        "emptied": ("UPDATE bound_access SET sealed = ''" + where, [sealed.id]),
        "of another referral": (
            "UPDATE bound_access SET sealed = (SELECT sealed FROM bound_access WHERE referral_id ="
            " %s)" + where,
            [other.id, sealed.id],
        ),
        "of no key": (
            "UPDATE bound_access SET sealed = decode('0009', 'hex') || sealed" + where,
            [sealed.id],
        ),
    }[change]
    write(superuser, statement, values)
    is_refused(lambda: opens(sealed, WORKER), superuser)
    is_refused(
        lambda: sealed.api("police.worker").act(sealed.id, "put_release", release_body(*PACKET)),
        superuser,
    )
    assert (
        sealed.api(WORKER).act(sealed.id, "revoke_release", {"via": "oral"}).status_code == 200
    ), "what the survivor wants closed does not wait for an operator"
    assert opens(other, WORKER).status_code == 200


@pytest.mark.parametrize(
    ("columns", "codes"),
    [
        ("key_bundle = s.key_bundle", {"unsealing_failed"}),
        # The recipient has a key of that number, has it no longer, or never had one.
        (
            "kek_version = s.kek_version, key_bundle = s.key_bundle",
            {"unsealing_failed", "key_gone", "key_store"},
        ),
    ],
)
def test_a_database_writer_takes_the_grant_of_another_agency(
    sealed: Story, superuser: Any, columns: str, codes: set[str]
) -> None:
    write(
        superuser,
        f"UPDATE packet_grant g SET {columns}"
        " FROM packet_grant s WHERE g.referral_id = %s AND s.referral_id = g.referral_id"
        " AND g.release_id IS NOT NULL AND s.release_id IS NULL",
        [sealed.id],
    )
    answer = opens(sealed, WORKER)
    assert answer.status_code == 503
    assert answer.json()["code"] in codes
    assert "packet" not in answer.json()


# -- Put back --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "act", "body"),
    [
        ("police.worker", "revoke_release", {"via": "oral"}),
        ("police.worker", "narrow_release", {"fields": ["name"]}),
        ("police.worker", "put_release", release_body("name")),
        ("police.worker", "withdraw", {"code": "other"}),
        ("police.worker", "stop", None),
        (WORKER, "revoke_release", {"via": "oral"}),
        (WORKER, "hand_over", OTHER),
        (LEAD, "block", WORKER),
    ],
)
def test_a_thief_puts_back_every_row_of_before_it_was_taken_away(
    sealed: Story, superuser: Any, who: str, act: str, body: Any
) -> None:
    """With the keys as they were wrapped then, which are still there."""
    if act in ("hand_over", "block"):
        body = {"member_id": str(member_id(body))}
    older = copy_of(superuser, sealed.id)
    assert opens(sealed, WORKER).status_code == 200
    answer = sealed.api(who).act(sealed.id, act, body)
    assert answer.status_code == 200, answer.content
    put_all_back(superuser, sealed.id, older)
    is_refused(lambda: opens(sealed, WORKER), superuser)


def test_a_barred_colleague_has_the_block_deleted(sealed: Story, superuser: Any) -> None:
    barred = {"member_id": str(member_id(OTHER))}
    assert sealed.api(LEAD).act(sealed.id, "block", barred).status_code == 200
    assert opens(sealed, OTHER).status_code == 404
    write(superuser, "DELETE FROM conflict_block WHERE referral_id = %s", [sealed.id])
    write(superuser, "UPDATE referral SET has_block = false WHERE id = %s", [sealed.id])
    assign_by_hand(superuser, sealed.id, OTHER)
    is_refused(lambda: opens(sealed, OTHER), superuser)
    is_refused(lambda: sealed.api(OTHER).act(sealed.id, "add_note", {"text": "x"}), superuser)
    assert opens(sealed, WORKER).status_code == 200


def test_a_barred_agency_has_the_block_deleted(sealed: Story, superuser: Any) -> None:
    other = {"other_agency": True}
    assert sealed.api("police.worker").act(sealed.id, "block", other).status_code == 200
    assert opens(sealed, WORKER).status_code == 404
    write(superuser, "DELETE FROM conflict_block WHERE referral_id = %s", [sealed.id])
    write(superuser, "UPDATE referral SET has_block = false WHERE id = %s", [sealed.id])
    is_refused(lambda: opens(sealed, WORKER), superuser)


def test_a_lifted_block_lets_in_again_and_an_open_one_does_not(sealed: Story) -> None:
    them = {"member_id": str(member_id(OTHER))}
    for act, status in (("block", 404), ("unblock", 403)):
        assert sealed.api(LEAD).act(sealed.id, act, them).status_code == 200
        assert opens(sealed, OTHER).status_code == status
    assert sealed.api(LEAD).act(sealed.id, "assign", them).status_code == 200
    assert opens(sealed, OTHER).json()["packet"] == PACKET


def test_a_thief_puts_back_what_was_returned_to_the_sender(sealed: Story, superuser: Any) -> None:
    sealed.answers("put_return_release", return_body())
    read = f"/v1/referrals/{sealed.id}/returned"
    assert sealed.api("police.worker").get(read).status_code == 200
    older = copy_of(superuser, sealed.id)
    sealed.answers("revoke_return_release")
    put_all_back(superuser, sealed.id, older)
    is_refused(lambda: sealed.api("police.worker").get(read), superuser)
