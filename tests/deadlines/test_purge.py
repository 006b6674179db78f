"""Content purges itself (R13): keys and rows at once, then what wrapped them, by each side's own
clock; and a purge tells the sender nothing that it was not shown (R2)."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from referrals.deadlines import purge as purge_run
from tests.support.ground.database import belonging_to_a_referral
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.purging import (
    NOTE,
    keeps,
    left,
    opens,
    purge,
    status_of,
    told,
    versions,
)
from tests.support.people.stories import NOTICE, PACKET, Story, says_no
from tests.support.proofs.sender_view import Sender


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
            # Ids of what a restored database may not hold any more: they go after a month.
            " AND relname <> 'lost_act'"
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
    """Each names the referral in its route, and a later reader of the row must not learn of it."""

    def kept() -> set[str]:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT route FROM idempotency_key")
            return {route for (route,) in cursor.fetchall()}

    story.create()
    police = api(story.sender)
    note = {"text": "A note"}
    assert police.act(story.id, "add_note", note, Idempotency_Key="a note").status_code == 201
    lasting = Story(api, story.service_id).accept()
    recipient = api(lasting.recipient)
    assert recipient.act(lasting.id, "add_note", note, Idempotency_Key="hers").status_code == 201
    theirs, hers = (f"referrals/{one.id}/add_note" for one in (story, lasting))
    assert kept() == {theirs, hers}
    shift_clock("25 hours")
    assert purge()["draft"] == 1
    assert kept() == {hers}
    shift_clock("29 days")
    purge()
    assert kept() == {hers}
    shift_clock("30 days 1 minute")
    purge()
    assert kept() == set()


def test_a_packet_that_no_one_accepted_goes_a_day_after_the_end(
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
    call_command("worker", "purge", "--dry-run", stdout=out)
    assert "1 due: drafts" in out.getvalue()
    assert status_of(story, story.sender) == 200


def test_a_dry_run_says_whose_keys_have_still_to_end(story: Story) -> None:
    """After her "no", or where the key store was away: an older backup opens it until then."""
    story.create().release(*PACKET).packet(**PACKET)
    assert says_no(story.api, story.sender, story.id).status_code == 200
    for words, found in ((["--dry-run"], "1 due: "), ([], "1 done: "), ([], "Nothing was due.")):
        out = StringIO()
        call_command("worker", "purge", *words, stdout=out, stderr=StringIO())
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


def test_an_act_of_the_recipient_begins_the_time_again(story: Story, shift_clock: Any) -> None:
    story.accept()
    shift_clock("14 days 1 hour")
    assert purge()["ask"] == 1
    story.answers("add_note", NOTE)
    shift_clock("22 days")
    counts = purge()
    assert (counts["ask"], counts["end"]) == (0, 0)
    shift_clock("28 days 2 hours")
    assert purge()["ask"] == 1


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
