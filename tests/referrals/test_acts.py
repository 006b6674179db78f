"""Every act: who may, from which state, and what it leaves behind: one event, one entry, no more.

police.worker sends to ywca; ywca.worker answers. States are reached through the acts themselves.
"""

from typing import Any

import pytest
from django.db import connections

from referrals.act_registry.registry import MOVES, RULES
from referrals.acts import availability
from tests.support.ground.database import turned_off
from tests.support.ground.stored_rows import content_rows, counts
from tests.support.people.callers import member_id
from tests.support.people.stories import NOTICE, PACKET, Story, service_of
from tests.support.proofs import routes

BODIES = routes.BODIES | {
    "put_notice": NOTICE | {"urgency": "routine"},
    "put_notice_release": routes.body_for("/put_notice_release"),
    "put_release": routes.body_for("/put_release"),
    "put_return_release": routes.body_for("/put_return_release"),
    "put_packet": {"packet": PACKET},
    "withdraw": {"code": "help_found"},
}
SENDER, RECIPIENT = "police.worker", "ywca.worker"
# How each state is reached from a new draft, by whom.
ROADS: dict[str, tuple[tuple[str, str], ...]] = {
    "draft": (),
    "sent": ((SENDER, "send"),),
    "acknowledged": ((SENDER, "send"), (RECIPIENT, "acknowledge")),
    "accepted": ((SENDER, "send"), (RECIPIENT, "accept")),
    "in_handoff": ((SENDER, "send"), (RECIPIENT, "accept"), (RECIPIENT, "start_handoff")),
    "completed": ((SENDER, "send"), (RECIPIENT, "accept"), (RECIPIENT, "complete")),
    "unable": ((SENDER, "send"), (RECIPIENT, "accept"), (RECIPIENT, "unable")),
    "declined": ((SENDER, "send"), (RECIPIENT, "decline")),
    "withdrawn": ((SENDER, "send"), (SENDER, "withdraw")),
    "stopped_by_sender": ((SENDER, "send"), (SENDER, "stop")),
    "stopped_by_recipient": ((SENDER, "send"), (RECIPIENT, "accept"), (RECIPIENT, "stop")),
    "entered_in_error": ((SENDER, "send"), (RECIPIENT, "accept"), (SENDER, "mark_error")),
}
# What the two sides are shown there (docs/rules.md, the T5 table).
SHOWN = {
    "draft": ("draft", None),
    "sent": ("sent", "sent"),
    "acknowledged": ("acknowledged", "acknowledged"),
    "accepted": ("accepted", "accepted"),
    "in_handoff": ("accepted", "in_handoff"),
    "completed": ("accepted", "completed"),
    "unable": ("accepted", "unable"),
    "declined": ("cannot_take", "declined"),
    "withdrawn": ("withdrawn", "withdrawn"),
    "stopped_by_sender": ("stopped", "stopped"),
    "stopped_by_recipient": ("accepted", "stopped"),
    "entered_in_error": ("entered_in_error", "entered_in_error"),
}
OF_SENDER = (
    *("put_notice", "put_notice_release", "put_release", "put_packet", "send", "withdraw"),
    *("set_callback", "mark_error", "set_plan"),
)
OF_RECIPIENT = (
    *("put_return_release", "acknowledge", "accept", "decline", "start_handoff", "complete"),
    *("unable", "handoff_failed", "same_person_as", "delivered"),
)
READS = ("open_packet", "open_notes")


def bring(story: Any, api: Any, state: str) -> None:
    """A referral with a release and a packet, in `state`."""
    story.create().release().packet(**PACKET)
    for who, act in ROADS[state]:
        answer = api(who).act(story.id, act, BODIES[act])
        assert answer.status_code == 200, (act, answer.content)


# What an act may change in addition to its event: the shared row, its own side's, what is sealed.
SHARED, OWN = {"referral"}, {"referral_side", "private_key", "note"}
GRANTED, COUNTED = {"bound_access", "packet_grant"}, {"count_line", "counted_referral"}
LEAVES = {
    **dict.fromkeys(("put_notice", "call_me", "set_callback"), SHARED),
    **dict.fromkeys(("add_note", "record_report", "record_disclosure", "record_attempt"), OWN),
    "start_handoff": OWN,
    **dict.fromkeys(("complete", "unable"), OWN | COUNTED),
    "set_external_ref": OWN | {"record_number"},
    "handoff_failed": {"referral_side"},
    "set_plan": {"referral_side", "referral_plan"},
    "put_notice_release": {"referral", "release", "release_paper", "release_end"},
    "put_release": {"referral", "release", "release_paper", "release_end"} | GRANTED,
    "put_packet": {"referral", "packet_field", "packet_grant"},
    "send": {"referral", "packet_grant", "agreement_tally"} | COUNTED,
    **dict.fromkeys(
        ("acknowledge", "accept", "decline"),
        {"referral", "referral_side", "referral_assignment"} | GRANTED | COUNTED,
    ),
    **dict.fromkeys(("withdraw", "mark_error"), {"referral"} | GRANTED | COUNTED),
    "stop": {"referral", "referral_side"} | GRANTED | COUNTED,
    "revoke_release": {"referral", "release", "release_end"} | GRANTED,
    "narrow_release": {"referral", "release", "release_end"} | GRANTED,
}
# What takes something away is noted for the journal of closings.
CLOSING = "complete unable decline withdraw mark_error stop put_notice_release put_release"
for act in (*CLOSING.split(), "revoke_release", "narrow_release"):
    LEAVES[act] = LEAVES[act] | {"closing"}


def test_the_two_tables_speak_of_the_same_acts():
    assert set(RULES) == set(MOVES) == set(BODIES) | {"create"}


@pytest.mark.parametrize("state", ROADS)
def test_each_side_is_shown_its_own_word(state, story, api):
    bring(story, api, state)
    sender, recipient = SHOWN[state]
    assert api(SENDER).get(f"/v1/referrals/{story.id}").json()["status"] == sender
    answer = api(RECIPIENT).get(f"/v1/referrals/{story.id}")
    assert (answer.json().get("status") if recipient else answer.status_code) == (recipient or 404)


@pytest.mark.parametrize("state", ROADS)
@pytest.mark.parametrize("who", [SENDER, RECIPIENT])
def test_every_act_from_every_state(who, state, story, api, superuser):
    """Allowed as the tables say; a refusal leaves one entry and nothing else."""
    side = "from" if who == SENDER else "to"
    shown = SHOWN[state][0 if side == "from" else 1]
    # The member who ended or answered it is the one who repeats: those are 200 without an event.
    road = [(doer, act) for doer, act in ROADS[state]]
    for act, body in BODIES.items():
        sources = MOVES[act].from_side if side == "from" else MOVES[act].to_side
        wrong_side = act in (OF_RECIPIENT if side == "from" else OF_SENDER)
        allowed = sources is not None and shown in sources
        if allowed and not wrong_side:
            continue  # each of these has its own test below
        events, entries = counts(superuser, story.id) if story.id else (0, 0)
        if not story.id:
            bring(story, api, state)
            events, entries = counts(superuser, story.id)
        answer = api(who).act(story.id, act, body)
        repeated = bool(road) and road[-1] == (who, act)
        if shown is None:
            expected = {404}
        elif wrong_side:
            expected = {403}
        else:
            expected = {200} if repeated else {403, 409}  # 403: not assigned yet
        assert answer.status_code in expected, (act, answer.content)
        if answer.status_code == 409:
            assert answer.json()["current_state"] == shown
        compared = repeated and act in ("start_handoff", "complete", "unable", "decline")
        # What was said before is sealed: to compare it is an opening, with an entry of its own.
        assert counts(superuser, story.id) == (events, entries + 1 + compared), act


@pytest.mark.parametrize(
    ("act", "who", "state", "status"),
    [
        ("put_notice", SENDER, "draft", "draft"),
        ("put_release", SENDER, "draft", "draft"),
        ("put_release", SENDER, "sent", "sent"),
        ("put_release", SENDER, "completed", "accepted"),
        ("put_packet", SENDER, "draft", "draft"),
        ("put_packet", SENDER, "accepted", "accepted"),
        ("put_packet", SENDER, "stopped_by_recipient", "accepted"),
        ("send", SENDER, "draft", "sent"),
        ("acknowledge", RECIPIENT, "sent", "acknowledged"),
        ("accept", RECIPIENT, "sent", "accepted"),
        ("accept", RECIPIENT, "acknowledged", "accepted"),
        ("decline", RECIPIENT, "sent", "declined"),
        ("decline", RECIPIENT, "acknowledged", "declined"),
        ("start_handoff", RECIPIENT, "accepted", "in_handoff"),
        ("complete", RECIPIENT, "accepted", "completed"),
        ("complete", RECIPIENT, "in_handoff", "completed"),
        ("unable", RECIPIENT, "in_handoff", "unable"),
        ("withdraw", SENDER, "sent", "withdrawn"),
        ("withdraw", SENDER, "accepted", "withdrawn"),
        ("withdraw", "police.lead", "accepted", "withdrawn"),
        ("withdraw", SENDER, "completed", "withdrawn"),
        ("revoke_release", SENDER, "draft", "draft"),
        ("revoke_release", SENDER, "accepted", "accepted"),
        ("revoke_release", "ywca.lead", "accepted", "accepted"),
        ("revoke_release", RECIPIENT, "completed", "completed"),
        ("narrow_release", SENDER, "draft", "draft"),
        ("narrow_release", "police.lead", "completed", "accepted"),
        ("narrow_release", RECIPIENT, "unable", "unable"),
        ("narrow_release", "ywca.lead", "accepted", "accepted"),
        ("stop", SENDER, "draft", "stopped"),
        ("stop", SENDER, "in_handoff", "stopped"),
        ("stop", RECIPIENT, "accepted", "stopped"),
        ("stop", "ywca.lead", "in_handoff", "stopped"),
        ("add_note", SENDER, "draft", None),
        ("add_note", RECIPIENT, "completed", None),
        ("record_report", SENDER, "draft", None),
        ("call_me", SENDER, "sent", "sent"),
        ("call_me", RECIPIENT, "in_handoff", "in_handoff"),
        ("call_me", SENDER, "completed", "accepted"),
        ("set_callback", SENDER, "acknowledged", "acknowledged"),
        ("set_callback", SENDER, "unable", "accepted"),
        ("handoff_failed", RECIPIENT, "in_handoff", "in_handoff"),
        ("mark_error", SENDER, "draft", "entered_in_error"),
        ("mark_error", "police.lead", "sent", "entered_in_error"),
        ("mark_error", SENDER, "completed", "entered_in_error"),
        ("record_attempt", RECIPIENT, "accepted", None),
        ("record_attempt", SENDER, "declined", None),
        ("set_external_ref", RECIPIENT, "unable", None),
        ("set_external_ref", SENDER, "draft", None),
        ("set_plan", SENDER, "declined", "cannot_take"),
        ("record_disclosure", RECIPIENT, "completed", None),
    ],
)
def test_an_act_leaves_its_change_one_event_and_one_entry(
    act, who, state, status, story, api, superuser
):
    bring(story, api, state)
    events, entries = counts(superuser, story.id)
    before = content_rows(superuser)
    answer = api(who).act(story.id, act, BODIES[act])
    assert answer.status_code in (200, 201), answer.content
    if status:
        assert answer.json()["status"] == status
    assert counts(superuser, story.id) == (events + 1, entries + 1)
    after = content_rows(superuser)
    changed = {table for table in after if after[table] != before[table]}
    assert changed <= LEAVES[act] | {"referral_event"}, "and nothing else"
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, member_id FROM referral_event WHERE referral_id = %s"
            " ORDER BY at DESC, id DESC LIMIT 1",
            [story.id],
        )
        assert cursor.fetchone() == (act, member_id(who))


@pytest.mark.parametrize(
    ("act", "who", "state"),
    [
        ("send", SENDER, "draft"),
        ("acknowledge", RECIPIENT, "sent"),
        ("accept", RECIPIENT, "sent"),
        ("decline", RECIPIENT, "sent"),
        ("start_handoff", RECIPIENT, "accepted"),
        ("complete", RECIPIENT, "accepted"),
        ("unable", RECIPIENT, "accepted"),
        ("withdraw", SENDER, "sent"),
        ("revoke_release", SENDER, "accepted"),
        ("stop", RECIPIENT, "accepted"),
        ("call_me", RECIPIENT, "accepted"),
        ("set_callback", SENDER, "sent"),
        ("handoff_failed", RECIPIENT, "in_handoff"),
        ("mark_error", SENDER, "accepted"),
        ("set_plan", SENDER, "sent"),
    ],
)
def test_doing_it_twice_answers_alike_and_changes_nothing(act, who, state, story, api, superuser):
    bring(story, api, state)
    old = api(who).get(f"/v1/referrals/{story.id}")["ETag"]
    first = api(who).act(story.id, act, BODIES[act])
    events, _ = counts(superuser, story.id)
    # A retried request still carries the ETag it had: repeats are answered before it is looked at.
    again = api(who).act(story.id, act, BODIES[act], If_Match=old)
    if act == "revoke_release":  # it has no target state of its own: a stale ETag is stale
        again = api(who).act(story.id, act, BODIES[act])
    assert (first.status_code, again.status_code) == (200, 200), again.content
    assert first.json() == again.json()
    assert first["ETag"] == again["ETag"]
    assert counts(superuser, story.id)[0] == events


def test_a_colleague_cannot_accept_what_was_accepted(story, api):
    story.accept()
    answer = api("ywca.worker2").act(story.id, "accept")
    assert (answer.status_code, answer.json()["current_state"]) == (409, "accepted")


def test_the_accepter_takes_over_from_whoever_acknowledged(story, api):
    story.send().answers("acknowledge")
    assert api("ywca.worker2").act(story.id, "accept").status_code == 200
    seen = api("ywca.worker2").get(f"/v1/referrals/{story.id}").json()
    assert seen["holder"]["id"] == str(member_id("ywca.worker2"))
    assert [one["id"] for one in seen["assigned"]] == [str(member_id("ywca.worker2"))]
    assert api(RECIPIENT).act(story.id, "add_note", {"text": "no longer mine"}).status_code == 403


def test_a_stale_etag_is_refused_and_a_current_one_honoured(story, api):
    story.create()
    old = api(SENDER).get(f"/v1/referrals/{story.id}")["ETag"]
    changed = api(SENDER).act(story.id, "put_notice", BODIES["put_notice"], If_Match=old)
    assert changed.status_code == 200
    stale = api(SENDER).act(story.id, "put_notice", BODIES["put_notice"], If_Match=old)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    fresh = api(SENDER).act(story.id, "send", BODIES["send"], If_Match=changed["ETag"])
    assert fresh.status_code == 200


def test_an_unanswered_referral_is_shown_expired_and_cannot_be_accepted(story, api, shift_clock):
    story.send()
    shift_clock("5 hours")  # urgent: four
    # Sessions are younger than that: new ones are opened under the shifted clock.
    assert api(SENDER).get(f"/v1/referrals/{story.id}").json()["status"] == "expired"
    answer = api(RECIPIENT).act(story.id, "accept")
    assert (answer.status_code, answer.json()["current_state"]) == (409, "expired")


def test_the_deadlines_are_frozen_at_send(story, api):
    story.create(urgency="emergency").sends("send", BODIES["send"])
    seen = api(RECIPIENT).get(f"/v1/referrals/{story.id}").json()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT %s::timestamptz - %s::timestamptz, %s::timestamptz - %s::timestamptz",
            [seen["ack_by"], seen["sent_at"], seen["expires_at"], seen["sent_at"]],
        )
        minutes = [gap.total_seconds() / 60 for gap in cursor.fetchone()]
    assert minutes == [15, 120]


def test_a_paused_service_or_an_agency_without_people_is_said_before_sending(story, api):
    agency = api(SENDER).get(f"/v1/referrals/{story.create().id}").json()["to_agency"]["id"]
    with turned_off("jobs", "permissions_agency", "takes_notices", agency):
        answer = api(SENDER).act(story.id, "send", BODIES["send"])
        assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_answer")
        assert api(SENDER).get(f"/v1/referrals/{story.id}").json()["status"] == "draft"


def test_whoever_floods_an_agency_with_alarms_is_told_to_ring(story, api, monkeypatch, shift_clock):
    """TH4: as many of one agency's wait there unseen as may; what is looked at makes room."""
    monkeypatch.setattr(availability, "MOST_WAITING", 2)
    first, second = (Story(api, story.service_id).send() for _ in range(2))
    third = story.create()
    answer = api(SENDER).act(third.id, "send", BODIES["send"])
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_waiting")
    assert api(SENDER).get(f"/v1/referrals/{third.id}").json()["status"] == "draft"
    Story(api, story.service_id, sender="hospital.worker").send()  # of each agency by itself
    Story(api, service_of("sarc")).send()  # at each by itself
    first.answers("acknowledge")
    assert api(SENDER).act(third.id, "send", BODIES["send"]).status_code == 200
    assert api(SENDER).act(third.id, "send", BODIES["send"]).status_code == 200, "twice is safe"
    fourth = Story(api, story.service_id).create()
    assert api(SENDER).act(fourth.id, "send", BODIES["send"]).status_code == 409
    third.sends("withdraw", BODIES["withdraw"])
    assert api(SENDER).act(fourth.id, "send", BODIES["send"]).status_code == 409, (
        "a call was made there"
    )
    second.answers("decline", {"code": "no_capacity"})
    assert api(SENDER).act(fourth.id, "send", BODIES["send"]).status_code == 200
    fifth = Story(api, story.service_id).create()
    shift_clock("23 hours")
    assert api(SENDER).act(fifth.id, "send", BODIES["send"]).status_code == 409
    shift_clock("25 hours")
    fifth = Story(api, story.service_id).create()
    assert api(SENDER).act(fifth.id, "send", BODIES["send"]).status_code == 200


def test_a_private_reason_stands_next_to_a_decline_that_says_other(story, api):
    story.send()
    body = {"code": "no_capacity", "private_reason": "already_served"}
    answer = api(RECIPIENT).act(story.id, "decline", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "private_reason")


def test_a_decline_tells_the_code_and_keeps_the_private_reason(story, api):
    story.send()
    body = {"code": "other", "private_reason": "conflict_of_interest"}
    assert api(RECIPIENT).act(story.id, "decline", body).status_code == 200
    sender = api(SENDER).get(f"/v1/referrals/{story.id}")
    assert (sender.json()["status"], sender.json()["code"]) == ("cannot_take", "other")
    for path in ("", "/history"):
        assert b"conflict" not in api(SENDER).get(f"/v1/referrals/{story.id}{path}").content
    notes = api(RECIPIENT).act(story.id, "open_notes", {"purpose": "review"}).json()["items"]
    assert notes[0]["content"] == {"code": "conflict_of_interest"}


@pytest.mark.parametrize(
    ("act", "first", "second"),
    [
        ("complete", {"outcome": "connected"}, {"outcome": "served"}),
        ("unable", {"code": "could_not_contact"}, {"code": "other"}),
        ("decline", {"code": "no_capacity"}, {"code": "other"}),
        ("decline", {"code": "other"}, {"code": "other", "private_reason": "already_served"}),
        ("decline", {"code": "other", "private_reason": "already_served"}, {"code": "other"}),
    ],
)
def test_said_again_it_is_the_same_said_otherwise_it_is_refused(act, first, second, story, api):
    """A second word that is dropped, and answered 200, would be lost."""
    if act == "decline":
        story.send()
    else:
        story.accept()
    assert [api(RECIPIENT).act(story.id, act, first).status_code for _ in range(2)] == [200, 200]
    answer = api(RECIPIENT).act(story.id, act, second)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_what_was_said_is_compared_with_what_was_said_of_it(story: Story, api: Any) -> None:
    """A note of another kind in between makes no difference: it is the same outcome."""
    story.accept().answers("complete", {"outcome": "connected"})
    story.answers("add_note", {"text": "in between"})
    before = api("ywca.worker").get(f"/v1/referrals/{story.id}")
    again = api("ywca.worker").act(story.id, "complete", {"outcome": "connected"})
    assert (again.status_code, again["ETag"]) == (200, before["ETag"])
    other = api("ywca.worker").act(story.id, "complete", {"outcome": "served"})
    assert (other.status_code, other.json()["code"]) == (409, "wrong_state")
