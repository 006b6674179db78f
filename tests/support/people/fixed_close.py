"""The fixed moment at which a referral closes for its sender, whatever the recipient did (TH15)."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from referrals.deadlines.due_times import CLOSED_AFTER
from tests.support.ground.kept_rows import Kept
from tests.support.people.stories import Story
from tests.support.proofs.firewall_orders import KEPT, Recipient, begun, keep
from tests.support.proofs.sender_bytes import SENDER, Sender, as_bytes, assert_same


def now() -> datetime:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT sec.clock()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def at(moment: datetime, shift: Any) -> None:
    shift("0")
    shift(f"{(moment - now()).total_seconds()} seconds")


def by_every_caller(api: Any, story: Story) -> str:
    paths = (f"/v1/referrals/{story.id}", f"/v1/referrals/{story.id}/history", "/v1/referrals")
    return json.dumps([repr(as_bytes(api(*who).get(path))) for who in SENDER for path in paths])


def just_before(api: Any, story: Story, fixed: datetime, shift: Any) -> str:
    """What the sender is shown one second before; earlier where the machine is too slow for it."""
    for tried in range(10):
        at(fixed - timedelta(seconds=2**tried), shift)
        view = by_every_caller(api, story)
        if now() < fixed:
            return view
    pytest.fail("A view took longer than eight minutes.")


def closes_at_one_fixed_moment(
    places: list[tuple[str, ...]], api: Any, superuser: Any, kept: list[Kept], shift_clock: Any
) -> None:
    """Have the recipient come to each of these places: the sender is shown `closed` at the time
    when it would be had nothing been done, and the same bytes before and after."""
    story, recipient = begun(api), Recipient(api)
    start = keep(superuser, kept)
    accepted = api("police.worker").get(f"/v1/referrals/{story.id}").json()["accepted_at"]
    fixed = datetime.fromisoformat(accepted) + CLOSED_AFTER
    before = just_before(api, story, fixed, shift_clock)
    at(fixed, shift_clock)
    after, pages = by_every_caller(api, story), Sender(api).all(story.id)
    assert "closed" in after
    assert "closed" not in before
    for place in places:
        shift_clock("0")
        start.put_back()
        for act in (*place, *KEPT):
            Recipient.does(recipient, story.id, act)
        assert just_before(api, story, fixed, shift_clock) == before, place
        at(fixed, shift_clock)
        assert by_every_caller(api, story) == after, place
        assert_same(Sender(api).all(story.id), pages, place)
        recipient = Recipient(api)
