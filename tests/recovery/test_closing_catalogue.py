"""Nothing that takes access or reach away is left out of the notes: every table is in the list or
has its reason, every column that looks like an end is watched or has its reason, and what the list
says is what the database's triggers do."""

import json
import re
from typing import Any

from django.db import connections

from permissions.recovery.closing_columns import CLOSES, NOT_CLOSING
from referrals.act_registry.registry import ACTS, CLOSING
from tests.support.ground.stored_rows import rows
from tests.support.proofs.act_leaves import LEAVES

# What a column is called that ends, limits or withdraws something.
ENDS = re.compile(
    r"(^|_)(active|ended|closed|removed|revoked|lifted|withdrawn|stopped|paused|used|proven|tested"
    r"|roles|scopes|networks|fields|keys|bundle|expires|ends|until|gone|system_of_record|version"
    r"|status|state|takes|password|holder|lead)(_|$)"
)
# Columns of the watched tables that end nothing by themselves, each with the reason.
ENDS_NOTHING = {
    "bulk_export.ends_at": "set once more, to a later time, when it is ready",
    "channel.test_asked_at": "a test",
    "figures_agreement.ended_by": "who ended it",
    "permissions_agency.retention_days": "a setting",
    "permissions_client.keys_url": "keys count only once a member has confirmed them",
    "permissions_client.cimd_expires_at": "of the library, stays empty",
    "permissions_invitation.roles": "an invitation is never changed",
    "permissions_invitation.expires_at": "an invitation is never changed",
    "permissions_invitation.spoken_ends_at": "in the journal of least versions",
    "permissions_membership.live": "follows from the rest",
    "permissions_exercise.ends_at": "never changed",
    "directory_organization.tax_status": "a public word",
    "directory_organization.legal_status": "a public word",
    "directory_service.status": "public: who is called",
    "directory_service.intake_paused": "public, and ends by itself",
    "directory_service.intake_paused_until": "public, and ends by itself",
    "mfa_authenticator.last_used_at": "when it was used",
    "packet_grant.kek_version": "goes with the bundle",
    "returned.kek_version": "goes with the bundle",
    "referral.version": "counts changes",
    "referral.expires_at": "a deadline",
    "referral.ended_at": "goes with the status",
    "referral.with_worker_until": "of the notice",
    "referral_side.hold_until": "keeps, and gives nothing",
    "referral_side.version": "counts changes",
    "release.signed_fields": "as signed",
    "release.signed_until": "as signed",
    "release.never_opened_fields": "goes with the fields",
    "release_end.revoked_at": "the row is added whole",
    "release_end.revoked_via": "the row is added whole",
    "release_end.revoked_by": "the row is added whole",
    "conflict_block.lifted_by": "goes with the time",
    "signing.gone_at": "never changed",
    "webhook_endpoint.leased_until": "a lease of seconds",
    "webhook_secret.kek_version": "goes with the bundle",
    "webhook_secret.key_bundle": "wrapped again by a rotation; ends by its time",
    "bound_access.sealed": "its version is watched",
}


def columns_of(superuser: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    asked = (
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
    )
    for table, column in rows(superuser, asked):
        found.setdefault(table, []).append(column)
    superuser.rollback()
    return found


def test_every_table_is_watched_or_says_why_not(superuser: Any) -> None:
    tables = set(columns_of(superuser))
    assert not CLOSES.keys() & NOT_CLOSING.keys()
    assert tables - CLOSES.keys() - NOT_CLOSING.keys() == set(), "in no list"
    assert (CLOSES.keys() | NOT_CLOSING.keys()) - tables == set(), "no table"


def test_every_column_that_ends_something_is_watched_or_says_why_not(superuser: Any) -> None:
    columns = columns_of(superuser)
    looks = {
        f"{table}.{column}"
        for table, spec in CLOSES.items()
        for column in columns[table]
        if ENDS.search(column)
    }
    watched = {f"{table}.{name}" for table, spec in CLOSES.items() for name in spec.columns}
    whole = {f"{table}.{name}" for table, spec in CLOSES.items() for name in spec.added}
    assert looks - watched - whole - ENDS_NOTHING.keys() == set()
    assert ENDS_NOTHING.keys() & watched == set()
    for spec in CLOSES.values():
        named = {spec.key, spec.unit or spec.key, *spec.agencies, *spec.added, *spec.columns}
        named |= {name for names in spec.beside.values() for name in names}
        assert named <= set(columns[spec.table]), spec.table


def test_the_triggers_are_those_of_the_list(superuser: Any) -> None:
    asked = (
        "SELECT c.relname, encode(t.tgargs, 'escape') FROM pg_trigger t"
        " JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgname = 'note_closing' AND t.tgenabled = 'O'"
    )
    found = {
        table: json.loads(str(argument).removesuffix("\\000"))
        for table, argument in rows(superuser, asked)
    }
    superuser.rollback()
    assert found == {table: json.loads(spec.argument) for table, spec in CLOSES.items()}


def test_every_act_that_closes_leaves_a_note() -> None:
    """What each act leaves behind is measured by tests/policy/test_every_cell_effects.py."""
    assert set(CLOSING) <= set(ACTS)
    left: dict[str, set[str]] = {}
    for line in LEAVES.strip().splitlines():
        _who, act, *tables = line.split(">")[0].split()
        left.setdefault(act, set()).update(tables)
    assert {act for act in CLOSING if "closing" not in left[act]} == set()
    assert {act for act in CLOSING if act not in left} == set()


def test_nobody_who_serves_reads_or_writes_a_note(superuser: Any) -> None:
    asked = (
        "SELECT r.rolname, p.privilege_type FROM pg_roles r,"
        " (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) p (privilege_type)"
        " WHERE r.rolname = ANY (%s) AND has_table_privilege(r.oid, 'closing', p.privilege_type)"
    )
    roles = ["app", "signin", "editor", "jobs", "auditor", "sealer", "backup", "definer"]
    found = set(rows(superuser, asked, [roles]))
    superuser.rollback()
    assert found == {
        *(("jobs", one) for one in ("SELECT", "DELETE")),
        *(("definer", one) for one in ("SELECT", "INSERT", "DELETE")),  # with a draft
    }
    assert "owner" in connections
