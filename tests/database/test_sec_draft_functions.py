"""Single conditions of sec.erase_draft, sec.set_legal_hold and sec.was_packet_opened: each is
called by itself, and a second referral of the same two agencies must stay as it is."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from psycopg2.errors import InsufficientPrivilege

from tests.support.ground.database import as_app, refused_for_want_of_rights
from tests.support.ground.stored_rows import rows, stored_rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import PACKET, Story, begun, full_draft, service_of
from tests.support.proofs.sec_functions import call, changed

ERASE = "SELECT sec.erase_draft(gen_random_uuid(), %s)"
DUE = "SELECT agency_id::text FROM epoch_due"


def draft(api: Any) -> Story:
    return Story(api, service_of("ywca")).create()


# -- sec.erase_draft -------------------------------------------------------------------------------


def test_a_draft_is_erased_and_of_its_like_next_to_it_nothing(api: Any, superuser: Any) -> None:
    full_draft(Story(api, service_of("ywca")))
    begun(api)
    worker, story = api("police.worker"), Story(api, service_of("ywca"))
    before = stored_rows(superuser)
    full_draft(story)
    entry = uuid4()
    call(worker, "erase_draft", entry, story.id)
    after = stored_rows(superuser)
    entries = {name for name in after if name.startswith("access_entry")}
    assert {name for name in after if after[name] != before[name]} - entries == {"epoch_due"}
    assert len(rows(superuser, "SELECT FROM access_entry WHERE id = %s", [str(entry)])) == 1


def test_its_purge_is_told_to_its_agency_under_its_own_handle(api: Any, superuser: Any) -> None:
    """sec.erase_draft reads the handle of one side of one draft, though there be others."""
    one, _ = draft(api), draft(api)
    with superuser.cursor() as cursor:  # a draft has one side: as if it had two
        cursor.execute(
            "INSERT INTO referral_side (id, referral_id, agency_id, subject, version)"
            " VALUES (gen_random_uuid(), %s, %s, gen_random_uuid(), 1)",
            [one.id, str(agency_id("ywca"))],
        )
    handle = "SELECT subject FROM referral_side WHERE referral_id = %s AND agency_id = %s"
    expected = rows(superuser, handle, [one.id, str(agency_id("police"))])
    call(api("police.worker"), "erase_draft", uuid4(), one.id)
    told = "SELECT subject FROM access_entry WHERE referral_id = %s AND act = 'referral.purge'"
    assert rows(superuser, told, [one.id]) == expected
    assert len(expected) == 1


@pytest.mark.parametrize(
    "change",
    [
        "referral SET from_agency_id = '{hospital}' WHERE id = %s",
        "referral SET sent_at = now() WHERE id = %s",
        "referral SET status = 'withdrawn' WHERE id = %s",
    ],
)
def test_nothing_but_a_draft_of_ones_own_is_erased(change: str, api: Any, superuser: Any) -> None:
    """sec.erase_draft refuses, even if the caller is assigned to it and has another draft."""
    one, _ = draft(api), draft(api)
    change = change.format(hospital=agency_id("hospital"))
    with (
        changed(superuser, change, [one.id], api("police.worker")) as cursor,
        pytest.raises(InsufficientPrivilege, match="no such draft"),
    ):
        cursor.execute(ERASE, [one.id])


def test_a_draft_next_to_it_makes_no_draft_of_what_was_sent(api: Any) -> None:
    """sec.erase_draft; nor does anybody erase a draft who does not work on it."""
    draft(api)
    sent, unheard = Story(api, service_of("ywca")).send(), draft(api)
    with as_app(api("police.worker")) as cursor:
        assert refused_for_want_of_rights(cursor, ERASE, [sent.id])
        assert refused_for_want_of_rights(cursor, ERASE, [str(uuid4())])
    for who in ("police.worker2", "police.lead", "ywca.worker"):
        with as_app(api(who)) as cursor:
            assert refused_for_want_of_rights(cursor, ERASE, [unheard.id]), who


def test_an_epoch_ends_for_the_keys_of_what_is_gone_and_for_no_others(
    api: Any, superuser: Any
) -> None:
    """sec.erase_draft, of a draft without a key, of one with a packet, of one with a note."""
    worker = api("police.worker")
    packet, note, bare = draft(api), draft(api), draft(api)
    packet.release("name").packet(name=PACKET["name"])
    note.sends("add_note", {"text": "an invented note"})
    full_draft(Story(api, service_of("ywca")))
    keys = "SELECT referral_id::text FROM {} WHERE referral_id = ANY (%s::uuid[])"
    ours = [[packet.id, note.id, bare.id]]
    assert rows(superuser, keys.format("packet_grant"), ours) == [(packet.id,)]
    assert rows(superuser, keys.format("private_key"), ours) == [(note.id,)]
    call(worker, "erase_draft", uuid4(), bare.id)
    assert rows(superuser, DUE) == []
    for story in (packet, note):
        call(worker, "erase_draft", uuid4(), story.id)
        assert rows(superuser, DUE) == [(str(agency_id("police")),)]
        with superuser.cursor() as cursor:  # it ended
            cursor.execute("DELETE FROM epoch_due")


def test_an_epoch_that_is_due_is_due_since_the_last_that_went(
    api: Any, superuser: Any, shift_clock: Callable[[str], None]
) -> None:
    since = []
    for shift in ("0", "1 hour"):
        story = draft(api)
        story.sends("add_note", {"text": "an invented note"})
        worker = api("police.worker")
        with superuser.cursor() as cursor:  # she stays signed in
            cursor.execute("UPDATE credential SET expires_at = expires_at + interval '1 day'")
        shift_clock(shift)
        call(worker, "erase_draft", uuid4(), story.id)
        ((last,),) = rows(superuser, "SELECT since FROM epoch_due")
        since.append(last)
    assert (since[1] - since[0]).total_seconds() >= 3600


# -- sec.set_legal_hold ----------------------------------------------------------------------------

HOLD = "SELECT sec.set_legal_hold(%s, '2099-01-01Z')"
HELD = "SELECT referral_id::text, agency_id::text FROM referral_side WHERE hold_until IS NOT NULL"


def test_a_lead_holds_her_own_side_of_one_referral(api: Any, superuser: Any) -> None:
    one, _ = begun(api), begun(api)
    for who in ("ywca.worker", "ywca.admin", "ywca.client", "hospital.lead"):
        with as_app(api(who)) as cursor:
            assert refused_for_want_of_rights(cursor, HOLD, [one.id]), who
    for key in ("ywca", "police"):
        call(api(f"{key}.lead"), "set_legal_hold", one.id, "2099-01-01Z")
        assert (one.id, str(agency_id(key))) in rows(superuser, HELD)
        assert len(rows(superuser, HELD)) == (1 if key == "ywca" else 2)


def test_a_side_that_has_gone_is_held_no_longer(api: Any, superuser: Any) -> None:
    """sec.set_legal_hold, while the other side's lead still holds her own."""
    one, _ = begun(api), begun(api)
    change = "referral SET from_purged = true WHERE id = %s"
    with changed(superuser, change, [one.id], api("ywca.lead")) as cursor:
        cursor.execute(HOLD, [one.id])
    with (
        changed(superuser, change, [one.id], api("police.lead")) as cursor,
        pytest.raises(InsufficientPrivilege, match="no such side"),
    ):
        cursor.execute(HOLD, [one.id])


def test_a_side_whose_part_was_purged_is_held_no_longer(api: Any, superuser: Any) -> None:
    """By sec.set_legal_hold, while the other side's lead still holds her own."""
    one, _ = begun(api), begun(api)
    change = "referral SET to_purged = true WHERE id = %s"
    with changed(superuser, change, [one.id], api("police.lead")) as cursor:
        cursor.execute(HOLD, [one.id])
    with (
        changed(superuser, change, [one.id], api("ywca.lead")) as cursor,
        pytest.raises(InsufficientPrivilege, match="no such side"),
    ):
        cursor.execute(HOLD, [one.id])


def test_whom_a_block_bars_holds_nothing(api: Any, superuser: Any) -> None:
    one, other = begun(api), begun(api)
    one.answers("block", {"member_id": str(member_id("ywca.lead"))})
    with as_app(api("ywca.lead")) as cursor:
        assert refused_for_want_of_rights(cursor, HOLD, [one.id])
    call(api("ywca.lead"), "set_legal_hold", other.id, "2099-01-01Z")
    assert rows(superuser, HELD) == [(other.id, str(agency_id("ywca")))]


# -- sec.was_packet_opened -------------------------------------------------------------------------


def test_opened_is_a_packet_that_someone_of_the_agency_was_shown(api: Any) -> None:
    one, other = begun(api), begun(api)
    purpose = {"purpose": "service"}

    def was_opened(story: Story, key: str) -> Any:
        with connections["jobs"].cursor() as cursor:
            cursor.execute("SELECT sec.was_packet_opened(%s, %s)", [story.id, agency_id(key)])
            return cursor.fetchone()[0]

    assert api("ywca.worker2").act(one.id, "open_packet", purpose).status_code == 403
    assert api("police.worker").act(one.id, "open_packet", purpose).status_code == 200
    one.answers("add_note", {"text": "an invented note"})
    assert was_opened(one, "police") is True
    assert was_opened(one, "ywca") is False, "refused, and another act"
    one.answers("open_packet", purpose)
    assert was_opened(one, "ywca") is True
    for key in ("ywca", "police"):
        assert was_opened(other, key) is False
    assert was_opened(one, "hospital") is False
