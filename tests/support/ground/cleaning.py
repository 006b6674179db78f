"""After a test: its rows are deleted, past every policy, trigger and foreign key.

They are deleted, not truncated: a truncated table gets new files (60 to 90 ms for some thirty
tables), and each session has to plan its statements again.
"""

from collections.abc import Iterable
from typing import Any

from api.sandbox import reset

# Those of them that hold anything, or held it since they were vacuumed last.
_WRITTEN = "SELECT one FROM unnest(%s) one WHERE pg_relation_size(one::regclass) > 0"


def content_tables(cursor: Any, named: Iterable[str] | None = None) -> list[str]:
    """The tables `named` (those of content), and every table whose foreign keys lead to them."""
    return reset.content_tables(cursor, CONTENT if named is None else named)


class TableCleaner:
    """Of the tables `named` on one database. `session` is the superuser's, in autocommit."""

    def __init__(self, session: Any, named: Iterable[str]) -> None:
        self._cursor = session.cursor()
        self._cursor.execute("SET session_replication_role = replica")  # no trigger, no foreign key
        self._tables = content_tables(self._cursor, named)
        self._cursor.execute("CREATE TEMP TABLE kept_editing AS TABLE directory_editing")

    def __call__(self) -> None:
        """Twice is safe. All of it in one transaction."""
        self._cursor.execute(_WRITTEN, [self._tables])
        written = [one for (one,) in self._cursor.fetchall()]
        if written:
            self._cursor.execute("; ".join(f"DELETE FROM {one}" for one in written))
        # Exercises, which end and stay: whole agencies with their members.
        self._cursor.execute(
            "DELETE FROM permissions_membership WHERE agency_id IN"
            " (SELECT id FROM permissions_agency WHERE exercise_id IS NOT NULL);"
            " DELETE FROM permissions_agency WHERE exercise_id IS NOT NULL;"
            " DELETE FROM permissions_exercise"
        )
        # An agency that a test ended for a while has lost its right to edit the directory for good.
        self._cursor.execute(
            "INSERT INTO directory_editing TABLE kept_editing ON CONFLICT DO NOTHING"
        )


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
