"""Traces of a barred person are not flushed by repeating: one line a person and referral, paged."""

from typing import Any
from uuid import uuid4

from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story

WHERE = "/v1/barred-attempts"


def to(who: str) -> dict[str, str]:
    return {"member_id": str(member_id(who))}


def test_a_hundred_and_fifty_repeats_do_not_push_anothers_attempt_off_the_page(
    story: Story, api: Any
) -> None:
    story.accept()
    for who in ("ywca.lead", "ywca.worker2"):
        story.answers("block", to(who))
    assert api("ywca.lead").get(f"/v1/referrals/{story.id}").status_code == 404
    for _ in range(150):
        assert api("ywca.worker2").get(f"/v1/referrals/{story.id}").status_code == 404
    answer = api("ywca.worker").get(WHERE).json()
    told = [(one["member_id"], one["times"], one["act"]) for one in answer["items"]]
    assert told == [
        (to("ywca.worker2")["member_id"], 150, "referral.read"),
        (to("ywca.lead")["member_id"], 1, "referral.read"),
    ]
    assert answer["next"] is None
    first, _ = answer["items"]
    assert first["first_at"] < first["at"]
    page = text_of(at_the_desk("ywca.worker").get("/desk/told").content)
    assert "150 times since" in page


def test_all_of_them_are_found_page_by_page(story: Story, api: Any) -> None:
    story.accept().answers("block", to("ywca.worker2"))
    second = Story(api, story.service_id).accept()
    second.answers("block", to("ywca.worker2"))
    third = Story(api, story.service_id).accept()
    third.answers("block", to("ywca.worker2"))
    for one in (story, second, third):
        api("ywca.worker2").get(f"/v1/referrals/{one.id}")
    worker, cursor, seen = api("ywca.worker"), "", []
    while cursor is not None:
        answer = worker.get(WHERE, {"limit": "1"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [one["referral_id"] for one in answer["items"]]
        cursor = answer["next"]
    assert seen == [third.id, second.id, story.id]
    assert worker.get(WHERE, {"cursor": str(uuid4())}).status_code == 400


def test_people_of_the_other_agency_are_one_line_that_names_none(story: Story, api: Any) -> None:
    story.accept().sends("block", {"other_agency": True})
    for who in ("ywca.worker", "ywca.worker2", "ywca.worker2"):
        assert api(who).get(f"/v1/referrals/{story.id}").status_code == 404
    (one,) = api("police.worker").get(WHERE).json()["items"]
    assert (one["member_id"], one["times"]) == (None, 3)
