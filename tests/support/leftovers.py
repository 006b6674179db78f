"""What a file of tests leaves to the files after it, which may be any: nothing.

Nothing but what only grows: the log and the change feed; and milestones, which are counted after
each test (tests/support/page_counts.py).
"""

from typing import Any

Left = dict[str, tuple[int, str]]  # table → how many rows, and a digest of all

_TABLES = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
       AND relname NOT IN ('directory_change', 'directory_milestone', 'log_checkpoint', 'log_leaf',
                           'log_watch')
     ORDER BY relname
"""
# Without what tells when a row was written or used, which stands in documents, too; without hours,
# which look ahead from today; without the hash of a password, a cheap one here, which a server of
# the real cost makes anew at sign-in.
_MOVES = ("password", "last_modified", "last_login", "last_used_at", "open_hours", "hours_until")
_ROW = f"""
    regexp_replace((to_jsonb(t) - '{{{",".join(_MOVES)}}}'::text[])::text, 'last_modified[^,}}]*',
                   '', 'g')
"""
_LEARNT = {"directory_word": "word", "directory_postcode": "postcode"}


class Leftovers:
    """Of one database, as it is when this is made. `session` is the superuser's, in autocommit."""

    def __init__(self, session: Any) -> None:
        self._cursor = session.cursor()
        self._known = {table: self._all(table, column) for table, column in _LEARNT.items()}
        self._last = self._now()

    def changed_tables(self) -> list[str]:
        """The tables that hold other rows than when this was asked last. What an import taught the
        directory is forgotten before: words, which a misspelling is read as, and postcodes."""
        for table, column in _LEARNT.items():
            self._cursor.execute(
                f"DELETE FROM {table} WHERE NOT {column} = ANY (%s)", [self._known[table]]
            )
        before, self._last = self._last, self._now()
        return sorted(t for t in {*before, *self._last} if before.get(t) != self._last.get(t))

    def _all(self, table: str, column: str) -> list[str]:
        self._cursor.execute(f"SELECT {column} FROM {table}")
        return [one for (one,) in self._cursor.fetchall()]

    def _now(self) -> Left:
        self._cursor.execute(_TABLES)
        digests = [
            f"SELECT '{table}', count(*), md5(string_agg(md5({_ROW}), '' ORDER BY md5({_ROW})))"
            f" FROM {table} t"
            for (table,) in self._cursor.fetchall()
        ]
        self._cursor.execute(" UNION ALL ".join(digests))
        return {table: (rows, digest) for table, rows, digest in self._cursor.fetchall()}
