"""Purge at the same time as a legal hold, an edit, a "no", or another purge: what was answered 2xx
is kept, and a purged part goes completely (R13). Each window is a real one: a lock that the purge
waits for, a key store that is away, a purge that was killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from permissions.database.advisory_locks import ROTATING, lock_number
from permissions.errors import NotPossible, Unavailable
from permissions.keys.keystore import key_store
from referrals.deadlines import purge as purge_run
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id
from tests.support.people.purging import NOTE, keeps, opens, purge, status_of, told, versions
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.sender_view import Sender

__all__ = ["race"]

GONE = (404, "not_found")
DUE = "SELECT agency_id::text FROM epoch_due"


def hold(api: Any, story: Story, who: str = "ywca.lead") -> tuple[int, str | None]:
    """Status and code of the answer."""
    until = (datetime.now(UTC) + timedelta(days=200)).isoformat()
    answer = api(who).act(story.id, "set_hold", {"until": until})
    return answer.status_code, answer.json().get("code")


@pytest.fixture
def due_at_the_recipient(story: Story, shift_clock: Any) -> Story:
    """Completed. The recipient was notified, and its part is due."""
    told(story)
    assert opens(story, story.recipient) == 200
    story.answers("complete", {"outcome": "connected"})
    shift_clock("23 days 1 hour")
    assert purge()["tell_to"] == 1
    shift_clock("30 days 2 hours")
    return story


@pytest.fixture
def due_at_both(story: Story, shift_clock: Any) -> Iterator[Story]:
    """Sent, and never acted on; the sender's part has gone, and the recipient's, which keeps for
    longer, is due."""
    with keeps("ywca", 40):
        story.send()
        for days in (32, 40, 44):
            shift_clock(f"{days} days")
            purge()
        assert status_of(story, "police.lead") == 404
        assert status_of(story, "ywca.lead") == 200
        shift_clock("52 days")
        yield story


@contextmanager
def keys_still_end(race: Race, key: str) -> Iterator[None]:
    """A purge has come to where it ends this agency's keys, and goes on after the block."""
    with race.held("SELECT pg_advisory_xact_lock(%s, %s)", [ROTATING, lock_number(agency_id(key))]):
        under_way = race.start_and_wait(purge)
        yield
    under_way.result(SOON)


@pytest.fixture
def key_store_away() -> Iterator[Any]:
    """The store does not answer until `back()`."""
    root, aside = Path(key_store().root_key), Path(f"{key_store().root_key}.aside")
    root.rename(aside)

    def back() -> None:
        if aside.exists():
            aside.rename(root)

    yield back
    back()


# -- A hold, during the purge of its own side ------------------------------------------------------


def test_while_the_keys_still_end_no_hold_is_taken_for_what_is_gone(
    race: Race, due_at_the_recipient: Story, api: Any
) -> None:
    story = due_at_the_recipient
    with keys_still_end(race, "ywca"):
        assert hold(api, story) == GONE
        assert api(story.recipient).act(story.id, "add_note", NOTE).status_code == 404
    assert not rows(race.superuser, "SELECT FROM referral_side WHERE hold_until IS NOT NULL")
    assert not rows(
        race.superuser, "SELECT FROM note WHERE agency_id = %s", [str(agency_id("ywca"))]
    )


def test_while_the_key_store_is_away_no_hold_is_taken_for_what_is_gone(
    due_at_the_recipient: Story, api: Any, superuser: Any, request: pytest.FixtureRequest
) -> None:
    story, before = due_at_the_recipient, versions("ywca")
    back = request.getfixturevalue("key_store_away")
    with pytest.raises(Unavailable):
        purge()
    assert hold(api, story) == GONE
    assert rows(superuser, DUE) == [(str(agency_id("ywca")),)]
    back()
    purge()
    assert rows(superuser, DUE) == []
    assert set(versions("ywca")).isdisjoint(before)
    assert opens(story, story.sender) == 200, "what lives"


def hold_beside_a_purge(race: Race, story: Story, api: Any, first: str) -> Any:
    """What a hold is answered that waits with a purge for the same row, in this order."""
    calls = {"hold": lambda: hold(api, story), "purge": purge}
    order = [first, *(calls.keys() - {first})]
    with race.row(story):
        futures = {name: race.start_and_wait(calls[name]) for name in order}
    answer = futures["hold"].result(SOON)
    futures["purge"].result(SOON)
    return answer


@pytest.mark.parametrize("first", ["hold", "purge"])
def test_of_a_hold_and_a_purge_the_first_wins_and_the_second_is_told(
    race: Race, due_at_the_recipient: Story, api: Any, first: str
) -> None:
    story = due_at_the_recipient
    answer = hold_beside_a_purge(race, story, api, first)
    assert answer == ((200, None) if first == "hold" else GONE)
    notes = api(story.recipient).act(story.id, "open_notes", {"purpose": "legal_duty"})
    assert notes.status_code == (200 if first == "hold" else 404)


def test_a_side_whose_part_was_purged_holds_nothing_and_the_other_its_own(
    due_at_the_recipient: Story, api: Any
) -> None:
    story, lead = due_at_the_recipient, api("ywca.lead")
    before = lead.get(f"/v1/referrals/{story.id}").json()
    assert {"set_hold", "revoke_release"} <= set(before["acts"])
    assert purge()["received"] == 1
    seen = Sender(api).view(story.id)
    assert hold(api, story) == GONE
    for act, body in (("end_hold", None), ("revoke_release", {"via": "oral"})):
        assert lead.act(story.id, act, body).status_code == 404, act
    assert Sender(api).view(story.id) == seen, "the other side learns nothing of it"
    assert hold(api, story, "police.lead") == (200, None), "its own part is all there"


# -- What both sides are through with --------------------------------------------------------------


@pytest.mark.parametrize("first", ["hold", "purge"])
def test_a_hold_that_comes_before_the_last_of_it_goes_keeps_it(
    race: Race, due_at_both: Story, api: Any, first: str
) -> None:
    story = due_at_both
    answer = hold_beside_a_purge(race, story, api, first)
    assert answer == ((200, None) if first == "hold" else GONE)
    assert status_of(story, "ywca.lead") == (200 if first == "hold" else 404)


# -- A draft ---------------------------------------------------------------------------------------


def test_while_the_keys_still_end_nothing_is_written_to_a_draft_that_is_gone(
    race: Race, story: Story, api: Any, shift_clock: Any
) -> None:
    story.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    with keys_still_end(race, "police"):
        assert status_of(story, story.sender) == 404
        body = {"packet": {"name": "Another Name"}}
        assert api(story.sender).act(story.id, "put_packet", body).status_code == 404


@pytest.mark.parametrize("first", ["edit", "purge"])
def test_a_draft_that_was_changed_first_stays_whole(
    race: Race, story: Story, api: Any, shift_clock: Any, first: str
) -> None:
    story.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    body = {"packet": {"name": "Another Name"}}
    worker = api(story.sender)
    calls = {"edit": lambda: worker.act(story.id, "put_packet", body).status_code, "purge": purge}
    order = [first, *(calls.keys() - {first})]
    with race.row(story):
        futures = {name: race.start_and_wait(calls[name]) for name in order}
    answer = futures["edit"].result(SOON)
    futures["purge"].result(SOON)
    opened = api(story.sender).act(story.id, "open_packet", {"purpose": "service"})
    if first == "edit":
        assert (answer, opened.json()["packet"]) == (200, PACKET | body["packet"])
    else:
        assert (answer, opened.status_code) == (404, 404)


# -- The keys' end ---------------------------------------------------------------------------------


def test_a_no_while_the_keys_still_end_asks_for_their_end_again(
    race: Race, story: Story, api: Any, shift_clock: Any
) -> None:
    said = Story(api, story.service_id)
    story.create().release(*PACKET).packet(**PACKET)
    shift_clock("10 hours")
    said.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    with keys_still_end(race, "police"):
        answer = api("police.worker").post("/v1/agreement-tally", {"draft_id": said.id})
        assert answer.status_code == 200
    assert rows(race.superuser, DUE) == [(str(agency_id("police")),)]
    before = versions("police")
    purge()
    assert rows(race.superuser, DUE) == []
    assert set(versions("police")).isdisjoint(before)


def test_keys_that_cannot_end_are_no_purge_that_is_under_way(
    race: Race, story: Story, api: Any, shift_clock: Any
) -> None:
    """A bundle that was overwritten while it was rewrapped still names the old version."""
    alive = Story(api, story.service_id)
    story.create().release(*PACKET).packet(**PACKET)
    shift_clock("20 hours")
    alive.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    change = "UPDATE packet_grant SET key_bundle = key_bundle || 'x' WHERE referral_id = %s"
    with race.held(change, [alive.id]):
        under_way = race.start_and_wait(purge_run.step)
    with pytest.raises(NotPossible) as refusal:
        under_way.result(SOON)
    assert refusal.value.code == "key_in_use"
    assert rows(race.superuser, DUE) == [(str(agency_id("police")),)]
