"""The warm hand-off: "please call", a callback number that changes, a hand-off that fails, each
attempt; and what the sender must not learn of it, in word, time, ETag, event or order."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from permissions.models import Agency
from referrals import codes
from tests.support.ground.database import as_app, refused
from tests.support.ground.stored_rows import counts
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import PACKET, Story, stays
from tests.support.proofs.sender_view import Sender

SENDER, RECIPIENT = "police.worker", "ywca.worker"


def seen(api: Any, who: str, story: Story) -> Any:
    return api(who).get(f"/v1/referrals/{story.id}").json()


def acts_in(api: Any, who: str, story: Story) -> list[tuple[str, str, str | None]]:
    steps = api(who).get(f"/v1/referrals/{story.id}/history").json()["items"]
    return [(step["act"], step["side"], step["by"]) for step in steps]


# -- Please call -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "other"), [(SENDER, RECIPIENT), (RECIPIENT, SENDER)], ids=["sender", "recipient"]
)
def test_please_ring_reaches_the_other_side_and_names_no_one(
    story: Story, api: Any, superuser: Any, who: str, other: str
) -> None:
    story.accept()
    before = counts(superuser, story.id)
    assert api(who).act(story.id, "call_me").status_code == 200
    assert counts(superuser, story.id) == (before[0] + 1, before[1] + 1)
    assert seen(api, other, story)["asked_to_ring_at"] is not None
    assert seen(api, who, story)["asked_to_ring_at"] is None
    side = "from" if who == SENDER else "to"
    assert acts_in(api, other, story)[-1] == ("call_me", side, None)
    assert acts_in(api, who, story)[-1][2] is not None, "the own side knows who"


def test_a_second_tap_is_the_same_ring_and_later_it_is_another(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept()
    for _ in range(2):
        assert api(RECIPIENT).act(story.id, "call_me").status_code == 200
    assert [act for act, _, _ in acts_in(api, SENDER, story)].count("call_me") == 1
    shift_clock("6 minutes")
    assert api(RECIPIENT).act(story.id, "call_me").status_code == 200
    assert [act for act, _, _ in acts_in(api, SENDER, story)].count("call_me") == 2


@pytest.mark.parametrize("act", ["call_me", "set_callback", "record_attempt"])
def test_the_senders_asking_is_answered_alike_in_every_true_state(
    api: Any, story: Story, act: str
) -> None:
    body = {"call_me": {}, "set_callback": {"callback": "406-555-0155"}}.get(
        act, {"result": "connected"}
    )
    answers = []
    for ends in ((), ("start_handoff", {"mode": "phone"}), ("complete", {"outcome": "served"})):
        one = Story(api, story.service_id).accept()
        if ends:
            one.answers(*ends)
        answer = api(SENDER).act(one.id, act, body)
        answers.append((answer.status_code, sorted(answer.json()), acts_in(api, SENDER, one)))
    assert answers[0] == answers[1] == answers[2]


# -- The call-back ---------------------------------------------------------------------------------


def test_the_call_back_moves_when_her_shift_ends(story: Story, api: Any) -> None:
    story.accept()
    body = {"callback": "406-555-0166"}
    for _ in range(2):
        assert api(SENDER).act(story.id, "set_callback", body).status_code == 200
    assert seen(api, RECIPIENT, story)["notice"]["callback"] == "406-555-0166"
    assert [act for act, _, _ in acts_in(api, RECIPIENT, story)].count("set_callback") == 1
    assert api(SENDER).act(story.id, "set_callback", {}).status_code == 200
    line = Agency.objects.get(id=agency_id("police")).duty_phone
    assert seen(api, RECIPIENT, story)["notice"]["callback"] == line


def test_without_a_duty_line_a_number_is_needed(story: Story, api: Any) -> None:
    story.send()
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT duty_phone FROM permissions_agency WHERE id = %s", [police()])
        (line,) = cursor.fetchone()
        cursor.execute("UPDATE permissions_agency SET duty_phone = '' WHERE id = %s", [police()])
    try:
        answer = api(SENDER).act(story.id, "set_callback", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_duty_line")
    finally:
        with connections["jobs"].cursor() as cursor:
            cursor.execute(
                "UPDATE permissions_agency SET duty_phone = %s WHERE id = %s", [line, police()]
            )
    answer = api(SENDER).act(story.id, "set_callback", {"callback": "ask for Ann"})
    assert (answer.status_code, answer.json()["pointer"]) == (400, "/callback")


def police() -> Any:
    return agency_id("police")


# -- A hand-off that fails -------------------------------------------------------------------------


def begun(api: Any, service: str, **notice: Any) -> Story:
    story = Story(api, service).create(**notice).send().accept()
    return story.answers("start_handoff", {"mode": "three_way_call"})


def test_a_failed_hand_off_starts_the_clock_again_and_the_sender_learns_nothing(
    story: Story, api: Any, superuser: Any
) -> None:
    one = begun(api, story.service_id)
    one.answers("record_attempt", {"result": "not_connected"})
    assert seen(api, RECIPIENT, one)["handoff_by"] is None
    sender = Sender(api)
    view, before = sender.view(one.id), counts(superuser, one.id)
    for _ in range(2):  # a retried request: as before, and no second event
        answer = api(RECIPIENT).act(one.id, "handoff_failed")
        assert (answer.status_code, answer.json()["status"]) == (200, "in_handoff")
    due = datetime.fromisoformat(answer.json()["handoff_by"])
    assert timedelta(hours=3, minutes=59) < due - datetime.now(UTC) <= timedelta(hours=4)
    assert counts(superuser, one.id) == (before[0] + 1, before[1] + 2)
    assert sender.view(one.id) == view
    one.answers("record_attempt", {"result": "not_connected"}).answers("handoff_failed")
    acts = [act for act, _, _ in acts_in(api, RECIPIENT, one)]
    assert acts.count("handoff_failed") == 2


def _told(view: list[Any], story: Story, superuser: Any) -> Any:
    """The sender's view without what is one referral's own: its ids and moments."""
    text = json.dumps(view, default=lambda raw: bytes(raw).decode())
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT r.reference, r.with_worker_until::text FROM referral r WHERE id = %s",
            [story.id],
        )
        for own in (story.id, *cursor.fetchone()):
            text = text.replace(own, "…")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "id", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)", "at", text)
    text = re.sub(r",\d+,f,…\)", ",xact,f,…)", text)
    return re.sub(r'\\?"[0-9a-f]{32}\\?"', "etag", text)


def test_a_hand_off_that_fails_later_is_another(story: Story, api: Any, shift_clock: Any) -> None:
    """Within five minutes it is a second tap; after that the clock starts again, each time."""
    story.accept().answers("start_handoff", {"mode": "phone"})

    def due() -> str:
        answer = api("ywca.worker").act(story.id, "handoff_failed")
        assert answer.status_code == 200
        return str(answer.json()["handoff_by"])

    first = due()
    shift_clock("4 minutes")
    assert due() == first
    shift_clock("5 hours")
    assert due() > first


def test_another_way_to_hand_her_over_is_not_taken_for_the_first(story: Story, api: Any) -> None:
    story.accept()
    for _ in range(2):
        story.answers("start_handoff", {"mode": "phone"})
    answer = api("ywca.worker").act(story.id, "start_handoff", {"mode": "video"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_while_a_worker_is_with_her_a_failed_hand_off_is_to_the_sender_a_ring_like_any(
    story: Story, api: Any, superuser: Any
) -> None:
    """Word, time, ETag, events and rows: by a person's asking, or because it failed."""
    told = []
    for fails in (False, True):
        with connections["owner"].cursor() as cursor:
            cursor.execute("TRUNCATE referral CASCADE")
        one = begun(api, story.service_id, **stays(45))
        sender = Sender(api)
        before = api(SENDER).get(f"/v1/referrals/{one.id}")["ETag"]
        api(RECIPIENT).act(one.id, "handoff_failed" if fails else "call_me")
        assert api(SENDER).get(f"/v1/referrals/{one.id}")["ETag"] != before
        told.append(_told(sender.view(one.id), one, superuser))
        acts = [act for act, _, _ in acts_in(api, RECIPIENT, one)]
        assert acts.count("call_me") == 1
        assert acts.count("handoff_failed") == fails
    assert told[0] == told[1]


def test_once_the_worker_has_left_her_no_one_is_called(
    story: Story, api: Any, shift_clock: Any
) -> None:
    one = begun(api, story.service_id, **stays(30))
    shift_clock("31 minutes")
    view = Sender(api)
    before = view.view(one.id)
    assert api(RECIPIENT).act(one.id, "handoff_failed").status_code == 200
    assert view.view(one.id) == before


@pytest.mark.parametrize("later", ["1 day 1 minute", "8 days"])
def test_a_sender_whose_worker_stays_for_a_month_is_not_called_for_a_month(
    story: Story, api: Any, shift_clock: Any, later: str
) -> None:
    """Each call would tell the sender that the survivor did not come, even after `closed` (R2)."""
    one = begun(api, story.service_id, **stays(30 * 24 * 60))
    shift_clock(later)
    view = Sender(api)
    before = view.view(one.id)
    assert api(RECIPIENT).act(one.id, "handoff_failed").status_code == 200
    assert view.view(one.id) == before


# -- Attempts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", codes.ATTEMPT)
@pytest.mark.parametrize("interpreter", codes.INTERPRETER_USED)
def test_an_attempt_is_sealed_and_stops_the_clock_and_nothing_else_does(
    story: Story, api: Any, result: str, interpreter: str
) -> None:
    story.accept()
    for act, body in (("start_handoff", {"mode": "phone"}), ("add_note", {"text": "soon"})):
        story.answers(act, body)
        assert seen(api, RECIPIENT, story)["handoff_by"] is not None, "no intention stops it"
    sender = Sender(api)
    before = sender.view(story.id)
    body = {"result": result, "interpreter": interpreter}
    story.answers("record_attempt", body)
    assert sender.view(story.id) == before
    assert seen(api, RECIPIENT, story)["handoff_by"] is None
    notes = api(RECIPIENT).act(story.id, "open_notes", {"purpose": "review"}).json()["items"]
    assert [note["content"] for note in notes if note["kind"] == "attempt"] == [body]


def test_there_is_no_word_for_her_family_as_interpreter(story: Story, api: Any) -> None:
    story.accept()
    assert set(codes.INTERPRETER_USED) == {"none", "phone", "in_person", "sign"}
    body = {"result": "connected", "interpreter": "family"}
    assert api(RECIPIENT).act(story.id, "record_attempt", body).status_code == 400


def test_the_senders_own_attempt_stops_no_clock_of_the_recipients(story: Story, api: Any) -> None:
    story.accept()
    due = seen(api, RECIPIENT, story)["handoff_by"]
    story.sends("record_attempt", {"result": "connected"})
    assert seen(api, RECIPIENT, story)["handoff_by"] == due


def test_one_key_keeps_one_attempt(story: Story, api: Any) -> None:
    story.accept()
    caller, body = api(RECIPIENT), {"result": "connected"}
    ids = {
        caller.act(story.id, "record_attempt", body, Idempotency_Key="one").json()["id"]
        for _ in range(2)
    }
    assert len(ids) == 1
    other = caller.act(
        story.id, "record_attempt", {"result": "not_connected"}, Idempotency_Key="one"
    )
    assert other.status_code == 422


# -- A machine's receipt ---------------------------------------------------------------------------


def test_a_receipt_of_the_recipients_system_names_no_one_and_silences_nothing(
    story: Story, api: Any
) -> None:
    story.send()
    sender = Sender(api)
    before = sender.view(story.id)
    system = api("ywca.client")
    for _ in range(2):
        answer = system.act(story.id, "delivered")
        assert (answer.status_code, answer.json()["status"]) == (200, "sent")
    assert answer.json()["holder"] is None
    assert sender.view(story.id) == before
    assert acts_in(api, RECIPIENT, story) == [("send", "from", None), ("delivered", "to", None)]
    assert api(RECIPIENT).act(story.id, "acknowledge").status_code == 200


def test_only_the_recipients_system_says_so_and_only_while_it_waits(story: Story, api: Any) -> None:
    story.send()
    for who in (RECIPIENT, "ywca.lead", "police.client", SENDER):
        assert api(who).act(story.id, "delivered").status_code == 403, who
    assert api("outsider.client").act(story.id, "delivered").status_code == 404
    story.answers("acknowledge")
    late = api("ywca.client").act(story.id, "delivered")
    assert (late.status_code, late.json()["current_state"]) == (409, "acknowledged")


def test_the_database_takes_a_receipt_from_no_one_else(story: Story, api: Any) -> None:
    story.send()
    for who in (RECIPIENT, SENDER, "police.client", "outsider.client"):
        with as_app(api(who)) as cursor:
            call = "SELECT sec.record_delivery(gen_random_uuid(), %s)"
            assert refused(cursor, call, [story.id]), who


# -- How she may be contacted ----------------------------------------------------------------------


def test_her_safe_way_stands_before_any_contact_and_the_worker_in_its_place(
    story: Story, api: Any
) -> None:
    story.accept().release(*PACKET).packet(name="Invented", phone="406-555-0199")
    opened = api(RECIPIENT).act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert next(iter(opened)) == "safe_contact"
    assert "406-555-0111" in opened["safe_contact"], "call the worker instead"
    assert "Do not contact the survivor" in opened["safe_contact"]
    story.packet(safe_contact=PACKET["safe_contact"])
    opened = api(RECIPIENT).act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert opened["safe_contact"] == PACKET["safe_contact"]


def test_where_no_contact_is_opened_there_is_nothing_to_say_of_it(story: Story, api: Any) -> None:
    story.accept().release("name").packet(name="Invented")
    opened = api(RECIPIENT).act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert opened["safe_contact"] is None


@pytest.mark.parametrize("who", [SENDER, "ywca.lead"])
def test_her_safe_way_is_not_taken_away_while_a_contact_stays(
    story: Story, api: Any, who: str
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    answer = api(who).act(story.id, "narrow_release", {"fields": ["name", "phone"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "safe_contact")
    assert api(who).act(story.id, "narrow_release", {"fields": ["name"]}).status_code == 200


# -- Screening -------------------------------------------------------------------------------------


def test_screening_is_coded_and_never_asked_for(story: Story, api: Any) -> None:
    story.accept().release("screening", "name").packet(name="Invented")
    story.packet(screening="power_or_control, frequent_travel")
    opened = api(RECIPIENT).act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert opened["packet"]["screening"] == "power_or_control, frequent_travel"
    answer = api(SENDER).act(story.id, "put_packet", {"packet": {"screening": "he hit her"}})
    assert (answer.status_code, answer.json()["pointer"]) == (400, "/packet/screening")
    listed = api(None).get("/v1/codes").json()
    assert {"no_free_will", "power_or_control", "frequent_travel", "labour"} <= {
        one["code"] for one in listed["lists"]["screening"]
    }


def test_the_holder_alone_asks_for_a_ring(story: Story, api: Any) -> None:
    story.accept()
    story.answers("assign", {"member_id": str(member_id("ywca.worker2"))})
    for who in ("ywca.worker2", "ywca.lead", "police.worker2"):
        assert api(who).act(story.id, "call_me").status_code == 403, who
