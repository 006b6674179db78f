"""An accept that is taken back: who may, until when, what it closes and what it gives back."""

from typing import Any

import pytest

from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story

WORKER, COLLEAGUE, LEAD = "ywca.worker", "ywca.worker2", "ywca.lead"


def undo(api: Any, story: Story, who: str = WORKER) -> Any:
    return api(who).act(story.id, "undo_accept", {})


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def ready(story: Story) -> Story:
    """Sent, with a packet that is ready for the recipient."""
    return story.create().release(*PACKET).packet(**PACKET).send()


def test_an_accept_is_taken_back_and_the_packet_closes(story: Story, api: Any) -> None:
    ready(story).answers("accept")
    answer = undo(api, story)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["status"], shown["accepted_at"]) == ("acknowledged", None)
    assert shown["holder"]["id"] == str(member_id(WORKER))
    assert "accept" in shown["acts"]
    assert api(WORKER).act(story.id, "open_packet", {"purpose": "intake"}).status_code in (403, 409)
    assert api("police.worker").get(f"/v1/referrals/{story.id}").json()["status"] == "acknowledged"
    assert undo(api, story).status_code == 200, "twice is safe"
    opened = story.answers("accept").api(WORKER)
    packet = opened.act(story.id, "open_packet", {"purpose": "intake"})
    assert packet.status_code == 200, packet.content
    assert set(packet.json()["packet"]) == set(PACKET)


def test_a_packet_that_was_put_meanwhile_stays_sealed(story: Story, api: Any) -> None:
    story.send().accept().release(*PACKET).packet(**PACKET)
    assert undo(api, story).status_code == 200
    assert api(WORKER).act(story.id, "open_packet", {"purpose": "intake"}).status_code in (403, 409)
    story.answers("accept")
    assert api(WORKER).act(story.id, "open_packet", {"purpose": "intake"}).status_code == 200


def test_who_held_it_before_holds_it_again_and_the_other_no_longer_works_on_it(
    story: Story, api: Any
) -> None:
    ready(story)
    assert api(COLLEAGUE).act(story.id, "acknowledge", {}).status_code == 200
    story.answers("accept")
    assert undo(api, story).status_code == 200
    shown = api(COLLEAGUE).get(f"/v1/referrals/{story.id}").json()
    assert shown["holder"]["id"] == str(member_id(COLLEAGUE))
    assert [one["id"] for one in shown["assigned"]] == [str(member_id(COLLEAGUE))]
    assert api(COLLEAGUE).act(story.id, "accept", {}).status_code == 200
    assert api(COLLEAGUE).act(story.id, "open_packet", {"purpose": "intake"}).status_code == 200


def test_who_was_on_it_before_they_accepted_stays_on_it(story: Story, api: Any) -> None:
    ready(story)
    assert api(COLLEAGUE).act(story.id, "acknowledge", {}).status_code == 200
    on = {"member_id": str(member_id(WORKER))}
    assert api(COLLEAGUE).act(story.id, "assign", on).status_code == 200
    story.answers("accept")
    assert undo(api, story).status_code == 200
    shown = api(COLLEAGUE).get(f"/v1/referrals/{story.id}").json()
    assert shown["holder"]["id"] == str(member_id(COLLEAGUE))
    on_it = {one["id"] for one in shown["assigned"]}
    assert on_it == {str(member_id(WORKER)), str(member_id(COLLEAGUE))}


def test_if_the_one_before_may_not_any_more_the_caller_keeps_it(
    story: Story, api: Any, superuser: Any
) -> None:
    ready(story)
    assert api(COLLEAGUE).act(story.id, "acknowledge", {}).status_code == 200
    story.answers("accept")
    with superuser.cursor() as cursor:
        roles = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
        cursor.execute(roles, [["auditor"], str(member_id(COLLEAGUE))])
        try:
            shown = undo(api, story).json()
        finally:
            cursor.execute(roles, [["worker"], str(member_id(COLLEAGUE))])
    assert shown["holder"]["id"] == str(member_id(WORKER))


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("open_packet", {"purpose": "intake"}),
        ("add_note", {"text": "began"}),
        ("open_notes", {"purpose": "intake"}),
        ("set_external_ref", {"ref": "an invented number"}),
    ],
)
def test_once_something_was_opened_or_done_it_is_too_late(
    story: Story, api: Any, act: str, body: Any
) -> None:
    if act == "open_notes":
        ready(story).answers("acknowledge").answers("add_note", {"text": "before"}).answers(
            "accept"
        )
    else:
        ready(story).answers("accept")
    assert api(WORKER).act(story.id, act, body).status_code in (200, 201)
    assert refused(undo(api, story)) == (409, "worked_on_since")
    assert api(WORKER).get(f"/v1/referrals/{story.id}").json()["status"] == "accepted"


def test_what_the_sender_does_or_a_mere_look_does_not_stop_it(story: Story, api: Any) -> None:
    ready(story).answers("accept").sends("call_me")
    for read in ("", "/history", "/releases"):
        assert api(WORKER).get(f"/v1/referrals/{story.id}{read}").status_code == 200
    assert undo(api, story).status_code == 200


def test_it_is_for_five_minutes(story: Story, api: Any, shift_clock: Any) -> None:
    ready(story).answers("accept")
    shift_clock("4 minutes 50 seconds")
    assert "undo_accept" in api(WORKER).get(f"/v1/referrals/{story.id}").json()["acts"]
    shift_clock("5 minutes 1 second")
    assert refused(undo(api, story)) == (409, "too_late")


def test_it_is_for_once(story: Story, api: Any) -> None:
    ready(story).answers("accept").answers("undo_accept").answers("accept")
    assert refused(undo(api, story)) == (409, "undone_before")


@pytest.mark.parametrize("who", [COLLEAGUE, LEAD])
def test_it_is_for_the_holder(story: Story, api: Any, who: str) -> None:
    ready(story).answers("accept")
    assert undo(api, story, who).status_code == 403
    assert undo(api, story, "police.worker").status_code == 403
    assert undo(api, story, "outsider.worker").status_code == 404


def test_the_deadlines_go_on_with_ten_minutes_at_least(
    story: Story, api: Any, superuser: Any
) -> None:
    ready(story).answers("accept")
    deadlines = "SELECT accept_by, expires_at, sec.clock() FROM referral WHERE id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(deadlines, [story.id])
        before = cursor.fetchone()
        cursor.execute(  # it was accepted late
            "UPDATE referral SET accept_by = sec.clock() - interval '1 minute' WHERE id = %s",
            [story.id],
        )
        assert undo(api, story).status_code == 200
        cursor.execute(deadlines, [story.id])
        accept_by, expires_at, now = cursor.fetchone()
    assert expires_at == before[1], "it was later than that"
    assert 590 < (accept_by - now).total_seconds() <= 600


def test_a_decline_afterwards_says_facts_of_the_agency_alone(story: Story, api: Any) -> None:
    ready(story).answers("accept").answers("undo_accept")
    answer = api(WORKER).act(story.id, "decline", {"code": "other"})
    assert (answer.status_code, answer.json()["code"]) == (400, "after_undo")
    private = {"code": "other", "private_reason": "conflict_of_interest"}
    assert api(WORKER).act(story.id, "decline", private).status_code == 400
    assert api(WORKER).act(story.id, "decline", {"code": "no_capacity"}).status_code == 200


def test_no_writer_of_the_database_puts_anybody_on_it_by_what_was_before(
    story: Story, api: Any, superuser: Any
) -> None:
    """The server's own record says whose assignment the accept ended (ADR 0072)."""
    ready(story).answers("accept")
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE referral_side s SET before_accept = ARRAY[%s::uuid] FROM referral f"
            " WHERE f.id = s.referral_id AND s.agency_id = f.to_agency_id AND f.id = %s",
            [str(member_id(COLLEAGUE)), story.id],
        )
    assert refused(undo(api, story)) == (503, "binding")
    assert api(WORKER).get(f"/v1/referrals/{story.id}").json()["status"] == "accepted"


def test_the_desk_offers_it_and_then_only_what_a_decline_may_say(story: Story, api: Any) -> None:
    ready(story).answers("accept")
    desk = at_the_desk(WORKER)
    page = f"/desk/referrals/{story.id}"
    assert f"{page}/undo_accept" in desk.get(page).content.decode()
    asked = desk.get(f"{page}/undo_accept")
    assert "The sender is called." in text_of(asked.content)
    assert desk.submit(f"{page}/undo_accept").status_code in (200, 302)
    assert f"{page}/undo_accept" not in desk.get(page).content.decode()
    form = desk.get(f"{page}/decline").content.decode()
    assert 'value="no_capacity"' in form
    assert 'value="other"' not in form
