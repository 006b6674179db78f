"""The second wall, read from the catalogue: no table without it, and what each role may.

A new table, view, partition or function is covered the day it is added.
"""

from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from tests.database.catalogue import OURS, answer, columns, log_tables
from tests.support.people.stories import Story

READABLE_BY_ALL = {
    "auth_permission",
    "django_content_type",
    "directory_listing",
    "directory_milestone",
    "directory_organization_listing",
    "directory_place",
    "directory_postcode",
    "directory_taxonomy",
    "directory_taxonomyterm",
    "directory_total",
    "directory_word",
    "permissions_agency",
    "permissions_noticeopinion",
    "permissions_exercise",  # when it ends: of no other column
    "permissions_termssignature",
    "schema_state",
    "xact_base",
}


def exempt_tables() -> dict[str, str]:
    lines = (settings.BASE_DIR / "permissions" / "exempt_tables.txt").read_text().splitlines()
    rows = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert all(len(row) == 2 for row in rows), "each exempt table has its reason"
    return {name: reason for name, reason in rows}  # noqa: C416


def test_every_table_has_row_security_forced_or_stands_in_the_short_list(superuser: Any) -> None:
    relations = answer(
        superuser,
        "SELECT relname, relkind::text, relrowsecurity AND relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')",
    )
    open_ones = {name for name, kind, forced in relations if kind in "rp" and not forced}
    assert open_ones == set(exempt_tables())
    # A view answers with its owner's rights unless it says otherwise: there is none.
    assert [name for name, kind, _ in relations if kind not in "rp"] == []


def test_no_policy_is_for_everybody(superuser: Any) -> None:
    policies = answer(superuser, "SELECT tablename, policyname, roles::text FROM pg_policies")
    assert policies
    for table, name, roles in policies:
        assert set(roles.strip("{}").split(",")) <= set(OURS), (table, name)


def test_the_serving_roles_own_nothing_and_can_make_nothing(superuser: Any) -> None:
    flags = answer(
        superuser,
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) AND (rolsuper OR rolbypassrls"
        " OR rolcreatedb OR rolcreaterole OR rolreplication)",
        [list(OURS)],
    )
    assert flags == []
    for kind, owner in (
        ("class", "relowner"),
        ("proc", "proowner"),
        ("namespace", "nspowner"),
        ("type", "typowner"),
    ):
        owners = answer(superuser, f"SELECT DISTINCT {owner}::regrole::text FROM pg_{kind}")
        allowed = {"definer"} if kind == "proc" else set()
        assert {name for (name,) in owners} & set(OURS) <= allowed, kind
    for role in OURS:
        makes = answer(
            superuser,
            "SELECT has_database_privilege(%s, current_database(), 'CREATE, TEMPORARY'),"
            " has_schema_privilege(%s, 'public', 'CREATE')",
            [role, role],
        )
        assert makes == [(False, False)], role
        member_of = answer(
            superuser,
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole",
            [role],
        )
        assert member_of == [], role


def test_no_function_is_open_to_everybody_and_only_definer_lends_its_rights(superuser: Any) -> None:
    functions = answer(
        superuser,
        "SELECT pronamespace::regnamespace::text, proname, proowner::regrole::text, prosecdef,"
        " has_function_privilege('backup', oid, 'EXECUTE') FROM pg_proc"
        " WHERE pronamespace IN ('sec'::regnamespace, 'public'::regnamespace)",
    )
    for schema, name, owner, lends, anybody in functions:
        assert owner == "definer" or not lends, f"{schema}.{name} lends the rights of {owner}"
        assert schema == "public" or not anybody, f"{schema}.{name} is open to everybody"
    # What decides an opening is asked through the policy, and a sign-in is logged by `signin`.
    for name, may in (
        ("current_opening", set()),
        ("log_sign_in", {"signin"}),
        ("log_operator_change", {"jobs"}),
        ("log_operator_refusal", {"jobs"}),
        ("queue_operator_message", set()),
    ):
        callers = answer(
            superuser,
            "SELECT r.rolname FROM pg_proc p, pg_roles r WHERE p.proname = %s"
            " AND r.rolname = ANY (%s) AND has_function_privilege(r.oid, p.oid, 'EXECUTE')",
            [name, [role for role in OURS if role != "definer"]],
        )
        assert {role for (role,) in callers} == may, name


def rights(superuser: Any, role: str, right: str) -> set[str]:
    """The tables, and partitions, on which a role holds a right, be it on one column only."""
    test = "has_table_privilege" if right in ("DELETE", "TRUNCATE") else "has_any_column_privilege"
    found = answer(
        superuser,
        f"SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        f" AND relkind IN ('r', 'p') AND {test}(%s, oid, %s)",
        [role, right],
    )
    return {name for (name,) in found}


def test_app_reads_no_secret_and_writes_no_exempt_table(superuser: Any) -> None:
    exempt = set(exempt_tables())
    assert rights(superuser, "app", "SELECT") & exempt == READABLE_BY_ALL
    for right in ("INSERT", "UPDATE", "DELETE", "REFERENCES"):
        assert rights(superuser, "app", right) & exempt == set(), right
    for closed in ("credential", "permissions_person", "mfa_authenticator", "django_session"):
        assert closed in exempt - READABLE_BY_ALL
    assert "access_entry" not in rights(superuser, "app", "SELECT")
    assert rights(superuser, "app", "DELETE") == set()
    assert "referral_assignment" not in rights(superuser, "app", "INSERT")


def test_each_other_role_reaches_its_own_tables_only(superuser: Any) -> None:
    every = {right: rights(superuser, "owner", right) for right in ("SELECT", "INSERT")}
    sealed = {
        "packet_field",
        "note",
        "packet_grant",
        "private_key",
        "release",
        "release_paper",
        "returned",
        "record_number",
    }
    for role in ("jobs", "auditor", "sealer", "backup", "signin", "editor"):
        reached = rights(superuser, role, "SELECT") | rights(superuser, role, "INSERT")
        if role != "jobs":  # of which the next test speaks
            assert not reached & sealed, role
        assert reached < every["SELECT"]
    seals = {"log_leaf", "log_checkpoint"}
    readable = {"access_entry", "log_watch", "schema_state", *seals}
    assert rights(superuser, "sealer", "SELECT") == readable
    assert rights(superuser, "sealer", "INSERT") == seals
    assert rights(superuser, "backup", "SELECT") == set()
    assert rights(superuser, "auditor", "SELECT") == {
        "access_entry",
        "auth_permission",
        "django_content_type",
        "log_checkpoint",
        "log_opt_in",
        "permissions_agency",
        "permissions_membership",
        "permissions_termssignature",
        "schema_state",
        "self_assignment",
    }
    beyond = {"access_entry", "permissions_agency", "schema_state"}
    for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        reached = rights(superuser, "editor", right)
        assert {name for name in reached if not name.startswith("directory_")} <= beyond, right
    for role in OURS:
        assert rights(superuser, role, "TRUNCATE") == set(), role
    for role in ("jobs", "auditor", "sealer", "app", "backup", "editor"):
        assert "credential" not in rights(superuser, role, "UPDATE"), role


# Purge and rotation: where a referral stands and how its keys are wrapped, never what is in it.
OF_JOBS = {
    "packet_field": ({"referral_id"}, set()),
    "note": ({"referral_id", "agency_id"}, set()),
    "release": ({"id", "referral_id"}, set()),
    "release_end": ({"release_id", "agency_id"}, set()),
    "release_paper": ({"release_id", "agency_id"}, set()),
    "packet_grant": (
        {"id", "referral_id", "agency_id", "release_id", "expires_at", "closed", "settled"}
        | {"kek_version", "key_bundle"},
        {"kek_version", "key_bundle", "settled"},
    ),
    "private_key": (
        {"id", "referral_id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "returned": (
        {"id", "referral_id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "record_number": (
        {"id", "referral_id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "directory_confidential_address": (
        {"id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "directory_earlier_text": (
        {"id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "referral_plan": ({"referral_id", "agency_id", "replaces_id"}, {"replaces_id"}),
    "referral": (
        {"id", "from_agency_id", "to_agency_id", "status", "reference", "urgency"}
        | {
            "from_purged",
            "to_purged",
            "created_at",
            "sent_at",
            "accepted_at",
            "ended_at",
            "expires_at",
        }
        | {"expires_at", "ack_by", "accept_by", "escalated_at", "version"},
        {"from_purged", "to_purged", "status", "ended_at", "escalated_at", "version"},
    ),
    "referral_side": (
        {"id", "referral_id", "agency_id", "state", "subject", "hold_until", "remind_at", "version"}
        | {"handoff_by", "escalated_at"},
        {"state", "handoff_by", "escalated_at", "version"},
    ),
}


@pytest.mark.parametrize("table", OF_JOBS)
def test_the_background_work_reads_nothing_of_what_is_in_a_referral(
    superuser: Any, table: str
) -> None:
    reads, changes = OF_JOBS[table]
    assert set(columns(superuser, table, "SELECT", "jobs")) == reads
    assert set(columns(superuser, table, "UPDATE", "jobs")) == changes
    assert columns(superuser, table, "INSERT", "jobs") == []


def test_no_one_rewrites_the_access_log_not_even_the_superuser(
    story: Story, superuser: Any
) -> None:
    story.send()
    superuser.autocommit = False
    for table in log_tables(superuser):
        for replica in ("origin", "replica"):  # a session of the latter kind skips other triggers
            for statement in (
                f"UPDATE {table} SET act = 'nothing'",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
            ):
                with superuser.cursor() as cursor:
                    cursor.execute(f"SET LOCAL session_replication_role = {replica}")
                    cursor.execute(f"SELECT count(*) FROM {table}")
                    if cursor.fetchone() == (0,) and not statement.startswith("TRUNCATE"):
                        superuser.rollback()
                        continue
                    with pytest.raises(Exception, match="append-only"):
                        cursor.execute(statement)
                superuser.rollback()
    superuser.autocommit = True


def test_the_owner_sees_no_entry_and_truncates_none(story: Story) -> None:
    story.send()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_entry")
        assert cursor.fetchone() == (0,)
        with pytest.raises(Exception, match="append-only"):
            cursor.execute("TRUNCATE access_entry")
