"""A database of one size: the demo network, many referrals, and some with a sealed packet."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.core.management import call_command
from django.db import connections
from django.db.models import Model
from django.test import Client as HttpClient

from api.dev import demo
from api.dev.cast import CAST
from api.dev.postgres import Cluster
from directory.demo import loader as directory_demo
from permissions.identity import credentials
from permissions.models import Agency, Membership, Person
from referrals.models import Assignment, Referral, Side
from tests.support.people.callers import Caller, member_id
from tests.support.people.stories import Story, service_of

PACKETS = 24  # referrals with a packet, all from the demo's police to its advocates
PACKET = {
    "name": "Invented Person",
    "alias": "Robin",
    "pronouns": "she",
    "date_of_birth": "1990-02-03",
    "phone": "406-555-0199",
    "email": "invented@example.org",
    "address": "1 Invented Street, Missoula",
    "safe_contact": "Text only, at noon. Never leave a message. Say that the library calls.",
    "emergency_contact": "A sister, 406-555-0198",
    "circumstances": "Left an hour ago with two bags and waits at the station. " * 4,
    "children": "Two, 4 and 7, with her",
    "needs_detail": "A room on the ground floor; both children are afraid of dogs.",
}
# A log that is not empty: both sides write to it in every request.
READ_BEFORE = (
    "INSERT INTO access_entry (id, agency_id, member_id, act, referral_id, decision)"
    " SELECT gen_random_uuid(), agency_id, holder_id, 'referral.read', referral_id, 'allowed'"
    " FROM referral_side"
)


def point_at(database: str) -> None:
    """Let every alias of this process speak to `database`."""
    for alias in connections:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = database


def begin(cluster: Cluster, database: str) -> None:
    """Make a new `database` with the demo network, and point every alias at it."""
    point_at(database)
    cluster.drop_database(database)
    cluster.create_database(database)
    call_command("migrate", database="owner", verbosity=0)
    demo.load()
    directory_demo.load_demo({unit.key: demo.agency_id(unit.key) for unit in CAST})


def make(cluster: Cluster, database: str, size: int) -> None:
    """Make a new `database` with `size` referrals, and point every alias at it."""
    begin(cluster, database)
    insert_referrals(cluster, database, size)
    seal_packets()
    with closing(cluster.connect_superuser(database)) as superuser:
        superuser.cursor().execute(READ_BEFORE)
        superuser.cursor().execute("VACUUM ANALYZE")
        superuser.cursor().execute("CHECKPOINT")


def insert_referrals(cluster: Cluster, database: str, size: int) -> None:
    """`size` referrals of made-up agencies and of the demo's; then ANALYZE."""
    cast = {
        "police": str(demo.agency_id("police")),
        "ywca": str(demo.agency_id("ywca")),
        "officer": str(member_id("police.worker")),
        "advocate": str(member_id("ywca.worker")),
    }
    with closing(cluster.connect_superuser(database)) as superuser:
        cursor = superuser.cursor()
        cursor.execute("SELECT setseed(0.5)")  # the same sizes each time, and so the same plans
        with defaults(cursor, Person, Agency, Membership, Referral, Side, Assignment):
            cursor.execute((Path(__file__).parent / "fill.sql").read_text(), cast | {"size": size})
        cursor.execute("ANALYZE")


@contextmanager
def defaults(cursor: Any, *models: type[Model]) -> Iterator[None]:
    """Meanwhile the models' defaults are the tables' too: fill.sql names what matters, no more."""
    columns = [
        (f"ALTER TABLE {model._meta.db_table} ALTER COLUMN {field.column}", field.get_default())
        for model in models
        for field in model._meta.concrete_fields
        if field.has_default()
    ]
    for column, value in columns:
        if isinstance(value, UUID):
            cursor.execute(f"{column} SET DEFAULT gen_random_uuid()")
        else:
            cursor.execute(f"{column} SET DEFAULT %s", ["{}" if value == [] else value])
    yield
    for column, _value in columns:
        cursor.execute(f"{column} DROP DEFAULT")


def seal_packets() -> None:
    """Referrals with a packet of twelve fields, accepted: through the real acts."""
    callers = {}
    for who in ("police.worker", "ywca.worker"):
        member = Membership.objects.using("signin").get(id=member_id(who))
        http = HttpClient(SERVER_NAME="127.0.0.1")
        callers[who] = Caller(who, credentials.open_for_member(member), http=http)
    for _ in range(PACKETS):
        story = Story(callers.__getitem__, service_of("ywca"))
        story.accept().release(*PACKET).packet(**PACKET)


def sealed(cluster: Cluster, database: str) -> list[UUID]:
    """The referrals with a packet that `seal_packets` made: a run of acts makes others."""
    with closing(cluster.connect_superuser(database)) as superuser:
        cursor = superuser.cursor()
        cursor.execute(
            "SELECT DISTINCT referral_id::text FROM packet_field ORDER BY 1 LIMIT %s", [PACKETS]
        )
        return [UUID(row[0]) for row in cursor.fetchall()]


def client_id(key: str) -> UUID:
    return uuid5(demo.NAMESPACE, f"client {key}")
