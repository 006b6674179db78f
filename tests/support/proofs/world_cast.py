"""The people and systems of the random worlds, and what is put back between two worlds."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4, uuid5

from api.dev import demo
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.identity.credentials import hash_secret
from permissions.models import Client, Credential, Membership
from tests.support.ground.cleaning import content_tables
from tests.support.people.binding import bind_credentials
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.stories import service_of
from tests.support.proofs.rls_probe import Ground, Who

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
            member = Membership.objects.using("signin").get(id=member_id(name))
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
        client = Client.objects.using("signin").get(id=uuid5(demo.NAMESPACE, f"client {key}"))
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
        lead = Membership.objects.using("signin").get(id=member_id("ywca.lead"))
        for name, change in (
            ("ywca.lead signed out", {"ended_at": datetime.now(UTC)}),
            ("ywca.lead for another hour", {"expires_at": datetime.now(UTC) + timedelta(hours=1)}),
            (
                "ywca.lead as worker",
                {"roles": ["worker"], "expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
            ),
        ):
            token = hash_secret(credentials.open_for_member(lead))
            Credential.objects.using("signin").filter(hash=bytes.fromhex(token)).update(**change)
            self.who.append(Who(name, token))
        bind_credentials()

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


# Rows that each world has in addition to its referrals.
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
  FROM unnest(ARRAY[%(police)s, %(ywca)s]::uuid[]) a,
       unnest(ARRAY['events', 'checkpoints', 'tasks']) about;
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
  FROM permissions_membership m
 WHERE m.id IN (%(police_worker)s, %(ywca_worker)s, %(police_admin)s);
"""

PUT_BACK = """
UPDATE permissions_membership m SET agency_id = k.agency_id, roles = k.roles, active = k.active
  FROM probing.members k WHERE k.id = m.id;
UPDATE permissions_person p SET is_active = k.is_active FROM probing.people k WHERE k.id = p.id;
UPDATE permissions_client c SET active = k.active, system_of_record = k.system_of_record
  FROM probing.clients k WHERE k.id = c.id;
UPDATE permissions_agency SET active = true WHERE NOT active;
-- At the end: a sign-in of someone who is not there stays ended.
UPDATE credential c SET roles = k.roles, expires_at = k.expires_at, ended_at = k.ended_at
  FROM probing.kept k WHERE k.hash = c.hash;
"""
