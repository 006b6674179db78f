"""The survivor's agreement to the notice (R14): a no leaves a tally and nothing else; who cannot
say is only asked to be visited, and nothing of a packet is written or opened until there is a
release of theirs."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from permissions.keys import rotation
from permissions.keys.keystore import key_store
from referrals.acts import agreement
from referrals.deadlines import purge
from tests.support.ground.database import (
    as_app,
    belonging_to_a_referral,
    opening,
    refused_for_want_of_rights,
)
from tests.support.ground.stored_rows import rows, stored_rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import (
    PACKET,
    Story,
    bar,
    full_draft,
    return_body,
    says_no,
    service_of,
)

TALLY = (  # of all months: one may end while a test runs
    "SELECT agency_id, max(month), sum(offered)::int, sum(declined)::int FROM agreement_tally"
    " GROUP BY 1 ORDER BY 1"
)


def test_a_no_leaves_a_tally_and_no_other_trace(api: Any, superuser: Any) -> None:
    caller = api("police.worker")
    before = stored_rows(superuser)
    for _ in range(2):
        assert caller.post("/v1/agreement-tally", {}).json() == {}
    after = stored_rows(superuser)
    assert after.pop("agreement_tally")
    assert before.pop("agreement_tally") == []
    assert after == before, "no entry, no event, no key: nothing but the count"
    month = datetime.now(UTC).date().replace(day=1)
    ((agency, counted, *counts),) = rows(superuser, TALLY)
    assert (str(agency), counts) == (str(agency_id("police")), [2, 2])
    assert abs((counted - month).days) < 32


def test_a_barred_officer_asks_for_the_tally_before_and_after_and_no_one_reads_it(
    story: Story, api: Any, superuser: Any
) -> None:
    """It counts each sending, at once and exactly: two looks would tell them that there is one."""
    story.create()
    bar(api, story.sender, story, "police.worker2")
    story.send()
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 0)]
    for who in ("police.worker2", "police.worker", "police.lead", "police.admin"):
        assert api(who).get("/v1/agreement-tally").status_code == 405
        with as_app(api(who)) as cursor:
            assert refused_for_want_of_rights(cursor, TALLY), who


# -- A draft that was begun before she was asked ---------------------------------------------------


def test_with_her_no_the_draft_is_gone_and_the_tally_alone_is_more(
    story: Story, api: Any, superuser: Any
) -> None:
    beside = Story(api, story.service_id).create().release("name").packet(name="Invented")
    before = stored_rows(superuser)
    full_draft(story)
    assert says_no(api, "police.worker", story.id).json() == {}
    after = stored_rows(superuser)
    entries = {name for name in after if name.startswith("access_entry")}
    changed = {name for name in after if after[name] != before[name]}
    assert changed - entries == {"agreement_tally", "epoch_due"}
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 1)]
    assert story.id not in str([after[name] for name in after if name not in entries])
    for who in ("police.worker", "police.lead", "ywca.lead"):
        assert api(who).get(f"/v1/referrals/{story.id}").status_code == 404
    opened = api("police.worker").act(beside.id, "open_packet", {"purpose": "service"})
    assert opened.json()["packet"] == {"name": "Invented"}


def test_the_log_says_that_it_was_purged_and_no_more(
    story: Story, api: Any, superuser: Any
) -> None:
    """As a purge by the clock does: whose, when, the handle; not who, and not that she said no."""
    story.create()
    ((subject,),) = rows(superuser, "SELECT subject FROM referral_side")
    says_no(api, "police.worker", story.id)
    entry = "SELECT act, agency_id::text, member_id, subject, decision, rule, request_id"
    last = f"{entry} FROM access_entry WHERE referral_id = %s ORDER BY at DESC, id DESC LIMIT 1"
    agency = str(agency_id("police"))
    expected = ("referral.purge", agency, None, subject, "allowed", None, None)
    assert rows(superuser, last, [story.id]) == [expected]


def test_a_second_no_to_the_same_draft_is_one_to_nothing(
    story: Story, api: Any, superuser: Any
) -> None:
    story.create()
    assert says_no(api, "police.worker", story.id).status_code == 200
    gone, random = (says_no(api, "police.worker", one) for one in (story.id, uuid4()))
    assert gone.status_code == random.status_code == 404
    assert gone.content.replace(gone["X-Request-Id"].encode(), b"") == random.content.replace(
        random["X-Request-Id"].encode(), b""
    )
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 1)]


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("police.worker2", 403, "not_assigned"),
        ("police.lead", 403, "not_assigned"),
        ("police.admin", 403, "role_missing"),
        ("ywca.worker", 404, "not_found"),
        ("outsider.worker", 404, "not_found"),
    ],
)
def test_no_one_else_takes_a_draft_away(
    story: Story, api: Any, superuser: Any, who: str, status: int, code: str
) -> None:
    full_draft(story)
    before = stored_rows(superuser)
    answer = says_no(api, who, story.id)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    after = stored_rows(superuser)
    assert {name for name in after if after[name] != before[name]} <= {
        name for name in after if name.startswith("access_entry")
    }
    with as_app(api(who)) as cursor:
        erase = "SELECT sec.erase_draft(gen_random_uuid(), %s)"
        assert refused_for_want_of_rights(cursor, erase, [story.id])


def test_what_was_sent_is_withdrawn_or_stopped_and_never_erased(
    story: Story, api: Any, superuser: Any
) -> None:
    story.send()
    answer = says_no(api, "police.worker", story.id)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 0)]
    with as_app(api("police.worker")) as cursor:
        erase = "SELECT sec.erase_draft(gen_random_uuid(), %s)"
        assert refused_for_want_of_rights(cursor, erase, [story.id])
    assert api("ywca.worker").get(f"/v1/referrals/{story.id}").status_code == 200


def test_a_no_that_is_killed_half_way_leaves_the_draft_and_counts_nothing(
    story: Story, api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(**_: Any) -> None:
        raise Killed

    full_draft(story)
    before = stored_rows(superuser)
    with monkeypatch.context() as patched:
        patched.setattr(agreement, "count_answer", dies)
        with pytest.raises(Killed):
            says_no(api, "police.worker", story.id)
    assert stored_rows(superuser) == before
    assert says_no(api, "police.worker", story.id).status_code == 200


def test_the_next_purge_ends_the_keys_that_had_wrapped_it(
    story: Story, api: Any, superuser: Any
) -> None:
    beside = Story(api, story.service_id).create().release("name").packet(name="Invented")
    full_draft(story)
    police = agency_id("police")
    before = key_store().versions(police)
    says_no(api, "police.worker", story.id)
    purge.run()
    assert set(key_store().versions(police)).isdisjoint(before)
    assert rows(superuser, "SELECT FROM epoch_due") == []
    after = key_store().versions(police)
    purge.run()
    assert key_store().versions(police) == after, "once is enough"
    opened = api("police.worker").act(beside.id, "open_packet", {"purpose": "service"})
    assert opened.json()["packet"] == {"name": "Invented"}


def test_a_no_leaves_nothing_in_any_table_that_belongs_to_a_referral(
    story: Story, api: Any, superuser: Any
) -> None:
    full_draft(story)
    with superuser.cursor() as cursor:
        tables = belonging_to_a_referral(cursor)
    filled = {one for one in tables if rows(superuser, f"SELECT FROM {one}")}
    assert filled >= {"referral", "referral_side", "packet_grant", "packet_field", "release"}
    says_no(api, "police.worker", story.id)
    assert {one for one in tables if rows(superuser, f"SELECT FROM {one}")} == set()


def test_a_draft_without_keys_ends_no_epoch(story: Story, api: Any, superuser: Any) -> None:
    story.create()
    says_no(api, "police.worker", story.id)
    assert rows(superuser, "SELECT FROM epoch_due") == []


def test_an_epoch_stays_due_until_it_has_ended(
    story: Story, api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    full_draft(story)
    says_no(api, "police.worker", story.id)
    with monkeypatch.context() as patched:
        patched.setattr(rotation, "_destroy", dies)
        with pytest.raises(Killed):
            purge.run()
    assert len(rows(superuser, "SELECT FROM epoch_due")) == 1
    purge.run()
    assert rows(superuser, "SELECT FROM epoch_due") == []


def test_at_the_desk_a_no_before_sending_takes_the_draft_away(
    story: Story, api: Any, superuser: Any
) -> None:
    full_draft(story)
    pages = at_the_desk("police.worker")
    done = pages.submit(f"/desk/referrals/{story.id}/send", {"agreement": "no"})
    assert "The draft and everything in it were deleted." in text_of(done.content)
    assert rows(superuser, "SELECT FROM referral") == []
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 1)]


def test_a_sending_that_she_agrees_to_counts_as_offered(story: Story, superuser: Any) -> None:
    story.send()
    unasked = Story(story.api, story.service_id).create()
    unasked.sends("send", {"agreement": "not_asked_unsafe"})
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 0)]


def test_the_desk_gives_her_the_number_and_counts(superuser: Any) -> None:
    desk = at_the_desk("police.worker")
    path = f"/desk/referrals/new?service={service_of('ywca')}"
    assert "They said no: show the phone number" in text_of(desk.get(path).content)
    fields = desk.hidden(path, "/desk/said_no")
    answer = desk.http.post("/desk/said_no", fields)
    assert "Then nothing is sent" in text_of(answer.content)
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 1)]
    assert rows(superuser, "SELECT FROM referral") == []


def test_who_cannot_say_is_only_asked_to_be_visited(story: Story, api: Any) -> None:
    for wanted, code in (("call_her_now", "wanted"), ("come_to_us", "wanted"), ("come_here", None)):
        story.create(wanted=wanted)
        answer = api("police.worker").act(story.id, "send", {"agreement": "cannot_say"})
        assert answer.json().get("code") == code, wanted


def test_no_packet_until_her_release_is_put(story: Story, api: Any) -> None:
    """What lay ready before does not count: she could not say when it was sent."""
    purpose = {"purpose": "service"}
    story.create(wanted="come_here").release(*PACKET).packet(**PACKET)
    story.sends("send", {"agreement": "cannot_say"}).answers("accept")
    write = api("police.worker").act(story.id, "put_packet", {"packet": PACKET})
    assert (write.status_code, write.json()["code"]) == (409, "no_release")
    for who in ("police.worker", "ywca.worker"):
        answer = api(who).act(story.id, "open_packet", purpose)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_release"), who
    story.release(*PACKET).packet(**PACKET)
    for who in ("police.worker", "ywca.worker"):
        assert api(who).act(story.id, "open_packet", purpose).json()["packet"] == PACKET, who


def test_notes_of_whoever_visits_her_are_open_to_her_own_side_meanwhile(
    story: Story, api: Any
) -> None:
    story.create(wanted="come_here").sends("send", {"agreement": "cannot_say"}).answers("accept")
    for who, act in (("ywca.worker", story.answers), ("police.worker", story.sends)):
        act("add_note", {"text": f"a note of {who}"})
        answer = api(who).act(story.id, "open_notes", {"purpose": "service"})
        assert answer.status_code == 200, answer.content
        (note,) = answer.json()["items"]
        assert note["content"]["text"] == f"a note of {who}"


def test_her_leave_to_tell_the_sender_is_none_to_open_the_packet(story: Story, api: Any) -> None:
    """A release back, put since she was sent: it says nothing of what goes there."""
    story.create(wanted="come_here").release(*PACKET).packet(**PACKET)
    story.sends("send", {"agreement": "cannot_say"}).answers("accept")
    story.answers("put_return_release", return_body("connected"))
    for who in ("police.worker", "ywca.worker"):
        answer = api(who).act(story.id, "open_packet", {"purpose": "service"})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_release"), who


def test_the_database_says_so_too(story: Story, api: Any, superuser: Any) -> None:
    story.create(wanted="come_here").release(*PACKET).packet(**PACKET)
    story.sends("send", {"agreement": "cannot_say"}).answers("accept")
    ((release, version),) = rows(
        superuser,
        "SELECT l.id, g.kek_version FROM release l JOIN packet_grant g USING (referral_id)",
    )
    with as_app(api("police.worker")) as cursor:
        assert refused_for_want_of_rights(
            cursor,
            "INSERT INTO packet_field (id, referral_id, from_agency_id, field, version, ciphertext)"
            " VALUES (gen_random_uuid(), %s, %s, 'name', 99, 'x')",
            [story.id, str(agency_id("police"))],
        )
        assert refused_for_want_of_rights(
            cursor,
            "SELECT sec.store_grant(gen_random_uuid(), %s, %s, '{name}', %s, 'x')",
            [story.id, release, version],
        )
        cursor.execute(*opening("police.worker", story.id, "open_packet"))
        cursor.execute("SELECT FROM packet_field")
        assert cursor.fetchall() == []


@pytest.mark.parametrize("who", ["police.admin", "police.auditor", "taskforce.coordinator"])
def test_who_does_no_casework_counts_nothing(who: str, api: Any, superuser: Any) -> None:
    assert api(who).post("/v1/agreement-tally", {}).status_code == 403
    with as_app(api(who)) as cursor:
        assert refused_for_want_of_rights(cursor, "SELECT sec.count_agreement_answer(true)")
    assert rows(superuser, TALLY) == []
