"""The return-flow firewall (R2, TH15) over every order of the acts that the sender is not told of.

The acts are read from MOVES: one that is added is silent until it stands in TOLD. All that the
sender can get is the same bytes as if the recipient had done nothing: every page and list, the raw
rows, what its webhook is sent, and the answer of each act that it tries meanwhile; until the fixed
moment of `closed`, then. CAIRN_SWEEP=whole: each gap of each order in one go, each act everywhere.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from referrals import purging, telling, working
from referrals.clocks import CLOSED_AFTER
from referrals.transitions import MOVES, TAKEN
from tests.support import routes
from tests.support.callers import Caller, member_id
from tests.support.markers import Kept
from tests.support.notifications import DUTY
from tests.support.notifications import keep as keep_channel
from tests.support.sender_bytes import SENDER, Sender, as_bytes, assert_same
from tests.support.sender_bytes import kept as kept  # a fixture
from tests.support.sender_view import comparable
from tests.support.stories import PACKET, Story, release_body, service_of
from tests.support.webhook_receiver import receivers

# What the rules let the sender know at once (the T5 table): an answer, "please ring", that the
# paper ended or became smaller, and what she allowed to be returned.
TOLD = {
    *("acknowledge", "accept", "decline", "call_me"),
    *("revoke_release", "narrow_release", "put_return_release", "revoke_return_release"),
}
SILENT = [act for act, move in MOVES.items() if move.to_side and act not in TOLD]
CHANGING = [act for act in SILENT if MOVES[act].target]
KEPT = [act for act in SILENT if not MOVES[act].target]
# The accounting reads the sender's own log, which keeps each try and is never put back.
SENDERS = [a for a, move in MOVES.items() if move.from_side and a != "account_disclosures"]

BY = ("ywca.worker", "ywca.lead", "ywca.worker2")


def body_of(act: str, other: str) -> Any:
    if act in ("assign", "hand_over", "block", "unblock"):
        return {"member_id": str(member_id("ywca.worker2"))}
    if act == "same_person_as":
        return {"referral_id": other}
    return routes.body_for(f"/{act}")


def paths(state: str = "accepted", done: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every order of the acts that change the recipient's true state."""
    possible = [a for a in CHANGING if a not in done and state in (MOVES[a].to_side or ())]
    if not possible:
        yield done
    for act in possible:
        yield from paths(str(MOVES[act].target), (*done, act))


PATHS = sorted(set(paths()))
PLACES = sorted({path[:length] for path in PATHS for length in range(len(path) + 1)}, key=len)
WHOLE = os.environ.get("CAIRN_SWEEP") == "whole"
# An order, and in which of its gaps the other acts are done: each place once, or every gap at once.
WALKS = [
    (path, set(range(len(path) + 1)) if WHOLE else {len(place)})
    for place in PLACES
    for path in [one for one in PATHS if one[: len(place)] == place][: None if WHOLE else 1]
]
EVERY = 1 if WHOLE else 4  # each act of the sender's is tried at every so-manieth place


def test_the_acts_and_their_orders_are_read_from_the_tables() -> None:
    assert set(CHANGING) >= {"start_handoff", "complete", "unable", "stop"}
    assert set(KEPT) >= {"add_note", "record_report", "record_disclosure", "set_hold", "block"}
    assert {path[-1] for path in PATHS} >= {"complete", "unable", "stop"}
    assert set(MOVES) >= TOLD
    assert {"accepted", "in_handoff"} == TAKEN


class Recipient:
    """Whoever of its people may do an act now does it."""

    def __init__(self, api: Any, other: str = routes.NOBODY) -> None:
        self.people = [api(who) for who in BY]
        self.system = api("ywca.client", "ywca.worker")
        self.other = other  # a referral of the same person to it, from whomever
        self.did: set[str] = set()

    def does(self, referral_id: str, act: str) -> bool:
        for caller in (*self.people, self.system):
            if caller.act(referral_id, act, body_of(act, self.other)).status_code in (200, 201):
                self.did.add(act)
                return True
        return False


def begun(api: Any) -> Story:
    return Story(api, service_of("ywca")).accept().release().packet(**PACKET)


def of_the_hospital(api: Any) -> str:
    """Another referral of the same night, which the recipient's worker has opened too."""
    story = Story(api, service_of("ywca"), sender="hospital.worker").accept()
    told = [one for one in release_body()["attestations"] if one != "told_no_effect_on_case"]
    story.release("name", basis="hipaa_authorization", form="written", attestations=told)
    story.packet(name=PACKET["name"]).answers("open_packet", {"purpose": "intake"})
    return story.id


def keep(superuser: Any, kept: list[Kept]) -> Kept:
    """The content as it is; and whoever is signed in stays so, for a slow machine takes minutes."""
    kept.append(Kept(superuser, f"kept_{len(kept)}"))
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE credential SET expires_at = '2100-01-01'")
    superuser.commit()
    return kept[-1]


# -- In every order --------------------------------------------------------------------------------


def drawn(number: int) -> list[str]:
    """The kept acts: as they stand in the table at first, so that each has its turn; then mixed,
    and in the end somebody may go on."""
    mixed = Random(number).sample(KEPT, len(KEPT)) if number % 3 else KEPT
    return [*mixed, "end_leads_only", "unblock", "take_over"]


def test_nothing_that_the_sender_gets_moves_in_any_order(
    api: Any, superuser: Any, kept: list[Kept], settings: Any
) -> None:
    """Each order of the acts that change the true state, every other act in the gaps of it."""
    with receivers(settings) as (hook,):
        assert api("police.admin").post("/v1/webhooks", {"url": hook.url}).status_code == 201
        keep_channel(api, "police.admin", "mail", DUTY["police"], use="duty")
        other = of_the_hospital(api)
        story, sender, recipient = begun(api), Sender(api), Recipient(api, other)
        sent = delivered_to(hook)
        assert sent, "what the sender is told arrives there"
        assert told() > 0
        assert api("police.admin").get("/v1/messages").json()["items"], "its desk is told too"
        start = keep(superuser, kept)
        little, everything = sender.little(story.id), sender.all(story.id)
        for number, (path, gaps) in enumerate(WALKS):
            start.put_back()
            for gap in range(len(path) + 1):
                if gap in gaps:
                    for act in drawn(number + gap):
                        if recipient.does(story.id, act):
                            assert sender.little(story.id) == little, (path[:gap], act)
                    told()
                    assert delivered_to(hook) == sent, path[:gap]
                    assert_same(sender.all(story.id), everything, (path[:gap], "and all others"))
                if gap < len(path):
                    assert recipient.does(story.id, path[gap]), (path, gap)
                    assert sender.little(story.id) == little, path[: gap + 1]
            assert delivered_to(hook) == sent, path
    never = {act for act in SILENT if not MOVES[act].to_side & (TAKEN | {"completed"})}
    assert recipient.did | never == set(SILENT), "each was done, or cannot be after the accept"


def told() -> int:
    """Make the messages of whatever happened; how many there are now, to whomever."""
    while telling.step():
        pass
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM message")
        return int(cursor.fetchone()[0])


def delivered_to(hook: Any) -> list[str]:
    assert working.work_off(working.named(["webhooks"])) == []
    return list(hook.ids())


@pytest.mark.parametrize("state", ["sent", "acknowledged"])
def test_nothing_moves_before_the_accept_either(
    state: str, api: Any, superuser: Any, kept: list[Kept]
) -> None:
    story = Story(api, service_of("ywca")).send()
    if state == "acknowledged":
        story.answers("acknowledge")
    sender, recipient = Sender(api), Recipient(api)
    start, little = keep(superuser, kept), sender.little(story.id)
    for act in (*KEPT, "revoke_release"):  # there is none: it ends nothing, and tells as much
        if recipient.does(story.id, act):
            assert sender.little(story.id) == little, act
        start.put_back()
    needed = {"sent": {"assign", "hand_over", "block", "delivered"}, "acknowledged": {"add_note"}}
    assert "revoke_release" in recipient.did
    assert recipient.did >= needed[state]


# -- The sender's acts between ---------------------------------------------------------------------


def judged(answer: Any) -> Any:
    """Less ids and moments; and less the one thing that the sender is told of the recipient's
    reading: of a packet that it marked as its own error, by how many it had been opened."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: strip(one) for name, one in value.items() if name != "openings"}
        return [strip(one) for one in value] if isinstance(value, list) else value

    return tuple(strip(one) for one in comparable(answer))


def tries(api: Any, story: Story, kept: Kept, place: int | None) -> dict[tuple[str, str], Any]:
    """The answers of acts that the sender has, and what it is shown afterwards; undone again."""
    found = {}
    callers = [api(*one) for one in SENDER]
    for number, act in enumerate(SENDERS):
        if place is not None and (place + number) % EVERY:
            continue
        others = [callers[1 + number % 2]] if number % 3 == 0 else []
        for caller in (callers[0], *others):
            answer = judged(caller.act(story.id, act, routes.body_for(f"/{act}")))
            found[caller.who, act] = answer, shown(callers[0], story)
            kept.put_back()
    return found


def shown(caller: Caller, story: Story) -> Any:
    one = f"/v1/referrals/{story.id}"
    return [judged(caller.get(path)) for path in (one, f"{one}/history", "/v1/referrals")]


def test_each_act_of_the_senders_is_answered_as_if_nothing_had_been_done(
    api: Any, superuser: Any, kept: list[Kept]
) -> None:
    story, recipient = begun(api), Recipient(api)
    start = keep(superuser, kept)
    expected = tries(api, story, start, None)
    assert {answer[0][0] for answer in expected.values()} >= {200, 201, 409}
    for number, place in enumerate(PLACES):
        start.put_back()
        for act in (*place, *KEPT):
            recipient.does(story.id, act)
        found = tries(api, story, keep(superuser, kept), number)
        assert_same(found, {key: expected[key] for key in found}, place)


@seed(20261124)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(moves=st.lists(st.tuples(st.booleans(), st.integers(0, 99)), min_size=4, max_size=14))
def _any_order(api: Any, story: Story, start: Kept, moves: list[tuple[bool, int]]) -> None:
    """Once with the recipient's acts between the sender's, once without them."""
    told: list[list[Any]] = []
    for recipient in (Recipient(api), None):
        start.put_back()
        police, answers = api("police.worker"), []
        for ours, number in moves:
            if ours:
                act = SENDERS[number % len(SENDERS)]
                answers.append(judged(police.act(story.id, act, routes.body_for(f"/{act}"))))
                answers.append(shown(police, story))
            elif recipient:
                recipient.does(story.id, SILENT[number % len(SILENT)])
        told.append([*answers, shown(police, story)])
    assert told[0] == told[1]


def test_in_whatever_order_both_act(api: Any, superuser: Any, kept: list[Kept]) -> None:
    story = begun(api)
    _any_order(api, story, keep(superuser, kept))


# -- The clocks ------------------------------------------------------------------------------------


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
    """What the sender is shown one second before; asked again where the machine was too slow."""
    for _ in range(30):
        at(fixed - timedelta(seconds=1), shift)
        view = by_every_caller(api, story)
        if now() < fixed:
            return view
    pytest.fail("A view took longer than a second, thirty times.")


def test_it_closes_at_one_fixed_moment_whatever_happened(
    api: Any, superuser: Any, kept: list[Kept], shift_clock: Any
) -> None:
    story, recipient = begun(api), Recipient(api)
    start = keep(superuser, kept)
    accepted = api("police.worker").get(f"/v1/referrals/{story.id}").json()["accepted_at"]
    fixed = datetime.fromisoformat(accepted) + CLOSED_AFTER
    before = just_before(api, story, fixed, shift_clock)
    at(fixed, shift_clock)
    after, pages = by_every_caller(api, story), Sender(api).all(story.id)
    assert "closed" in after
    assert "closed" not in before
    for place in PLACES[1:]:
        shift_clock("0")
        start.put_back()
        for act in (*place, *KEPT):
            Recipient.does(recipient, story.id, act)
        assert just_before(api, story, fixed, shift_clock) == before, place
        at(fixed, shift_clock)
        assert by_every_caller(api, story) == after, place
        assert_same(Sender(api).all(story.id), pages, place)
        recipient = Recipient(api)


def test_idle_ends_and_purges_tell_the_sender_nothing(api: Any, shift_clock: Any) -> None:
    """Twins beside each other, one for each true state: asked about after 14 idle days, ended
    after 21, the recipient's part purged in its own time."""
    twins = []
    for place in PLACES:
        story, recipient = begun(api), Recipient(api)
        for act in (*place, *(KEPT if place else ())):
            recipient.does(story.id, act)
        twins.append(story)
    for day in (7.5, 14.1, 21.2, 22, 23.1, 28.2, 30.2, 31, 36, 37.5, 38):
        shift_clock(f"{day * 24} hours")
        purging.run()
        police = api("police.worker")
        views = [
            [comparable(police.get(f"/v1/referrals/{one.id}{part}")) for part in ("", "/history")]
            for one in twins
        ]
        for place, view in zip(PLACES, views, strict=True):
            assert view == views[0], (day, place)
        listed = [line["id"] for line in police.get("/v1/referrals").json()["items"]]
        order = [one.id for one in reversed(twins)]
        assert listed == (order if views[0][0][0] == 200 else []), day
    assert views[0][0][0] == 404, "and in the end its own part is gone, everywhere at once"
