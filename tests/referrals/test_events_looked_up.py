"""A system begins at the present end of its feed, asks for one event or one referral's, and learns
when to ask again."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from permissions.database.uuid7 import uuid7
from permissions.identity.credentials import resolve_credential
from referrals.deadlines import purge
from tests.bench import plans
from tests.support.people.callers import Caller, member_id, narrow
from tests.support.people.event_readers import page
from tests.support.people.stories import Story, bar, to
from tests.support.proofs.routes import ask

FEED = "/v1/events"


def ids(caller: Caller) -> list[str]:
    return [one["id"] for one in page(caller)["items"]]


def of(caller: Caller, referral_id: Any, **more: str) -> list[str]:
    answer = caller.get(FEED, {"referral_id": str(referral_id)} | more)
    assert answer.status_code == 200, answer.content
    return [one["act"] for one in answer.json()["items"]]


# -- One event -------------------------------------------------------------------------------------


def test_each_event_of_the_feed_is_found_as_the_feed_says_it(story: Story, api: Any) -> None:
    story.accept().answers("start_handoff", {"mode": "phone"})
    for who in ("police.worker", "ywca.worker", "ywca.client"):
        for event in page(api(who))["items"]:
            answer = api(who).get(f"{FEED}/{event['id']}")
            assert (answer.status_code, answer.json()) == (200, event)


def test_one_of_the_other_side_or_of_others_is_none(story: Story, api: Any) -> None:
    story.accept().answers("start_handoff", {"mode": "phone"})
    drafted, *_ = ids(api("police.worker"))
    *_, begun = ids(api("ywca.worker"))
    random = str(uuid4())
    for who, hidden in (
        ("ywca.worker", drafted),
        ("police.worker", begun),
        ("outsider.worker", drafted),
        ("outsider.worker", begun),
    ):
        caller = api(who)
        real, none = (ask(caller, "GET", f"{FEED}/{one}") for one in (hidden, random))
        assert real == none, who
        assert real[0] == 404


def test_who_is_barred_finds_it_no_more(story: Story, api: Any) -> None:
    story.accept()
    (sent, *_) = ids(api("ywca.worker2"))
    assert api("ywca.worker2").get(f"{FEED}/{sent}").status_code == 200
    bar(api, "ywca.worker", story, "ywca.worker2")
    for barred in (api("ywca.worker2"), api("ywca.client"), api("ywca.client", "ywca.worker2")):
        real, none = (ask(barred, "GET", f"{FEED}/{one}") for one in (sent, uuid4()))
        assert real == none
        assert real[0] == 404
        assert of(barred, story.id) == of(barred, uuid4()) == []
    assert api("ywca.lead").get(f"{FEED}/{sent}").status_code == 200


def test_what_is_reserved_is_found_by_those_who_answer_for_it(story: Story, api: Any) -> None:
    story.accept().answers("block", to("ywca.admin"))
    (blocked,) = [one["id"] for one in page(api("ywca.worker"))["items"] if one["act"] == "block"]
    for who, status in (("ywca.worker", 200), ("ywca.lead", 200), ("ywca.worker2", 404)):
        assert api(who).get(f"{FEED}/{blocked}").status_code == status, who


def test_a_purged_side_finds_none(story: Story, api: Any, shift_clock: Any) -> None:
    story.create()
    (drafted,) = ids(api("police.worker"))
    shift_clock("25 hours")
    purge.run()
    assert api("police.worker").get(f"{FEED}/{drafted}").status_code == 404


def test_it_takes_the_feeds_scope_and_role(story: Story, api: Any) -> None:
    story.send()
    (sent,) = ids(api("ywca.worker"))
    assert narrow(api, "ywca", None, "events:read").get(f"{FEED}/{sent}").status_code == 200
    for one in (sent, str(uuid4())):
        for caller in (
            narrow(api, "ywca", None, "referrals:read"),
            *(api(f"ywca.{who}") for who in ("auditor", "admin", "editor")),
        ):
            assert caller.get(f"{FEED}/{one}").status_code == 403
        assert api(None).get(f"{FEED}/{one}").status_code == 401


def test_a_look_is_an_entry_with_the_referral_and_a_miss_one_without(
    story: Story, api: Any, superuser: Any
) -> None:
    story.send()
    (sent,) = ids(api("ywca.worker"))

    def entry(answer: Any) -> Any:
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT act, decision, rule, referral_ids::text[], referral_id, member_id::text"
                " FROM access_entry WHERE request_id = %s",
                [answer["X-Request-Id"]],
            )
            (found,) = cursor.fetchall()
            return found

    mine = str(member_id("ywca.worker"))
    found = api("ywca.worker").get(f"{FEED}/{sent}")
    assert entry(found) == ("event.list", "allowed", None, [story.id], None, mine)
    missed = api("ywca.worker").get(f"{FEED}/{uuid4()}")
    assert entry(missed) == ("event.list", "refused", "not_found", None, None, mine)


def test_a_hidden_event_or_referral_takes_the_work_of_none(
    story: Story, api: Any, superuser: Any
) -> None:
    """As many statements, and as many pages read by them."""
    story.accept()
    (sent, *_) = ids(api("ywca.worker2"))
    bar(api, "ywca.worker", story, "ywca.worker2")
    Story(api, story.service_id).create()  # so that a random id has a next one below
    with superuser.cursor() as cursor:
        cursor.execute(
            "VACUUM (FULL, ANALYZE) referral, referral_event, conflict_block, referral_side,"
            " permissions_membership, credential, access_entry"
        )
    caller = api("ywca.worker2")
    principal = resolve_credential(caller.secret)
    for hidden, none in (
        (f"{FEED}/{sent}", f"{FEED}/{uuid7()}"),
        (f"{FEED}?referral_id={story.id}", f"{FEED}?referral_id={uuid7()}"),
    ):
        found = []
        for path in (hidden, none):
            caller.get(path)  # fills what a connection keeps
            with plans.statements() as sent_statements:
                caller.get(path)
            reading = [one for one in sent_statements if "sec.fed_" in one.query]
            pages = [plans.explain_both(superuser, principal, one)[0].buffers for one in reading]
            found.append(([one.sql for one in sent_statements], pages))
        assert found[0][1], "nothing was looked up"
        assert found[0] == found[1]


# -- One referral's --------------------------------------------------------------------------------


def test_one_referrals_events_are_those_that_its_side_may_know(story: Story, api: Any) -> None:
    story.accept().answers("complete", {"outcome": "connected"})
    Story(api, story.service_id).send()
    assert of(api("police.worker"), story.id) == ["create", "send", "accept"]
    assert of(api("ywca.client"), story.id) == ["send", "accept", "complete"]
    for caller in (api("outsider.worker"), api("police.worker")):
        other = story.id if caller.who == "outsider.worker" else uuid4()
        assert of(caller, other) == []


def test_its_cursor_is_the_filters_own(story: Story, api: Any) -> None:
    story.accept()
    caller = api("ywca.client")
    first = caller.get(FEED, {"referral_id": story.id, "limit": "1"}).json()
    assert of(caller, story.id, after=first["next"]) == ["accept"]
    for query in ({}, {"referral_id": str(uuid4())}):
        answer = caller.get(FEED, query | {"after": first["next"]})
        assert (answer.status_code, answer.json()["pointer"]) == (400, "after")
    answer = caller.get(FEED, {"referral_id": "no id"})
    assert (answer.status_code, answer.json()["pointer"]) == (400, "referral_id")


# -- From now on -----------------------------------------------------------------------------------


def test_who_begins_now_is_given_what_comes_and_nothing_of_before(story: Story, api: Any) -> None:
    story.send()
    reader = api("ywca.client")
    now = reader.get(FEED, {"from": "now"})
    assert (now.status_code, now.json()["items"]) == (200, [])
    story.answers("accept")
    assert [one["act"] for one in page(reader, now.json()["next"])["items"]] == ["accept"]
    of_one = reader.get(FEED, {"from": "now", "referral_id": story.id}).json()["next"]
    story.answers("start_handoff", {"mode": "phone"})
    assert of(reader, story.id, after=of_one) == ["start_handoff"]


def test_what_is_under_way_at_that_moment_is_not_missed(
    story: Story, api: Any, superuser: Any
) -> None:
    """A transaction that has its number, and commits only later."""
    story.send()
    reader = api("ywca.client")
    with connections["jobs"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,"
            " code, reserved, from_sees, to_sees) SELECT %s::uuid, id, from_agency_id,"
            " to_agency_id, sec.clock(), 'escalated', 'ack_by', false, true, true FROM referral"
            " WHERE id = %s",
            [str(uuid4()), story.id],
        )
        now = reader.get(FEED, {"from": "now"}).json()["next"]
        cursor.execute("COMMIT")
    assert [one["act"] for one in page(reader, now)["items"]] == ["escalated"]


@pytest.mark.parametrize("query", [{"from": "then"}, {"from": ""}, {"from": "now", "after": "x"}])
def test_another_beginning_is_refused(api: Any, query: dict[str, str]) -> None:
    answer = api("ywca.worker").get(FEED, query)
    assert (answer.status_code, answer.json()["pointer"]) == (400, "from")


def test_who_may_read_no_feed_is_told_no_end_of_it(api: Any) -> None:
    for who in ("ywca.auditor", "ywca.admin"):
        assert api(who).get(FEED, {"from": "now"}).status_code == 403


# -- At the end ------------------------------------------------------------------------------------


def test_an_empty_page_says_when_to_ask_again_and_a_full_one_does_not(
    story: Story, api: Any
) -> None:
    reader = api("ywca.client")
    for query in ({}, {"from": "now"}, {"referral_id": story.service_id}):
        assert reader.get(FEED, query)["Retry-After"] == "5"
    story.send()
    assert "Retry-After" not in reader.get(FEED)
