"""A large access log, and what a page of it costs: the pages that each filter of an auditor reads.

    .venv/bin/python -m tests.bench.log_rows --rows 10000000 --months 24

makes a database of its own in the cluster of the tests, fills it (a minute a million), prints the
buffers of each filter's first page and of one far back, and drops it.
tests/access_log/test_audit_query_plans.py does the same on a small one.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from permissions.database import aliases

AT_ONCE = 250_000
NETWORK = "100.64.0.0/24"  # of these rows alone: what a test removes again by it
RARE = UUID("01890000-0000-7000-8000-0000000000aa")  # a member who did little


def fill(superuser: Any, agency: UUID, rows: int, months: int) -> None:
    """`rows` entries, one in thirty of `agency`, so that no two of its rows share a page; then
    VACUUM ANALYZE, as autovacuum would."""
    sql = (Path(__file__).parent / "log_rows.sql").read_text()
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT sec.add_log_partition((date_trunc('month', now() AT TIME ZONE 'UTC')"
            " - make_interval(months => back))::date) FROM generate_series(0, %s) back",
            [months],
        )
        for first in range(1, rows + 1, AT_ONCE):
            values = {"agency": str(agency), "rare": str(RARE), "first": first, "months": months}
            values["network"] = NETWORK
            size = min(AT_ONCE, rows - first + 1)
            cursor.execute(sql, values | {"size": size, "of": rows})
            print(f"{first + size - 1:,} rows", file=sys.stderr)
        cursor.execute("VACUUM ANALYZE access_entry")


def looked_for(superuser: Any, agency: UUID) -> dict[str, Any]:
    """Each filter by a name: what is common, what is rare, and what there is none of."""
    from permissions.audit.queries import Filters

    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT min(at), max(at) FROM access_entry WHERE agency_id = %s", [str(agency)]
        )
        begins, ends = cursor.fetchone()
        cursor.execute(
            "SELECT member_id, referral_id, subject FROM access_entry WHERE agency_id = %s"
            " AND member_id <> %s AND referral_id IS NOT NULL ORDER BY at LIMIT 1",
            [str(agency), str(RARE)],
        )
        member, referral, subject = cursor.fetchone()
        cursor.execute(
            "SELECT client_id FROM access_entry WHERE agency_id = %s AND client_id IS NOT NULL"
            " LIMIT 1",
            [str(agency)],
        )
        (client,) = cursor.fetchone()
    middle = begins + (ends - begins) / 2
    return {
        "everything": Filters(),
        "a day in the middle": Filters(since=middle, until=middle + timedelta(days=1)),
        "before the middle": Filters(until=middle),
        "a member": Filters(member_id=UUID(str(member))),
        "a member who did little": Filters(member_id=RARE),
        "a client": Filters(client_id=UUID(str(client))),
        "a common act": Filters(act="referral.list"),
        "a rare act": Filters(act="referral.open_packet"),
        "an act that was never done": Filters(act="referral.stop"),
        "refusals": Filters(decision="refused"),
        "what was done": Filters(decision="allowed"),
        "a survivor, long ago": Filters(subject=UUID(str(subject))),
        "a referral, long ago": Filters(referral_id=UUID(str(referral))),
        "a purpose": Filters(purpose="intake"),
        "a rare purpose": Filters(purpose="legal_duty"),
        "self-assignments": Filters(self_assigned=True),
        "a common act of a member": Filters(act="referral.read", member_id=UUID(str(member))),
        "an act that she never did": Filters(act="referral.list", member_id=UUID(str(member))),
        "a rare act of a member": Filters(act="referral.open_packet", member_id=UUID(str(member))),
        "two that never meet": Filters(client_id=UUID(str(client)), member_id=RARE),
        "three": Filters(act="referral.open_packet", member_id=UUID(str(member)), purpose="intake"),
        "refusals of an act": Filters(act="referral.list", decision="refused"),
        "what was done by a member": Filters(member_id=UUID(str(member)), decision="allowed"),
    }


def by_the_api(principal: Any, filters: Any) -> Callable[[Any], Any]:
    """A page of the API's, by where it begins; gives where the next one does."""
    from permissions.audit import queries

    def read(after: Any) -> Any:
        return queries.access_log(principal, filters, after=after, limit=queries.MAX_PAGE).next

    return read


def pages(principal: Any, read: Callable[[Any], Any]) -> Iterator[tuple[int, list[Any]]]:
    """The first page and one that follows it: their buffers, all statements together, and the
    indexes that were used. `read` is a page by where it begins (None: the first), and gives where
    the next one does (None: it was the last)."""
    from django.db import connections

    from permissions.audit import queries
    from permissions.database import db_identity
    from tests.bench import plans

    after = None
    for _ in range(2):
        with plans.statements() as seen:
            after = read(after)
        read_by = [one for one in seen if not one.sql.startswith("EXPLAIN")]
        asked = [one for one in read_by if 'FROM "access_entry"' in one.sql]
        buffers, scans = 0, []
        with (
            db_identity.identified_transaction(principal, aliases.AUDITOR),
            connections[aliases.AUDITOR].cursor() as cursor,
        ):
            queries.plan_without_sort()
            for one in asked:
                plan = plans.explain(cursor, one)
                buffers += plan.buffers
                scans += plan.scans
        yield buffers, scans
        if after is None:
            return


def main() -> None:
    """The command: a database of its own, from its making to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=24)
    asked = parser.parse_args()
    home = Path(__file__).resolve().parent.parent.parent / "var" / "large_log"
    os.environ |= {
        "CAIRN_HOME": str(home),
        "CAIRN_KEY_FOLDER": str(home / "keys"),
        "DJANGO_SETTINGS_MODULE": "api.settings",
    }
    for name in ("CAIRN_BASE_URL", "CAIRN_DATABASE", "DATABASE_URL"):
        os.environ.pop(name, None)
    home.mkdir(parents=True, exist_ok=True)
    from api.dev.postgres import Cluster

    cluster = Cluster(home)
    cluster.start()
    try:
        import django

        django.setup()
        measure(cluster, asked.rows, asked.months)
    finally:
        cluster.stop()


def measure(cluster: Any, rows: int, months: int) -> None:
    """What each filter's pages cost in a log of that size, line by line."""
    from django.db import connections

    from api.dev.demo import agency_id
    from permissions.identity import credentials
    from permissions.models import Membership
    from tests.bench.fill import begin
    from tests.support.people.callers import member_id

    name = "large_log"
    begin(cluster, name)
    try:
        with closing(cluster.connect_superuser(name)) as superuser:
            began = time.monotonic()
            fill(superuser, agency_id("ywca"), rows, months)
            print(f"{rows:,} rows in {time.monotonic() - began:,.0f} s", flush=True)
            auditor = Membership.objects.using("signin").get(id=member_id("ywca.auditor"))
            principal = credentials.resolve_credential(credentials.open_for_member(auditor))
            for what, filters in looked_for(superuser, agency_id("ywca")).items():
                found = [buffers for buffers, _ in pages(principal, by_the_api(principal, filters))]
                print(f"{what:28} {found} buffers", flush=True)
    finally:
        connections.close_all()
        cluster.drop_database(name)


if __name__ == "__main__":
    main()
