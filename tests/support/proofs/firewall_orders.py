"""The return-flow firewall: walks through orders of the acts that a sender is not shown."""

from collections.abc import Iterator
from random import Random
from typing import Any

from django.db import connections
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from referrals import worker
from referrals.act_registry.registry import MOVES
from referrals.act_registry.transitions import TAKEN
from referrals.notifications import triggers
from tests.support.ground.kept_rows import Kept
from tests.support.people.binding import bind_credentials
from tests.support.people.callers import Caller, member_id
from tests.support.people.notifications import DUTY
from tests.support.people.notifications import keep as keep_channel
from tests.support.people.stories import PACKET, Story, authorization, service_of
from tests.support.proofs import routes
from tests.support.proofs.sender_bytes import SENDER, Sender, assert_same
from tests.support.proofs.sender_bytes import kept as kept  # a fixture
from tests.support.proofs.sender_view import comparable
from tests.support.servers.webhook_receiver import receivers

# What the rules let the sender know at once (the T5 table): an answer, "please call", that the
# release ended or was narrowed, and what the survivor allowed to be returned.
TOLD = {
    *("acknowledge", "accept", "undo_accept", "decline", "call_me"),
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
PLACES = sorted(
    {path[:length] for path in PATHS for length in range(len(path) + 1)},
    key=lambda place: (len(place), place),  # the order of a set is another in each process
)

# An order, and in which of its gaps the other acts are done.
Walk = tuple[tuple[str, ...], set[int]]


def walks() -> list[Walk]:
    """Behind each act once, at the end of the longest way to it."""
    places = {place[-1:]: place for place in PLACES}.values()
    first = [next(one for one in PATHS if one[: len(place)] == place) for place in places]
    return [(path, {len(place)}) for path, place in zip(first, places, strict=True)]


def every_walk() -> list[Walk]:
    """Each order through each place, with every gap at once."""
    return [
        (path, set(range(len(path) + 1)))
        for place in PLACES
        for path in PATHS
        if path[: len(place)] == place
    ]


class Recipient:
    """The recipient's people. An act is done by the first of them who may do it now."""

    def __init__(self, api: Any, other: str = routes.NOBODY) -> None:
        self.people = [api(who) for who in BY]
        self.system = api("ywca.client", "ywca.worker")
        self.other = other  # a referral of the same person to it, from any agency
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
    story.release("name", **authorization())
    story.packet(name=PACKET["name"]).answers("open_packet", {"purpose": "intake"})
    return story.id


def keep(superuser: Any, kept: list[Kept]) -> Kept:
    """Keep a copy of the content. Sessions stay valid, because a slow machine takes minutes."""
    kept.append(Kept(superuser, f"kept_{len(kept)}"))
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE credential SET expires_at = '2100-01-01'")
    superuser.commit()
    bind_credentials()
    return kept[-1]


def drawn(number: int) -> list[str]:
    """The kept acts. Every third order is the table's own, so that each act has its turn; the
    others are mixed. The last acts let a member go on with the referral."""
    mixed = Random(number).sample(KEPT, len(KEPT)) if number % 3 else KEPT
    return [*mixed, "end_leads_only", "unblock", "take_over"]


def told() -> int:
    """Make the messages for everything that happened, and return how many there are now."""
    while triggers.step():
        pass
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM message")
        return int(cursor.fetchone()[0])


def delivered_to(hook: Any) -> list[str]:
    assert worker.run_until_idle(worker.jobs_named(["webhooks"])) == []
    return list(hook.ids())


def judged(answer: Any) -> Any:
    """The answer without ids and times, and without the one thing that the sender is shown of the
    recipient's reading: how many members had opened a packet that the sender marked as an error."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: strip(one) for name, one in value.items() if name != "openings"}
        return [strip(one) for one in value] if isinstance(value, list) else value

    return tuple(strip(one) for one in comparable(answer))


def asked_with(act: str) -> Any:
    """The sender's body, the same each time: what it is answered is compared word by word."""
    return routes.BODIES[act] if act == "set_external_ref" else routes.body_for(f"/{act}")


def tries(api: Any, story: Story, kept: Kept, place: int, every: int) -> dict[tuple[str, str], Any]:
    """The answers of acts that the sender has, each at one in `every` places, and what it is shown
    afterwards; undone again."""
    found = {}
    callers = [api(*one) for one in SENDER]
    for number, act in enumerate(SENDERS):
        if (place + number) % every:
            continue
        others = [callers[1 + number % 2]] if number % 3 == 0 else []
        for caller in (callers[0], *others):
            answer = judged(caller.act(story.id, act, asked_with(act)))
            found[caller.who, act] = answer, shown(callers[0], story)
            kept.put_back()
    return found


def shown(caller: Caller, story: Story) -> Any:
    one = f"/v1/referrals/{story.id}"
    return [judged(caller.get(path)) for path in (one, f"{one}/history", "/v1/referrals")]


def nothing_moves(
    chosen: list[Walk], api: Any, superuser: Any, kept: list[Kept], configured: Any
) -> set[str]:
    """Walk each order of the acts that change the true state, every other act in the gaps of it:
    all that the sender gets stays the same, byte by byte. Return the acts that were not done."""
    with receivers(configured) as (hook,):
        assert api("police.admin").post("/v1/webhooks", {"url": hook.url}).status_code == 201
        keep_channel(api, "police.admin", "mail", DUTY["police"], use="duty")
        other = of_the_hospital(api)
        story, sender, recipient = begun(api), Sender(api), Recipient(api, other)
        sent = delivered_to(hook)
        assert sent, "what the sender may know arrives there"
        assert told() > 0
        assert api("police.admin").get("/v1/messages").json()["items"], "its desk is notified too"
        start = keep(superuser, kept)
        little, everything = sender.little(story.id), sender.all(story.id)
        for number, (path, gaps) in enumerate(chosen):
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
    never = {act for act in SILENT if not (MOVES[act].to_side or set()) & (TAKEN | {"completed"})}
    return set(SILENT) - never - recipient.did


def answered_as_if_nothing_had_been_done(
    api: Any, superuser: Any, kept: list[Kept], every: int
) -> None:
    """Each act of the sender's at one in `every` places that the recipient may have come to."""
    story, recipient = begun(api), Recipient(api)
    start = keep(superuser, kept)
    expected = tries(api, story, start, 0, 1)
    assert {answer[0][0] for answer in expected.values()} >= {200, 201, 409}
    for number, place in enumerate(PLACES):
        start.put_back()
        for act in (*place, *KEPT):
            recipient.does(story.id, act)
        found = tries(api, story, keep(superuser, kept), number, every)
        assert_same(found, {key: expected[key] for key in found}, place)


def in_whatever_order_both_act(orders: int, api: Any, superuser: Any, kept: list[Kept]) -> None:
    """So many mixed orders of the acts of both: the sender is answered and shown the same with the
    recipient's acts as without them."""
    story = begun(api)
    start = keep(superuser, kept)

    # Of each act: whether it is one of the sender's, and which.
    @seed(20261124)
    @settings(
        max_examples=orders,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 99)), min_size=8, max_size=14))
    def same(moves: list[tuple[bool, int]]) -> None:
        told: list[list[Any]] = []
        for recipient in (Recipient(api), None):
            start.put_back()
            police, answers = api("police.worker"), []
            for ours, number in moves:
                if ours:
                    act = SENDERS[number % len(SENDERS)]
                    answers.append(judged(police.act(story.id, act, asked_with(act))))
                    answers.append(shown(police, story))
                elif recipient:
                    recipient.does(story.id, SILENT[number % len(SILENT)])
            told.append([*answers, shown(police, story)])
        assert told[0] == told[1]

    same()
