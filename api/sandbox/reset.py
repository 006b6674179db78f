"""Back to the seeded network: what was done is deleted, and agencies, people, systems with their
keys and tokens, the directory and the access log stay.

The rows go past every policy, trigger and foreign key, so it takes the superuser of the demo's own
cluster (api/dev/postgres.py). No server has its password.
"""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from django.conf import settings
from psycopg2.errors import DeadlockDetected, LockNotAvailable

from api.dev import demo, demo_figures
from api.dev.postgres import Cluster
from api.sandbox import clock, received
from permissions.errors import Unavailable

# Emptied, with every table whose foreign keys lead to one of them.
CONTENT = (
    *("referral", "call_record", "signing", "barred_to_the_end", "channel", "webhook_endpoint"),
    *("on_call_rotation", "on_call_shift", "on_call_swap", "on_call_feed", "on_call_gap"),
    *("line_test", "silent_line", "line_cover", "log_opt_in", "recent_count", "bulk_export"),
    *("agreement_tally", "purged_count", "rights_tally", "directory_unmet_search"),
    *("count_line", "count_cell", "count_seal"),
    *("network_figures", "figures_agreement", "earlier_year"),
    *("directory_mistake_report", "directory_term_meaning", "directory_training"),
    *("directory_verification", "directory_mail_opt_out"),
)
LOCK_MS = 300  # less than a request's deadlock_timeout: this gives way, never a request
TRIES = 100
_ONE_AT_A_TIME = 7_308_114
_REACHED = """
    WITH RECURSIVE reached (one) AS (
        SELECT named::regclass FROM unnest(%s) named
        UNION
        SELECT conrelid::regclass FROM pg_constraint JOIN reached ON confrelid = one
         WHERE contype = 'f')
    SELECT one::text FROM reached ORDER BY one::text
"""


def content_tables(cursor: Any, named: Iterable[str] = CONTENT) -> list[str]:
    """Return the tables `named`, and every table whose foreign keys lead to them."""
    cursor.execute(_REACHED, [list(named)])
    return [one for (one,) in cursor.fetchall()]


def reset() -> None:
    """Return when the content is the seed's. Who has ended stays ended, and has no line. Twice is
    safe, also at once. Raises Unavailable."""
    database = str(settings.DATABASES["default"]["NAME"])
    with closing(Cluster(settings.HOME).connect_superuser(database)) as session:
        cursor = session.cursor()
        cursor.execute("SELECT pg_advisory_lock(%s)", [_ONE_AT_A_TIME])  # until it closes
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"SET lock_timeout = {LOCK_MS}; SET deadlock_timeout = {LOCK_MS // 10}")
        _empty(cursor, content_tables(cursor))
        clock.to_real_time()
        settings.DEMO_MESSAGES.unlink(missing_ok=True)
        received.forget()
        demo.keep_channels()
        demo.keep_rotas()
        demo.sign_terms()
        demo_figures.count()


def _empty(cursor: Any, tables: list[str]) -> None:
    """Empty these tables in one transaction, while no one writes there."""
    named = ", ".join(tables)
    deletes = "; ".join(f"DELETE FROM {one}" for one in tables)  # noqa: S608 (from the catalogue)
    back = "UPDATE permissions_membership SET duty = 'reachable' WHERE duty <> 'reachable'"
    for _ in range(TRIES):
        try:
            cursor.execute(f"BEGIN; LOCK TABLE {named} IN EXCLUSIVE MODE; {deletes}; {back}")
            cursor.execute("COMMIT")
            return
        except (DeadlockDetected, LockNotAvailable):  # with the background work, or a request
            cursor.execute("ROLLBACK")
    raise Unavailable
