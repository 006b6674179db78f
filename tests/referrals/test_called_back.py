"""A request to call, answered: the own side is asked no more, and the other side learns nothing."""

from typing import Any

import pytest

from tests.support.ground.races import Race, act, events, in_order
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stored_rows import content_rows
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story

SENDER, RECIPIENT = "police.worker", "ywca.worker"


def seen(api: Any, who: str, story: Story) -> dict[str, Any]:
    found: dict[str, Any] = api(who).get(f"/v1/referrals/{story.id}").json()
    return found


def everything(api: Any, who: str, story: Story) -> tuple[Any, ...]:
    """What a side is shown of a referral, with its ETag, history, list and events."""
    caller = api(who)
    detail = caller.get(f"/v1/referrals/{story.id}")
    more = [caller.get(f"/v1/{path}").json()["items"] for path in ("referrals", "events")]
    history = caller.get(f"/v1/referrals/{story.id}/history").json()
    return detail.json(), detail["ETag"], history, *more


def pressing(api: Any, who: str, query: dict[str, str] | None = None) -> list[str]:
    given = {"pressing": "true"} | (query or {})
    return [one["id"] for one in api(who).get("/v1/referrals", given).json()["items"]]


@pytest.mark.parametrize(
    ("asks", "calls"), [(SENDER, RECIPIENT), (RECIPIENT, SENDER)], ids=["recipient", "sender"]
)
def test_the_own_side_is_asked_no_more_and_the_other_is_shown_nothing(
    story: Story, api: Any, asks: str, calls: str, shift_clock: Any
) -> None:
    story.accept()
    api(RECIPIENT).act(story.id, "record_attempt", {"result": "connected"})
    assert api(asks).act(story.id, "call_me").status_code == 200
    assert pressing(api, calls) == [story.id]
    before, entries = everything(api, asks, story), seen(api, calls, story)
    answer = api(calls).act(story.id, "called_back")
    assert answer.status_code == 200
    assert answer.json()["asked_to_ring_at"] is None
    assert pressing(api, calls) == []
    (line,) = api(calls).get("/v1/referrals").json()["items"]
    assert line["asked_to_ring_at"] is None
    history = api(calls).get(f"/v1/referrals/{story.id}/history").json()["items"]
    assert (history[-1]["act"], history[-1]["by"] is not None) == ("called_back", True)
    assert everything(api, asks, story) == before
    assert entries["status"] == answer.json()["status"]
    shift_clock("6 minutes")
    assert api(asks).act(story.id, "call_me").status_code == 200
    assert pressing(api, calls) == [story.id], "a later request is a new one"
    assert api(calls).act(story.id, "called_back").status_code == 200
    assert pressing(api, calls) == []


def test_twice_or_without_a_request_it_changes_nothing(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept()
    for prepared in ((), ("call_me", "called_back")):
        for name in prepared:
            api(SENDER if name == "call_me" else RECIPIENT).act(story.id, name)
        before = content_rows(superuser)
        again = api(RECIPIENT).act(story.id, "called_back")
        assert again.status_code == 200
        assert content_rows(superuser) == before


def test_two_at_once_are_one(race: Race, story: Story, api: Any) -> None:
    story.accept().sends("call_me")
    one, other = in_order(
        race,
        story,
        act(api, RECIPIENT, story, "called_back"),
        act(api, RECIPIENT, story, "called_back"),
    )
    assert (one.status_code, one.json()) == (200, other.json())
    assert events(race, story, "called_back") == 1


def test_only_who_works_on_it_may_and_only_while_it_is_open(story: Story, api: Any) -> None:
    story.send()
    assert api("ywca.worker").act(story.id, "called_back").status_code == 403, "acknowledge first"
    story.answers("accept").sends("call_me")
    for who, status in (("ywca.worker2", 403), ("ywca.lead", 403), ("sarc.worker", 404)):
        assert api(who).act(story.id, "called_back").status_code == status, who
    story.answers("block", {"member_id": str(member_id("ywca.worker2"))})
    assert api("ywca.worker2").act(story.id, "called_back").status_code == 404, "barred"
    story.answers("complete", {"outcome": "served"})
    assert api(RECIPIENT).act(story.id, "called_back").status_code == 409


def test_at_the_desk_one_button_takes_it_out_of_act_now(story: Story, api: Any) -> None:
    story.accept().sends("call_me")
    advocate, colleague = at_the_desk(RECIPIENT), at_the_desk("ywca.worker2")
    action = f"/desk/referrals/{story.id}/called_back"
    assert "Act now 1" in text_of(advocate.get("/desk/").content)
    assert action not in colleague.get("/desk/").content.decode(), "it is not they who are asked"
    shown = advocate.submit("/desk/", {}, action)
    assert shown.request["PATH_INFO"] == "/desk/"
    assert "Saved. Your inbox no longer asks you to call." in text_of(shown.content)
    assert "Act now 0" in text_of(shown.content)
    assert action not in advocate.get(f"/desk/referrals/{story.id}").content.decode()
    officer, theirs = at_the_desk(SENDER), f"/desk/referrals/{story.id}"
    story.answers("call_me")
    assert "I called them" in text_of(officer.get(theirs).content)
    assert action not in officer.submit(theirs, {}, action).content.decode()
