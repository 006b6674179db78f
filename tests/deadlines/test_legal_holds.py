"""A legal hold keeps its own side's part until its end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.ground.database import as_app, refused_for_want_of_rights
from tests.support.people.purging import (
    NOTE,
    keeps,
    left,
    opens,
    purge,
    status_of,
    told,
)
from tests.support.people.stories import Story
from tests.support.proofs.sender_view import Sender


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


def test_who_keeps_for_longer_since_it_was_told_is_told_again(
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


def test_by_raw_sql_no_one_but_a_lead_of_the_side_holds(story: Story) -> None:
    story.create()
    with as_app(story.api("police.lead")) as cursor:
        assert refused_for_want_of_rights(
            cursor, "SELECT sec.set_legal_hold(%s, sec.clock())", [story.id]
        ), "a draft"
    story.sends("send", {"agreement": "agrees"})
    for who, may in (("police.worker", False), ("police.lead", True), ("outsider.lead", False)):
        with as_app(story.api(who)) as cursor:
            call = "SELECT sec.set_legal_hold(%s, sec.clock())"
            assert refused_for_want_of_rights(cursor, call, [story.id]) != may, who
            change = "UPDATE referral_side SET hold_until = NULL"
            assert refused_for_want_of_rights(cursor, change), who
