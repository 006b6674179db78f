"""Referrals of two hundred agencies, as a network has them after some years: nearly all over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.bench import fill, history
from tests.support.ground.cluster import own_cluster

SIZE = 3_000
# What is over nine times more, each time sixty days older: of which column, and which are new.
TABLES = {
    "referral": ("id", ()),
    "referral_side": ("referral_id", ("id",)),
    "referral_assignment": ("content_object_id", ("id",)),
    "referral_event": ("referral_id", ("id",)),
    "message": ("referral_id", ("id", "cause")),
    "webhook_delivery": ("referral_id", ("id", "message_id")),
    "packet_field": ("referral_id", ("id",)),
    "packet_grant": ("referral_id", ("id",)),
    "conflict_block": ("referral_id", ("id", "bars_member_id")),
}
AGES = (
    *("created_at", "sent_at", "accepted_at", "ended_at", "expires_at", "at", "reference_day"),
    *("due_at", "done_at", "set_at", "lifted_at"),
)
NOT_OLDER = {"webhook_delivery"}  # kept for thirty days, however many there are


@pytest.fixture
def box(django_db_setup: str, superuser: Any) -> Iterator[Callable[[], None]]:
    """Referrals among two hundred agencies, nearly all of them over; `box()` makes ten times as
    many that are over."""
    with filled(django_db_setup, superuser) as longer:
        yield longer


@contextmanager
def filled(database: str, superuser: Any) -> Iterator[Callable[[], None]]:
    """Meanwhile there are these referrals, and what there is makes them ten times as many."""
    fill.insert_referrals(own_cluster(), database, SIZE)
    cursor = superuser.cursor()
    cursor.execute("SELECT id, retention_days FROM permissions_agency")
    kept = cursor.fetchall()
    history.make(cursor)
    superuser.commit()

    def longer() -> None:
        cursor.execute("SET session_replication_role = replica")
        for table, (of, own) in TABLES.items():
            cursor.execute(
                "SELECT array_agg(column_name::text) FROM information_schema.columns"
                " WHERE table_name = %s AND table_schema = 'public'",
                [table],
            )
            ((columns,),) = cursor.fetchall()
            older = "".join(
                f", '{age}', t.{age} - k * interval '60 days'"
                for age in AGES
                if age in columns and table not in NOT_OLDER
            )
            new = "".join(f", '{name}', {history.OLD_ID}" for name in own)
            cursor.execute(
                f"INSERT INTO {table} SELECT more.* FROM over JOIN {table} t ON t.{of} = over.id,"
                f" generate_series(1, 9) k, jsonb_populate_record(t, jsonb_build_object("
                f"'{of}', md5(t.{of}::text || k)::uuid{new}{older})) more"
            )
        cursor.execute(f"RESET session_replication_role; {history.LOGGED}; ANALYZE")
        superuser.commit()

    yield longer
    superuser.rollback()
    cursor.execute(
        "TRUNCATE referral, webhook_endpoint, purged_count, epoch_due CASCADE; DROP TABLE over;"
        " DELETE FROM permissions_membership WHERE name LIKE 'Invented Worker %';"
        " DELETE FROM permissions_person WHERE username LIKE 'unit%.worker%';"
        " DELETE FROM permissions_agency WHERE name LIKE 'Invented Agency %'"
    )
    for agency_id, days in kept:
        cursor.execute(
            "UPDATE permissions_agency SET retention_days = %s WHERE id = %s", [days, agency_id]
        )
    superuser.commit()
