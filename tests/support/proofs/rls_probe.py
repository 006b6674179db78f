"""Compares the model (permissions/reference) with what the database really shows and accepts.

It covers every protected table in the catalogue, by raw SQL in the roles `app` and `auditor`, as
many people, in one round trip per person. It compares rows column by column, and tries writes and
undoes them.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connections

from permissions.reference import rows as r
from permissions.reference import world as w
from permissions.reference.caller import live_caller
from permissions.reference.read_rules import can_see
from permissions.reference.write_rules import can_write, reaches
from referrals.packet_fields import PACKET_FIELDS
from tests.support.proofs.rls_rows import Json, Snapshot, key_of, snapshot, typed
from tests.support.proofs.rls_variants import FOREIGN, OWN_PARTS, variants

ROLES = {"app": "default", "auditor": "auditor"}  # of the database, and our alias for each


# -- The ground ------------------------------------------------------------------------------------

WHO_ASKS = ("permissions_agency", "permissions_person", "permissions_client", "credential")
PART_OF = {  # where a table grows with every test, its last rows
    "access_entry": " WHERE id >= '{since}'",
    "directory_change": " WHERE seq > (SELECT max(seq) FROM directory_change) - 9 OR seq IN"
    " (SELECT seq FROM directory_change WHERE network ORDER BY seq DESC LIMIT 9)",
    "log_checkpoint": " WHERE seq > (SELECT max(seq) FROM log_checkpoint) - 9",
}


@dataclass(frozen=True)
class Who:
    """Somebody with a token (or none), and the database role through which she asks."""

    name: str
    token: str  # hash of the secret, as hex; '' for nobody
    acting: UUID | None = None
    role: str = "app"

    @property
    def principal(self) -> w.Principal:
        return w.Principal(self.token or None, self.acting, None, self.role)

    def __str__(self) -> str:
        return self.name + (f" through the role {self.role}" if self.role != "app" else "")


@dataclass
class Ground:
    """The functions of rls_probe.sql in a test database, and what the catalogue says of its tables.

    `since`: entries of the access log older than it are nobody's concern here.
    """

    superuser: Any
    tables: list[str] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    readable: dict[str, list[str]] = field(default_factory=dict)  # by role
    insertable: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (role, table)
    served: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # (role, table): columns
    since: str = "00000000-0000-0000-0000-000000000000"
    cells: int = 0

    def ask(self, question: str, *parameters: Any) -> list[Any]:
        with self.superuser.cursor() as cursor:
            named = parameters[0] if parameters and isinstance(parameters[0], dict) else parameters
            cursor.execute(question, named or None)
            return cursor.fetchall() if cursor.description else []

    def read(self) -> "Ground":
        """From the catalogue: the protected tables, and each role's rights on their columns."""
        for name, a_part in self.ask(
            "SELECT relname::text, relispartition FROM pg_class WHERE relrowsecurity"
            " AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"
        ):
            (self.partitions if a_part else self.tables).append(name)
            self.columns[name] = self._columns(name, "true")
        for table in self.tables:
            for role in ROLES:
                may = f"has_column_privilege('{role}', attrelid, attnum, '%s')"
                self.insertable[role, table] = self._columns(table, may % "INSERT")
                self.served[role, table] = set(self._columns(table, may % "SELECT"))
        for role in ROLES:
            self.readable[role] = [name for name in self.tables if self.served[role, name]]
        return self

    def lay(self) -> "Ground":
        """The functions that ask and try, in a schema of their own."""
        self.lift()
        self.ask("CREATE SCHEMA probing")
        for role in ROLES:
            self._rows_as(role)
        self.ask((Path(__file__).parent / "rls_probe.sql").read_text())
        self.ask("GRANT USAGE ON SCHEMA probing TO app, auditor")
        self.ask("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA probing TO app, auditor")
        return self

    def lift(self) -> None:
        self.ask("SET client_min_messages = warning; DROP SCHEMA IF EXISTS probing CASCADE")

    def _columns(self, table: str, condition: str) -> list[str]:
        found = self.ask(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            f" AND NOT attisdropped AND {condition} ORDER BY attnum",
            f"public.{table}",
        )
        return [name for (name,) in found]

    def _rows_as(self, role: str) -> None:
        """Static statements: their plans are kept for the session."""
        asked = ", ".join(
            f"(SELECT string_agg({key_of(table)}::text, ' ') FROM {table}"
            + (" WHERE id >= since)" if table == "access_entry" else ")")
            for table in self.readable[role]
        )
        self.ask(
            f"CREATE FUNCTION probing.rows_as_{role}(since uuid) RETURNS text[] LANGUAGE plpgsql"
            f" AS $$ BEGIN RETURN ARRAY[{asked}]; END $$"
        )

    def snapshot(self) -> Snapshot:
        parts = [
            f"SELECT '{table}', to_jsonb(t) FROM {table} t"
            + PART_OF.get(table, "").format(since=self.since)
            for table in (*self.tables, *WHO_ASKS)
            if r.TABLES.get(table) is not r.Unseen
        ]
        found: dict[str, list[Json]] = {name: [] for name in (*self.tables, *WHO_ASKS)}
        for table, row in self.ask(" UNION ALL ".join(parts)):
            found[table].append(row)
        return snapshot(found, self.ask("SELECT sec.clock()")[0][0])

    def tries(self, token: str, role: str, statements: list[str]) -> list[str]:
        """What comes of each statement, undone: the number of rows, or `refused`."""
        return list(self._look(Who("", token, role=role), [], statements)[2])

    # -- The two walls compared

    def differences(self, seen: Snapshot, who: Who, dice: random.Random, writes: int) -> list[str]:
        """Wherever what `who` really gets or may write is not what the model says; `writes`: how
        many writes are tried. Which of them, and which cells of an unseen row, is by the dice."""
        entries = list(some_entries(seen, who, dice))
        tries = list(some_writes(self, seen, who, dice, writes))
        if who.role == "app":
            tries.append(own_parts(seen))
        answers = self._look(
            who,
            [json.dumps(_as_row(seen, who, entry)) for entry in entries],
            [statement for _, statement, _ in tries],
        )
        shown, opened, tried = answers
        found = list(self._rows(seen, who, shown or [], dice))
        for entry, answer in zip(entries, opened, strict=True) if who.role == "app" else ():
            found += self._opened(seen, who, entry, answer)
        for (what, _, expected), answer in zip(tries, tried, strict=True):
            self.cells += 1
            if answer != expected:
                found.append(f"{who}: {what}: the database says {answer}, the model {expected}")
        return found

    def _look(self, who: Who, entries: list[str], statements: list[str]) -> Any:
        with connections[ROLES[who.role]].cursor() as cursor:
            cursor.execute(
                "SELECT shown, opened, tried FROM"
                f" probing.look_as_{who.role}(%s, %s, %s, %s::jsonb[], %s)",
                [who.token, str(who.acting or ""), self.since, entries, statements],
            )
            return cursor.fetchone()

    def _rows(
        self, seen: Snapshot, who: Who, shown: list[str | None], dice: random.Random
    ) -> Iterator[str]:
        got = dict(zip(self.readable[who.role], shown, strict=True))
        for table in self.tables:
            there = set((got.get(table) or "").split())
            yield from self._cells(seen, who, who.principal, table, there, dice)

    def _cells(
        self,
        seen: Snapshot,
        who: Who,
        principal: w.Principal,
        table: str,
        there: set[str],
        dice: random.Random,
    ) -> Iterator[str]:
        served, columns = self.served[who.role, table], self.columns[table]
        for key, row in seen.rows.get(table, {}).items():
            self.cells += len(columns)
            for column in columns if key in there else (dice.choice(columns),):
                really = key in there and column in served
                if can_see(seen.world, principal, row, column, seen.now) != really:
                    verb = "gets" if really else "does not get"
                    under = f" under {principal.entry}" if principal.entry else ""
                    yield f"{who}{under} {verb} {table}.{column}: {seen.json[table][key]}"
        if there - set(seen.rows.get(table, {})) and table not in PART_OF:
            yield f"{who} gets rows of {table} that are not there"

    def _opened(self, seen: Snapshot, who: Who, entry: w.Entry, answer: str) -> Iterator[str]:
        there = set() if answer == "refused" else set(answer.split())
        principal = who.principal._replace(entry=entry)
        for table in ("packet_field", "note", "directory_confidential_address"):
            mine = {key for key in there if key in seen.rows[table]}
            yield from self._cells(seen, who, principal, table, mine, random.Random(0))


# -- What is tried ---------------------------------------------------------------------------------


def some_entries(seen: Snapshot, who: Who, dice: random.Random) -> Iterator[w.Entry]:
    """Openings of each referral and place: as they ought to be, now and then not quite."""
    for referral in seen.world.referrals:
        for act in ("referral.open_packet", "referral.open_notes"):
            purpose = dice.choice(("intake", "service", "legal_duty", "receive_service"))
            fields = PACKET_FIELDS if dice.random() < 0.8 else PACKET_FIELDS[:5]
            yield w.Entry(act, referral, purpose, fields)
    if seen.rows["directory_confidential_address"] and dice.random() < 0.3:
        place = dice.choice(list(seen.json["directory_confidential_address"].values()))
        yield w.Entry("address.open", UUID(place["location_id"]))


def _as_row(seen: Snapshot, who: Who, entry: w.Entry) -> Json:
    me = live_caller(seen.world, who.principal, seen.now)
    about = "directory_id" if entry.act == "address.open" else "referral_id"
    return {
        "agency_id": str(me.agency_id) if me else FOREIGN,
        "member_id": str(me.member_id) if me and me.member_id else None,
        "client_id": str(me.client_id) if me and me.client_id else None,
        "act": entry.act,
        "purpose": entry.purpose,
        "fields": list(entry.fields),
        about: str(entry.about),
    }


Try = tuple[str, str, str]  # in words, the statement, what the model says comes of it


def some_writes(
    ground: Ground, seen: Snapshot, who: Who, dice: random.Random, number: int
) -> list[Try]:
    """Two of three are new rows, the others changes and deletions of what is there."""
    filled = [table for table in ground.tables if seen.json.get(table)]
    found = []
    for _ in range(number):
        if dice.random() < 2 / 3:
            table = dice.choice(filled)
            row = dice.choice(list(seen.json[table].values()))
            forged = dice.choice(list(variants(seen, who.principal, row)))
            found.append(_insert(ground, seen, who, table, forged))
        elif dice.random() < 4 / 5:
            found.append(change(seen, who.principal, *dice.choice(CHANGES)))
        else:
            found.append(_against_all_rights(ground, dice.choice(filled), dice))
    return found


def own_parts(seen: Snapshot) -> Try:
    ids = ",".join(str(one) for one in seen.world.referrals)
    return (
        "sec.own_side_context or sec.visible_referral_id where the policies say another thing",
        OWN_PARTS.format(ids=ids),
        "0",
    )


def _insert(ground: Ground, seen: Snapshot, who: Who, table: str, row: Json) -> Try:
    columns = ground.insertable[who.role, table] or ground.columns[table]
    names = ", ".join(f'"{column}"' for column in columns)
    literal = json.dumps(row).replace("'", "''")
    statement = (
        f"INSERT INTO {table} ({names}) SELECT {names}"
        f" FROM jsonb_populate_record(NULL::{table}, '{literal}'::jsonb)"
    )
    after = typed(r.TABLES[table], row)
    may = can_write(seen.world, who.principal, None, after, seen.now)
    return f"INSERT INTO {table} {row}", statement, "1" if may else "refused"


# What is changed of every row at once. Where it reaches a row that the caller may not change so,
# all of it is refused.
CHANGES: tuple[tuple[str, str, Json], ...] = (
    ("referral", "version = 99", {}),
    ("referral", "sent_at = NULL", {"sent_at": None}),
    ("referral", "accepted_at = NULL", {"accepted_at": None}),
    ("referral", "ended_at = NULL", {"ended_at": None}),
    ("referral_side", "version = 99", {}),
    ("referral_side", "state = 'accepted'", {"state": "accepted"}),
    ("release", "ended = true", {"ended": True}),
    ("release", "ended = false", {"ended": False}),
    ("referral_plan", "services = '{}'", {}),
    ("packet_grant", "kek_version = 1", {}),
    ("permissions_membership", "duty = 'on_call'", {}),
    ("channel", "position = 2", {}),
    ("message", "state = 'waiting'", {"state": "waiting"}),
    ("message", "state = 'sent'", {"state": "sent"}),
    ("webhook_endpoint", "paused = true", {}),
    ("webhook_secret", "ends_at = now()", {}),
    ("packet_grant", "fields = '{health}'", {"fields": ["health"]}),
    (
        "log_opt_in",
        "withdrawn_at = '2026-01-01T00:00Z'",
        {"withdrawn_at": "2026-01-01T00:00+00:00"},
    ),
    ("log_opt_in", "withdrawn_at = NULL", {"withdrawn_at": None}),
)


def _against_all_rights(ground: Ground, table: str, dice: random.Random) -> Try:
    """Try to delete, which no one may, or to change a table that CHANGES does not name."""
    column = dice.choice(ground.columns[table])
    statement = f"DELETE FROM {table}"
    if table not in {one for one, _, _ in CHANGES} and dice.random() < 1 / 2:
        statement = f'UPDATE {table} SET "{column}" = NULL'
    return statement, statement, "refused"


def change(seen: Snapshot, principal: w.Principal, table: str, what: str, values: Json) -> Try:
    kind, reached, may = r.TABLES[table], 0, principal.role == "app"
    for key, before in seen.rows[table].items():
        if reaches(seen.world, principal, before, seen.now):
            reached += 1
            after = typed(kind, seen.json[table][key] | values)
            may = may and can_write(seen.world, principal, before, after, seen.now)
    statement = f"UPDATE {table} SET {what}"
    return statement, statement, str(reached) if may else "refused"
