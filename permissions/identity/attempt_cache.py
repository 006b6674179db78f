"""Django's cache, for what all worker processes must know together: attempts at signing in, and
one-time codes that were used. allauth asks it through Django's cache API.

Django's own database cache stores pickles, and reading a pickle runs code: a writer of the
table would run code in the process that holds the keys. Here a row is signed JSON. A row that this
server did not write, or that was written for another key, counts as absent.
"""

from datetime import UTC, datetime
from typing import Any

import structlog
from django.core import signing
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connections

log = structlog.get_logger()

# Each write removes so many rows that expired, so that the table does not grow. A row that has not
# expired is never removed: guesses at other names must not make the server forget one.
REMOVED_PER_WRITE = 10


class AttemptCache(BaseCache):
    """Values are what JSON can hold, and are read back as JSON: a tuple becomes a list.

    Runs as `signin`, on the database's clock. `add` is atomic between processes. Expiry is exact to
    the microsecond. Raises TypeError for a value that JSON cannot hold, and the driver's errors.
    """

    def __init__(self, table: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        # Its rows stay apart from all else that the server signs.
        self._signer = signing.Signer(salt=f"{__name__}.{table}")

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The value, or `default` if there is none, it expired, or the row is not the server's."""
        name = self.make_and_validate_key(key, version)
        found = self._run(
            "SELECT value FROM permissions_cache"
            " WHERE cache_key = %s AND expires > clock_timestamp()",
            name,
        )
        if not found:
            return default
        try:
            written_for, value = self._signer.unsign_object(found[0][0])
        except (signing.BadSignature, ValueError, TypeError):
            written_for, value = None, default
        if written_for != name:
            log.warning("cache_row_not_ours")
            return default
        return value

    def add(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Store the value unless there is one, or a row of others. Returns whether it was stored:
        of several callers at once, one."""
        return self._store(key, value, timeout, version, replace=False)

    def set(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        """Store the value, in place of any other."""
        self._store(key, value, timeout, version, replace=True)

    def touch(
        self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Give the value another time to live. Returns whether there was one."""
        return bool(
            self._run(
                "UPDATE permissions_cache SET expires = %s"
                " WHERE cache_key = %s AND expires > clock_timestamp() RETURNING 1",
                self._expires(timeout),
                self.make_and_validate_key(key, version),
            )
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        """Remove the value. Returns whether there was a row. Twice is safe."""
        name = self.make_and_validate_key(key, version)
        return bool(
            self._run("DELETE FROM permissions_cache WHERE cache_key = %s RETURNING 1", name)
        )

    def clear(self) -> None:
        """Remove all values."""
        self._run("DELETE FROM permissions_cache RETURNING 1")

    def _store(
        self, key: str, value: Any, timeout: float | None, version: int | None, *, replace: bool
    ) -> bool:
        name = self.make_and_validate_key(key, version)
        self._run(
            "DELETE FROM permissions_cache WHERE ctid IN (SELECT ctid FROM permissions_cache"
            " WHERE expires <= clock_timestamp() LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING 1",
            REMOVED_PER_WRITE,
        )
        return bool(
            self._run(
                "INSERT INTO permissions_cache AS kept (cache_key, value, expires)"
                " VALUES (%s, %s, %s) ON CONFLICT (cache_key) DO UPDATE"
                " SET value = excluded.value, expires = excluded.expires"
                " WHERE %s OR kept.expires <= clock_timestamp() RETURNING 1",
                name,
                self._signer.sign_object([name, value]),
                self._expires(timeout),
                replace,
            )
        )

    def _expires(self, timeout: float | None) -> datetime | str:
        seconds = self.get_backend_timeout(timeout)
        return "infinity" if seconds is None else datetime.fromtimestamp(seconds, UTC)

    @staticmethod
    def _run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with connections["signin"].cursor() as cursor:
            cursor.execute(statement, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
