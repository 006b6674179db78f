"""When the last assignee has left an ended referral, a lead assigns a member, or themselves with a
reason: else her accounting, the notes and what a legal hold keeps would be out of reach (R7, R13).

The other side sees nothing of it: the same bytes on every page, list and row.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from referrals.deadlines import purge
from tests.support.ground.database import as_app, refused_for_want_of_rights, turned_off
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story
from tests.support.proofs import routes
from tests.support.proofs.sec_functions import PUT_ON
from tests.support.proofs.sender_bytes import Sender as EverythingOfTheSenders
from tests.support.proofs.sender_bytes import assert_same, rows

HER_RIGHTS = ("account_disclosures", "open_notes")


class Left(NamedTuple):
    """A side whose last assignee has left."""

    key: str
    status: str  # as it is shown it
    clock: str


LEFT = (Left("ywca", "completed", "0"), Left("police", "closed", "8 days"))


def view(api: Any, key: str, story: Story) -> Any:
    """All that a side gets of it; the pages of the sender's are the firewall's."""
    if key == "police":
        return EverythingOfTheSenders(api).all(story.id)
    found = {}
    for who, acting in (("ywca.worker2", None), ("ywca.lead", None), ("ywca.client", None)):
        caller = api(who, acting)
        found[who, "rows"] = rows(caller)
        for path in (f"/v1/referrals/{story.id}", f"/v1/referrals/{story.id}/history"):
            answer = caller.get(path)
            found[who, path] = answer.content, answer.get("ETag")
        found[who, "list"] = caller.get("/v1/referrals").content
    return found


@pytest.mark.parametrize("left", LEFT, ids=lambda one: one.key)
def test_a_lead_accounts_to_her_when_no_one_is_left(
    left: Left, story: Story, api: Any, shift_clock: Any
) -> None:
    key, other = left.key, {"ywca": "police", "police": "ywca"}[left.key]
    story.accept().release(*PACKET).packet(**PACKET)
    for side in (story.sends, story.answers):
        side("add_note", {"text": "what was said"})
    story.answers("complete", {"outcome": "connected"})
    shift_clock(left.clock)
    lead = api(f"{key}.lead")
    with turned_off("jobs", "permissions_membership", "active", member_id(f"{key}.worker")):
        until = datetime.now(UTC) + timedelta(days=280)
        assert lead.act(story.id, "set_hold", {"until": until.isoformat()}).status_code == 200
        assert lead.get(f"/v1/referrals/{story.id}").json()["status"] == left.status
        before = view(api, other, story)
        for act in HER_RIGHTS:
            answer = lead.act(story.id, act, {"purpose": "legal_duty"})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_assigned"), act
        herself = {"member_id": str(member_id(f"{key}.lead"))}
        silent = lead.act(story.id, "assign", herself)
        assert (silent.status_code, silent.json()["code"]) == (409, "reason_missing")
        for act in ("take_over", "hand_over"):
            body = {"reason": "review"} if act == "take_over" else herself
            answer = lead.act(story.id, act, body)
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state"), act
        for _ in range(2):  # twice is once
            answer = lead.act(story.id, "assign", herself | {"reason": "nobody_assigned"})
            assert answer.status_code == 200, answer.content
        accounting, notes = (
            lead.act(story.id, act, {"purpose": "legal_duty"}) for act in HER_RIGHTS
        )
        assert accounting.status_code == 200, accounting.content
        texts = [note["content"].get("text") for note in notes.json()["items"]]
        assert "what was said" in texts
        record = lead.act(story.id, "record_disclosure", routes.BODIES["record_disclosure"])
        assert record.status_code == 201, record.content
        colleague = {"member_id": str(member_id(f"{key}.worker2"))}
        assert lead.act(story.id, "assign", colleague).status_code == 200
        assert_same(view(api, other, story), before, key)
    assert acts_of(api, key, story)[-4:] == ["set_hold", "assign", "record_disclosure", "assign"]
    assert "assign" not in acts_of(api, other, story)
    (told,) = api(f"{key}.worker2").get("/v1/self-assignments").json()["items"]
    assert (told["referral_id"], told["reason"]) == (story.id, "nobody_assigned")
    query = {"act": "referral.self_assign", "referral_id": story.id}
    (entry,) = api(f"{key}.auditor").get("/v1/access-log", query).json()["items"]
    assert (entry["member_id"], entry["rule"]) == (herself["member_id"], "nobody_assigned")


def acts_of(api: Any, key: str, story: Story) -> list[str]:
    steps = api(f"{key}.lead").get(f"/v1/referrals/{story.id}/history").json()["items"]
    return [step["act"] for step in steps]


def test_the_desk_tells_a_lead_what_to_do_before_the_purge(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept().answers("complete", {"outcome": "connected"})
    shift_clock("24 days")
    purge.run()
    desk, one = at_the_desk("ywca.lead"), f"/desk/referrals/{story.id}"
    page = desk.get(one).content.decode()
    assert "add a coworker, or yourself" in text_of(page)
    assert f"{one}/take_over" not in page
    herself = {"member_id": str(member_id("ywca.lead"))}
    silent = text_of(desk.submit(f"{one}/assign", herself).content)
    assert "State why you assign yourself" in silent
    done = desk.submit(f"{one}/assign", herself | {"reason": "nobody_assigned"}).content
    assert "The coworker is added." in text_of(done)
    assert f"{one}/account_disclosures" in done.decode()


def test_the_purge_of_her_side_ends_it(story: Story, api: Any, superuser: Any) -> None:
    """sec.assign_member: what is purged has nobody on it, and nothing to be on."""
    story.accept().answers("complete", {"outcome": "connected"})
    whom = str(member_id("ywca.worker2"))

    def put_on() -> bool:
        with as_app(api("ywca.lead")) as cursor:
            return not refused_for_want_of_rights(cursor, PUT_ON, [story.id, whom, None])

    assert put_on()
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE referral SET to_purged = true WHERE to_agency_id = %s",
            [str(agency_id("ywca"))],
        )
        assert cursor.rowcount == 1
    assert not put_on()
    answer = api("ywca.lead").act(story.id, "assign", {"member_id": whom})
    assert answer.status_code in (404, 409)
