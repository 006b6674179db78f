"""Random worlds: a referral or two, acts on them by HTTP, people who move, time that passes.

After each step, what the database gives some of the people is held against the model
(rls_probe.py), and at the end of a world what it gives all of them. Worlds share the cast and one
database: each begins with empty tables and with everybody in her place.
"""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from permissions.reference.caller import live_caller
from referrals.act_registry.registry import RULES
from referrals.deadlines import purge as purge_run
from tests.support.ground.seed import SEED
from tests.support.people.binding import bind_referrals
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import NOTICE, release_body, return_body
from tests.support.proofs import routes
from tests.support.proofs.rls_probe import Ground
from tests.support.proofs.world_cast import Cast

# Who comes to hold it on each side, and by whom an act is tried.
SENDERS = ("police.worker", "police.worker", "police.worker2", "police.lead", "police.client")
RECIPIENTS = (
    *("ywca.worker", "ywca.worker", "ywca.worker2", "ywca.lead"),
    *("ywca.client", "ywca.moonlighter"),
)
ACTS = tuple(
    (act, who)
    for act, rule in RULES.items()
    if act != "create"
    for side, some in ((rule.from_side, SENDERS), (rule.to_side, RECIPIENTS))
    if side is not None
    for who in dict.fromkeys(some)
)
FIELDS = (["name"], ["name", "phone", "health"], ["phone", "safe_contact"], ["legal", "children"])

# -- What happens in a world -----------------------------------------------------------------------

# How far the first referral has come when a world begins.
WRITTEN = ("put_release", "put_packet")
STAGES: dict[str, tuple[str, ...]] = {
    "draft": (),
    "written": WRITTEN,
    "sent": (*WRITTEN, "send"),
    "bare": ("send", "accept"),
    "open": (*WRITTEN, "send", "accept"),
    "later": ("send", "accept", *WRITTEN),
    "worked on": (*WRITTEN, "send", "accept", "add_note", "start_handoff"),
    "told": ("send", "accept", "complete", "put_return_release"),
}
COMMON = {
    *("put_release", "put_packet", "accept", "add_note", "put_return_release", "assign", "block"),
    *(
        "set_plan",
        "hand_over",
        "take_over",
        "leads_only",
        "revoke_release",
        "narrow_release",
        "stop",
    ),
}
PEOPLE = {  # who moves, and where to
    "her roles are others": "UPDATE permissions_membership SET roles = %(roles)s WHERE id = %(id)s",
    "she leaves": "UPDATE permissions_membership SET active = false WHERE id = %(id)s",
    "she works for another agency": "UPDATE permissions_membership m SET agency_id = %(agency)s"
    " WHERE m.id = %(id)s AND NOT EXISTS (SELECT FROM permissions_membership o"
    " WHERE o.agency_id = %(agency)s AND o.person_id = m.person_id)",
    "she is locked out": "UPDATE permissions_person p SET is_active = false"
    " FROM permissions_membership m WHERE m.person_id = p.id AND m.id = %(id)s",
    "she signs out": "UPDATE credential SET ended_at = sec.clock() WHERE membership_id = %(id)s",
    "her token runs out": "UPDATE credential SET expires_at = sec.clock()"
    " WHERE membership_id = %(id)s",
    "her agency leaves": "UPDATE permissions_agency a SET active = false"
    " FROM permissions_membership m WHERE m.agency_id = a.id AND m.id = %(id)s",
    "its client is disabled": "UPDATE permissions_client c SET active = false"
    " FROM permissions_membership m WHERE m.agency_id = c.agency_id AND m.id = %(id)s",
    "its client is no system of record": "UPDATE permissions_client c SET system_of_record = false"
    " FROM permissions_membership m WHERE m.agency_id = c.agency_id AND m.id = %(id)s",
}
NEW_ROLES = (["agency_admin"], ["worker"], ["lead"], ["auditor"], ["directory_editor"])
# One thing at a time that acts change only together with others.
TWISTS = (
    "UPDATE release SET ended = true",
    "UPDATE release SET expires_at = sec.clock() - interval '1 second'",
    "UPDATE release SET created_at = created_at - interval '1 hour'",
    "UPDATE packet_grant SET closed = true WHERE release_id IS NOT NULL",
    "UPDATE packet_grant SET opened_at = NULL WHERE release_id IS NOT NULL",
    "UPDATE packet_grant SET expires_at = sec.clock() WHERE release_id IS NOT NULL",
    "UPDATE packet_grant SET key_bundle = NULL WHERE release_id IS NOT NULL",
    "UPDATE packet_grant SET fields = '{health}' WHERE release_id IS NOT NULL",
    "UPDATE referral_side SET state = 'stopped' WHERE state IN ('accepted', 'in_handoff')",
    # As a purge does it: a side that no part is left of is no row.
    "WITH gone AS (UPDATE referral SET from_purged = true RETURNING id, from_agency_id)"
    " DELETE FROM referral_side s USING gone"
    " WHERE s.referral_id = gone.id AND s.agency_id = gone.from_agency_id",
    "WITH gone AS (UPDATE referral SET to_purged = true RETURNING id, to_agency_id)"
    " DELETE FROM referral_side s USING gone"
    " WHERE s.referral_id = gone.id AND s.agency_id = gone.to_agency_id",
    "UPDATE referral SET agreement = 'cannot_say' WHERE sent_at IS NOT NULL",
    "UPDATE returned SET expires_at = sec.clock() - interval '1 second'",
    "UPDATE returned SET key_bundle = NULL",
    "UPDATE referral_event SET from_sees = NOT from_sees",
    "UPDATE referral_event SET to_sees = NOT to_sees",
    "UPDATE referral_event SET reserved = NOT reserved",
    "UPDATE referral_event SET act = 'leads_only'",
    "UPDATE referral_event e SET act = 'block', about_id = a.membership_id"
    " FROM referral_assignment a WHERE a.content_object_id = e.referral_id",
    "DELETE FROM referral_assignment",
    "UPDATE conflict_block SET lifted_at = sec.clock()",
    "UPDATE log_opt_in SET withdrawn_at = sec.clock()",
    "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id, set_by, set_at)"
    " SELECT gen_random_uuid(), id, from_agency_id, 'agency', to_agency_id, id, now()"
    " FROM referral ON CONFLICT DO NOTHING",
    "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id, set_by, set_at)"
    " SELECT gen_random_uuid(), id, from_agency_id, 'leads_only', to_agency_id, id, now()"
    " FROM referral ON CONFLICT DO NOTHING",
    "INSERT INTO referral_assignment (id, content_object_id, membership_id, agency_id, user_id,"
    " permission_id) SELECT gen_random_uuid(), a.content_object_id, m.id, m.agency_id, m.person_id,"
    " a.permission_id FROM referral_assignment a, permissions_membership m"
    " WHERE m.name LIKE 'Y%%' OR m.name LIKE 'Mona%%' ON CONFLICT DO NOTHING",
)


class Worlds(RuleBasedStateMachine):
    """One world. `cast`, and how much is compared, are the class's own, set by the test."""

    cast: ClassVar[Cast]
    looks: ClassVar[int] = 1  # people, after each step
    at_last: ClassVar[int] = 5  # people, at the end of a world
    writes: ClassVar[int] = 8  # that each of them tries
    number: ClassVar[int] = 0  # of worlds so far
    inhabited: ClassVar[int] = 0  # of them with a referral: the others compare next to nothing

    def __init__(self) -> None:
        super().__init__()
        type(self).number += 1
        self.cast.put_back()
        self.ids: list[str] = []
        self.shifted = timedelta()
        self.dice = random.Random(0)

    @initialize(
        stage=st.sampled_from(sorted(STAGES)),
        sender=st.sampled_from(SENDERS),
        recipient=st.sampled_from(RECIPIENTS),
        speechless=st.sampled_from((False, False, False, True)),
        twist=st.sampled_from(("",) * len(TWISTS) + TWISTS),
        dice=st.integers(0, 2**32),
    )
    def a_referral(
        self, stage: str, sender: str, recipient: str, speechless: bool, twist: str, dice: int
    ) -> None:
        self.dice = random.Random(dice)
        self.agreement = "cannot_say" if speechless else "agrees"
        self._create(sender)
        for act in STAGES[stage]:
            by = sender if RULES[act].from_side is not None else recipient
            self._act(act, by, 0)
        if twist:
            self.one_thing_changes(twist)

    @precondition(lambda self: len(self.ids) < 2)
    @rule(sender=st.sampled_from(SENDERS), recipient=st.sampled_from(RECIPIENTS))
    def another_is_accepted(self, sender: str, recipient: str) -> None:
        self._create(sender)
        for act in ("put_release", "put_packet", "send"):
            self._act(act, sender, len(self.ids) - 1)
        self._act("accept", recipient, len(self.ids) - 1)

    @rule(what=st.sampled_from([one for one in ACTS if one[0] in COMMON]), which=st.integers(0, 7))
    def somebody_works(self, what: tuple[str, str], which: int) -> None:
        self._act(*what, which)

    @rule(what=st.sampled_from(ACTS), which=st.integers(0, 7))
    def somebody_acts(self, what: tuple[str, str], which: int) -> None:
        self._act(*what, which)

    @rule(
        what=st.sampled_from(sorted(PEOPLE)),
        who=st.sampled_from((*SENDERS, *RECIPIENTS)),
        roles=st.sampled_from(NEW_ROLES),
    )
    def somebody_moves(self, what: str, who: str, roles: list[str]) -> None:
        self.cast.moved = True
        values = {
            "id": str(member_id(who.replace("client", "worker"))),
            "roles": roles,
            "agency": str(agency_id("hospital")),
        }
        with self.cast.ground.superuser.cursor() as cursor:
            cursor.execute(PEOPLE[what], values)

    @rule(hours=st.sampled_from((2, 80, 180, 800)), purge=st.sampled_from((False, False, True)))
    def time_passes(self, hours: int, purge: bool) -> None:
        self.shifted += timedelta(hours=hours)
        self.cast.ground.ask("UPDATE clock_offset SET shift = %s", self.shifted)
        if purge:
            purge_run.run()

    @rule(twist=st.sampled_from(TWISTS))
    def one_thing_changes(self, twist: str) -> None:
        """As if acts had made it so: what they wrote of who may open what is made of the rows."""
        self.cast.ground.ask(twist.replace("%%", "%"))
        self.cast.ground.ask("DELETE FROM bound_access")
        bind_referrals()

    @invariant()
    def the_two_walls_agree(self) -> None:
        self._compare(self.looks)

    def teardown(self) -> None:
        self._compare(self.at_last)
        type(self).inhabited += bool(self.ids)

    # -- How

    def _compare(self, number: int) -> None:
        """As so many of all, and as so many of those who work on it: there most is at stake."""
        ground = self.cast.ground
        seen = ground.snapshot()
        at_work = {one.membership_id for one in seen.world.assignments}
        assigned = [
            who
            for who in self.cast.who
            if (me := live_caller(seen.world, who.principal, seen.now)) and me.member_id in at_work
        ]
        people = self.dice.sample(self.cast.who, number)
        people += self.dice.sample(assigned, min(number, len(assigned)))
        found = [
            line for who in people for line in ground.differences(seen, who, self.dice, self.writes)
        ]
        assert found == [], "\n".join(found[:20])

    def _create(self, sender: str) -> None:
        wanted = "come_here" if self.agreement == "cannot_say" else "call_worker"
        service = self.cast.service
        answer = self.cast.callers[sender].post(
            "/v1/referrals", NOTICE | {"service_id": service, "wanted": wanted}
        )
        assert answer.status_code in (201, 401, 403), answer.content
        if answer.status_code == 201:
            self.ids.append(answer.json()["id"])

    def _act(self, act: str, by: str, which: int) -> None:
        """It may well be refused: then it changes nothing, and that is compared, too."""
        if self.ids:
            about = self.ids[which % len(self.ids)]
            answer = self.cast.callers[by].act(about, act, self._body(act, by, which))
            assert answer.status_code < 500 or answer.status_code == 503, (act, answer.content)

    def _body(self, act: str, by: str, which: int) -> Any:
        own = by.split(".")[0]
        colleague = {"member_id": str(member_id(f"{own}.{COLLEAGUES[which % len(COLLEAGUES)]}"))}
        match act:
            case "put_release" | "put_return_release":
                now = datetime.now(UTC) + self.shifted
                body = return_body() if act == "put_return_release" else release_body()
                if act == "put_release":
                    body |= {"fields": FIELDS[which % len(FIELDS)]}
                signed = {"signed_at": now.isoformat()}
                consenters = [{"who": "self", "not_the_abuser": True} | signed]
                ends = {"expires_at": (now + timedelta(days=6)).isoformat()}
                return body | signed | ends | {"consenters": consenters}
            case "put_packet":
                return {"packet": dict.fromkeys(FIELDS[which % len(FIELDS)], "invented")}
            case "narrow_release":
                return {"fields": FIELDS[which % len(FIELDS)][:1]}
            case "send":
                return {"agreement": self.agreement}
            case "assign" | "hand_over":
                return colleague | {"reason": "review"} if act == "assign" else colleague
            case "block" | "unblock":
                return {"other_agency": True} if which == 7 else colleague
        return routes.body_for(f"/{act}")


COLLEAGUES = ("worker", "worker2", "lead", "moonlighter")


# -- Held against the model ------------------------------------------------------------------------


@pytest.fixture
def laid(superuser: Any, network: Any) -> Iterator[Ground]:
    ground = Ground(superuser).read().lay()
    yield ground
    ground.lift()


@pytest.fixture
def cast(laid: Ground) -> Iterator[Cast]:
    cast = Cast(laid).sign_in()
    yield cast
    cast.sign_out()


def compare_random_worlds(cast: Cast, number: int, begin: int, record_property: Any) -> None:
    """So many worlds, drawn by the seed `begin`. With CAIRN_SHRINK=yes one that fails is made as
    short as can be found."""
    phases = [Phase.generate] + ([Phase.shrink] if os.environ.get("CAIRN_SHRINK") else [])
    Worlds.cast, Worlds.number, Worlds.inhabited = cast, 0, 0
    try:
        run_state_machine_as_test(
            seed(begin)(lambda: Worlds()),  # type: ignore[arg-type]
            settings=settings(
                max_examples=number,
                stateful_step_count=6,
                deadline=None,
                database=None,
                phases=phases,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except AssertionError as error:
        error.add_note(f"Again: CAIRN_SEED={SEED}, this test alone; CAIRN_SHRINK=yes for the least")
        raise
    finally:
        record_property("worlds", Worlds.number)
        record_property("cells", cast.ground.cells)
    # In others it was purged, or its sender's agency had left at once; that comes in clusters.
    assert Worlds.inhabited >= 0.6 * number, f"{Worlds.inhabited} of {number} have a referral"
