"""Random worlds: a referral or two, acts on them by HTTP, people who move, time that passes.

After each step, what the database gives some of the people is held against the model
(rls_probe.py), and at the end of a world what it gives all of them. Worlds share the cast and one
database: each begins with empty tables and with everybody in her place.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4, uuid5

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

from api.dev import demo
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.identity.credentials import hash_secret
from permissions.models import Client, Credential, Membership
from permissions.reference.caller import live_caller
from referrals.act_registry.registry import RULES
from referrals.deadlines import purge as purge_run
from tests.support import routes
from tests.support.callers import Caller, agency_id, member_id
from tests.support.cleaning import content_tables
from tests.support.rls_probe import Ground, Who
from tests.support.seed import SEED
from tests.support.stories import NOTICE, release_body, return_body, service_of

ALL = tuple(demo.ALL_SCOPES)
MEMBERS = (
    *(f"police.{short}" for short in ("worker", "worker2", "lead", "admin", "editor", "auditor")),
    *(f"ywca.{short}" for short in ("worker", "worker2", "lead", "admin", "editor", "auditor")),
    *("ywca.moonlighter", "outsider.worker", "outsider.lead", "sarc.worker", "solo.all"),
    *("taskforce.coordinator", "taskforce.auditor"),
)
# A person may serve in several agencies: here police.worker2 at ywca.
MOONLIGHTER = ("ywca.moonlighter", "police.worker2")
SYSTEMS: tuple[tuple[str, str | None, tuple[str, ...]], ...] = (
    ("police", "police.worker", ALL),
    ("police", "police.lead", ALL),
    ("police", None, ALL),
    ("police", "ywca.worker", ALL),
    ("police", "police.auditor", ALL),
    ("police", "police.worker", ("referrals:read",)),
    ("police", "police.worker", ("referrals:write",)),
    ("police", "police.worker", ("packets:read", "referrals:write")),
    ("police", "police.worker", ("directory:read",)),
    ("police", None, ("events:read",)),
    ("ywca", "ywca.auditor", ("events:read", "webhooks:write")),
    ("ywca", "ywca.worker", ALL),
    ("ywca", "ywca.worker2", ALL),
    ("ywca", None, ALL),
    ("ywca", None, ("packets:read",)),
    ("ywca", "ywca.worker", ("referrals:read", "packets:read")),
    ("ywca", "ywca.worker", ("referrals:read", "referrals:write")),
    ("outsider", "outsider.worker", ALL),
)
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


@dataclass
class Cast:
    """The people of the worlds, signed in for as long as it takes, and how to put them back."""

    ground: Ground
    who: list[Who] = field(default_factory=list)
    callers: dict[str, Caller] = field(default_factory=dict)
    moved: bool = False
    service: str = ""

    def sign_in(self) -> "Cast":
        self.service = service_of("ywca")
        self._moonlighter()
        for name in MEMBERS:
            member = Membership.objects.using("door").get(id=member_id(name))
            secret = credentials.open_for_member(member)
            self.callers[name] = Caller(name, secret)
            self.who.append(Who(name, hash_secret(secret)))
        for key, acting, scopes in SYSTEMS:
            self._system(key, acting, scopes)
        for name in ("police.auditor", "ywca.auditor", "ywca.lead", "taskforce.auditor"):
            token = hash_secret(self.callers[name].secret)
            self.who.append(Who(name, token, role="auditor"))
        self._odd_ones()
        self.ground.ask(
            "CREATE TABLE probing.kept AS SELECT hash, roles, expires_at, ended_at FROM credential;"
            "CREATE TABLE probing.members AS SELECT * FROM permissions_membership;"
            "CREATE TABLE probing.people AS SELECT id, is_active FROM permissions_person;"
            "CREATE TABLE probing.clients AS SELECT id, active, system_of_record"
            " FROM permissions_client"
        )
        return self

    def _moonlighter(self) -> None:
        name, other = MOONLIGHTER
        Membership.objects.using("jobs").get_or_create(
            id=member_id(name),
            defaults={
                "agency_id": agency_id(name.split(".")[0]),
                "person_id": uuid5(demo.NAMESPACE, f"person {other}"),
                "name": "Mona Example",
                "roles": ["worker"],
            },
        )

    def _system(self, key: str, acting: str | None, scopes: tuple[str, ...]) -> None:
        client = Client.objects.using("door").get(id=uuid5(demo.NAMESPACE, f"client {key}"))
        secret = f"a token of worlds {uuid4()}"
        credentials.open_for_client(client, secret, scopes)
        staff = member_id(acting) if acting else None
        shown = "all scopes" if scopes == ALL else " ".join(scopes)
        name = f"{key}.client for {acting or 'nobody'} ({shown})"
        self.who.append(Who(name, hash_secret(secret), staff))
        if scopes == ALL and acting == f"{key}.worker":
            self.callers[f"{key}.client"] = Caller(name, secret, acting)
            self.who.append(Who(name, hash_secret(secret), staff, role="auditor"))

    def _odd_ones(self) -> None:
        """Nobody; a token that never was, that ended, that ends soon; a lead who acts as worker."""
        self.ground.ask("UPDATE credential SET expires_at = '2100-01-01'")
        self.who += [Who("nobody", ""), Who("an unknown token", hash_secret("never issued"))]
        lead = Membership.objects.using("door").get(id=member_id("ywca.lead"))
        for name, change in (
            ("ywca.lead signed out", {"ended_at": datetime.now(UTC)}),
            ("ywca.lead for another hour", {"expires_at": datetime.now(UTC) + timedelta(hours=1)}),
            (
                "ywca.lead as worker",
                {"roles": ["worker"], "expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
            ),
        ):
            token = hash_secret(credentials.open_for_member(lead))
            Credential.objects.using("door").filter(hash=bytes.fromhex(token)).update(**change)
            self.who.append(Who(name, token))

    def put_back(self) -> None:
        """Empty tables, everybody in her place, the clock as it is."""
        with self.ground.superuser.cursor() as cursor:
            content = content_tables(cursor)
        emptied = "; ".join(f"DELETE FROM {one}" for one in content if one in self.ground.tables)
        self.ground.ask(
            f"SET session_replication_role = replica; {emptied};"
            " SET session_replication_role = origin;"
            " UPDATE clock_offset SET shift = '0' WHERE shift <> '0'"
        )
        self.ground.ask(FURNITURE, self._furniture())
        self.ground.since = str(uuid7())
        if self.moved:
            self.ground.ask(PUT_BACK)
            self.moved = False

    def _furniture(self) -> dict[str, str]:
        people = ("police.worker", "ywca.worker", "police.admin")
        found = {one.replace(".", "_"): str(member_id(one)) for one in people}
        return found | {key: str(agency_id(key)) for key in ("police", "ywca", "taskforce", "sarc")}

    def sign_out(self) -> None:
        """Nothing is left of the worlds."""
        self.moved = True
        self.put_back()
        for table, column in (("credential", "membership_id"), ("permissions_membership", "id")):
            self.ground.ask(
                f"DELETE FROM {table} WHERE {column} = %s", str(member_id(MOONLIGHTER[0]))
            )


# What stands beside referrals in each world.
FURNITURE = """
INSERT INTO channel (id, agency_id, membership_id, use, kind, address) VALUES
    (gen_random_uuid(), %(police)s, %(police_worker)s, 'own', 'sms', '406-555-0170'),
    (gen_random_uuid(), %(ywca)s, %(ywca_worker)s, 'own', 'sms', '406-555-0171'),
    (gen_random_uuid(), %(police)s, NULL, 'duty', 'voice', '406-555-0110'),
    (gen_random_uuid(), %(ywca)s, NULL, 'duty', 'voice', '406-555-0130');
INSERT INTO message (id, cause, agency_id, member_id, channel_id, kind, template, reference)
SELECT gen_random_uuid(), id, agency_id, membership_id, id, kind, 'test', 'TEST' FROM channel;
INSERT INTO webhook_endpoint (id, agency_id, url, about, created_at, at_xact, at_event, next_at)
SELECT gen_random_uuid(), a, 'https://' || about || '.example.org/', about, now(), 0, a, now()
  FROM unnest(ARRAY[%(police)s, %(ywca)s]::uuid[]) a, unnest(ARRAY['events', 'checkpoints']) about;
INSERT INTO webhook_secret (id, endpoint_id, kek_version, key_bundle, created_at)
SELECT gen_random_uuid(), id, 1, '', now() FROM webhook_endpoint;
INSERT INTO webhook_delivery (id, endpoint_id, agency_id, message_id, at, outcome, took_ms)
SELECT gen_random_uuid(), id, agency_id, id, now(), 'delivered', 1 FROM webhook_endpoint;
INSERT INTO log_opt_in (id, agency_id, to_agency_id, given_by, ends_at, withdrawn_at)
SELECT gen_random_uuid(), a, t, %(police_admin)s, now() + lasts, taken_back
  FROM (VALUES (%(police)s::uuid, %(taskforce)s::uuid, interval '7 days', NULL::timestamptz),
               (%(police)s, %(sarc)s, interval '7 days', NULL),
               (%(ywca)s, %(taskforce)s, interval '7 days', now()),
               (%(ywca)s, %(taskforce)s, interval '1 hour', NULL)) o (a, t, lasts, taken_back);
INSERT INTO call_record
       (id, agency_id, member_id, service_id, outcome, put_through, created_at)
SELECT gen_random_uuid(), m.agency_id, m.id, m.id, 'full', false, now()
  FROM permissions_membership m WHERE m.id IN (%(police_worker)s, %(ywca_worker)s);
INSERT INTO idempotency_key
       (id, agency_id, caller_id, route, key, fingerprint, status, result_id, created_at)
SELECT gen_random_uuid(), m.agency_id, m.id, 'r', 'k', '', 201, m.id, now()
  FROM permissions_membership m WHERE m.id IN (%(police_worker)s, %(ywca_worker)s);
"""

PUT_BACK = """
UPDATE credential c SET roles = k.roles, expires_at = k.expires_at, ended_at = k.ended_at
  FROM probing.kept k WHERE k.hash = c.hash;
UPDATE permissions_membership m SET agency_id = k.agency_id, roles = k.roles, active = k.active
  FROM probing.members k WHERE k.id = m.id;
UPDATE permissions_person p SET is_active = k.is_active FROM probing.people k WHERE k.id = p.id;
UPDATE permissions_client c SET active = k.active, system_of_record = k.system_of_record
  FROM probing.clients k WHERE k.id = c.id;
UPDATE permissions_agency SET active = true WHERE NOT active;
"""

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

    @rule(what=st.sampled_from(sorted(PEOPLE)), who=st.sampled_from((*SENDERS, *RECIPIENTS)))
    def somebody_moves(self, what: str, who: str) -> None:
        self.cast.moved = True
        values = {
            "id": str(member_id(who.replace("client", "worker"))),
            "roles": NEW_ROLES[self.dice.randrange(len(NEW_ROLES))],
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
        self.cast.ground.ask(twist.replace("%%", "%"))

    @invariant()
    def the_two_walls_agree(self) -> None:
        self._compare(self.looks)

    def teardown(self) -> None:
        self._compare(self.at_last)

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
        return routes.BODIES[act]


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
    Worlds.cast, Worlds.number = cast, 0
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
