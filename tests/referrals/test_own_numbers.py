"""A records system gives a referral its own number, reads it back and finds the referral by it, and
no one else learns of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from permissions.identity.credentials import resolve_credential
from permissions.keys import rotation
from referrals.deadlines import purge
from referrals.own_numbers import record_numbers
from tests.bench import plans
from tests.support.ground.database import as_app, refused
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.own_numbers import (
    LIST,
    NUMBER,
    RECIPIENT,
    SENDER,
    entries,
    found,
    listed,
    number_of,
    numbered,
)
from tests.support.people.sealed_packets import without_keys as without_keys  # a fixture
from tests.support.people.stories import PACKET, Story, bar, notes, to
from tests.support.proofs.routes import ask
from tests.support.proofs.sender_view import Sender

# -- Read back -------------------------------------------------------------------------------------


def test_each_side_reads_its_own_number_back_in_detail_and_list(story: Story, api: Any) -> None:
    numbered(story).send().accept()
    story.answers("set_external_ref", {"ref": "Y-0001"})
    for who, number in ((SENDER, NUMBER), (RECIPIENT, "Y-0001")):
        assert number_of(api, who, story) == number
        assert listed(api(who)) == {story.id: number}
    system = api("police.client", SENDER)
    assert listed(system) == {story.id: NUMBER}
    assert system.get(f"{LIST}/{story.id}").json()["external_ref"] == NUMBER


def test_the_newest_counts_and_an_act_answers_with_it(story: Story, api: Any) -> None:
    numbered(story).sends("set_external_ref", {"ref": "  second "})
    assert number_of(api, SENDER, story) == "second"
    assert found(api(SENDER), "second") == [story.id]
    assert found(api(SENDER)) == []
    sent = api(SENDER).act(story.id, "send", {"agreement": "agrees"})
    assert sent.json()["external_ref"] == "second"
    assert [one["ref"] for one in notes(api, SENDER, story, "external_ref")] == [NUMBER, "second"]


def test_a_new_number_is_a_new_version_for_its_own_side_alone(story: Story, api: Any) -> None:
    story.accept()
    sender = Sender(api)
    before = sender.view(story.id)
    own = api(RECIPIENT).get(f"{LIST}/{story.id}")["ETag"]
    story.answers("set_external_ref", {"ref": NUMBER})
    assert sender.view(story.id) == before
    assert api(RECIPIENT).get(f"{LIST}/{story.id}")["ETag"] != own


@pytest.mark.parametrize("who", ["police.worker2", "police.lead", "police.client", RECIPIENT])
def test_who_does_not_work_on_it_is_shown_none_and_finds_none(
    story: Story, api: Any, who: str
) -> None:
    """A system that names no member works on nothing."""
    numbered(story).send().accept()
    caller = api(who)
    assert caller.get(f"{LIST}/{story.id}").json()["external_ref"] is None
    assert listed(caller)[story.id] is None
    if who == "police.client":
        answer = caller.get(LIST, {"external_ref": NUMBER})
        assert (answer.status_code, answer.json()["code"]) == (403, "acting_member_needed")
    else:
        assert found(caller) == []


def test_who_is_assigned_later_is_shown_it_and_who_is_taken_off_no_more(
    story: Story, api: Any
) -> None:
    numbered(story).sends("assign", to("police.worker2"))
    assert number_of(api, "police.worker2", story) == NUMBER
    assert found(api("police.worker2")) == [story.id]
    bar(api, SENDER, story, "police.worker2")
    assert found(api("police.worker2")) == []
    assert api("police.worker2").get(f"{LIST}/{story.id}").status_code == 404


def test_it_is_in_no_event_history_message_or_entry(story: Story, api: Any, superuser: Any) -> None:
    numbered(story).send().accept().release(*PACKET).packet(**PACKET)
    found(api(SENDER))
    found(api(SENDER), "MARKER that there is not")
    for who in (SENDER, "police.lead", RECIPIENT, "ywca.lead", "police.auditor"):
        for path in (
            *("/v1/events", f"{LIST}/{story.id}/history", "/v1/access-log"),
            *("/v1/access-log/listings?referral_id=" + story.id, "/v1/messages"),
        ):
            assert b"MARKER" not in api(who).get(path).content, (who, path)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%MARKER%'")
            assert cursor.fetchone() == (0,), table


def test_sealed_numbers_are_of_one_size_and_hashes_of_two_agencies_differ(
    story: Story, api: Any, superuser: Any
) -> None:
    numbered(story, "1").send().accept()
    story.answers("set_external_ref", {"ref": "1"})
    other = Story(api, story.service_id)
    numbered(other, "é" * 100)
    kept = rows(superuser, "SELECT octet_length(key_bundle), keyed FROM record_number")
    assert len({size for size, _ in kept}) == 1
    assert len({bytes(keyed) for _, keyed in kept}) == 3


def test_app_reaches_the_table_by_no_statement_of_its_own(story: Story, api: Any) -> None:
    numbered(story)
    with as_app(api(SENDER)) as cursor:
        for statement in (
            "SELECT FROM record_number",
            "UPDATE record_number SET kek_version = 1",
            "DELETE FROM record_number",
            "INSERT INTO record_number DEFAULT VALUES",
        ):
            assert refused(cursor, statement), statement


# -- Kept as long as its side's part ---------------------------------------------------------------


def test_it_is_still_read_after_its_keys_were_rotated(story: Story, api: Any) -> None:
    numbered(story)
    rotation.end_key_epoch(agency_id("police"))
    assert number_of(api, SENDER, story) == NUMBER
    assert listed(api(SENDER)) == {story.id: NUMBER}


def test_a_purge_takes_each_sides_number_with_its_part(
    story: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    numbered(story).send().accept()
    story.answers("set_external_ref", {"ref": "Y-0001"})
    story.answers("complete", {"outcome": "connected"})
    draft = numbered(Story(api, story.service_id), "of a draft")
    kept = "SELECT agency_id::text FROM record_number WHERE referral_id = %s"
    assert len(rows(superuser, kept, [story.id])) == 2
    shift_clock("25 hours")
    purge.run()
    assert rows(superuser, kept, [draft.id]) == []
    for day in (24, 31):  # each side is notified a week before
        shift_clock(f"{day} days")
        purge.run()
    assert rows(superuser, kept, [story.id]) == [(str(agency_id("police")),)]
    shift_clock("39 days")
    purge.run()
    assert rows(superuser, "SELECT FROM record_number") == []


def test_while_the_key_store_is_away_the_notice_is_shown_without_it(
    story: Story, api: Any, without_keys: Callable[[], None]
) -> None:
    numbered(story).send()
    assert number_of(api, SENDER, story) == NUMBER
    without_keys()
    answer = api(SENDER).get(f"{LIST}/{story.id}")
    assert (answer.status_code, answer.json()["external_ref"]) == (200, None)
    assert listed(api(SENDER)) == {story.id: None}
    assert found(api(SENDER)) == [story.id]


def test_whom_the_servers_record_does_not_let_work_is_shown_none(
    story: Story, api: Any, superuser: Any
) -> None:
    """A writer of the database who assigns someone opens nothing (ADR 0072)."""
    numbered(story)
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO referral_assignment (id, content_object_id, agency_id, membership_id,"
            " user_id, permission_id) SELECT gen_random_uuid(), content_object_id, agency_id, m.id,"
            " m.person_id, permission_id FROM referral_assignment s"
            " JOIN permissions_membership m USING (agency_id)"
            " WHERE s.content_object_id = %s AND m.id = %s",
            [story.id, str(to("police.worker2")["member_id"])],
        )
    assert listed(api("police.worker2")) == {story.id: None}
    assert number_of(api, "police.worker2", story) is None
    assert number_of(api, SENDER, story) == NUMBER


# -- Found -----------------------------------------------------------------------------------------


def test_only_exactly_that_number_of_the_own_agency_finds_it(story: Story, api: Any) -> None:
    numbered(story).send().accept()
    other = Story(api, story.service_id)
    numbered(other, NUMBER + "1")
    assert found(api(SENDER)) == [story.id]
    assert found(api(SENDER), f"  {NUMBER} ") == [story.id]
    for another in (NUMBER.lower(), NUMBER[:-1], "%", "MARKER%", "*"):
        assert found(api(SENDER), another) == []
    assert found(api(RECIPIENT)) == []
    assert found(api("outsider.worker")) == []
    assert found(api(SENDER), box="in") == []
    assert found(api(SENDER), box="out", status="accepted") == [story.id]


@pytest.mark.parametrize("number", ["", " ", "x" * 101, "two\nlines"])
def test_what_is_no_number_is_refused(api: Any, number: str) -> None:
    answer = api(SENDER).get(LIST, {"external_ref": number})
    assert (answer.status_code, answer.json()["pointer"]) == (400, "external_ref")


def test_a_search_that_finds_none_is_an_entry_that_says_so(
    story: Story, api: Any, superuser: Any
) -> None:
    numbered(story)
    hit = api(SENDER).get(LIST, {"external_ref": NUMBER})
    assert entries(superuser, hit) == [("referral.list", "allowed", None, [story.id])]
    miss = api(SENDER).get(LIST, {"external_ref": "another"})
    assert entries(superuser, miss) == [("referral.list", "allowed", "external_ref_unknown", [])]
    assert entries(superuser, api(SENDER).get(LIST)) == [
        ("referral.list", "allowed", None, [story.id])
    ]


def test_searches_have_a_limit_of_their_own_for_members_and_systems(
    story: Story, api: Any, superuser: Any
) -> None:
    numbered(story)
    most = record_numbers.OF_MEMBER.most
    for number in (NUMBER, "another") * (most // 2):
        found(api(SENDER), number)
    answer = api(SENDER).get(LIST, {"external_ref": NUMBER})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_often")
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert entries(superuser, answer) == [("referral.list", "refused", "too_often", None)]
    assert api(SENDER).get(LIST).status_code == 200, "the list itself has none"
    assert found(api("police.worker2")) == []
    assert found(api("police.client", SENDER)) == [story.id], "a system has its own"


def test_a_search_does_the_same_work_for_a_hidden_number_as_for_none(
    story: Story, api: Any, superuser: Any
) -> None:
    """The numbers are of a colleague's referral, of one that bars them, and of none."""
    numbered(story).sends("assign", to("police.worker2"))
    own = Story(api, story.service_id, sender="police.worker2")
    numbered(own, "their own")
    colleagues = Story(api, story.service_id)
    numbered(colleagues, "a colleague's")
    bar(api, SENDER, story, "police.worker2")
    with superuser.cursor() as cursor:
        cursor.execute(
            "VACUUM (FULL, ANALYZE) referral, referral_side, record_number, referral_assignment,"
            " conflict_block, bound_access, permissions_membership, credential, access_entry"
        )
    caller = api("police.worker2")
    who = resolve_credential(caller.secret)
    work = []
    for number in (NUMBER, "a colleague's", "no one's"):
        path = f"{LIST}?external_ref={number}"
        ask(caller, "GET", path)
        with plans.statements() as sent:
            answer = ask(caller, "GET", path)
        (query,) = [one for one in sent if "referral_ids_by_number" in one.query]
        pages = plans.explain_both(superuser, who, query)[0].buffers
        work.append((answer[0], answer[2], len(sent), pages))
    assert work[0] == work[1] == work[2]
    assert json.loads(work[0][1])["items"] == []
