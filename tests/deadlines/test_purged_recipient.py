"""A recipient whose part is purged finds nothing of it any more, while the sender's is all there
and learns nothing of it (R13, R2, R3): the notice and the history go with the keys."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from permissions.reference import rows as r
from referrals import worker
from tests.support.ground.database import all_in_the_feed, as_app
from tests.support.people.callers import member_id
from tests.support.people.notifications import PEOPLE, number, work
from tests.support.people.purging import NOTE, keeps, left, purge, status_of, told
from tests.support.people.stories import PACKET, Story
from tests.support.people.webhooks import WORK
from tests.support.proofs.routes import everything
from tests.support.proofs.sec_functions import alerts
from tests.support.proofs.sender_bytes import Sender as WholeSender
from tests.support.proofs.sender_view import Sender
from tests.support.servers.message_servers import PhoneProvider
from tests.support.servers.webhook_receiver import receivers

THERE = ("ywca.worker", "ywca.worker2", "ywca.lead")
LATER = (("police.worker", "add_note", NOTE), ("police.lead", "revoke_release", {"via": "oral"}))


@pytest.fixture
def kept_long() -> Iterator[None]:
    with keeps("police", 3650):
        yield


@pytest.fixture
def worked_on(story: Story, shift_clock: Any, kept_long: None) -> Story:
    """Completed, with notes of both sides. The recipient was notified, and its part is due."""
    return ended(told(story), shift_clock)


@pytest.fixture
def barring(story: Story, shift_clock: Any, kept_long: None) -> Story:
    """The same, and the recipient has barred one of its own."""
    told(story).answers("block", {"member_id": str(member_id("ywca.admin"))})
    return ended(story, shift_clock)


def ended(story: Story, shift_clock: Any) -> Story:
    story.answers("complete", {"outcome": "connected"})
    shift_clock("23 days 1 hour")
    assert purge()["tell_to"] == 1
    shift_clock("31 days")
    return story


@pytest.fixture
def never_answered(story: Story, shift_clock: Any, kept_long: None) -> Story:
    """Withdrawn before the recipient did anything: it has no row of its own."""
    story.create().release(*PACKET).packet(**PACKET).send().sends("withdraw", {"code": "other"})
    shift_clock("25 hours")
    assert purge()["packet"] == 1
    shift_clock("23 days 1 hour")
    assert purge()["tell_to"] == 1
    shift_clock("31 days")
    return story


@pytest.fixture(params=["worked_on", "barring", "never_answered"])
def due(request: pytest.FixtureRequest) -> Story:
    story: Story = request.getfixturevalue(request.param)
    return story


def callers(api: Any) -> list[Any]:
    systems = [api("ywca.client"), api("ywca.client", "ywca.worker")]
    return [*map(api, THERE), *systems]


def barred_there(api: Any, story: Story) -> bool:
    """Whether anybody of the recipient's is: its mailbox is, then."""
    blocks = api("ywca.lead").get(f"/v1/referrals/{story.id}").json()["blocks"]
    return bool(blocks)


def listed(caller: Any) -> str:
    """All that a caller finds without its id: in the list and in the feed."""
    shown = []
    for path in ("/v1/referrals", "/v1/events"):
        answer = caller.get(path, {"limit": "100"})
        assert answer.status_code == 200, answer.content
        shown.append(answer.json()["items"])
    return str(shown)


def rows_of(caller: Any, story: Story) -> set[str]:
    """The protected tables in which `app`, with her identity, finds a row that names it."""
    with as_app(caller) as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.column_privileges"
            " WHERE grantee = 'app' AND privilege_type = 'SELECT' AND table_schema = 'public'"
            " AND (column_name IN ('referral_id', 'content_object_id')"
            "  OR (table_name, column_name) = ('referral', 'id'))"
        )
        pairs = [(table, column) for table, column in cursor.fetchall() if table in r.TABLES]
        named = set()
        for table, column in pairs:
            cursor.execute(f"SELECT FROM {table} WHERE {column} = %s", [story.id])
            if cursor.rowcount:
                named.add(table)
        return named


def test_the_recipients_people_find_nothing_of_it_and_the_sender_all(due: Story, api: Any) -> None:
    story = due
    all_in_the_feed()
    until_then = [one for one in callers(api) if story.id in listed(one)]
    mailbox = [] if barred_there(api, story) else ["ywca.client"]
    assert [one.who for one in until_then] == [*THERE, *mailbox, "ywca.client"]
    sender, whole = Sender(api), WholeSender(api)
    accepted = api("police.worker").get(f"/v1/referrals/{story.id}").json()["accepted_at"]
    look = whole.all if accepted else whole.little  # which filters by that moment
    before, everywhere = sender.view(story.id), look(story.id)
    assert purge()["received"] == 1
    assert sender.view(story.id) == before, "rows, words, ETags, history and list"
    assert look(story.id) == everywhere, "and every page"
    for caller in callers(api):
        mine, random = everything(caller, story.id), everything(caller, uuid4())
        assert mine == random, "as an id that never was"
        assert story.id not in f"{mine} {listed(caller)}", caller.who
        assert rows_of(caller, story) == set(), caller.who
    assert not any(purge().values()), "it is gone, and does not go again"


def test_870_days_later_the_sender_has_it_and_the_recipient_has_not(
    due: Story, api: Any, shift_clock: Any
) -> None:
    story = due
    purge()
    shift_clock("901 days")
    purge()
    assert status_of(story, "police.lead") == 200
    for who in THERE:
        assert status_of(story, who) == 404, who
    history = api("police.worker").get(f"/v1/referrals/{story.id}/history").json()["items"]
    assert "send" in {step["act"] for step in history}


def test_what_the_sender_does_afterwards_is_told_to_no_one_there(
    worked_on: Story, api: Any, settings: Any
) -> None:
    with receivers(settings) as (hook,):
        assert api("ywca.admin").post("/v1/webhooks", {"url": hook.url}).status_code == 201
        assert purge()["received"] == 1
        story = worked_on
        for who, act, body in LATER:
            assert api(who).act(story.id, act, body).status_code in (200, 201), act
        all_in_the_feed()
        assert worker.run_until_idle(WORK) == []
        assert hook.ids() == []
    for caller in callers(api):
        assert story.id not in f"{everything(caller, story.id)} {listed(caller)}", caller.who


@pytest.mark.usefixtures("reachable")
def test_no_one_there_is_called(worked_on: Story, api: Any, phones: PhoneProvider) -> None:
    purge()
    work()
    rung = len(phones.received)
    for who, act, body in LATER:
        assert api(who).act(worked_on.id, act, body).status_code in (200, 201), act
    work()
    numbers = {number(who) for who in PEOPLE if who.startswith("ywca")}
    assert not numbers & {form["To"] for _, form in phones.received[rung:]}


def test_the_sender_is_not_told_of_who_looks_for_it_there_for_its_leads_only(
    story: Story, api: Any, shift_clock: Any, kept_long: None
) -> None:
    """A lead is barred by the purge alone, which is the recipient's (R2); a worker always was."""
    told(story).answers("complete", {"outcome": "connected"}).sends("leads_only")
    for days in ("23 days 1 hour", "31 days"):
        shift_clock(days)
        purge()
    path = f"/v1/referrals/{story.id}"
    assert api("ywca.lead").get(path).status_code == 404
    assert api("police.worker").get("/v1/barred-attempts").json()["items"] == []
    assert alerts() == set()
    assert api("ywca.worker").get(path).status_code == 404
    (attempt,) = api("police.worker").get("/v1/barred-attempts").json()["items"]
    assert attempt["referral_id"] == story.id
    assert {one[0] for one in alerts()} == {story.id}


def test_a_hold_keeps_it_there(worked_on: Story, api: Any, shift_clock: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.clock() + interval '60 days'")
        until: datetime = cursor.fetchone()[0]
    held = api("ywca.lead").act(worked_on.id, "set_hold", {"until": until.isoformat()})
    assert held.status_code == 200
    assert purge()["received"] == 0
    shift_clock("92 days")
    assert (purge()["tell_to"], purge()["received"]) == (1, 0), "first it is notified again"
    shift_clock("99 days 1 hour")
    assert purge()["received"] == 1
    assert status_of(worked_on, "ywca.lead") == 404


def test_when_both_are_through_with_it_it_goes(
    due: Story, shift_clock: Any, superuser: Any
) -> None:
    assert purge()["received"] == 1
    shift_clock("3660 days")
    assert purge()["tell_from"] == 1
    shift_clock("3668 days")
    assert purge()["sent"] == 1
    assert left(superuser) == set()
