"""Referrals of two hundred agencies, as a network has them after some years: nearly all over."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench import fill
from tests.support.cluster import own_cluster

SIZE = 3_000
# One referral in twenty is not over. One in seventy of those that are was a mistake.
OVER = (
    "CREATE TEMP TABLE over AS SELECT id, row_number() OVER (ORDER BY id) AS n FROM referral;"
    " DELETE FROM over WHERE n % 20 = 0 OR id IN (SELECT id FROM referral WHERE status = 'draft');"
    " SET session_replication_role = replica;"
    " UPDATE referral r SET sent_at = r.created_at, expires_at = r.created_at + interval '1 day',"
    "  status = CASE WHEN n % 70 = 1 THEN 'entered_in_error' WHEN status = 'sent' THEN 'expired'"
    "   WHEN status = 'acknowledged' THEN 'withdrawn' ELSE status END,"
    "  ended_at = CASE WHEN n % 70 = 1 THEN r.created_at + interval '1 hour' END,"
    "  from_asks_ring_at = r.created_at, to_asks_ring_at = r.created_at"
    "  FROM over WHERE over.id = r.id;"
    " UPDATE referral r SET created_at = created_at - interval '10 days',"
    "  sent_at = sent_at - interval '10 days', accepted_at = accepted_at - interval '10 days',"
    "  expires_at = expires_at - interval '10 days' FROM over WHERE over.id = r.id;"
    " UPDATE referral r SET expires_at = now() + interval '2 hours',"
    "  ack_by = now() - interval '1 hour', accept_by = now() + interval '1 hour',"
    "  accepted_at = CASE WHEN accepted_at IS NOT NULL THEN now() - interval '1 hour' END"
    "  WHERE id NOT IN (SELECT id FROM over);"
    " UPDATE referral_side s SET state = 'completed' FROM over"
    "  WHERE over.id = s.referral_id AND state IN ('accepted', 'in_handoff');"
    " INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,"
    "  agency_id, reserved, from_sees, to_sees, told, xact)"
    "  SELECT gen_random_uuid(), id, from_agency_id, to_agency_id, coalesce(sent_at, created_at),"
    "  'send', from_agency_id, false, true, true, true, 1 FROM referral, generate_series(1, 3);"
    " RESET session_replication_role; ANALYZE referral, referral_side, referral_event"
)
# What is over nine times more, each time sixty days older.
TABLES = {
    "referral": ("id", "id"),
    "referral_side": ("referral_id", "id"),
    "referral_assignment": ("content_object_id", "id"),
    "referral_event": ("referral_id", "id"),
}
AGES = ("created_at", "sent_at", "accepted_at", "ended_at", "expires_at", "at", "reference_day")


@pytest.fixture
def box(django_db_setup: str, superuser: Any) -> Iterator[Any]:
    """Referrals among two hundred agencies, nearly all of them over; `box()` makes ten times as
    many that are over."""
    fill.insert_referrals(own_cluster(), django_db_setup, SIZE)
    cursor = superuser.cursor()
    cursor.execute(OVER)
    superuser.commit()

    def longer() -> None:
        cursor.execute("SET session_replication_role = replica")
        for table, (of, key) in TABLES.items():
            cursor.execute(
                "SELECT array_agg(column_name::text) FROM information_schema.columns"
                " WHERE table_name = %s AND table_schema = 'public'",
                [table],
            )
            ((columns,),) = cursor.fetchall()
            older = "".join(
                f", '{age}', t.{age} - k * interval '60 days'" for age in AGES if age in columns
            )
            other = "" if of == key else f", '{key}', gen_random_uuid()"
            cursor.execute(
                f"INSERT INTO {table} SELECT more.* FROM over JOIN {table} t ON t.{of} = over.id,"
                f" generate_series(1, 9) k, jsonb_populate_record(t, jsonb_build_object("
                f"'{of}', md5(t.{of}::text || k)::uuid{other}{older})) more"
            )
        cursor.execute("RESET session_replication_role; ANALYZE")
        superuser.commit()

    yield longer
    superuser.rollback()
    cursor.execute(
        "TRUNCATE referral CASCADE; DROP TABLE over;"
        " DELETE FROM permissions_membership WHERE name LIKE 'Invented Worker %';"
        " DELETE FROM permissions_person WHERE username LIKE 'unit%.worker%';"
        " DELETE FROM permissions_agency WHERE name LIKE 'Invented Agency %'"
    )
    superuser.commit()
