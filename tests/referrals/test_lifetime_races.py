"""Two acts at once, over a referral's whole life: of each pair exactly one wins, in either order.

Forced as in tests/referrals/test_races.py: each is seen waiting for the lock, in the order that is
tried.
"""

from typing import Any
from uuid import UUID

import pytest

from referrals.deadlines import overdue
from tests.support.ground.races import OPENING, Race, act, events, in_order, told
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import PACKET, Story
from tests.support.proofs import routes

__all__ = ["race"]  # the fixture

ENDS = {"decline": "declined", "withdraw": "withdrawn", "accept": "accepted", "stop": "stopped"}
ENDS |= {"mark_error": "entered_in_error", "complete": "completed"}


def both(race: Race, story: Story, api: Any, *order: tuple[str, str]) -> dict[str, Any]:
    calls = [act(api, who, story, name) for who, name in order]
    return dict(zip([name for _, name in order], in_order(race, story, *calls), strict=True))


# -- One ends it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("closing", ["withdraw", "mark_error", "stop"])
@pytest.mark.parametrize("sender_first", [True, False])
def test_of_a_decline_and_an_end_by_the_sender_the_first_wins(
    race: Race, story: Story, api: Any, closing: str, sender_first: bool
) -> None:
    story.send()
    order = [("police.worker", closing), ("ywca.worker", "decline")]
    if not sender_first:
        order.reverse()
    (won, lost), answers = [name for _, name in order], both(race, story, api, *order)
    assert told(answers[won]) == (200, None)
    # The second caller is shown the state in its own side's word.
    word = "cannot_take" if won == "decline" else ENDS[won]
    assert told(answers[lost]) == (409, word)
    assert (events(race, story, won), events(race, story, lost)) == (1, 0)


@pytest.mark.parametrize("accept_first", [True, False])
def test_a_mistake_closes_what_was_accepted_at_the_same_time(
    race: Race, story: Story, api: Any, accept_first: bool
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    order = [("ywca.worker", "accept"), ("police.worker", "mark_error")]
    if not accept_first:
        order.reverse()
    answers = both(race, story, api, *order)
    assert told(answers["mark_error"]) == (200, None)
    assert told(answers["accept"]) == ((200, None) if accept_first else (409, "entered_in_error"))
    open_bundles = race.one(
        "SELECT count(*) FROM packet_grant WHERE release_id IS NOT NULL AND key_bundle IS NOT NULL"
    )
    assert open_bundles == 0


def test_no_reading_commits_after_a_mistake_was_marked(race: Race, story: Story, api: Any) -> None:
    """And each that committed before is counted."""
    story.accept().release(*PACKET).packet(**PACKET)
    with race.held(OPENING):
        before = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
        marked = race.start_and_wait(act(api, "police.worker", story, "mark_error"))
        after = race.start_and_wait(act(api, "ywca.worker", story, "open_packet"))
    assert before.result(SOON).status_code == 200
    assert marked.result(SOON).json()["openings"]["people"] == 1
    assert told(after.result(SOON)) == (409, "entered_in_error")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("ywca.worker", "accept"), ("ywca.worker2", "accept")),
        (("police.worker", "stop"), ("ywca.worker", "accept")),
        (("ywca.worker", "decline"), ("police.worker", "withdraw")),
        (("ywca.worker", "acknowledge"), ("ywca.worker2", "acknowledge")),
    ],
)
def test_who_named_the_version_that_was_before_is_told_that_it_is_stale(
    race: Race, story: Story, api: Any, first: Any, second: Any
) -> None:
    """With `If-Match` the second is answered 412, before anything of the state (409)."""
    story.send()
    calls = []
    for who, name in (first, second):
        caller = api(who)
        etag = caller.get(f"/v1/referrals/{story.id}")["ETag"]
        body = routes.body_for(f"/{name}")
        calls.append(lambda c=caller, n=name, b=body, e=etag: c.act(story.id, n, b, If_Match=e))
    won, lost = in_order(race, story, *calls)
    assert (won.status_code, lost.status_code) == (200, 412)
    assert events(race, story, first[1]) == 1


# -- The clock -------------------------------------------------------------------------------------


def alarm(story: Story, clock: Any) -> overdue.MissedDeadline:
    return overdue.MissedDeadline(
        clock, UUID(story.id), agency_id("police"), agency_id("ywca"), None
    )


def test_an_accept_that_came_first_does_not_expire(
    race: Race, story: Story, api: Any, shift_clock: Any
) -> None:
    story.send()
    with race.held("LOCK TABLE referral_event IN SHARE MODE"):  # the accept has changed the row
        accepted = race.start_and_wait(act(api, "ywca.worker", story, "accept"))
        shift_clock("5 hours")
        expired = race.start_and_wait(lambda: overdue.mark_missed(alarm(story, "expires_at")))
    assert told(accepted.result(SOON)) == (200, None)
    assert expired.result(SOON) is False
    assert events(race, story, "expire") == 0
    assert race.one("SELECT status FROM referral") == "accepted"


@pytest.mark.parametrize("clock_first", [True, False])
def test_an_accept_after_the_hour_is_refused_whether_it_was_marked_or_not(
    race: Race, story: Story, api: Any, shift_clock: Any, clock_first: bool
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    shift_clock("5 hours")
    calls = [
        lambda: overdue.mark_missed(alarm(story, "expires_at")),
        act(api, "ywca.worker", story, "accept"),
    ]
    with race.row(story):
        first, second = [
            race.start_and_wait(call) for call in (calls if clock_first else calls[::-1])
        ]
    marked, accepted = (first, second) if clock_first else (second, first)
    assert marked.result(SOON) is True
    assert told(accepted.result(SOON)) == (409, "expired")
    assert (events(race, story, "expire"), events(race, story, "accept")) == (1, 0)


def test_two_schedulers_at_once_mark_it_once(race: Race, story: Story, shift_clock: Any) -> None:
    story.send()
    shift_clock("61 minutes")
    with race.row(story):
        futures = [
            race.start_and_wait(lambda: overdue.mark_missed(alarm(story, "ack_by"))) for _ in "ab"
        ]
    assert [one.result(SOON) for one in futures] == [True, False]
    assert events(race, story, "escalated") == 1


# -- Hand-over and ending --------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["hand_over", "complete"])
def test_of_a_hand_over_and_an_ending_at_once_one_wins(
    race: Race, story: Story, api: Any, first: str
) -> None:
    story.accept()
    holder, again = api("ywca.worker"), api("ywca.worker")
    to = {"member_id": str(member_id("ywca.worker2"))}
    calls = {
        "hand_over": lambda: holder.act(story.id, "hand_over", to),
        "complete": lambda: again.act(story.id, "complete", routes.BODIES["complete"]),
    }
    second = next(name for name in calls if name != first)
    one, other = in_order(race, story, calls[first], calls[second])
    assert told(one) == (200, None)
    # Who handed it over may end nothing; what has ended is handed over to nobody.
    assert told(other) == ((409, "completed") if first == "complete" else (403, None))
    assert (events(race, story, first), events(race, story, second)) == (1, 0)


@pytest.mark.parametrize("first", ["record_attempt", "handoff_failed"])
def test_an_attempt_and_a_failure_at_once_are_kept_in_their_order(
    race: Race, story: Story, api: Any, first: str
) -> None:
    story.accept().answers("start_handoff", {"mode": "phone"})
    second = "handoff_failed" if first == "record_attempt" else "record_attempt"
    answers = both(race, story, api, ("ywca.worker", first), ("ywca.worker", second))
    assert {one.status_code for one in answers.values()} == {200, 201}
    runs = api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["handoff_by"] is not None
    assert runs == (second == "handoff_failed")


# -- The sender's acts, while the recipient ends it ------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("call_me", "set_callback", "put_packet", "put_release", "revoke_release"),
        *("withdraw", "mark_error", "stop", "set_plan"),
    ],
)
@pytest.mark.parametrize("sender_first", [True, False])
def test_a_senders_act_is_answered_as_in_accepted_whatever_is_recorded_meanwhile(
    race: Race, story: Story, api: Any, name: str, sender_first: bool
) -> None:
    plain = Story(api, story.service_id).accept().release(*PACKET).packet(**PACKET)
    story.accept().release(*PACKET).packet(**PACKET)
    expected = api("police.worker").act(plain.id, name, routes.body_for(f"/{name}"))
    order = [("police.worker", name), ("ywca.worker", "complete")]
    if not sender_first:
        order.reverse()
    answers = both(race, story, api, *order)
    for key in ("status", "acts", "release_ended", "plan"):
        assert answers[name].json()[key] == expected.json()[key], key
    assert answers[name].status_code == expected.status_code == 200
    closes = name in ("withdraw", "mark_error", "stop")
    recorded = 409 if closes and sender_first else 200
    assert answers["complete"].status_code == recorded


def test_two_rings_at_once_are_one(race: Race, story: Story, api: Any) -> None:
    story.accept()
    one, other = in_order(
        race,
        story,
        act(api, "ywca.worker", story, "call_me"),
        act(api, "ywca.worker", story, "call_me"),
    )
    assert one.json() == other.json()
    assert events(race, story, "call_me") == 1
