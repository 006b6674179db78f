"""The return-flow firewall (R2, the T5 table): what the recipient does after its accept reaches the
sender in no way: no word, no time, no ETag, no event, no other answer to an act of its own.

This file goes true state by true state, and covers what the sender may learn.
tests/referrals/test_return_flow_orders.py covers every order of the acts.
"""

from typing import Any

import pytest

from referrals.act_registry.transitions import TAKEN
from tests.support.ground.database import as_app
from tests.support.people.stories import Story, begun, release_body, service_of
from tests.support.proofs import routes
from tests.support.proofs.sender_view import Sender, changes, comparable

# -- The sender's own acts -------------------------------------------------------------------------

TRUE_STATES: dict[str, tuple[str, ...]] = {
    "accepted": (),
    "in_handoff": ("start_handoff",),
    "completed": ("start_handoff", "complete"),
    "unable": ("unable",),
    "stopped": ("stop",),
}


def sender_does(story: Story, api: Any, last: str) -> list[Any]:
    """Each act the sender has, one after another, and what it is then shown."""
    police, lead = api("police.worker"), api("police.lead")
    client = api("police.client", "police.worker")
    got = []
    for caller, act, body in (
        (police, "send", {"agreement": "agrees"}),
        (police, "put_notice", routes.BODIES["put_notice"]),
        (police, "accept", {}),
        (police, "put_release", release_body("name", "phone")),
        (client, "put_packet", {"packet": {"name": "Invented Again"}}),
        (police, "open_packet", {"purpose": "service"}),
        (police, "add_note", {"text": "ours"}),
        (client, "open_notes", {"purpose": "review"}),
        (lead, "revoke_release", {"via": "oral"}),
        (police, "revoke_release", {"via": "oral"}),
        (police, "put_packet", {"packet": {"phone": "406-555-0100"}}),
        (police, last, routes.BODIES[last]),
        (police, last, routes.BODIES[last]),
        (police, "put_release", release_body("name")),
        (police, "withdraw", {"code": "other"}),
        (police, "stop", {}),
    ):
        got.append((act, comparable(caller.act(story.id, act, body))))
    got += [comparable(lead.get(f"/v1/referrals/{story.id}{part}")) for part in ("", "/history")]
    return got


@pytest.mark.parametrize("last", ["withdraw", "stop"])
def test_the_senders_acts_are_answered_as_in_accepted_whatever_the_recipient_recorded(
    api: Any, last: str
) -> None:
    told = {}
    for state, acts in TRUE_STATES.items():
        story = begun(api)
        for act in acts:
            story.answers(act, routes.BODIES[act])
        told[state] = sender_does(story, api, last)
        truth = api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["status"]
        undone = {"withdraw": "withdrawn", "stop": "stopped"}[last]
        assert truth == (undone if state in TAKEN else state)
    assert told["accepted"][0][1][1]["current_state"] == "accepted"
    for state, answers in told.items():
        assert answers == told["accepted"], state


def test_after_seven_days_the_sender_is_shown_closed_in_every_true_state(
    api: Any, shift_clock: Any
) -> None:
    stories = {}
    for state, acts in TRUE_STATES.items():
        stories[state] = begun(api)
        for act in acts:
            stories[state].answers(act, routes.BODIES[act])
    shift_clock("6 days 23 hours 59 minutes")
    shown = {state: _shown_and_history(api, story) for state, story in stories.items()}
    assert shown["accepted"][0][1]["status"] == "accepted"
    assert all(one == shown["accepted"] for one in shown.values())
    shift_clock("7 days 1 minute")
    shown = {state: _shown_and_history(api, story) for state, story in stories.items()}
    assert shown["accepted"][0][1]["status"] == "closed"
    assert all(one == shown["accepted"] for one in shown.values())
    lines = api("police.worker").get("/v1/referrals").json()["items"]
    assert {line["status"] for line in lines} == {"closed"}
    told = {state: _sender_does_when_closed(story, api) for state, story in stories.items()}
    statuses = [(act, answer[0]) for act, answer in told["accepted"]]
    assert statuses == [
        ("withdraw", 409),
        ("put_release", 409),
        ("put_packet", 409),
        ("send", 409),
        ("add_note", 201),
        ("open_notes", 200),
        ("open_packet", 200),
        ("revoke_release", 200),
        ("stop", 200),
    ]
    assert all(one == told["accepted"] for one in told.values())


def _shown_and_history(api: Any, story: Story) -> list[Any]:
    police = api("police.worker")
    path = f"/v1/referrals/{story.id}"
    return [comparable(police.get(path)), comparable(police.get(f"{path}/history"))]


def _sender_does_when_closed(story: Story, api: Any) -> list[Any]:
    police = api("police.worker")
    acts = ("withdraw", "put_release", "put_packet", "send", "add_note", "open_notes")
    return [
        (act, comparable(police.act(story.id, act, routes.body_for(f"/{act}"))))
        for act in (*acts, "open_packet", "revoke_release", "stop")
    ]


def test_a_stop_of_either_side_is_answered_alike_when_it_is_repeated(api: Any) -> None:
    story = begun(api)
    story.answers("stop").sends("stop")
    for who in ("ywca.worker", "police.worker"):
        again = api(who).act(story.id, "stop")
        assert (again.status_code, again.json()["status"]) == (200, "stopped"), who


# -- What the recipient ends -----------------------------------------------------------------------


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead"])
def test_a_release_that_the_recipient_ends_shows_that_it_ended_and_nothing_else(
    api: Any, who: str
) -> None:
    story, sender = begun(api), Sender(api)
    before = sender.view(story.id)
    assert api(who).act(story.id, "revoke_release", {"via": "oral"}).status_code == 200
    after = sender.view(story.id)
    detail = f"/v1/referrals/{story.id}"
    for old, new in zip(before, after, strict=True):
        if old[1] == detail:
            assert changes(old, new) <= {"release_ended", "release.in_force"}
        elif old[1] in ("referral", "release"):
            continue  # the row that says so; its columns are looked at below
        else:
            assert old == new, (old[0], old[1])
    police = api("police.worker")
    assert police.get(detail).json()["release_ended"] is True
    with as_app(police) as cursor:
        cursor.execute("SELECT count(*) FROM release_end")
        assert cursor.fetchone() == (0,), "when, how and through whom is the ender's"
    refused = police.act(story.id, "put_packet", {"packet": {"name": "Another"}})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_release")


def test_a_private_reason_next_to_a_decline_is_the_recipients_alone(api: Any) -> None:
    told = []
    for private in (None, "survivor_declined", "already_served"):
        story = Story(api, service_of("ywca")).send()
        story.answers("decline", {"code": "other", "private_reason": private})
        told.append(_shown_and_history(api, story))
        notes = api("ywca.worker").act(story.id, "open_notes", {"purpose": "review"}).json()
        assert [note["content"] for note in notes["items"]] == ([{"code": private}] * bool(private))
        assert api("police.worker").act(story.id, "open_notes", {"purpose": "review"}).json() == {
            "items": []
        }
    assert told[0] == told[1] == told[2]
    assert told[0][0][1]["status"] == "cannot_take"
