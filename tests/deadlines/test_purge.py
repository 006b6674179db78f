"""Content purges itself (R13): keys and rows at once, then what wrapped them, by each side's own
clock; and a purge tells the sender nothing that it was not shown (R2)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from structlog.testing import capture_logs

from permissions.database.advisory_locks import PURGING
from permissions.errors import Unavailable
from permissions.keys import rotation
from permissions.keys.keystore import key_store
from referrals import worker
from referrals.deadlines import purge as purge_run
from tests.support.callers import agency_id
from tests.support.database import as_app, belonging_to_a_referral, refused_for_want_of_rights
from tests.support.purging import (
    NOTE,
    keeps,
    left,
    opens,
    purge,
    status_of,
    told,
    versions,
)
from tests.support.sender_view import Sender
from tests.support.stored_rows import rows
from tests.support.stories import NOTICE, PACKET, Story, says_no, service_of


def acts_in_history(story: Story, who: str) -> list[str]:
    answer = story.api(who).get(f"/v1/referrals/{story.id}/history")
    return [step["act"] for step in answer.json()["items"]]


# -- What is due, and what goes --------------------------------------------------------------------


def test_every_table_that_speaks_of_a_referral_is_purged(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class c"
            " ON c.oid = attrelid WHERE attname = 'referral_id' AND relkind = 'r'"
            " AND relname NOT LIKE 'access_entry%' AND relname <> 'barred_to_the_end'"
        )
        named = {name for (name,) in cursor.fetchall()}
        assert named < belonging_to_a_referral(cursor)


def test_what_belongs_to_a_referral_goes_with_it_in_the_database(superuser: Any) -> None:
    """So an erased draft and a finished purge leave nothing behind, whatever was added since."""
    with superuser.cursor() as cursor:
        tables = belonging_to_a_referral(cursor)
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype <> 'c'"
            " AND confrelid::regclass::text = ANY (%s)",
            [list(tables)],
        )
        assert cursor.fetchall() == []
    assert len(tables) > 15


def test_a_draft_goes_a_day_after_its_last_change(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.create().release(*PACKET).packet(**PACKET)
    shift_clock("23 hours")
    story.packet(name="Another Name")
    shift_clock("46 hours")
    assert purge()["draft"] == 0
    before = versions("police")
    shift_clock("48 hours")
    assert purge()["draft"] == 1
    assert left(superuser) == set()
    assert status_of(story, story.sender) == 404
    assert set(versions("police")).isdisjoint(before)


def test_the_keys_of_requests_go_with_their_referral_and_all_after_thirty_days(
    story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    """Each names it in its route: whoever reads the row later must not learn that it was there."""

    def kept() -> set[str]:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT key FROM idempotency_key")
            return {key for (key,) in cursor.fetchall()}

    story.create()
    police = api(story.sender)
    note = {"text": "A note"}
    assert police.act(story.id, "add_note", note, Idempotency_Key="a note").status_code == 201
    lasting = Story(api, story.service_id).accept()
    recipient = api(lasting.recipient)
    assert recipient.act(lasting.id, "add_note", note, Idempotency_Key="hers").status_code == 201
    assert kept() >= {"a note", "hers"}
    shift_clock("25 hours")
    assert purge()["draft"] == 1
    assert "a note" not in kept()
    shift_clock("29 days")
    purge()
    assert "hers" in kept()
    shift_clock("30 days 1 minute")
    purge()
    assert kept() == set()


def test_a_packet_that_nobody_accepted_goes_a_day_after_the_end(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send().sends("withdraw", {"code": "other"})
    assert opens(story, story.sender) == 200
    shift_clock("23 hours")
    assert purge()["packet"] == 0
    before = versions("police"), versions("ywca")
    shift_clock("25 hours")
    assert purge()["packet"] == 1
    assert left(superuser).isdisjoint({"packet_field", "packet_grant"})
    assert opens(story, story.sender) == 409
    assert status_of(story, story.sender) == 200
    for key, old in zip(("police", "ywca"), before, strict=True):
        assert set(versions(key)).isdisjoint(old), key


@pytest.mark.parametrize("opened", [True, False])
def test_the_recipients_keys_to_a_packet_it_never_opened_go_sooner(
    story: Story, shift_clock: Any, superuser: Any, opened: bool
) -> None:
    told(story)
    if opened:
        assert opens(story, story.recipient) == 200
    story.answers("complete", {"outcome": "other"})
    shift_clock("25 hours")
    assert purge()["unopened"] == (not opened)
    assert opens(story, story.recipient) == (200 if opened else 409)
    assert opens(story, story.sender) == 200, "its own packet does not tell"


def test_each_side_is_told_and_then_its_part_goes_by_its_own_end(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    told(story)
    assert opens(story, story.recipient) == 200
    story.answers("complete", {"outcome": "connected"})
    shift_clock("22 days")
    assert not any(purge().values())
    shift_clock("23 days 1 hour")
    assert purge()["tell_to"] == 1
    assert "purge_due" in acts_in_history(story, story.recipient)
    assert "purge_due" not in acts_in_history(story, story.sender)
    shift_clock("30 days 2 hours")
    counts = purge()
    assert (counts["received"], counts["sent"], counts["tell_from"]) == (1, 0, 1)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT DISTINCT agency_id::text FROM note")
        assert cursor.fetchall() == [(str(agency_id("police")),)]
    assert status_of(story, story.sender) == 200
    assert opens(story, story.sender) == 200
    shift_clock("37 days 3 hours")
    assert purge()["sent"] == 1
    assert left(superuser) == set()
    for who in (story.sender, story.recipient):
        assert status_of(story, who) == 404
    with superuser.cursor() as cursor:
        cursor.execute("SELECT agency_id::text, side, ending, number FROM purged_count")
        assert set(cursor.fetchall()) == {
            (str(agency_id("police")), "from", "accepted", 1),
            (str(agency_id("ywca")), "to", "completed", 1),
        }
        cursor.execute(
            "SELECT agency_id::text FROM access_entry"
            " WHERE act = 'referral.purge' AND referral_id = %s",
            [story.id],
        )
        assert {one for (one,) in cursor.fetchall()} == {
            str(agency_id("police")),
            str(agency_id("ywca")),
        }


def test_the_senders_part_goes_while_the_recipient_still_works(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    told(story)
    for day in (10, 20, 30, 37):
        shift_clock(f"{day} days 1 hour")
        story.answers("add_note", NOTE)
        purge()
    shift_clock("37 days 4 hours")
    purge()
    assert status_of(story, story.sender) == 404
    assert status_of(story, "police.lead") == 404
    assert status_of(story, story.recipient) == 200
    assert opens(story, story.recipient) == 409, "the release has run out"
    notes = story.api(story.recipient).act(story.id, "open_notes", {"purpose": "review"}).json()
    assert len(notes["items"]) == 5
    assert (
        story.api("police.lead").act(story.id, "revoke_release", {"via": "oral"}).status_code == 404
    )
    listed = story.api("police.lead").get("/v1/referrals").json()
    assert listed["items"] == []


def test_an_agency_keeps_for_its_own_time(story: Story, shift_clock: Any, superuser: Any) -> None:
    with keeps("police", 7):
        told(story).answers("complete", {"outcome": "other"})
        shift_clock("7 days 1 hour")
        assert purge()["tell_from"] == 1
        shift_clock("14 days 2 hours")
        assert purge()["sent"] == 1
        assert status_of(story, story.sender) == 404
        assert status_of(story, story.recipient) == 200


def test_a_dry_run_says_what_is_due_and_changes_nothing(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.create()
    shift_clock("25 hours")
    out = StringIO()
    call_command("purge", "--dry-run", stdout=out)
    assert "1 due: drafts" in out.getvalue()
    assert status_of(story, story.sender) == 200


def test_a_dry_run_says_whose_keys_have_still_to_end(story: Story) -> None:
    """After her "no", or where the key store was away: an older backup opens it until then."""
    story.create().release(*PACKET).packet(**PACKET)
    assert says_no(story.api, story.sender, story.id).status_code == 200
    for words, found in ((["--dry-run"], "1 due: "), ([], "1 done: "), ([], "Nothing done.")):
        out = StringIO()
        call_command("purge", *words, stdout=out, stderr=StringIO())
        assert out.getvalue().startswith(found), out.getvalue()


# -- The firewall ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "acts",
    [
        (),
        (("open_packet", {"purpose": "intake"}),),
        (("complete", {"outcome": "other"}),),
        (("open_packet", {"purpose": "intake"}), ("unable", {"code": "could_not_contact"})),
        (("stop", {}),),
    ],
    ids=lambda acts: "-".join(act for act, _ in acts) or "nothing",
)
def test_the_sender_is_shown_no_purge_but_its_own_at_its_own_time(
    story: Story, api: Any, shift_clock: Any, acts: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET).answers("add_note", NOTE)
    for act, body in acts:
        story.answers(act, body)
    # Days after which something may be due at the recipient's: keys, idle, notices, its part.
    for days in (1, 8, 14, 21, 23, 28):
        shift_clock(f"{days} days 1 hour")
        sender = Sender(api)
        before = sender.view(story.id)
        purge()
        assert sender.view(story.id) == before, days
    shift_clock("30 days 2 hours")
    purge()
    assert "purge_due" in acts_in_history(story, story.sender)
    shift_clock("37 days 1 hour")
    purge()
    assert status_of(story, story.sender) == 200
    shift_clock("37 days 3 hours")
    purge()
    assert status_of(story, story.sender) == 404


# -- What lies idle --------------------------------------------------------------------------------


def test_what_lies_idle_is_asked_about_and_then_ended(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.accept()
    shift_clock("13 days")
    assert purge()["ask"] == 0
    shift_clock("14 days 1 hour")
    assert purge()["ask"] == 1
    assert purge()["ask"] == 0
    assert "idle" in acts_in_history(story, "ywca.lead")
    shift_clock("21 days")
    assert purge()["end"] == 0
    shift_clock("21 days 2 hours")
    assert purge()["end"] == 1
    shown = story.api("ywca.lead").get(f"/v1/referrals/{story.id}").json()
    assert shown["status"] == "unable"
    steps = story.api("ywca.lead").get(f"/v1/referrals/{story.id}/history").json()["items"]
    assert [(s["act"], s["side"], s["code"]) for s in steps][-1] == ("unable", "system", "idle")
    sender = story.api(story.sender).get(f"/v1/referrals/{story.id}").json()
    assert sender["status"] == "closed"


def test_an_act_of_the_recipient_begins_the_time_anew(story: Story, shift_clock: Any) -> None:
    story.accept()
    shift_clock("14 days 1 hour")
    assert purge()["ask"] == 1
    story.answers("add_note", NOTE)
    shift_clock("22 days")
    counts = purge()
    assert (counts["ask"], counts["end"]) == (0, 0)
    shift_clock("28 days 2 hours")
    assert purge()["ask"] == 1


# -- Killed half-way -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["end_key_epoch", "_rewrap_all", "_destroy"])
def test_a_purge_that_was_killed_is_made_good_by_the_next(
    story: Story, shift_clock: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> Any:
        raise Killed

    alive = told(Story(story.api, service_of("ywca")))
    story.create().release(*PACKET).packet(**PACKET)
    before = versions("police")
    shift_clock("24 hours 1 minute")
    alive.sends("add_note", NOTE)
    with monkeypatch.context() as patched:
        patched.setattr(rotation, place, kill)
        with pytest.raises(Killed):
            purge()
    assert status_of(story, story.sender) == 404
    assert set(versions("police")) >= set(before), "what wrapped it is there, for older copies"
    assert opens(alive, alive.sender) == 200
    assert purge()["draft"] == 0
    assert set(versions("police")).isdisjoint(before)
    assert opens(alive, alive.sender) == 200


def test_a_purge_that_was_killed_between_keys_and_rows_took_neither(
    story: Story, shift_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any) -> Any:
        raise Killed

    story.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    with monkeypatch.context() as patched:
        patched.setattr(purge_run, "_unlink", kill)
        with pytest.raises(Killed):
            purge()
    assert opens(story, story.sender) == 200
    assert purge()["draft"] == 1


def test_two_purges_at_once_are_one(story: Story, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(''))", [PURGING])
    try:
        with pytest.raises(purge_run.PurgeRunning):
            purge()
        assert purge_run.step() is False, "the worker lets the other one do it"
    finally:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(''))", [PURGING])


def test_an_agency_whose_key_was_lost_keeps_nobodys_purge_from_its_end(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    order = rotation.agencies()
    ill, well = sorted(("police", "outsider"), key=lambda key: order.index(agency_id(key)))
    senders = (f"{ill}.worker", f"{well}.worker", f"{ill}.worker")
    drafts = [Story(api, service_of("ywca"), sender=who).create() for who in senders]
    for one in drafts:
        one.release(*PACKET).packet(**PACKET)
    shift_clock("20 hours")
    drafts[2].packet(name="Alive")
    shift_clock("25 hours")
    before = versions(well)
    with lost_keys(ill), capture_logs() as logged:
        assert worker.run_until_idle([worker.Job("purge", purge_run.step, 1)]) == ["purge"]
        due = "SELECT agency_id::text FROM epoch_due"
        assert rows(superuser, due) == [(str(agency_id(ill)),)]
    said = [(one["event"], one.get("agency")) for one in logged]
    assert ("purge_held_up", str(agency_id(ill))) in said, "whose key it is"
    assert [status_of(one, one.sender) for one in drafts] == [404, 404, 200]
    assert set(versions(well)).isdisjoint(before)
    before = versions(ill)
    assert worker.run_until_idle([worker.Job("purge", purge_run.step, 1)]) == []
    assert rows(superuser, due) == []
    assert set(versions(ill)).isdisjoint(before)
    assert opens(drafts[2], drafts[2].sender) == 200


def test_what_cannot_go_keeps_nothing_else_from_its_end(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """A row that names it, of which purge knows nothing; it is of the agency that comes first."""
    order = rotation.agencies()
    keys = sorted(("police", "outsider"), key=lambda key: order.index(agency_id(key)))
    stuck, after = [Story(api, service_of("ywca"), sender=f"{key}.worker") for key in keys]
    for one in (stuck, after):
        one.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    before = versions(keys[1])
    with superuser.cursor() as cursor:
        cursor.execute("CREATE TABLE other (referral_id uuid REFERENCES referral)")
        cursor.execute("INSERT INTO other VALUES (%s)", [stuck.id])
    try:
        with pytest.raises(IntegrityError):
            purge()
    finally:
        with superuser.cursor() as cursor:
            cursor.execute("DROP TABLE other")
    assert status_of(after, after.sender) == 404
    assert set(versions(keys[1])).isdisjoint(before)
    assert opens(stuck, stuck.sender) == 200, "of one that cannot go nothing went"
    assert purge()["draft"] == 1


def test_an_agency_of_which_the_store_holds_nothing_stays_due_until_it_does(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.create().release(*PACKET).packet(**PACKET)
    before = versions("police")
    shift_clock("25 hours")
    folder = Path(key_store().folder) / str(agency_id("police"))
    aside = folder.rename(folder.with_name("aside"))
    try:
        with pytest.raises(Unavailable) as refusal:
            purge()
        assert refusal.value.code == "key_store"
        assert versions("police") == [], "none is begun in its place"
    finally:
        aside.rename(folder)
    due = "SELECT agency_id::text FROM epoch_due"
    assert rows(superuser, due) == [(str(agency_id("police")),)]
    assert status_of(story, story.sender) == 404
    assert {name: count for name, count in purge().items() if count} == {"keys": 1}
    assert rows(superuser, due) == []
    assert set(versions("police")).isdisjoint(before)


def test_bundles_that_were_altered_hold_up_no_end_of_keys(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """Nor are they taken for those of an older database, though their version ends without them."""
    altered, *drafts = [Story(api, service_of("ywca")) for _ in range(3)]
    altered.accept().release(*PACKET).packet(**PACKET)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE packet_grant SET key_bundle = key_bundle || 'x'")
    for days, draft in enumerate(drafts, 1):
        draft.create().release(*PACKET).packet(**PACKET)
        before = versions("police")
        shift_clock(f"{days} days 1 hour")
        assert purge()["draft"] == 1
        assert rows(superuser, "SELECT FROM epoch_due") == []
        assert set(versions("police")).isdisjoint(before)
    assert opens(altered, altered.sender) == 503
    assert rotation.rotate(agency_id("police")).unopened == 1
    rotation.destroy(agency_id("police"))


def test_a_root_key_of_another_folder_ends_no_key(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """Nothing opens by it, of what lives neither: put right, all of that is there."""
    alive, draft = (Story(api, service_of("ywca")) for _ in range(2))
    alive.accept().release(*PACKET).packet(**PACKET)
    draft.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    root = Path(key_store().folder) / "root.key"
    own = root.read_bytes()
    held = versions("police")
    root.write_bytes(os.urandom(32))
    try:
        with pytest.raises(Unavailable) as refusal:
            purge()
        assert refusal.value.code == "key_store"
        assert versions("police") == held, "none is begun by it either"
    finally:
        root.write_bytes(own)
    assert opens(alive, alive.sender) == 200
    assert {name: count for name, count in purge().items() if count} == {"keys": 1}
    assert rows(superuser, "SELECT FROM epoch_due") == []
    assert opens(alive, alive.sender) == 200


@contextmanager
def lost_keys(key: str) -> Iterator[None]:
    """All that this agency's rows are wrapped by is missing in the store, without a word."""
    folder = Path(key_store().folder) / str(agency_id(key))
    files = {path: path.read_bytes() for path in folder.glob("*.kek")}
    key_store().begin_version(agency_id(key))
    for path in files:
        path.unlink()
    try:
        yield
    finally:
        for path, content in files.items():
            path.touch(0o600)
            path.write_bytes(content)


# -- Legal hold ------------------------------------------------------------------------------------


def test_a_hold_keeps_its_own_side_until_its_end_and_no_other(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    told(story)
    assert opens(story, story.recipient) == 200
    story.answers("complete", {"outcome": "other"})
    until = (datetime.now(UTC) + timedelta(days=60)).isoformat()
    before = Sender(story.api).view(story.id)
    held = story.api("ywca.lead").act(story.id, "set_hold", {"until": until})
    assert held.status_code == 200
    assert held.json()["hold_until"]
    assert Sender(story.api).view(story.id) == before, "the other side learns nothing of it"
    for day in (24, 31, 38, 52, 53):
        shift_clock(f"{day} days 1 hour")
        assert purge()["tell_to"] == (day in (24, 53)), "seven days before the hold ends, once more"
    assert status_of(story, story.sender) == 404
    notes = story.api(story.recipient).act(story.id, "open_notes", {"purpose": "review"}).json()
    assert notes["items"][0]["content"]["text"] == NOTE["text"]
    shift_clock("60 days 1 hour")
    assert purge()["received"] == 1
    assert left(superuser) == set()


def test_who_keeps_for_longer_since_it_was_told_is_told_anew(
    story: Story, shift_clock: Any
) -> None:
    """Else it would go in the hour in which its time is over, a month after it was offered."""
    told(story).answers("complete", {"outcome": "other"})
    shift_clock("23 days 1 hour")
    assert purge()["tell_to"] == 1
    with keeps("ywca", 60):
        for day, said in ((31, 0), (52, 0), (53, 1)):
            shift_clock(f"{day} days 1 hour")
            done = purge()
            assert (done["tell_to"], done["received"]) == (said, 0)
        shift_clock("60 days 2 hours")
        assert purge()["received"] == 1


def test_a_hold_that_is_ended_holds_nothing(story: Story, shift_clock: Any) -> None:
    told(story).answers("complete", {"outcome": "other"})
    lead = story.api("ywca.lead")
    until = (datetime.now(UTC) + timedelta(days=60)).isoformat()
    assert lead.act(story.id, "set_hold", {"until": until}).status_code == 200
    for day in (24, 31, 38):  # told at the first, due at the second, but for the hold
        shift_clock(f"{day} days 1 hour")
        assert purge()["received"] == 0
    assert story.api("ywca.lead").act(story.id, "end_hold").status_code == 200
    assert purge()["received"] == 1


def test_a_draft_is_not_held(story: Story, shift_clock: Any) -> None:
    """Her "no" erases it at any moment (R14): a hold would be a word that is not kept."""
    story.create()
    until = (datetime.now(UTC) + timedelta(days=60)).isoformat()
    answer = story.api("police.lead").act(story.id, "set_hold", {"until": until})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    shift_clock("25 hours")
    assert purge()["draft"] == 1


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_a_hold_ends_within_a_year(story: Story, days: int) -> None:
    story.send()
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    answer = story.api("police.lead").act(story.id, "set_hold", {"until": until})
    assert (answer.status_code, answer.json()["code"]) == (409, "hold_length")


def test_by_raw_sql_nobody_but_a_lead_of_the_side_holds(story: Story) -> None:
    story.create()
    with as_app(story.api("police.lead")) as cursor:
        assert refused_for_want_of_rights(
            cursor, "SELECT sec.set_hold(%s, sec.clock())", [story.id]
        ), "a draft"
    story.sends("send", {"agreement": "agrees"})
    for who, may in (("police.worker", False), ("police.lead", True), ("outsider.lead", False)):
        with as_app(story.api(who)) as cursor:
            call = "SELECT sec.set_hold(%s, sec.clock())"
            assert refused_for_want_of_rights(cursor, call, [story.id]) != may, who
            change = "UPDATE referral_side SET hold_until = NULL"
            assert refused_for_want_of_rights(cursor, change), who


def test_a_plan_goes_with_the_senders_part_and_so_does_the_link_to_it(
    story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    """A referral that took another's place lives on, and no longer names it."""
    story.create().sends("set_plan", {"services": []})
    body = NOTICE | {"service_id": story.service_id, "replaces": story.id}
    following = api("police.worker").post("/v1/referrals", body).json()["id"]
    after = Story(api, story.service_id, id=following).send()
    shift_clock("25 hours")  # the draft is due; the one that was sent is not
    purge_run.run()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT referral_id::text, replaces_id FROM referral_plan")
        assert cursor.fetchall() == [(after.id, None)]


def test_the_recipients_purge_takes_no_link_of_the_senders(
    story: Story, api: Any, shift_clock: Any
) -> None:
    """Else its going would tell the sender when the work with her had ended (R2)."""
    told(story).answers("complete", {"outcome": "other"})
    body = NOTICE | {"service_id": story.service_id, "replaces": story.id}
    following = api("police.worker").post("/v1/referrals", body).json()["id"]
    api("police.worker").act(following, "send", {"agreement": "agrees"})
    path = f"/v1/referrals/{following}"
    with keeps("ywca", 7):
        for days in (7, 14):
            before = api("police.worker").get(path).json()
            shift_clock(f"{days} days 1 hour")
            done = purge()
        assert done["received"]
        assert status_of(story, story.recipient) == 404
    assert before["replaces_id"] == story.id
    assert api("police.worker").get(path).json()["replaces_id"] == story.id


def test_of_a_draft_that_her_no_erased_no_link_stays(
    story: Story, api: Any, superuser: Any
) -> None:
    body = NOTICE | {"service_id": story.create().service_id, "replaces": story.id}
    following = api("police.worker").post("/v1/referrals", body).json()["id"]
    assert says_no(api, "police.worker", story.id).status_code == 200
    purge()
    links = "SELECT referral_id::text, replaces_id FROM referral_plan"
    assert rows(superuser, links) == [(following, None)]
