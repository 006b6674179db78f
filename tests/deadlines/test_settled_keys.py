"""The purge marks the keys that it need not look at again (ADR 0123), and none that it must."""

from typing import Any

from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.purging import opens, purge, told
from tests.support.people.stories import PACKET, Story

SETTLED = "SELECT agency_id::text, settled FROM packet_grant WHERE referral_id = %s"


def settled(superuser: Any, story: Story) -> dict[str, bool]:
    found = dict(rows(superuser, SETTLED, [story.id]))
    return {key: found[str(agency_id(key))] for key in ("police", "ywca")}


def test_keys_are_settled_by_an_opening_and_a_day_after_the_accept(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    told(story)
    purge()
    assert settled(superuser, story) == {"police": False, "ywca": False}
    assert opens(story, story.recipient) == 200
    purge()
    assert settled(superuser, story) == {"police": False, "ywca": True}
    shift_clock("25 hours")
    purge()
    assert settled(superuser, story) == {"police": True, "ywca": True}
    # Nothing that was read is taken before its side's part is.
    assert [opens(story, who) for who in (story.sender, story.recipient)] == [200, 200]


def test_a_packet_goes_whose_accept_was_taken_back_after_a_purge(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send().answers("accept")
    purge()
    story.answers("undo_accept").sends("withdraw", {"code": "other"})
    purge()
    assert settled(superuser, story) == {"police": False, "ywca": False}
    shift_clock("25 hours")
    assert purge()["packet"] == 1
    assert rows(superuser, SETTLED, [story.id]) == []


def test_keys_that_no_one_used_stay_open_until_they_go(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    told(story)
    story.answers("complete", {"outcome": "other"})
    shift_clock("23 hours")
    assert purge()["unopened"] == 0
    assert not settled(superuser, story)["ywca"]
    shift_clock("25 hours")
    assert purge()["unopened"] == 1
