"""The feed of events: each side what it may know, in order, from anywhere, none missed."""

import threading
from typing import Any

import pytest
from django.db import connections

from referrals import worker
from referrals.deadlines import auto_close, purge
from tests.support.people.callers import Caller, member_id
from tests.support.people.event_readers import none_is_missed_while_sixteen_write, page
from tests.support.people.event_writers import Writers
from tests.support.people.stories import PACKET, Story, return_body


def read(caller: Caller, limit: int = 100) -> list[dict[str, Any]]:
    """All that there is, page by page."""
    found, after = [], None
    while True:
        got = page(caller, after, limit)
        found += got["items"]
        after = got["next"]
        if len(got["items"]) < limit:
            return found


def acts(caller: Caller) -> list[str]:
    return [one["act"] for one in read(caller)]


# -- Who knows what --------------------------------------------------------------------------------


def test_each_side_is_given_its_own_in_order_ids_and_codes_alone(story: Story, api: Any) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    story.answers("acknowledge").answers("decline", {"code": "no_capacity"})
    sender, recipient = api("police.worker"), api("ywca.worker")
    assert acts(sender) == [
        *("create", "put_release", "put_packet", "send", "acknowledge", "decline"),
    ]
    assert acts(recipient) == ["send", "acknowledge", "decline"]
    mine, theirs = read(sender)[-1], read(recipient)[-1]
    assert mine["id"] == theirs["id"]
    assert (mine["side"], mine["code"], mine["member_id"]) == ("to", "no_capacity", None)
    assert theirs["member_id"] == str(member_id("ywca.worker"))
    names = {"id", "at", "referral_id", "act", "side", "code", "member_id", "about_id"}
    assert set(mine) == names
    assert acts(api("outsider.worker")) == []


def test_systems_need_the_scope_and_members_the_role(story: Story, api: Any) -> None:
    story.send()
    assert acts(api("ywca.client")) == ["send"]
    for who in ("ywca.auditor", "ywca.admin", "ywca.editor"):
        assert api(who).get("/v1/events").status_code == 403
    assert api("ywca.client", "ywca.auditor").get("/v1/events").status_code == 403


@pytest.mark.parametrize(
    "truly",
    [
        (),
        (("start_handoff", {"mode": "phone"}),),
        (("start_handoff", {"mode": "phone"}), ("complete", {"outcome": "connected"})),
        (("unable", {"code": "could_not_contact"}),),
        (("stop", {}),),
        (("revoke_release", {"via": "oral"}),),
    ],
    ids=lambda acts: "-".join(act for act, _ in acts) or "nothing",
)
def test_the_senders_feed_is_the_same_whatever_happened_after_the_accept(
    story: Story, api: Any, shift_clock: Any, truly: Any
) -> None:
    """And `closed` comes at its moment: its time, its place and its words tell nothing (R2)."""
    story.create().release(*PACKET).packet(**PACKET).send().accept()
    before = read(api("police.worker"))
    for act, body in truly:
        story.answers(act, body)
    auto_close.step()
    purge.run()
    assert read(api("police.worker")) == before
    shift_clock("7 days 2 minutes")
    api("ywca.worker").act(story.id, "add_note", {"text": "late"})
    auto_close.step()
    auto_close.step()
    after = read(api("police.worker"))
    assert after[:-1] == before
    accepted = api("police.worker").get(f"/v1/referrals/{story.id}").json()
    closed = after[-1]
    assert (closed["act"], closed["side"], closed["code"]) == ("closed", "system", None)
    assert closed["at"][:10] > before[-1]["at"][:10]
    assert closed["at"][10:] == accepted["accepted_at"][10:], "seven days to the microsecond"
    assert "closed" not in acts(api("ywca.worker"))


def test_what_ended_for_the_sender_before_is_never_closed(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept().sends("withdraw", {"code": "other"})
    later = Story(api, story.service_id).accept()
    shift_clock("7 days 1 minute")
    assert later.api(later.sender).act(later.id, "stop").status_code == 200
    auto_close.step()
    told = [one["referral_id"] for one in read(api("police.worker")) if one["act"] == "closed"]
    assert told == [later.id], "it was closed when she stopped it, whenever that is written down"


def test_two_at_once_and_a_clock_set_back_close_once(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept()
    shift_clock("8 days")
    threads = [threading.Thread(target=_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shift_clock("0")
    auto_close.step()
    shift_clock("9 days")
    assert worker.run_until_idle(worker.jobs_named(["close"])) == []
    assert acts(api("police.worker")).count("closed") == 1


def _close() -> None:
    auto_close.step()
    connections.close_all()


def test_whom_a_block_bars_is_given_nothing_of_it(story: Story, api: Any) -> None:
    story.send().answers("acknowledge")
    other = Story(api, story.service_id).send()
    bars = {"member_id": str(member_id("ywca.worker2"))}
    story.answers("block", bars)
    for barred in (api("ywca.worker2"), api("ywca.client"), api("ywca.client", "ywca.worker2")):
        assert {one["referral_id"] for one in read(barred)} == {other.id}
    assert "block" in acts(api("ywca.worker"))
    assert "block" in acts(api("ywca.lead"))
    assert "block" not in acts(api("police.worker"))
    assert {one["referral_id"] for one in read(api("ywca.client", "ywca.worker"))} == {
        story.id,
        other.id,
    }


def test_what_only_those_who_answer_for_it_may_know_is_theirs_alone(story: Story, api: Any) -> None:
    story.send().answers("acknowledge").answers(
        "block", {"member_id": str(member_id("ywca.admin"))}
    )
    assert "block" in acts(api("ywca.worker"))
    assert "block" in acts(api("ywca.lead"))
    assert "block" not in acts(api("ywca.worker2")), "a colleague who is not on it"


def test_a_purged_side_reads_nothing_of_it(story: Story, api: Any, shift_clock: Any) -> None:
    story.create()
    assert acts(api("police.worker")) == ["create"]
    shift_clock("25 hours")
    purge.run()
    assert acts(api("police.worker")) == []


def test_a_return_release_gives_no_event_of_what_happened(story: Story, api: Any) -> None:
    story.accept()
    before = acts(api("police.worker"))
    story.answers("put_return_release", return_body("connected"))
    assert set(acts(api("police.worker"))) - set(before) <= {"put_return_release"}


# -- Pages -----------------------------------------------------------------------------------------


def test_a_cursor_is_its_callers_own_and_of_this_feed(story: Story, api: Any) -> None:
    story.send()
    after = page(api("ywca.worker"))["next"]
    for other in (api("ywca.worker2"), api("ywca.client"), api("police.worker")):
        answer = other.get("/v1/events", {"after": after})
        assert (answer.status_code, answer.json()["pointer"]) == (400, "after")
    for bad in ("x", after[:-2], "A" * 40):
        assert api("ywca.worker").get("/v1/events", {"after": bad}).status_code == 400
    for limit in ("0", "101", "x", "-1"):
        assert api("ywca.worker").get("/v1/events", {"limit": limit}).status_code == 400


def test_whoever_is_at_the_end_goes_on_from_there(story: Story, api: Any) -> None:
    reader = api("ywca.client")
    empty = page(reader)
    assert empty["items"] == []
    story.send()
    got = page(reader, empty["next"])
    assert [one["act"] for one in got["items"]] == ["send"]
    again = page(reader, got["next"])
    assert again["items"] == []
    story.answers("accept")
    assert [one["act"] for one in page(reader, again["next"])["items"]] == ["accept"]


def test_a_page_is_one_access_entry_with_the_referrals_shown(
    story: Story, api: Any, superuser: Any
) -> None:
    story.send()
    page(api("ywca.worker"))
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT referral_ids::text[] FROM access_entry WHERE act = 'event.list'"
            " AND agency_id = (SELECT to_agency_id FROM referral WHERE id = %s)"
            " ORDER BY id DESC LIMIT 1",
            [story.id],
        )
        assert cursor.fetchone() == ([story.id],)


@pytest.mark.parametrize("number", [1, 50])
def test_a_page_costs_the_same_statements_for_one_and_for_fifty(
    story: Story, api: Any, number: int, superuser: Any, django_assert_num_queries: Any
) -> None:
    story.send()
    name = str(connections["default"].settings_dict["NAME"])
    with Writers(name, story.id, number - 1):
        pass
    reader = api("ywca.worker")
    # who is it; BEGIN, identity, the page, the entry, COMMIT
    with django_assert_num_queries(6):
        assert len(page(reader)["items"]) == number


# -- Under way -------------------------------------------------------------------------------------


def test_read_while_sixteen_write_none_is_missed_none_comes_twice_and_order_is_kept(
    story: Story, api: Any, superuser: Any
) -> None:
    """Some hundreds; tests/slow: ten thousand."""
    none_is_missed_while_sixteen_write(800, story, api, superuser)


# -- After a restore -------------------------------------------------------------------------------


def jump() -> None:
    """A step of `manage.py database recover`."""
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT sec.continue_xact_count()")


def test_after_a_restore_into_a_new_cluster_readers_go_on_and_miss_none(
    story: Story, api: Any, superuser: Any
) -> None:
    """Its transactions are counted from the beginning: as if a billion had been before."""
    story.send()
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE referral_event SET xact = xact + 1000000000")
        cursor.execute("UPDATE xact_base SET base = base + 1000000000")
    reader = api("ywca.client")
    stands = page(reader)["next"]
    with superuser.cursor() as cursor:  # the copy was made before its base was ever moved
        cursor.execute("UPDATE xact_base SET base = 0")
    try:
        assert page(reader)["items"] == [], "nothing is fed until the base has jumped"
        jump()
        assert acts(reader) == ["send"]
        story.answers("accept")
        assert [one["act"] for one in page(reader, stands)["items"]] == ["accept"]
        stands = page(reader)["next"]
        jump()  # as a failover in the same cluster: it jumps each time
        story.answers("start_handoff", {"mode": "phone"})
        assert [one["act"] for one in page(reader, stands)["items"]] == ["start_handoff"]
    finally:
        with superuser.cursor() as cursor:
            cursor.execute("UPDATE xact_base SET base = 0")
