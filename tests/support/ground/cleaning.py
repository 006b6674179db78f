"""After a test: its rows are deleted, past every policy, trigger and foreign key.

They are deleted, not truncated: a truncated table gets new files (60 to 90 ms for some thirty
tables), and each session has to plan its statements again.
"""

from collections.abc import Iterable
from typing import Any

from api.sandbox import reset


def content_tables(cursor: Any, named: Iterable[str] | None = None) -> list[str]:
    """The tables `named` (those of content), and every table whose foreign keys lead to them."""
    return reset.content_tables(cursor, CONTENT if named is None else named)


class TableCleaner:
    """Of the tables `named` on one database. `session` is the superuser's, in autocommit."""

    def __init__(self, session: Any, named: Iterable[str]) -> None:
        self._cursor = session.cursor()
        self._cursor.execute("SET session_replication_role = replica")  # no trigger, no foreign key
        # A function's statements are planned once. An empty table is not even opened.
        deletes = " ".join(
            f"IF pg_relation_size({one!r}::regclass) > 0 THEN DELETE FROM {one}; END IF;"
            for one in content_tables(self._cursor, named)
        )
        self._cursor.execute(
            "CREATE TEMP TABLE kept_editing AS TABLE directory_editing;"
            f"CREATE FUNCTION pg_temp.clean() RETURNS boolean LANGUAGE plpgsql AS"
            f" $clean$ BEGIN {deletes} {_BACK} END $clean$"
        )

    def __call__(self) -> bool:
        """Twice is safe. All of it in one transaction. Return whether more has to be put back:
        a member's duty, or an entry of the directory that was written here."""
        self._cursor.execute("SELECT pg_temp.clean()")
        return bool(self._cursor.fetchone()[0])


_BACK = """
    -- Exercises, which end and stay: whole agencies with their members.
    IF EXISTS (SELECT FROM permissions_exercise) THEN
        DELETE FROM permissions_membership WHERE agency_id IN
            (SELECT id FROM permissions_agency WHERE exercise_id IS NOT NULL);
        DELETE FROM permissions_agency WHERE exercise_id IS NOT NULL;
        DELETE FROM permissions_exercise;
    END IF;
    -- An agency that a test ended for a while has lost its right to edit the directory for good.
    INSERT INTO directory_editing TABLE kept_editing ON CONFLICT DO NOTHING;
    PERFORM set_config('session_replication_role', 'origin', true);  -- its trigger sets the clock
    UPDATE clock_offset SET shift = '0' WHERE shift <> '0';
    RETURN EXISTS (SELECT FROM permissions_membership WHERE duty <> 'reachable')
        OR EXISTS (SELECT FROM directory_confidential_address);  -- it goes with its place
"""

# Emptied after each test, with all that refers to them; the log and the vocabularies never are.
CONTENT = (
    "referral",
    "channel",
    "agreement_tally",
    "on_call_rotation",
    "on_call_shift",
    "on_call_swap",
    "on_call_feed",
    "signing",
    "on_call_gap",
    "line_test",
    "silent_line",
    "line_cover",
    "barred_to_the_end",
    "call_record",
    "purged_count",
    "rights_tally",
    "count_line",
    "count_cell",
    "network_figures",
    "figures_agreement",
    "earlier_year",
    "count_seal",
    "closing",
    "epoch_due",
    "lost_act",
    "webhook_endpoint",
    "bulk_export",
    "log_opt_in",
    "directory_unmet_search",
    "directory_proposal",
    "directory_mistake_report",
    "directory_term_meaning",
    "directory_training",
    "directory_source",
    "directory_verification",
    "directory_mail_opt_out",
    "directory_duplicate",
    "directory_duplicate_scan",
    "directory_earlier_text",
    "credential",
    "django_session",
    "permissions_cache",
    "permissions_clientassertion",
    "permissions_signinprovider",
    "recent_count",
    "refusal_count",
)
